//! WebSocket URLs (RFC 6455 section 3), read by the `url` crate as browsers read them.

use url::{Host, Position, Url};

use crate::error::{Error, Kind, Result};

/// What a URL names.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// `wss`: TLS.
    pub(crate) secure: bool,
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
    /// Path and query.
    pub(crate) resource: String,
    /// The Host header: the port only where it is not the scheme's own.
    pub(crate) authority: String,
    /// User and password.
    pub(crate) credentials: Option<(String, String)>,
    /// The URL without the credentials.
    pub(crate) text: String,
}

impl Target {
    /// Parses `ws`, `wss`, `http` (meaning `ws`) and `https` (meaning `wss`) URLs.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        // The parser drops or encodes these; in a caller's URL they are a mistake, or an injection.
        if text.chars().any(|c| c.is_ascii_control() || c == ' ') {
            return Err(invalid("it holds a space or a control character"));
        }
        let mut url = Url::parse(text).map_err(|error| invalid(error))?;
        let secure = match url.scheme() {
            "ws" | "http" => false,
            "wss" | "https" => true,
            scheme => return Err(invalid(format_args!("the scheme {scheme:?} is not ws, wss, http or https"))),
        };
        if url.fragment().is_some() {
            return Err(invalid("it has a fragment, which a WebSocket URL must not have"));
        }
        let credentials = credentials(&url)?;
        // Neither fails: the schemes are of one class, and such a URL has a host.
        let cleaned = url.set_scheme(if secure { "wss" } else { "ws" })
            .and_then(|()| url.set_username(""))
            .and_then(|()| url.set_password(None));
        let (Ok(()), Some(host), Some(port)) = (cleaned, url.host(), url.port_or_known_default()) else {
            return Err(invalid("it has no host"));
        };
        if port == 0 {
            return Err(invalid("nothing listens on port 0"));
        }
        Ok(Self {
            secure,
            host: host.to_owned(),
            port,
            resource: url[Position::BeforePath..].to_owned(),
            authority: url[Position::BeforeHost..Position::AfterPort].to_owned(),
            credentials,
            text: url.to_string(),
        })
    }
}

fn credentials(url: &Url) -> Result<Option<(String, String)>> {
    let decode = |text| {
        let bytes = percent_decoded(text);
        let text = String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control));
        text.ok_or_else(|| invalid("its user name or password is not plain UTF-8 text"))
    };
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    Ok(Some((decode(url.username())?, decode(url.password().unwrap_or_default())?)))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        rest = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) if digit(*high).is_some() && digit(*low).is_some() => {
                decoded.push(digit(*high).unwrap_or(0) << 4 | digit(*low).unwrap_or(0));
                tail
            }
            _ => {
                decoded.push(byte);
                tail
            }
        };
    }
    decoded
}

// The URL itself stays out of the message: it may hold a password.
fn invalid(why: impl std::fmt::Display) -> Error {
    Error::new(Kind::Url, format!("not a WebSocket URL: {why}"))
}
