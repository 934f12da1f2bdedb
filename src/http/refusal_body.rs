//! The body of a response that refuses the handshake: its first 64 KiB, for the error.

use crate::http::ResponseHead;

const MAX_BODY: usize = 64 * 1024;

/// A line with the size of a chunk is short; what is longer is not one.
const MAX_SIZE_LINE: usize = 4096;

/// Collects the beginning of a body.
#[derive(Debug)]
pub struct RefusalBody {
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

impl RefusalBody {
    /// The body behind `head` (RFC 9112 section 6.3).
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

    /// Takes bytes; returns whether the body is complete, or as much of it as is kept.
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

    /// What has come of it.
    pub fn into_bytes(self) -> Vec<u8> {
        self.body
    }
}

/// A number of bytes, as digits. A number that overflows counts as a body without an end.
fn length(text: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

/// Moves the content of chunks from `pending` to `body`. Returns whether more may follow; malformed framing ends it.
fn unchunk(pending: &mut Vec<u8>, left: &mut u64, body: &mut Vec<u8>) -> bool {
    // What stays is moved once, however many chunks there are.
    let mut rest = pending.as_slice();
    let goes_on = loop {
        let count = take(*left, rest);
        body.extend_from_slice(&rest[..count]);
        rest = &rest[count..];
        *left -= count as u64;
        if *left > 0 {
            break true;
        }
        // The line end behind a chunk stands before the next size.
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
