//! Messages that go out (RFC 7692 sections 6.1 and 7.2.1).

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush};

use super::{Agreement, Options, RSV, TAIL};
use crate::error::{Error, Kind, Result};
use crate::protocol::extension::{Encoder, Encoding, Piece};

/// zlib has no smaller window. What it compresses with this one refers at most 250 bytes back, which a window of 256
/// bytes holds as well.
const SMALLEST_WINDOW_BITS: u8 = 9;

/// What a flush adds at most to what is compressed.
const FLUSH_ROOM: usize = 64;

pub(super) struct Compressor {
    config: DeflateConfig,
    takes_over: bool,
    min_size: usize,
    /// None while it is not needed.
    deflate: Option<Deflate>,
}

impl Compressor {
    pub(super) fn new(options: &Options, agreement: &Agreement) -> Self {
        let window_bits = agreement.client_window_bits.max(SMALLEST_WINDOW_BITS);
        let config = DeflateConfig {
            level: options.level.into(),
            mem_level: options.memory_level.into(),
            // Negative is zlib's word for a raw stream.
            window_bits: -i32::from(window_bits),
            ..DeflateConfig::default()
        };
        let takes_over = agreement.client_takes_over;
        Self { config, takes_over, min_size: options.min_size, deflate: None }
    }

    fn wants(&self, piece: &Piece<'_>) -> bool {
        // An empty message would only grow.
        let is_small = piece.last && (piece.payload.is_empty() || piece.payload.len() < self.min_size);
        piece.compress && !is_small
    }
}

impl Encoder for Compressor {
    fn encode(&mut self, piece: &Piece<'_>, output: &mut Vec<u8>) -> Result<Encoding> {
        if piece.first && !self.wants(piece) {
            return Ok(Encoding::Unchanged);
        }
        let deflate = self.deflate.get_or_insert_with(|| Deflate::new_with_config(self.config));
        if !piece.payload.is_empty() {
            flush(deflate, piece.payload, output)?;
        }
        if piece.last {
            if output.ends_with(&TAIL) {
                output.truncate(output.len() - TAIL.len());
            } else {
                // Nothing since the last flush: the header of an empty block, of which the tail is the rest.
                output.push(0);
            }
            if !self.takes_over {
                deflate.reset();
            }
        }
        Ok(Encoding::Changed { rsv: RSV })
    }

    fn forget(&mut self) {
        if let Some(deflate) = &mut self.deflate {
            deflate.reset();
        }
    }

    fn release(&mut self) {
        if !self.takes_over {
            self.deflate = None;
        }
    }
}

/// Compresses all of `input` and flushes, so that the output ends at a byte.
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
        // With room left, all of it is out.
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
    fn memory_that_no_message_needs_is_freed() {
        for takes_over in [true, false] {
            let agreement = Agreement {
                client_window_bits: 15,
                server_window_bits: 15,
                client_takes_over: takes_over,
                server_takes_over: true,
            };
            let mut compressor = Compressor::new(&Options::default(), &agreement);
            let opcode = crate::frame::Opcode::Text;
            let piece = Piece { opcode, payload: b"Hello", first: true, last: true, compress: true };
            compressor.encode(&piece, &mut Vec::new()).expect("compressed data");
            assert!(compressor.deflate.is_some());
            compressor.release();
            assert_eq!(compressor.deflate.is_some(), takes_over);
        }
    }
}
