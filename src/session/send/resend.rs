//! The state of the sending side that outlives a connection, in a session that reconnects.

use std::collections::VecDeque;

use super::message::Item;
use crate::error::{Error, Kind, Result};
use crate::frame::Opcode;
use crate::frame::header::MAX_HEADER_SIZE;

/// What a message costs besides its payload's memory: its place in the queue and the allocator's overhead.
const MESSAGE_OVERHEAD: usize = 128;

/// The state of the send queue between connections.
#[derive(Debug, Default)]
pub(crate) struct Resending {
    /// The connection is lost, and there is no other one yet.
    pub(crate) is_away: bool,
    /// How often a connection was lost.
    pub(crate) losses: u64,
    /// The application has closed the session: it ends with the connection.
    pub(crate) is_ending: bool,
    /// None if unsent messages are dropped with the connection.
    pub(crate) unsent: Option<Unsent>,
}

/// The messages that the kernel has not accepted, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Unsent {
    pub(crate) messages: VecDeque<PendingMessage>,
    /// The bytes of their payloads, and the memory that they keep allocated.
    bytes: usize,
    held: usize,
    /// The message whose last fragment has not come yet.
    open: Option<PendingMessage>,
    /// Memory for the next message, see [`prepare`](Self::prepare).
    memory: Vec<u8>,
    /// How many messages were ever kept.
    total: u64,
}

/// A kept message.
#[derive(Debug)]
pub(crate) struct PendingMessage {
    pub(crate) opcode: Opcode,
    pub(crate) payload: Vec<u8>,
    pub(crate) compress: bool,
    /// How many messages were kept before it.
    number: u64,
    /// The end of its frames, as an offset in all bytes that were ever queued.
    pub(crate) end: u64,
    /// What the statistics count of it: whether the message, and how many bytes.
    pub(crate) counted: (bool, usize),
    /// Its fragments are not sent as they come.
    is_held: bool,
}

impl PendingMessage {
    /// Returns the memory that it keeps allocated.
    fn memory(&self) -> usize {
        self.payload.capacity() + MESSAGE_OVERHEAD
    }
}

impl Resending {
    pub(crate) fn new(keeps: bool) -> Self {
        Self { unsent: keeps.then(Unsent::default), ..Self::default() }
    }
}

impl Unsent {
    /// Returns the bytes of the kept messages, with a frame header each.
    pub(crate) fn bytes(&self) -> usize {
        let payload = self.bytes + self.open.as_ref().map_or(0, |open| open.payload.len());
        payload + self.count() * MAX_HEADER_SIZE
    }

    /// Whether `size` more bytes fit a bound for the memory of kept messages. `with_open`: the incomplete message counts as well.
    pub(crate) fn has_room(&self, size: usize, bound: usize, with_open: bool) -> bool {
        let open = self.open.as_ref().filter(|_| with_open).map_or(0, PendingMessage::memory);
        let total = self.held.saturating_add(open);
        total == 0 || total.saturating_add(size).saturating_add(MESSAGE_OVERHEAD) <= bound
    }

    /// Releases unused memory.
    pub(crate) fn release(&mut self) {
        self.messages.shrink_to_fit();
    }

    pub(crate) fn count(&self) -> usize {
        self.messages.len() + usize::from(self.open.is_some())
    }

    /// Whether the fragments of the incomplete message are only kept until it is complete.
    pub(crate) fn is_holding(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.is_held)
    }

    /// Called when the connection is lost: the next connection gets all fragments of the incomplete message.
    pub(crate) fn hold(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_held = true;
        }
    }

    /// Reserves memory for the message or fragment that is kept next.
    pub(crate) fn prepare(&mut self, payload: &[u8]) -> Result<()> {
        let memory = self.open.as_mut().map_or(&mut self.memory, |open| &mut open.payload);
        memory
            .try_reserve(payload.len())
            .and_then(|()| self.messages.try_reserve(1))
            .map_err(|_| Error::new(Kind::NoMemory, format!("no memory to keep a message of {} bytes", payload.len())))
    }

    /// Frees the reserved memory, because the message is not kept.
    pub(crate) fn drop_memory(&mut self) {
        self.memory = Vec::new();
    }

    /// Keeps a message or a fragment for which memory was reserved. `end`: its end in all bytes that were ever queued. `is_held`:
    /// it is not queued. Returns whether a message that was held has become complete.
    pub(crate) fn keep(&mut self, item: &Item<'_>, end: u64, is_held: bool) -> Result<bool> {
        let outbound = &item.outbound;
        let mut kept = self.open.take().unwrap_or_else(|| PendingMessage {
            opcode: outbound.opcode,
            payload: std::mem::take(&mut self.memory),
            compress: item.compress,
            number: self.total,
            end,
            counted: (false, 0),
            is_held,
        });
        kept.payload.extend_from_slice(outbound.payload);
        kept.end = end;
        if !is_held {
            kept.counted = (outbound.fin, kept.payload.len());
        }
        if !outbound.fin {
            self.open = Some(kept);
            return Ok(false);
        }
        let was_held = kept.is_held;
        if was_held && kept.opcode == Opcode::Text && simdutf8::basic::from_utf8(&kept.payload).is_err() {
            return Err(Error::new(Kind::Utf8, "the message's text is not UTF-8"));
        }
        self.bytes += kept.payload.len();
        self.held += kept.memory();
        kept.number = self.total;
        self.total += 1;
        self.messages.push_back(kept);
        Ok(was_held)
    }

    /// Returns how many messages were ever kept.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Whether none of the first `total` messages that were ever kept is still there.
    pub(crate) fn has_sent(&self, total: u64) -> bool {
        self.messages.front().is_none_or(|oldest| oldest.number >= total)
    }

    /// Removes the newest message, and returns it.
    pub(crate) fn take_last(&mut self) -> Option<PendingMessage> {
        let kept = self.messages.pop_back()?;
        self.subtract(&kept);
        Some(kept)
    }

    /// Like [`forget_sent`](Self::forget_sent), at the end of a connection: messages that came meanwhile may stand before sent
    /// ones.
    pub(crate) fn forget_all_sent(&mut self, sent: u64) {
        self.messages.retain(|kept| kept.end > sent);
        self.bytes = self.messages.iter().map(|kept| kept.payload.len()).sum();
        self.held = self.messages.iter().map(PendingMessage::memory).sum();
    }

    /// Frees the messages that end at or before the offset `sent`.
    pub(crate) fn forget_sent(&mut self, sent: u64) {
        while let Some(kept) = self.messages.pop_front_if(|kept| kept.end <= sent) {
            self.subtract(&kept);
        }
    }

    fn subtract(&mut self, kept: &PendingMessage) {
        self.bytes -= kept.payload.len();
        self.held -= kept.memory();
    }
}
