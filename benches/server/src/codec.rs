//! Inflating what comes and deflating what goes (RFC 7692 section 7.2).

use std::io;

use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush, Status};

use crate::deflate::{MOST_WINDOW_BITS, Parameters};

/// What a sync flush ends with, and a message leaves out.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The least that makes blocks with Huffman codes of their own, as servers' usual levels do: so it costs
/// the clients what they would pay elsewhere, and the server little.
const LEVEL: i32 = 2;

/// Of a message, either way.
const LONGEST: usize = 4 * 1024 * 1024;

pub struct Codec {
    parameters: Parameters,
    inflate: Inflate,
    deflate: Deflate,
}

impl Codec {
    pub fn new(parameters: Parameters) -> Self {
        let window_bits = parameters.server_max_window_bits.unwrap_or(MOST_WINDOW_BITS);
        Self {
            parameters,
            inflate: Inflate::new(false, MOST_WINDOW_BITS),
            deflate: Deflate::new(LEVEL, false, window_bits),
        }
    }

    /// Appends the message that came as `deflated`.
    pub fn inflate(&mut self, deflated: &[u8], message: &mut Vec<u8>) -> io::Result<()> {
        for part in [deflated, &TAIL] {
            let mut rest = part;
            loop {
                let (taken, made) = (self.inflate.total_in(), self.inflate.total_out());
                let start = message.len();
                message.resize(grown(start, 4 * rest.len())?, 0);
                let status = self
                    .inflate
                    .decompress(rest, &mut message[start..], InflateFlush::SyncFlush)
                    .map_err(|error| io::Error::other(format!("inflating: {}", error.as_str())))?;
                rest = &rest[size(self.inflate.total_in() - taken)..];
                let filled = start + size(self.inflate.total_out() - made) == message.len();
                message.truncate(start + size(self.inflate.total_out() - made));
                if status == Status::StreamEnd {
                    return Err(io::Error::other("a message ends its stream"));
                }
                // A full buffer may hide that there is more.
                if rest.is_empty() && !filled {
                    break;
                }
            }
        }
        if self.parameters.client_no_context_takeover {
            self.inflate.reset(false);
        }
        Ok(())
    }

    /// Appends what `message` goes as.
    pub fn deflate(&mut self, message: &[u8], deflated: &mut Vec<u8>) -> io::Result<()> {
        let mut rest = message;
        loop {
            let (taken, made) = (self.deflate.total_in(), self.deflate.total_out());
            let start = deflated.len();
            deflated.resize(grown(start, rest.len())?, 0);
            self.deflate
                .compress(rest, &mut deflated[start..], DeflateFlush::SyncFlush)
                .map_err(|error| io::Error::other(format!("deflating: {}", error.as_str())))?;
            rest = &rest[size(self.deflate.total_in() - taken)..];
            let filled = start + size(self.deflate.total_out() - made) == deflated.len();
            deflated.truncate(start + size(self.deflate.total_out() - made));
            if rest.is_empty() && !filled {
                break;
            }
        }
        deflated.truncate(deflated.len() - TAIL.len());
        if self.parameters.server_no_context_takeover {
            self.deflate.reset();
        }
        Ok(())
    }
}

/// The size of a buffer with room for about `more` bytes.
fn grown(size: usize, more: usize) -> io::Result<usize> {
    let size = size + more.max(1024);
    if size > LONGEST { Err(io::Error::other("a message is too long")) } else { Ok(size) }
}

#[allow(clippy::cast_possible_truncation)] // of one message
const fn size(bytes: u64) -> usize {
    bytes as usize
}
