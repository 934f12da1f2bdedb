//! Requests that ask the peer to turn the connection into something else. If the peer accepts, the bytes after the response
//! head are no longer HTTP. If it refuses, the response has a body.

use crate::error::{Error, Refusal, Result};
use crate::http::response_head::{HeadReader, Peer, ResponseHead};
use crate::http::{ResponseBody, response_head};

/// A request to turn the connection into something else.
pub trait Upgrade {
    /// The result when the peer accepts.
    type Accepted;

    /// The request's bytes.
    fn request(&self) -> &[u8];

    /// Takes bytes of the response. Returns `None` while more bytes are needed, and an error if the peer refuses. The error
    /// is returned when the body of the refusal is complete.
    fn receive(&mut self, bytes: &[u8]) -> Result<Option<Self::Accepted>>;

    /// Whether the peer has refused and only the rest of the body is missing.
    fn is_refused(&self) -> bool;

    /// Returns the error for a response that ends here.
    fn interrupted(&mut self) -> Error;
}

/// Reads the response to an upgrade request.
#[derive(Debug)]
pub struct ResponseReader {
    from: Peer,
    accepts: fn(u16) -> bool,
    reader: HeadReader,
    refused: Option<(ResponseHead, ResponseBody)>,
}

/// The response to an upgrade request.
#[derive(Debug)]
pub enum UpgradeResponse {
    /// The peer accepts. The bytes after the head follow.
    Accepted(ResponseHead, Vec<u8>),
    /// The peer refuses.
    Refused(Refusal),
}

impl ResponseReader {
    /// Reads the response of `from`. `accepts` says which statuses accept the request.
    pub fn new(from: Peer, accepts: fn(u16) -> bool) -> Self {
        Self { from, accepts, reader: HeadReader::new(from), refused: None }
    }

    /// Takes bytes. Returns `None` while more bytes are needed.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Option<UpgradeResponse>> {
        if let Some((_, body)) = &mut self.refused {
            return Ok(if body.push(bytes) { self.take_refusal() } else { None });
        }
        self.reader.push(bytes);
        let Some(head) = self.final_head()? else { return Ok(None) };
        let rest = std::mem::replace(&mut self.reader, HeadReader::new(self.from)).into_rest();
        if (self.accepts)(head.status) {
            return Ok(Some(UpgradeResponse::Accepted(head, rest)));
        }
        let mut body = ResponseBody::new(&head);
        let complete = body.push(&rest);
        self.refused = Some((head, body));
        Ok(if complete { self.take_refusal() } else { None })
    }

    /// Whether the peer has refused and only the rest of the body is missing.
    pub fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// Ends the response. Returns a refusal with the part of its body that has arrived, or else an error.
    pub fn interrupted(&mut self) -> Result<Refusal> {
        match self.take_refusal() {
            Some(UpgradeResponse::Refused(refusal)) => Ok(refusal),
            _ => Err(response_head::cut_off(self.from, self.reader.received())),
        }
    }

    fn take_refusal(&mut self) -> Option<UpgradeResponse> {
        let (head, body) = self.refused.take()?;
        Some(UpgradeResponse::Refused(Refusal { status: head.status, headers: head.headers, body: body.into_bytes() }))
    }

    /// Returns the first head that is not an interim response (RFC 9110 section 15.2).
    fn final_head(&mut self) -> Result<Option<ResponseHead>> {
        const SWITCHING_PROTOCOLS: u16 = 101;
        while let Some(head) = self.reader.poll()? {
            if head.status == SWITCHING_PROTOCOLS || head.status >= 200 {
                return Ok(Some(head));
            }
            if head.status < 100 {
                return Err(self.from.invalid(format_args!(" answered with the status {}", head.status)));
            }
        }
        Ok(None)
    }
}
