//! Reads the body of a response that refuses the handshake. Keeps the first 64 KiB, for the error.

use crate::http::ResponseHead;

const MAX_BODY: usize = 64 * 1024;

/// The longest line with the size of a chunk.
const MAX_SIZE_LINE: usize = 4096;

/// Collects the beginning of a response body.
#[derive(Debug)]
pub struct ResponseBody {
    framing: Framing,
    body: Vec<u8>,
}

#[derive(Debug)]
enum Framing {
    Complete,
    Length(u64),
    Chunked { pending: Vec<u8>, left: u64 },
    UntilEnd,
}

impl ResponseBody {
    /// Reads the body that follows `head` (RFC 9112 section 6.3).
    pub fn new(head: &ResponseHead) -> Self {
        let framing = if matches!(head.status, 204 | 304) {
            Framing::Complete
        } else if head.elements("Transfer-Encoding").last().is_some_and(|last| last.eq_ignore_ascii_case(b"chunked")) {
            Framing::Chunked { pending: Vec::new(), left: 0 }
        } else {
            let mut lengths = head.elements("Content-Length");
            match lengths.next().map(length) {
                Some(Some(0)) => Framing::Complete,
                Some(Some(length)) => Framing::Length(length),
                Some(None) | None => Framing::UntilEnd,
            }
        };
        Self { framing, body: Vec::new() }
    }

    /// Takes bytes. Returns whether the body is complete or has reached the size limit.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        match &mut self.framing {
            Framing::Complete => return true,
            Framing::UntilEnd => self.body.extend_from_slice(bytes),
            Framing::Length(left) => {
                let count = take(*left, bytes);
                self.body.extend_from_slice(&bytes[..count]);
                *left -= count as u64;
                if *left == 0 {
                    self.framing = Framing::Complete;
                }
            }
            Framing::Chunked { pending, left } => {
                pending.extend_from_slice(bytes);
                if !unchunk(pending, left, &mut self.body) {
                    self.framing = Framing::Complete;
                }
            }
        }
        if self.body.len() >= MAX_BODY {
            self.body.truncate(MAX_BODY);
            self.framing = Framing::Complete;
        }
        matches!(self.framing, Framing::Complete)
    }

    /// Returns the part of the body that has arrived.
    pub fn into_bytes(self) -> Vec<u8> {
        self.body
    }
}

/// Parses a Content-Length. Returns `None` if it is invalid or overflows; the body then ends with the connection.
fn length(text: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

/// Moves the content of chunks from `pending` to `body`. Returns whether more may follow. Malformed framing ends the body.
fn unchunk(pending: &mut Vec<u8>, left: &mut u64, body: &mut Vec<u8>) -> bool {
    // The remaining bytes are moved once at the end, not once per chunk.
    let mut rest = pending.as_slice();
    let goes_on = loop {
        let count = take(*left, rest);
        body.extend_from_slice(&rest[..count]);
        rest = &rest[count..];
        *left -= count as u64;
        if *left > 0 {
            break true;
        }
        // The line end of the chunk before.
        let line_end = rest.iter().take(3).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if line_end > 2 {
            break false;
        }
        match httparse::parse_chunk_size(&rest[line_end..]) {
            Ok(httparse::Status::Complete((_, 0))) | Err(_) => break false,
            Ok(httparse::Status::Complete((size, length))) => {
                if size > MAX_SIZE_LINE {
                    break false;
                }
                rest = &rest[line_end + size..];
                *left = length;
            }
            Ok(httparse::Status::Partial) => break rest.len() - line_end < MAX_SIZE_LINE,
        }
    };
    let done = pending.len() - rest.len();
    pending.drain(..done);
    goes_on
}

fn take(left: u64, bytes: &[u8]) -> usize {
    usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()))
}
