//! The command line that every benchmark client understands.

use std::path::PathBuf;
use std::str::FromStr;

pub enum Command {
    List,
    Settings(String),
    Run(Options),
}

pub struct Options {
    pub client: String,
    pub work: String,
    pub url: String,
    pub count: usize,
    pub size: Option<usize>,
    pub ca: Option<PathBuf>,
    /// Messages are lines of it, sent as text.
    pub texts: Option<PathBuf>,
    pub connections: usize,
    pub hosts: usize,
}

impl Command {
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments;
        let mut settings = false;
        let mut options = Options {
            client: String::new(),
            work: String::new(),
            url: String::new(),
            count: 0,
            size: None,
            ca: None,
            texts: None,
            connections: 0,
            hosts: 1,
        };
        while let Some(name) = arguments.next() {
            match name.as_str() {
                "--list" => return Ok(Self::List),
                "--settings" => {
                    settings = true;
                    continue;
                }
                _ => {}
            }
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--client" => options.client = value,
                "--work" => options.work = value,
                "--url" => options.url = value,
                "--count" => options.count = number(&name, &value)?,
                "--size" => options.size = Some(number(&name, &value)?),
                "--ca" => options.ca = Some(value.into()),
                "--texts" => options.texts = Some(value.into()),
                "--connections" => options.connections = number(&name, &value)?,
                "--hosts" => options.hosts = number(&name, &value)?,
                _ => return Err(format!("unknown option {name}")),
            }
        }
        if options.client.is_empty() {
            return Err("--client or --list is needed".into());
        }
        Ok(if settings { Self::Settings(options.client) } else { Self::Run(options) })
    }
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name}: {value} is not a number"))
}
