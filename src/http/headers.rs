//! Header fields that the application adds to the opening handshake request.

use crate::error::{Error, Kind, Result};

/// Fields that the application must not set: fields that the handshake sets itself, fields of a request body, connection-specific
/// fields (RFC 9110 section 7.6.1), and proxy credentials, which the server must not see.
const RESERVED: [&str; 11] = [
    "Connection",
    "Content-Length",
    "Expect",
    "HTTP2-Settings",
    "Keep-Alive",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
];

/// The handshake sets all fields with this prefix itself (RFC 6455 section 11.3).
const RESERVED_PREFIX: &str = "Sec-WebSocket-";

/// The field that names the server's host.
const HOST: &str = "Host";

/// Fields that may occur only once in a request.
const SINGLE: [&str; 4] = ["Authorization", HOST, "Origin", "User-Agent"];

/// Header fields in the order in which they were added. Names are case-insensitive.
#[derive(Clone, Debug, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Adds a field. A field that may occur only once replaces the one before.
    pub fn add(&mut self, name: &str, value: &str) -> Result<()> {
        check_name(name)?;
        check_value(name, value)?;
        if SINGLE.iter().any(|single| single.eq_ignore_ascii_case(name)) {
            self.discard(name);
        }
        self.0.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// Sets a field. Removes all other fields of this name.
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

    /// Returns the first value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(present, _)| present.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns all fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Whether the text is a token (RFC 9110 section 5.6.2).
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Whether the text is a valid Host value: a host as in a URL, with an optional port (RFC 9110 section 7.2).
fn is_host(text: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&byte);
    let (host, port) = match text.strip_prefix('[').map(|inner| inner.split_once(']')) {
        Some(None) => return false,
        Some(Some((address, rest))) => {
            if address.parse::<core::net::Ipv6Addr>().is_err() {
                return false;
            }
            (address, rest)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let has_host = !host.is_empty() && (text.starts_with('[') || host.bytes().all(is_of_name));
    has_host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

fn check_name(name: &str) -> Result<()> {
    if !is_token(name) {
        // The rest may be a value with a secret.
        let end = name.find(|c: char| !is_token(c.encode_utf8(&mut [0; 4]))).unwrap_or(name.len());
        return Err(invalid(format!("a header name that begins with {:?} is not a token", &name[..end])));
    }
    let is_reserved = RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
        || name.get(..RESERVED_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED_PREFIX));
    if is_reserved {
        return Err(invalid(format!("the header {name} contradicts the opening handshake, which has its own")));
    }
    Ok(())
}

fn check_value(name: &str, value: &str) -> Result<()> {
    // The message does not contain the value, which may be a secret.
    if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
        return Err(invalid(format!("the value of the header {name} holds a control character")));
    }
    if name.eq_ignore_ascii_case(HOST) && !is_host(value) {
        return Err(invalid("the value of the header Host is not a host with or without a port".to_owned()));
    }
    Ok(())
}

fn invalid(message: String) -> Error {
    Error::new(Kind::InvalidArgument, message)
}
