//! Header fields that the application adds to the opening handshake.

use crate::error::{Error, Kind, Result};

/// Fields the handshake itself sets; a second one would change its meaning.
const RESERVED: [&str; 9] = [
    "Connection",
    "Content-Length",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Version",
    "Transfer-Encoding",
    "Upgrade",
];

/// Fields that a request has at most once.
const SINGLE: [&str; 4] = ["Authorization", "Host", "Origin", "User-Agent"];

/// Header fields in the order they were added. Names compare without regard to case.
#[derive(Clone, Debug, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Adds a field; one that a request may have only once replaces what was there.
    pub fn add(&mut self, name: &str, value: &str) -> Result<()> {
        check_name(name)?;
        check_value(name, value)?;
        if SINGLE.iter().any(|single| single.eq_ignore_ascii_case(name)) {
            self.discard(name);
        }
        self.0.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// Makes this the only field of its name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        check_name(name)?;
        check_value(name, value)?;
        self.discard(name);
        self.0.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// Removes all fields of this name.
    pub fn remove(&mut self, name: &str) -> Result<()> {
        check_name(name)?;
        self.discard(name);
        Ok(())
    }

    fn discard(&mut self, name: &str) {
        self.0.retain(|(present, _)| !present.eq_ignore_ascii_case(name));
    }

    /// The first value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(present, _)| present.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A token of RFC 9110 section 5.6.2.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn check_name(name: &str) -> Result<()> {
    if !is_token(name) {
        return Err(invalid(format!("header name {name:?} is not a token")));
    }
    if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        return Err(invalid(format!("the header {name} belongs to the opening handshake")));
    }
    Ok(())
}

fn check_value(name: &str, value: &str) -> Result<()> {
    // The value stays out of the message: it may be a credential.
    if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
        return Err(invalid(format!("the value of the header {name} holds a control character")));
    }
    Ok(())
}

fn invalid(message: String) -> Error {
    Error::new(Kind::InvalidArgument, message)
}
