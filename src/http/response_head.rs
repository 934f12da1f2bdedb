//! Reads HTTP/1.1 response heads from a byte stream. Limits their size; httparse parses them.

use std::borrow::Cow;

use crate::error::{Error, Kind, Result};

/// The limit on the bytes of all response heads of a handshake, including interim responses.
const MAX_HEAD: usize = 64 * 1024;

/// The limit on the fields of a head. Each field takes more memory than its bytes.
const MAX_HEADER_COUNT: usize = 1024;

/// The head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status code.
    pub status: u16,
    /// Whether the version is HTTP/1.1 and not HTTP/1.0.
    pub is_http_1_1: bool,
    /// Names as sent; values as sent, without leading and trailing white space.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl ResponseHead {
    /// Returns all values of a field.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers
            .iter()
            .filter(move |(present, _)| present.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// Returns the elements of a comma-separated field, from all its lines.
    pub fn elements<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.values(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|element| !element.is_empty())
    }
}

/// The sender of a response: its name in messages, and the kind of error for an invalid response.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    name: &'static str,
    kind: Kind,
}

/// The WebSocket server.
pub const SERVER: Peer = Peer { name: "the server", kind: Kind::HandshakeInvalid };
/// A proxy in front of the server.
pub const PROXY: Peer = Peer { name: "the proxy", kind: Kind::Proxy };

impl Peer {
    /// Returns the error for an invalid response.
    pub fn invalid(self, message: impl std::fmt::Display) -> Error {
        Error::new(self.kind, format!("{}{message}", self.name))
    }
}

/// Collects bytes until a head is complete.
#[derive(Debug)]
pub struct HeadReader {
    from: Peer,
    buffer: Vec<u8>,
    /// The number of bytes already searched for the end of the head.
    scanned: usize,
    /// The number of bytes of the interim heads before this one.
    before: usize,
}

impl HeadReader {
    /// Reads the response of `from`.
    pub fn new(from: Peer) -> Self {
        Self { from, buffer: Vec::new(), scanned: 0, before: 0 }
    }

    /// Takes bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the number of bytes received, including interim heads.
    pub fn received(&self) -> usize {
        self.before + self.buffer.len()
    }

    /// Returns the next complete head, or `None` while it is incomplete.
    pub fn poll(&mut self) -> Result<Option<ResponseHead>> {
        // Bytes that cannot become a response fail at once, not after the handshake timeout.
        let protocol = b"HTTP/";
        let shown = protocol.len().min(self.buffer.len());
        if self.buffer[..shown] != protocol[..shown] {
            // A TLS alert or handshake record.
            if matches!(self.buffer[..], [0x15 | 0x16, 3, ..]) {
                let message = "'s answer is not HTTP but TLS: the URL of such a server begins with wss:// or https://";
                return Err(self.from.invalid(message));
            }
            let start = String::from_utf8_lossy(&self.buffer[..self.buffer.len().min(16)]).into_owned();
            return Err(self.from.invalid(format_args!("'s answer is not HTTP: it starts with {start:?}")));
        }
        let Some(end) = self.find_end() else {
            return if self.received() > MAX_HEAD { Err(self.too_long()) } else { Ok(None) };
        };
        if self.before + end > MAX_HEAD {
            return Err(self.too_long());
        }
        let head = parse(&self.buffer[..end], self.from)?;
        self.buffer.drain(..end);
        self.before += end;
        self.scanned = 0;
        Ok(Some(head))
    }

    /// Returns the bytes after the last head.
    pub fn into_rest(self) -> Vec<u8> {
        self.buffer
    }

    fn too_long(&self) -> Error {
        self.from.invalid(format_args!("'s answer has a head longer than {MAX_HEAD} bytes"))
    }

    /// Finds the empty line that ends the head. Searches each byte once, however small the pieces are that arrive.
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

fn parse(bytes: &[u8], from: Peer) -> Result<ResponseHead> {
    let bytes = &*unfolded(bytes);
    let error = match parse_with(&httparse::ParserConfig::default(), bytes, from) {
        Ok(head) => return Ok(head),
        Err(error) => error,
    };
    // A refusal with invalid header fields is still reported as a refusal.
    let mut lenient = httparse::ParserConfig::default();
    lenient.ignore_invalid_headers_in_responses(true);
    match parse_with(&lenient, bytes, from) {
        Ok(head) if head.status >= 200 => Ok(head),
        _ => Err(error),
    }
}

/// Unfolds header fields: spaces replace the line ends (RFC 9112 section 5.2). The status line is never folded.
fn unfolded(head: &[u8]) -> Cow<'_, [u8]> {
    let mut unfolded = Cow::Borrowed(head);
    let first_field = head.iter().position(|byte| *byte == b'\n').map_or(head.len(), |end| end + 1);
    for at in first_field..head.len() {
        let is_fold = head[at] == b'\n' && matches!(head.get(at + 1), Some(b' ' | b'\t'));
        if is_fold {
            let start = if head[at - 1] == b'\r' { at - 1 } else { at };
            // The line before is not empty, because the head would have ended there.
            unfolded.to_mut()[start..=at].fill(b' ');
        }
    }
    unfolded
}

fn parse_with(config: &httparse::ParserConfig, bytes: &[u8], from: Peer) -> Result<ResponseHead> {
    let mut fields = vec![httparse::EMPTY_HEADER; MAX_HEADER_COUNT];
    let mut response = httparse::Response::new(&mut fields);
    match config.parse_response(&mut response, bytes) {
        Ok(httparse::Status::Complete(_)) => Ok(ResponseHead {
            status: response.code.unwrap_or_default(),
            is_http_1_1: response.version == Some(1),
            headers: response
                .headers
                .iter()
                .map(|field| (field.name.to_owned(), field.value.trim_ascii().to_vec()))
                .collect(),
        }),
        // The bytes end with an empty line, so an incomplete head is malformed.
        Ok(httparse::Status::Partial) => Err(from.invalid("'s answer has no complete HTTP head")),
        Err(httparse::Error::TooManyHeaders) => {
            Err(from.invalid(format_args!("'s answer has more than {MAX_HEADER_COUNT} header fields")))
        }
        Err(error) => Err(from.invalid(format_args!("'s answer is not an HTTP/1.1 response: {error}"))),
    }
}

/// Returns the error for a connection that `from` ended in the middle of a response.
pub(super) fn cut_off(from: Peer, received: usize) -> Error {
    let error = from.invalid(format_args!(" ended the connection after {received} bytes of its answer"));
    Error { is_cut_off: true, ..error }
}
