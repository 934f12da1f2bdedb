//! CONNECT (RFC 9110 section 9.3.6): asks a proxy to open a tunnel.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::error::{Error, Kind, Phase, Refusal, Result};
use crate::http::response_head::PROXY;
use crate::http::upgrade::{ResponseReader, Upgrade, UpgradeResponse};

/// Some proxies answer 401 instead of 407. Only the proxy can have answered.
const WANTS_CREDENTIALS: &[u16] = &[401, 407];

/// A CONNECT request.
#[derive(Debug)]
pub struct Connect {
    request: String,
    response: ResponseReader,
}

impl Connect {
    /// Asks for a tunnel to `authority`, which is `host:port`. Sends the credentials with the first request, as Basic
    /// authentication (RFC 7617).
    pub fn new(authority: &str, credentials: Option<&(String, String)>) -> Self {
        let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
        if let Some((user, password)) = credentials {
            let encoded = BASE64.encode(format!("{user}:{password}"));
            request.push_str(&format!("Proxy-Authorization: Basic {encoded}\r\n"));
        }
        request.push_str("\r\n");
        // A response with a status from 200 to 299 has no body, whatever its Content-Length says. The tunnel begins after
        // the head.
        Self { request, response: ResponseReader::new(PROXY, |status| (200..300).contains(&status)) }
    }
}

impl Upgrade for Connect {
    /// The bytes that have already arrived through the tunnel.
    type Accepted = Vec<u8>;

    fn request(&self) -> &[u8] {
        self.request.as_bytes()
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.response.receive(bytes) {
            Ok(None) => Ok(None),
            Ok(Some(UpgradeResponse::Accepted(_, early))) => Ok(Some(early)),
            Ok(Some(UpgradeResponse::Refused(refusal))) => Err(refused(refusal)),
            Err(error) => Err(error.in_phase(Phase::Proxy)),
        }
    }

    fn is_refused(&self) -> bool {
        self.response.is_refused()
    }

    fn interrupted(&mut self) -> Error {
        self.response.interrupted().map_or_else(|error| error.in_phase(Phase::Proxy), refused)
    }
}

fn refused(refusal: Refusal) -> Error {
    let status = refusal.status;
    let (kind, message) = if WANTS_CREDENTIALS.contains(&status) {
        (Kind::ProxyAuth, format!("the proxy wants other credentials: it answered with the status {status}"))
    } else {
        (Kind::Proxy, format!("the proxy opened no tunnel: it answered with the status {status}"))
    };
    Error { refusal: Some(Box::new(refusal)), ..Error::new(kind, message) }.in_phase(Phase::Proxy)
}
