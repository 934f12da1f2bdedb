//! The head of an HTTP/1.1 response: found in a byte stream, bounded, parsed by httparse.

use crate::error::{Error, Kind, Result};

/// The most bytes of response heads, interim ones included, that a handshake reads.
pub(super) const MAX_HEAD: usize = 64 * 1024;

const FIRST_HEADER_COUNT: usize = 64;
/// No head of [`MAX_HEAD`] bytes holds more fields: the shortest is "a:\n".
const MAX_HEADER_COUNT: usize = MAX_HEAD / 3;

/// A response's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status code.
    pub status: u16,
    /// HTTP/1.1, not 1.0.
    pub is_http_1_1: bool,
    /// Names as sent, values as sent less the white space around them.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl ResponseHead {
    /// All values of a field.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers
            .iter()
            .filter(move |(present, _)| present.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// The elements of a comma-separated field, over all its lines.
    pub fn elements<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.values(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|element| !element.is_empty())
    }
}

/// Collects bytes until a head is complete.
#[derive(Debug, Default)]
pub(super) struct HeadReader {
    buffer: Vec<u8>,
    /// How far the end of the head has been looked for.
    scanned: usize,
    /// Bytes of the interim heads before this one.
    before: usize,
}

impl HeadReader {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes collected, interim heads included.
    pub(super) fn received(&self) -> usize {
        self.before + self.buffer.len()
    }

    /// The next complete head.
    pub(super) fn poll(&mut self) -> Result<Option<ResponseHead>> {
        // What can never become a response is told at once, not after the handshake timeout.
        let protocol = b"HTTP/";
        let shown = protocol.len().min(self.buffer.len());
        if self.buffer[..shown] != protocol[..shown] {
            let start = String::from_utf8_lossy(&self.buffer[..self.buffer.len().min(16)]).into_owned();
            return Err(invalid(format!("the server's answer is not HTTP: it starts with {start:?}")));
        }
        let Some(end) = self.find_end() else {
            return if self.received() > MAX_HEAD { Err(too_long()) } else { Ok(None) };
        };
        if self.before + end > MAX_HEAD {
            return Err(too_long());
        }
        let head = parse(&self.buffer[..end])?;
        self.buffer.drain(..end);
        self.before += end;
        self.scanned = 0;
        Ok(Some(head))
    }

    /// The bytes behind the last head.
    pub(super) fn into_rest(self) -> Vec<u8> {
        self.buffer
    }

    /// Looks for an empty line where it has not been looked for, so that a head in tiny pieces costs no more.
    fn find_end(&mut self) -> Option<usize> {
        let from = self.scanned.saturating_sub(2);
        for (at, byte) in self.buffer.iter().enumerate().skip(from) {
            if *byte == b'\n' && (self.buffer[..at].ends_with(b"\n") || self.buffer[..at].ends_with(b"\n\r")) {
                return Some(at + 1);
            }
        }
        self.scanned = self.buffer.len();
        None
    }
}

fn parse(bytes: &[u8]) -> Result<ResponseHead> {
    let error = match parse_with(&httparse::ParserConfig::default(), bytes) {
        Ok(head) => return Ok(head),
        Err(error) => error,
    };
    // A refusal is told even if some of its fields cannot be read.
    let mut lenient = httparse::ParserConfig::default();
    lenient.ignore_invalid_headers_in_responses(true);
    match parse_with(&lenient, bytes) {
        Ok(head) if head.status >= 200 => Ok(head),
        _ => Err(error),
    }
}

fn parse_with(config: &httparse::ParserConfig, bytes: &[u8]) -> Result<ResponseHead> {
    let mut count = FIRST_HEADER_COUNT;
    loop {
        let mut fields = vec![httparse::EMPTY_HEADER; count];
        let mut response = httparse::Response::new(&mut fields);
        match config.parse_response(&mut response, bytes) {
            Ok(httparse::Status::Complete(_)) => {
                return Ok(ResponseHead {
                    status: response.code.unwrap_or_default(),
                    is_http_1_1: response.version == Some(1),
                    headers: response
                        .headers
                        .iter()
                        .map(|field| (field.name.to_owned(), field.value.trim_ascii().to_vec()))
                        .collect(),
                });
            }
            Err(httparse::Error::TooManyHeaders) if count < MAX_HEADER_COUNT => {
                count = (count * 4).min(MAX_HEADER_COUNT);
            }
            // An empty line ends it, so an incomplete head is a malformed one.
            Ok(httparse::Status::Partial) => {
                return Err(invalid("the server's answer has no complete HTTP head".into()));
            }
            Err(error) => return Err(invalid(format!("the server's answer is not an HTTP/1.1 response: {error}"))),
        }
    }
}

fn too_long() -> Error {
    invalid(format!("the head of the server's answer is longer than {MAX_HEAD} bytes"))
}

pub(super) fn invalid(message: String) -> Error {
    Error::new(Kind::HandshakeInvalid, message)
}
