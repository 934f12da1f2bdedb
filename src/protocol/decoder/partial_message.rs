//! A message that is being received.

use crate::error::{Error, Kind};
use crate::frame::Opcode;
use crate::frame::utf8::{InvalidUtf8, Utf8Validator};
use crate::protocol::event::Frame;
use crate::protocol::extension::Decoders;
use crate::protocol::payload::Payload;

#[derive(Debug)]
pub(super) struct PartialMessage {
    pub(super) opcode: Opcode,
    /// The bytes received so far; in a raw connection, those of the current frame.
    pub(super) payload: Payload,
    /// The UTF-8 check; `None` if the message is not text.
    pub(super) utf8: Option<Utf8Validator>,
    /// Whether an extension decodes the message.
    pub(super) is_encoded: bool,
    /// Whether the first frame is not the last, so that the size is unknown.
    pub(super) is_fragmented: bool,
    /// The sum of the lengths that its frames announced.
    pub(super) announced: u64,
    /// The message limit when the latest frame began.
    pub(super) limit: u64,
    pub(super) parts: Parts,
}

/// The state of a message that is delivered in parts.
#[derive(Debug)]
pub(super) struct Parts {
    /// The least size of a part but the last; `None` for whole messages.
    pub(super) size: Option<usize>,
    /// The bytes at the beginning of the payload that were delivered. Those of an encoded message stay, because the decoder may
    /// refer to them.
    delivered: usize,
    /// The bytes that were delivered and removed.
    removed: u64,
}

/// What stays of an encoded message's delivered bytes, at least: the largest window of permessage-deflate.
const KEPT: usize = 32 * 1024;

impl Parts {
    pub(super) fn new(size: Option<usize>) -> Self {
        Self { size, delivered: 0, removed: 0 }
    }
}

impl PartialMessage {
    /// Appends a part of a frame. `left` more bytes of the frame are announced.
    pub(super) fn push(&mut self, part: &[u8], left: u64) -> Result<(), Error> {
        if let Some(utf8) = &mut self.utf8 {
            utf8.push(part).map_err(not_utf8)?;
        }
        self.reserve(part.len(), left)?;
        self.payload.push(part);
        Ok(())
    }

    /// Reserves memory for `now` bytes of a frame of which `left` more are announced. A fragmented message doubles its
    /// memory, up to the limit, because otherwise each fragment would cause a copy.
    pub(super) fn reserve(&mut self, now: usize, left: u64) -> Result<(), Error> {
        let mut later = left;
        if self.is_fragmented {
            let size = self.payload.len() as u64;
            later = left.max(size.min(self.limit.saturating_sub(size + now as u64)));
        }
        later = later.min(self.part_room().saturating_sub(now as u64));
        self.payload.reserve(now, later)
    }

    /// Decodes a part of a frame and appends the result. `last` ends the message.
    pub(super) fn push_encoded(
        &mut self,
        decoders: &mut Decoders,
        part: &[u8],
        last: bool,
        max_size: u64,
    ) -> Result<(), Error> {
        let before = self.payload.len();
        let outcome = decoders.decode(part, last, &mut self.payload, max_size.saturating_sub(self.parts.removed));
        let outcome = outcome.map_err(|error| match error.kind {
            Kind::MessageTooBig => too_big_decoded(max_size),
            _ => error,
        });
        // Invalid UTF-8 before a decoding error takes precedence, so that the error does not depend on how bytes arrive.
        if let Some(utf8) = &mut self.utf8 {
            utf8.push(&self.payload[before..]).map_err(not_utf8)?;
        }
        outcome
    }

    /// Appends `count` bytes that were read directly into the space of the payload.
    pub(super) fn push_direct(&mut self, count: usize) -> Result<(), Error> {
        if let Some(utf8) = &mut self.utf8 {
            utf8.push(&self.payload.space()[..count]).map_err(not_utf8)?;
        }
        self.payload.filled(count);
        Ok(())
    }

    /// Ends the message. Returns the message; in a raw connection, its last frame.
    pub(super) fn finish(mut self, rsv: u8) -> Result<Frame, Error> {
        if let Some(utf8) = &self.utf8 {
            utf8.finish().map_err(not_utf8)?;
        }
        self.payload.remove_front(self.parts.delivered);
        self.payload.terminate();
        self.payload.fit();
        let rsv = if self.is_encoded { 0 } else { rsv };
        Ok(Frame { rsv, ..Frame::message(self.opcode, self.payload) })
    }

    /// How many more bytes a part takes.
    pub(super) fn part_room(&self) -> u64 {
        self.parts.size.map_or(u64::MAX, |size| size.saturating_sub(self.payload.len()) as u64)
    }

    /// Returns the received bytes as a part of the message, if they are enough for one.
    pub(super) fn take_part(&mut self) -> Result<Option<Frame>, Error> {
        let Parts { size: Some(size), delivered, removed } = &mut self.parts else { return Ok(None) };
        if self.payload.len() - *delivered < *size {
            return Ok(None);
        }
        if !self.is_encoded {
            return Ok(Some(self.take_fragment(0)));
        }
        let new = &self.payload[*delivered..];
        let mut payload = Payload::default();
        payload.reserve(new.len(), 0)?;
        payload.push(new);
        payload.terminate();
        *delivered = self.payload.len();
        if *delivered > 2 * KEPT {
            let mut kept = Payload::default();
            kept.reserve(KEPT, *size as u64)?;
            kept.push(&self.payload[*delivered - KEPT..]);
            *removed += (*delivered - KEPT) as u64;
            *delivered = KEPT;
            self.payload = kept;
        }
        Ok(Some(Frame { more: true, ..Frame::message(self.opcode, payload) }))
    }

    /// Returns a frame of a raw connection that is not the last of its message.
    pub(super) fn take_fragment(&mut self, rsv: u8) -> Frame {
        self.payload.terminate();
        self.payload.fit();
        Frame { rsv, more: true, ..Frame::message(self.opcode, std::mem::take(&mut self.payload)) }
    }
}

fn too_big_decoded(limit: u64) -> Error {
    Error::new(Kind::MessageTooBig, format!("message of more than {limit} bytes when decoded, which is the limit"))
}

fn not_utf8(error: InvalidUtf8) -> Error {
    Error::new(Kind::Utf8, format!("text message that is not UTF-8 after byte {}", error.valid_up_to))
}
