//! Messages that come in (RFC 7692 sections 6.2 and 7.2.2).

use zlib_rs::{Inflate, InflateError, InflateFlush, Status};

use super::{Agreement, TAIL};
use crate::error::{Error, Kind, Result};
use crate::frame::Opcode;
use crate::protocol::extension::{Decoder, Sink};

/// How much larger than its compressed form a message is expected to be.
const EXPECTED_RATIO: usize = 4;

pub(super) struct Decompressor {
    window_bits: u8,
    takes_over: bool,
    /// None while it is not needed.
    inflate: Option<Inflate>,
    /// The last of the messages before, up to a window, for a stream that ends and begins anew.
    history: Vec<u8>,
    /// The stream has ended with its last block, and nothing has followed.
    ended: bool,
}

impl Decompressor {
    pub(super) fn new(agreement: &Agreement) -> Self {
        Self {
            window_bits: agreement.server_window_bits,
            takes_over: agreement.server_takes_over,
            inflate: None,
            history: Vec::new(),
            ended: false,
        }
    }

    /// Inflates all of `input`.
    fn inflate(&mut self, mut input: &[u8], output: &mut Sink<'_>) -> Result<()> {
        loop {
            if self.ended && !input.is_empty() {
                self.begin_anew(output)?;
            }
            let inflate = self.inflate.get_or_insert_with(|| Inflate::new(false, self.window_bits));
            let space = output.space(input.len().saturating_mul(EXPECTED_RATIO))?;
            let room = space.len();
            let (total_in, total_out) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(input, space, InflateFlush::SyncFlush);
            let (taken, made) = (delta(inflate.total_in(), total_in), delta(inflate.total_out(), total_out));
            output.filled(made)?;
            input = &input[taken..];
            self.ended = matches!(status.map_err(|error| broken(&error))?, Status::StreamEnd);
            // With room left, all that the input holds is out.
            if input.is_empty() && made < room {
                return Ok(());
            }
            if taken == 0 && made == 0 && !self.ended {
                return Err(Error::new(Kind::Compression, "compressed data that does not go on"));
            }
        }
    }

    /// After a stream's last block (section 7.2.3.4) the next one may refer to what came before.
    fn begin_anew(&mut self, output: &Sink<'_>) -> Result<()> {
        let written = output.written();
        let new = &written[written.len().saturating_sub(self.window())..];
        let old = &self.history[self.history.len().saturating_sub(self.window() - new.len())..];
        let mut inflate = Inflate::new(false, self.window_bits);
        inflate.set_dictionary(&[old, new].concat()).map_err(|error| broken(&error))?;
        self.inflate = Some(inflate);
        Ok(())
    }

    fn window(&self) -> usize {
        1 << self.window_bits
    }

    /// Puts the end of a message into the history.
    fn remember(&mut self, message: &[u8]) {
        let new = &message[message.len().saturating_sub(self.window())..];
        let kept = (self.window() - new.len()).min(self.history.len());
        self.history.drain(..self.history.len() - kept);
        self.history.extend_from_slice(new);
    }

    /// The message is complete: what the sender has cut off has to end its last block.
    fn finish(&mut self) -> Result<()> {
        if self.ended {
            return Err(truncated());
        }
        let inflate = self.inflate.get_or_insert_with(|| Inflate::new(false, self.window_bits));
        // One byte more, which must not be taken: with `Block` it stops behind the empty block that the tail ends.
        let mut input = [0; TAIL.len() + 1];
        input[..TAIL.len()].copy_from_slice(&TAIL);
        let before = inflate.total_in();
        let total_out = inflate.total_out();
        let mut nothing = [0; 1];
        let status = inflate.decompress(&input, &mut nothing, InflateFlush::Block).map_err(|error| broken(&error))?;
        let taken = delta(inflate.total_in(), before);
        if status != Status::Ok || taken != TAIL.len() || inflate.total_out() != total_out {
            return Err(truncated());
        }
        Ok(())
    }
}

impl Decoder for Decompressor {
    fn begin(&mut self, _opcode: Opcode, _rsv: u8) -> bool {
        true
    }

    fn decode(&mut self, part: &[u8], last: bool, output: &mut Sink<'_>) -> Result<()> {
        if !part.is_empty() {
            self.inflate(part, output)?;
        }
        if last {
            self.finish()?;
            if self.takes_over {
                self.remember(output.written());
            } else if let Some(inflate) = &mut self.inflate {
                inflate.reset(false);
                self.history.clear();
            }
        }
        Ok(())
    }

    fn release(&mut self) {
        if !self.takes_over {
            self.inflate = None;
            self.history = Vec::new();
        }
    }
}

fn broken(error: &InflateError) -> Error {
    let kind = if matches!(error, InflateError::MemError) { Kind::NoMemory } else { Kind::Compression };
    Error::new(kind, format!("the server sent compressed data that cannot be inflated: {}", error.as_str()))
}

fn truncated() -> Error {
    Error::new(Kind::Compression, "the server sent compressed data that is cut short")
}

fn delta(after: u64, before: u64) -> usize {
    usize::try_from(after - before).unwrap_or(usize::MAX)
}
