//! A further attempt to connect, which the application may prepare.

use crate::error::{Error, Result};
use crate::http::Headers;
use crate::transport::Target;

/// The fields that are for the origin of the configured URL only.
pub(crate) const OF_ORIGIN: [&str; 4] = ["Authorization", "Cookie", "Cookie2", "Host"];

/// What the application may change before an attempt, for this attempt only.
pub(crate) struct Attempt<'a> {
    /// Counted from 1.
    pub(crate) number: u32,
    /// How the connection was lost, or the attempt before has failed.
    pub(crate) error: &'a Error,
    target: Option<Target>,
    /// The fields to set, or to remove if there is no value.
    headers: Vec<(String, Option<String>)>,
    /// The first change that was refused.
    refused: Option<Error>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(number: u32, error: &'a Error) -> Self {
        Self { number, error, target: None, headers: Vec::new(), refused: None }
    }

    /// Connects to another URL.
    pub(crate) fn set_url(&mut self, url: &str) -> Result<()> {
        self.target = Some(Target::parse(url)?);
        Ok(())
    }

    /// Sets a field of the opening handshake, or removes it.
    pub(crate) fn set_header(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        let mut tried = Headers::default();
        match value {
            Some(value) => tried.set(name, value)?,
            None => tried.remove(name)?,
        }
        self.headers.push((name.to_owned(), value.map(str::to_owned)));
        Ok(())
    }

    /// Makes a change. If it is refused, the attempt fails.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        change(self).inspect_err(|error| {
            self.refused.get_or_insert_with(|| error.clone());
        })
    }

    /// Returns the target and the fields of the attempt, or None if nothing was changed. Fails if a change was refused. Another
    /// origin does not get the credentials of the configuration.
    pub(crate) fn finish(self, home: &Target, headers: &Headers) -> Result<Option<(Target, Headers)>> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        if self.target.is_none() && self.headers.is_empty() {
            return Ok(None);
        }
        let mut headers = headers.clone();
        let target = self.target.unwrap_or_else(|| home.clone());
        if !target.has_origin_of(home) {
            OF_ORIGIN.iter().try_for_each(|name| headers.remove(name))?;
        }
        for (name, value) in self.headers {
            match value {
                Some(value) => headers.set(&name, &value)?,
                None => headers.remove(&name)?,
            }
        }
        Ok(Some((target, headers)))
    }
}
