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
            match lengths.next().map(|text| std::str::from_utf8(text).ok().and_then(|text| text.parse().ok())) {
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

/// Moves the content of chunks from `pending` to `body`. Returns whether more may follow; malformed framing ends it.
fn unchunk(pending: &mut Vec<u8>, left: &mut u64, body: &mut Vec<u8>) -> bool {
    loop {
        let count = take(*left, pending);
        body.extend(pending.drain(..count));
        *left -= count as u64;
        if *left > 0 {
            return true;
        }
        // The line end behind a chunk stands before the next size.
        let line_end = pending.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if line_end > 2 {
            return false;
        }
        match httparse::parse_chunk_size(&pending[line_end..]) {
            Ok(httparse::Status::Complete((_, 0))) | Err(_) => return false,
            Ok(httparse::Status::Complete((size, length))) => {
                if size > MAX_SIZE_LINE {
                    return false;
                }
                pending.drain(..line_end + size);
                *left = length;
            }
            Ok(httparse::Status::Partial) => return pending.len() - line_end < MAX_SIZE_LINE,
        }
    }
}

fn take(left: u64, bytes: &[u8]) -> usize {
    usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()))
}
