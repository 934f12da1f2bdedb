//! The two directions of an accepted extension: the encoder and the decoder of one session.

use std::any::Any;

use crate::error::{Error, Kind, Result};
use crate::frame::Opcode;
use crate::protocol::Payload;

/// The encoder and the decoder of an extension in one session (Ktor's WebSocketExtension).
pub struct Codec {
    /// Encodes outgoing messages.
    pub encoder: Box<dyn Encoder>,
    /// Decodes incoming messages.
    pub decoder: Box<dyn Decoder>,
    /// The decoder also gets messages without any of the extension's reserved bits.
    pub decodes_unmarked: bool,
    /// A value that the extension hands to the application.
    pub instance: Option<Box<dyn Any + Send + Sync>>,
}

/// An outgoing message, or one of the fragments in which the application sends it.
#[derive(Clone, Copy, Debug)]
pub struct MessageChunk<'a> {
    /// The message's opcode: text or binary.
    pub opcode: Opcode,
    /// The payload.
    pub payload: &'a [u8],
    /// Whether the chunk begins the message.
    pub first: bool,
    /// Whether the chunk ends the message.
    pub last: bool,
    /// Whether the application allows compression of the message.
    pub compress: bool,
}

/// The result of encoding a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The extension does not encode the message. Allowed for the first chunk only.
    Unchanged,
    /// The output replaces the payload.
    Changed {
        /// The reserved bits that the first frame of the message gets; only the extension's own bits count.
        rsv: u8,
    },
}

/// The outgoing direction of an extension.
pub trait Encoder: Send {
    /// Encodes a chunk. `output` is empty on entry.
    fn encode(&mut self, chunk: &MessageChunk<'_>, output: &mut Vec<u8>) -> Result<Encoding>;

    /// The last encoded message is not sent. Later output must not refer to it.
    fn discard(&mut self) {}

    /// Frees memory that is needed only while messages are sent.
    fn release(&mut self) {}
}

/// The incoming direction of an extension.
pub trait Decoder: Send {
    /// Begins a message. `rsv` holds those of the extension's bits that the message has. Returns whether to decode it.
    fn begin(&mut self, opcode: Opcode, rsv: u8) -> bool;

    /// Decodes the next part of the message. `last` ends the message; `part` may then be empty.
    fn decode(&mut self, part: &[u8], last: bool, output: &mut Sink<'_>) -> Result<()>;

    /// Frees memory that is needed only while messages arrive.
    fn release(&mut self) {}

    /// The cost of decoding so far: bytes read, written and copied. A decoder whose cost is proportional to its input and
    /// output returns 0.
    fn work(&self) -> u64 {
        0
    }
}

/// The output of a decoder: a payload that grows up to the message size limit.
pub struct Sink<'a> {
    payload: &'a mut Payload,
    limit: u64,
}

impl<'a> Sink<'a> {
    pub(in crate::protocol) fn new(payload: &'a mut Payload, limit: u64) -> Self {
        Self { payload, limit }
    }

    /// The bytes of this message that have been written.
    pub fn written(&self) -> &[u8] {
        self.payload
    }

    /// Returns space for at least one byte, and for `wanted` bytes if possible.
    pub fn space(&mut self, wanted: usize) -> Result<&mut [u8]> {
        // One byte more than the limit detects a message that exceeds it.
        let size = self.payload.len() as u64;
        let left = usize::try_from(self.limit.saturating_sub(size).saturating_add(1)).unwrap_or(usize::MAX);
        // The space is `wanted` bytes at first. It then doubles up to the limit.
        let wanted = wanted.clamp(1, left);
        self.payload.reserve(wanted, size.min((left - wanted) as u64))?;
        let space = self.payload.space();
        let room = space.len().min(left);
        Ok(&mut space[..room])
    }

    /// Records that the first `count` bytes of [`space`](Self::space) were written.
    pub fn filled(&mut self, count: usize) -> Result<()> {
        self.payload.filled(count);
        if self.payload.len() as u64 > self.limit {
            let limit = self.limit;
            return Err(Error::new(
                Kind::MessageTooBig,
                format!("message of more than {limit} bytes when decoded, which is the limit"),
            ));
        }
        Ok(())
    }

    /// Appends bytes.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let space = self.space(bytes.len())?;
            let count = space.len().min(bytes.len());
            let (now, later) = bytes.split_at(count);
            space[..count].copy_from_slice(now);
            self.filled(count)?;
            bytes = later;
        }
        Ok(())
    }
}
