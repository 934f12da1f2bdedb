//! WebSocket URLs (RFC 6455 section 3). The `url` crate parses them as browsers do.

use percent_encoding::percent_decode_str;
use url::{Position, Url};

use crate::error::{Error, Kind, Result};
use crate::transport::{Endpoint, address};

/// The target of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Whether the scheme is wss.
    pub(crate) secure: bool,
    pub(crate) endpoint: Endpoint,
    /// Path and query.
    pub(crate) resource: String,
    /// The value of the Host header. It contains the port unless it is the scheme's default.
    pub(crate) authority: String,
    /// User and password.
    pub(crate) credentials: Option<(String, String)>,
    /// The URL without the credentials.
    pub(crate) text: String,
}

impl Target {
    /// Returns the URL without credentials and query, which may be secret.
    pub(crate) fn place(&self) -> &str {
        self.text.split('?').next().unwrap_or_default()
    }

    /// Parses `ws`, `wss`, `http` (meaning `ws`) and `https` (meaning `wss`) URLs.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        // The parser drops or encodes these characters. In a caller's URL they are a mistake or an injection.
        if text.chars().any(|c| c.is_ascii_control() || c == ' ') {
            return Err(invalid("it holds a space or a control character"));
        }
        // The parser accepts URLs such as "ws:host" and "ws:\\host".
        if !text.split_once("://").is_some_and(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphanumeric())) {
            return Err(invalid("it does not begin with ws:// or wss://"));
        }
        let zoned = address::take_zone(text);
        let (text, zone) = zoned.map_or_else(|| (text.to_owned(), None), |(text, zone)| (text, Some(zone)));
        Self::from_url(Url::parse(&text).map_err(invalid)?, zone)
    }

    fn from_url(mut url: Url, zone: Option<String>) -> Result<Self> {
        let secure = match url.scheme() {
            "ws" | "http" => false,
            "wss" | "https" => true,
            scheme => return Err(invalid(format_args!("the scheme {scheme:?} is not ws, wss, http or https"))),
        };
        if url.fragment().is_some() {
            return Err(invalid("it has a fragment, which a WebSocket URL must not have"));
        }
        let credentials = credentials(&url)?;
        // These calls cannot fail for the accepted schemes, because such a URL has a host.
        let cleaned = url
            .set_scheme(if secure { "wss" } else { "ws" })
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
            endpoint: Endpoint { host: host.to_owned(), zone, port },
            resource: url[Position::BeforePath..].to_owned(),
            authority: url[Position::BeforeHost..Position::AfterPort].to_owned(),
            credentials,
            text: url.to_string(),
        })
    }

    /// Whether both have the same origin (RFC 6454).
    pub(crate) fn has_origin_of(&self, other: &Self) -> bool {
        self.secure == other.secure && self.endpoint == other.endpoint
    }

    /// Returns the target of a redirect. Ignores a fragment and credentials in it. Refuses a redirect from wss to ws.
    pub(crate) fn redirected(&self, location: &str) -> std::result::Result<Self, String> {
        if location.chars().any(|c| c.is_control() || c == ' ') {
            return Err("its Location holds a space or a control character".to_owned());
        }
        let mut url = Url::parse(&self.text)
            .and_then(|base| base.join(location))
            .map_err(|error| format!("its Location is not a URL: {error}"))?;
        url.set_fragment(None);
        // These calls fail only for URLs without a host, which are refused next.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        let is_near = url.host_str() == Url::parse(&self.text).ok().as_ref().and_then(Url::host_str);
        let zone = self.endpoint.zone.clone().filter(|_| is_near);
        let target = Self::from_url(url, zone).map_err(|error| format!("its Location is {}", error.message))?;
        if self.secure && !target.secure {
            return Err("it leads from wss to ws".to_owned());
        }
        Ok(target)
    }
}

/// Returns the user and the password of a URL.
pub(super) fn credentials(url: &Url) -> Result<Option<(String, String)>> {
    let decode = |text: &str| {
        let bytes = percent_decode_str(text).collect();
        let text = String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control));
        text.ok_or_else(|| invalid("its user name or password is not plain UTF-8 text"))
    };
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    Ok(Some((decode(url.username())?, decode(url.password().unwrap_or_default())?)))
}

// The message does not contain the URL, which may contain a password.
fn invalid(why: impl std::fmt::Display) -> Error {
    Error::new(Kind::Url, format!("not a WebSocket URL: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_url() {
        let target = Target::parse("wss://Example.com/a/b?c=d").unwrap();
        assert!(target.secure);
        assert_eq!((target.endpoint.host.to_string().as_str(), target.endpoint.port), ("example.com", 443));
        assert_eq!((target.resource.as_str(), target.authority.as_str()), ("/a/b?c=d", "example.com"));
    }

    #[test]
    fn http_schemes_mean_the_websocket_ones() {
        for (url, secure, port, text) in [
            ("ws://h", false, 80, "ws://h/"),
            ("http://h", false, 80, "ws://h/"),
            ("wss://h", true, 443, "wss://h/"),
            ("https://h", true, 443, "wss://h/"),
            ("HTTPS://h:80/x", true, 80, "wss://h:80/x"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.secure, target.endpoint.port, target.text.as_str()), (secure, port, text), "{url}");
        }
    }

    #[test]
    fn the_host_header_names_a_port_that_is_not_the_schemes_own() {
        for (url, authority, resource) in [
            ("ws://h:80/", "h", "/"),
            ("ws://h:443", "h:443", "/"),
            ("wss://h:443?q", "h", "/?q"),
            ("wss://[::1]:9000/", "[::1]:9000", "/"),
            ("ws://127.0.0.1:80/%20", "127.0.0.1", "/%20"),
            ("ws://b\u{fc}cher.example/", "xn--bcher-kva.example", "/"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.authority.as_str(), target.resource.as_str()), (authority, resource), "{url}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_not_kept_in_the_text() {
        let target = Target::parse("wss://us%20er:p%40ss%zz@h/").unwrap();
        assert_eq!(target.credentials, Some(("us er".to_owned(), "p@ss%zz".to_owned())));
        assert_eq!(target.text, "wss://h/");
        assert_eq!(Target::parse("ws://user@h/").unwrap().credentials, Some(("user".to_owned(), String::new())));
    }

    #[test]
    fn what_is_not_a_websocket_url_is_refused_without_its_secrets() {
        for url in [
            "",
            "h",
            "/path",
            "ws:",
            "ws://",
            "ws:///",
            "ws:h",
            "ws:/h",
            "ws:\\\\h",
            "ftp://user:secret@h/",
            "file:///etc",
            "ws://h/#fragment",
            "ws://h/#",
            "ws://user:secret@h/ HTTP/1.1",
            "ws://h/\r\nEvil: 1",
            "ws://h\t/",
            "ws://h:65536/",
            "ws://h:0/",
            "ws://[::1/",
            "ws://us%0Aer:secret@h/",
            "ws://%ff:secret@h/",
        ] {
            let error = Target::parse(url).expect_err(url);
            assert_eq!(error.kind, Kind::Url, "{url}");
            assert!(!error.message.contains("secret"), "{error}");
        }
    }
}
