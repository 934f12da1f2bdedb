//! Compression of outgoing messages (RFC 7692 sections 6.1 and 7.2.1).

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush};

use super::format::{RSV, TAIL};
use super::negotiate::NegotiatedParameters;
use super::options::Options;
use crate::error::{Error, Kind, Result};
use crate::protocol::extension::{Encoder, Encoding, MessageChunk};

/// The smallest window that zlib supports. With it, zlib refers back at most 250 bytes, which also fits a window of 256
/// bytes.
const SMALLEST_WINDOW_BITS: u8 = 9;

/// The maximum number of bytes that a flush adds to the output.
const FLUSH_ROOM: usize = 64;

pub(super) struct Compressor {
    config: DeflateConfig,
    /// Whether messages refer to earlier messages.
    context_takeover: bool,
    min_size: usize,
    /// `None` while it is not needed.
    deflate: Option<Deflate>,
}

impl Compressor {
    pub(super) fn new(options: &Options, negotiated: &NegotiatedParameters) -> Self {
        let window_bits = negotiated.client_window_bits.max(SMALLEST_WINDOW_BITS);
        let config = DeflateConfig {
            level: options.level.into(),
            mem_level: options.memory_level.into(),
            // A negative value selects a raw stream.
            window_bits: -i32::from(window_bits),
            ..DeflateConfig::default()
        };
        let context_takeover = negotiated.client_context_takeover;
        Self { config, context_takeover, min_size: options.min_size, deflate: None }
    }

    fn should_compress(&self, chunk: &MessageChunk<'_>) -> bool {
        // Compression makes an empty message longer.
        let is_small = chunk.last && (chunk.payload.is_empty() || chunk.payload.len() < self.min_size);
        chunk.compress && !is_small
    }
}

impl Encoder for Compressor {
    fn encode(&mut self, chunk: &MessageChunk<'_>, output: &mut Vec<u8>) -> Result<Encoding> {
        if chunk.first && !self.should_compress(chunk) {
            return Ok(Encoding::Unchanged);
        }
        let deflate = self.deflate.get_or_insert_with(|| Deflate::new_with_config(self.config));
        if !chunk.payload.is_empty() {
            flush(deflate, chunk.payload, output)?;
        }
        if chunk.last {
            if output.ends_with(&TAIL) {
                output.truncate(output.len() - TAIL.len());
            } else {
                // No output since the last flush. Appends the header of an empty block; the tail is the rest of that block.
                output.push(0);
            }
            if !self.context_takeover {
                deflate.reset();
            }
        }
        Ok(Encoding::Changed { rsv: RSV })
    }

    fn discard(&mut self) {
        if let Some(deflate) = &mut self.deflate {
            deflate.reset();
        }
    }

    fn release(&mut self) {
        if !self.context_takeover {
            self.deflate = None;
        }
    }
}

/// Compresses all of `input` and flushes, so that the output ends at a byte boundary.
fn flush(deflate: &mut Deflate, mut input: &[u8], output: &mut Vec<u8>) -> Result<()> {
    loop {
        let start = output.len();
        let room = input.len() / 2 + FLUSH_ROOM;
        output
            .try_reserve(room)
            .map_err(|_| Error::new(Kind::NoMemory, format!("no memory to compress {} bytes", input.len())))?;
        output.resize(start + room, 0);
        let (total_in, total_out) = (deflate.total_in(), deflate.total_out());
        let outcome = deflate.compress(input, &mut output[start..], DeflateFlush::SyncFlush);
        let (taken, made) = (delta(deflate.total_in(), total_in), delta(deflate.total_out(), total_out));
        output.truncate(start + made);
        input = &input[taken..];
        if let Err(error) = outcome {
            return Err(Error::new(Kind::Compression, format!("could not compress: {}", error.as_str())));
        }
        // Free space in the output means that all output is written.
        if made < room && input.is_empty() {
            return Ok(());
        }
    }
}

fn delta(after: u64, before: u64) -> usize {
    usize::try_from(after - before).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_frees_memory_that_no_message_needs() {
        for context_takeover in [true, false] {
            let negotiated = NegotiatedParameters {
                client_window_bits: 15,
                server_window_bits: 15,
                client_context_takeover: context_takeover,
                server_context_takeover: true,
            };
            let mut compressor = Compressor::new(&Options::default(), &negotiated);
            let opcode = crate::frame::Opcode::Text;
            let chunk = MessageChunk { opcode, payload: b"Hello", first: true, last: true, compress: true };
            compressor.encode(&chunk, &mut Vec::new()).expect("compressed data");
            assert!(compressor.deflate.is_some());
            compressor.release();
            assert_eq!(compressor.deflate.is_some(), context_takeover);
        }
    }
}
