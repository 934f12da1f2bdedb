//! CONNECT (RFC 9110 section 9.3.6): has a proxy open a tunnel.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::error::{Error, Kind, Phase, Refusal, Result};
use crate::http::exchange::{Answer, Answered, Exchange};
use crate::http::response_head::PROXY;

const PROXY_AUTHENTICATION_REQUIRED: u16 = 407;

/// A request for a tunnel.
#[derive(Debug)]
pub struct Connect {
    request: String,
    answer: Answer,
}

impl Connect {
    /// A tunnel to `authority`, a host and a port. The credentials are sent at once, as Basic authentication (RFC 7617).
    pub fn new(authority: &str, credentials: Option<&(String, String)>) -> Self {
        let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
        if let Some((user, password)) = credentials {
            let encoded = BASE64.encode(format!("{user}:{password}"));
            request.push_str(&format!("Proxy-Authorization: Basic {encoded}\r\n"));
        }
        request.push_str("\r\n");
        // The answer's length says nothing: with a status from 200 to 299 the tunnel begins behind its head.
        Self { request, answer: Answer::new(PROXY, |status| (200..300).contains(&status)) }
    }
}

impl Exchange for Connect {
    /// The bytes that have come through the tunnel.
    type Accepted = Vec<u8>;

    fn request(&self) -> &[u8] {
        self.request.as_bytes()
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.answer.receive(bytes) {
            Ok(None) => Ok(None),
            Ok(Some(Answered::Accepted(_, early))) => Ok(Some(early)),
            Ok(Some(Answered::Refused(refusal))) => Err(refused(refusal)),
            Err(error) => Err(error.in_phase(Phase::Proxy)),
        }
    }

    fn is_refused(&self) -> bool {
        self.answer.is_refused()
    }

    fn interrupted(&mut self) -> Error {
        self.answer.interrupted().map_or_else(|error| error.in_phase(Phase::Proxy), refused)
    }
}

fn refused(refusal: Refusal) -> Error {
    let status = refusal.status;
    let (kind, message) = if status == PROXY_AUTHENTICATION_REQUIRED {
        (Kind::ProxyAuth, format!("the proxy wants other credentials: it answered with the status {status}"))
    } else {
        (Kind::Proxy, format!("the proxy opened no tunnel: it answered with the status {status}"))
    };
    Error { refusal: Some(Box::new(refusal)), ..Error::new(kind, message) }.in_phase(Phase::Proxy)
}
