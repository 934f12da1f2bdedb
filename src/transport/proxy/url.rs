//! Proxy URLs.

use std::sync::Arc;

use ::url::Url;

use crate::error::{Error, Kind, Phase, Result};
use crate::transport::url::credentials as credentials_of;
use crate::transport::{Endpoint, address};

/// The default port of every scheme except https, as in curl.
const DEFAULT_PORT: u16 = 1080;
const DEFAULT_PORT_TLS: u16 = 443;

/// The longest user name and password of SOCKS, in bytes (RFC 1929).
const MAX_SOCKS_CREDENTIAL: usize = 255;

/// Which proxy to use.
#[derive(Clone, Debug)]
pub(crate) enum ProxyChoice {
    /// No proxy.
    Direct,
    /// The proxy that the environment variables name.
    Environment,
    This(Arc<Proxy>),
}

/// A proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(in crate::transport) protocol: Protocol,
    pub(in crate::transport) endpoint: Endpoint,
    pub(super) credentials: Option<(String, String)>,
    /// The URL without credentials, for messages.
    place: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transport) enum Protocol {
    Http,
    /// HTTP over TLS.
    Https,
    /// The client resolves names.
    Socks5,
    /// The proxy resolves names.
    Socks5Remote,
}

impl Proxy {
    /// Parses a proxy URL. The default scheme is http.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.chars().any(|c| c.is_ascii_control() || c == ' ') {
            return Err(invalid("it holds a space or a control character"));
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let protocol = match scheme.to_ascii_lowercase().as_str() {
            "http" => Protocol::Http,
            "https" => Protocol::Https,
            "socks5" => Protocol::Socks5,
            "socks5h" => Protocol::Socks5Remote,
            // The message does not contain the scheme, which may be part of a password.
            _ => return Err(invalid("its scheme is not http, https, socks5 or socks5h")),
        };
        if rest.is_empty() || rest.starts_with(['/', '\\']) || rest.ends_with(':') {
            return Err(invalid("it has no host"));
        }
        // The parser reads the hosts of http and https only, and drops the default port of the scheme.
        let taken = address::take_zone(&format!("http://{rest}"));
        let (http, zone) = taken.map_or_else(|| (format!("http://{rest}"), None), |(url, zone)| (url, Some(zone)));
        let parse = |url: &str| Url::parse(url).map_err(invalid);
        let parsed = parse(&http)?;
        let port = parsed.port().or(parse(&http.replacen("http", "https", 1))?.port());
        if parsed.path() != "/" || parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(invalid("it goes on behind the host and the port"));
        }
        let credentials =
            credentials_of(&parsed).map_err(|_| invalid("its user name or password is not plain text"))?;
        let is_socks = matches!(protocol, Protocol::Socks5 | Protocol::Socks5Remote);
        if let Some((user, password)) = &credentials {
            if is_socks && (user.is_empty() || user.len().max(password.len()) > MAX_SOCKS_CREDENTIAL) {
                return Err(invalid("SOCKS knows user names of 1 to 255 bytes, and passwords of up to 255"));
            }
            if !is_socks && user.contains(':') {
                return Err(invalid("its user name holds a colon, which Basic authentication cannot say"));
            }
        }
        let default = if protocol == Protocol::Https { DEFAULT_PORT_TLS } else { DEFAULT_PORT };
        let (Some(host), port) = (parsed.host(), port.unwrap_or(default)) else {
            return Err(invalid("it has no host"));
        };
        if port == 0 {
            return Err(invalid("nothing listens on port 0"));
        }
        let endpoint = Endpoint { host: host.to_owned(), zone, port };
        let place = format!("{}://{}", scheme.to_ascii_lowercase(), endpoint.authority());
        Ok(Self { protocol, endpoint, credentials, place })
    }

    /// The URL without credentials.
    pub(in crate::transport) fn place(&self) -> &str {
        &self.place
    }

    /// Whether the proxy resolves names.
    pub(in crate::transport) fn resolves_names(&self) -> bool {
        self.protocol != Protocol::Socks5
    }

    /// Turns an error of the connection to the proxy into a proxy error.
    pub(in crate::transport) fn to_proxy_error(&self, error: Error) -> Error {
        let kind = match error.kind {
            Kind::Resolve | Kind::Connect | Kind::Io => Kind::Proxy,
            kind => kind,
        };
        if matches!(kind, Kind::Aborted | Kind::Interrupted) {
            return error;
        }
        let message = format!("proxy {}: {}", self.place, error.message).into();
        Error { kind, message, ..error }.in_phase(Phase::Proxy)
    }
}

// The message does not contain the URL, which may contain a password.
fn invalid(why: impl std::fmt::Display) -> Error {
    Error::new(Kind::InvalidArgument, format!("not a proxy's URL: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_proxys_url() {
        for (url, protocol, host, port, credentials) in [
            ("proxy", Protocol::Http, "proxy", 1080, None),
            ("proxy:80", Protocol::Http, "proxy", 80, None),
            ("proxy:443", Protocol::Http, "proxy", 443, None),
            ("HTTP://Proxy:3128/", Protocol::Http, "proxy", 3128, None),
            ("https://proxy", Protocol::Https, "proxy", 443, None),
            ("https://proxy:80", Protocol::Https, "proxy", 80, None),
            ("socks5://[::1]:9050", Protocol::Socks5, "[::1]", 9050, None),
            ("socks5h://us%40er:p%3Ass@127.0.0.1", Protocol::Socks5Remote, "127.0.0.1", 1080, Some(("us@er", "p:ss"))),
            ("http://user@b\u{fc}cher.example", Protocol::Http, "xn--bcher-kva.example", 1080, Some(("user", ""))),
        ] {
            let proxy = Proxy::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            let found = proxy.credentials.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
            assert_eq!((proxy.protocol, proxy.endpoint.port), (protocol, port), "{url}");
            assert_eq!((proxy.endpoint.host.to_string().as_str(), found), (host, credentials), "{url}");
        }
    }

    #[test]
    fn what_is_not_a_proxys_url_is_refused_without_its_secrets() {
        for url in [
            "",
            "http://",
            "http:///secret",
            "http:",
            "socks4://secret@proxy",
            "ftp://user:secret@proxy",
            "http://user:secret@proxy:99999",
            "http://user:secret@proxy:0",
            "http://user:secret@proxy/path",
            "http://proxy?secret",
            "http://proxy#secret",
            "http://user:secret@pro xy",
            "http://user:secret@proxy\r\nX: 1",
            "http://us%3Aer:secret@proxy",
            "http://us%0der:secret@proxy",
            "socks5://:secret@proxy",
            "http://[::1",
            "user:secret:80@",
        ] {
            let error = Proxy::parse(url).expect_err(url);
            assert_eq!(error.kind, Kind::InvalidArgument, "{url}");
            assert!(!error.message.contains("secret"), "{url}: {error}");
        }
    }
}
