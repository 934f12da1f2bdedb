//! A message that has not arrived completely.

use crate::error::{Error, Kind};
use crate::frame::Opcode;
use crate::frame::utf8::{InvalidUtf8, Utf8Validator};
use crate::protocol::decoders::Decoders;
use crate::protocol::payload::Payload;
use crate::protocol::received::Frame;

#[derive(Debug)]
pub(super) struct PartialMessage {
    pub(super) opcode: Opcode,
    /// Of a raw connection only the frame's.
    pub(super) payload: Payload,
    /// None where what arrives is not text.
    pub(super) utf8: Option<Utf8Validator>,
    /// An extension decodes it.
    pub(super) is_encoded: bool,
    /// More frames follow, so its size is unknown.
    pub(super) is_fragmented: bool,
    /// The payloads that its frames have announced.
    pub(super) announced: u64,
    /// The message limit, as it was when its last frame began.
    pub(super) limit: u64,
}

impl PartialMessage {
    /// Takes a piece of a frame of which `left` more bytes are announced.
    pub(super) fn push(&mut self, piece: &[u8], left: u64) -> Result<(), Error> {
        if let Some(utf8) = &mut self.utf8 {
            utf8.push(piece).map_err(not_utf8)?;
        }
        self.reserve(piece.len(), left)?;
        self.payload.push(piece);
        Ok(())
    }

    /// Makes room for `now` bytes of a frame of which `left` more are announced. In a fragmented message for as many
    /// again as there are, up to the limit: it would be copied for every fragment.
    pub(super) fn reserve(&mut self, now: usize, left: u64) -> Result<(), Error> {
        let mut later = left;
        if self.is_fragmented {
            let size = self.payload.len() as u64;
            later = left.max(size.min(self.limit.saturating_sub(size + now as u64)));
        }
        self.payload.reserve(now, later)
    }

    /// Takes a piece that the extensions decode; `last` ends the message.
    pub(super) fn push_encoded(
        &mut self,
        decoders: &mut Decoders,
        piece: &[u8],
        last: bool,
        max_size: u64,
    ) -> Result<(), Error> {
        let before = self.payload.len();
        let outcome = decoders.decode(piece, last, &mut self.payload, max_size);
        // What came before an error was wrong before it, however much of both is in the piece.
        if let Some(utf8) = &mut self.utf8 {
            utf8.push(&self.payload[before..]).map_err(not_utf8)?;
        }
        outcome
    }

    /// Takes `count` bytes that are in place.
    pub(super) fn take_in(&mut self, count: usize) -> Result<(), Error> {
        if let Some(utf8) = &mut self.utf8 {
            utf8.push(&self.payload.space()[..count]).map_err(not_utf8)?;
        }
        self.payload.filled(count);
        Ok(())
    }

    /// The message, or of a raw connection its last frame.
    pub(super) fn finish(mut self, rsv: u8) -> Result<Frame, Error> {
        if let Some(utf8) = &self.utf8 {
            utf8.finish().map_err(not_utf8)?;
        }
        self.payload.terminate();
        self.payload.fit();
        let rsv = if self.is_encoded { 0 } else { rsv };
        Ok(Frame { rsv, ..Frame::message(self.opcode, self.payload) })
    }

    /// A raw connection's frame that others follow.
    pub(super) fn take_fragment(&mut self, rsv: u8) -> Frame {
        self.payload.terminate();
        self.payload.fit();
        Frame { rsv, more: true, ..Frame::message(self.opcode, std::mem::take(&mut self.payload)) }
    }
}

fn not_utf8(error: InvalidUtf8) -> Error {
    Error::new(Kind::Utf8, format!("text message that is not UTF-8 after byte {}", error.valid_up_to))
}
