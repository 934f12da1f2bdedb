//! What a session that reconnects keeps of its sending side beyond a connection.

use std::collections::VecDeque;

use super::message::Item;
use crate::error::{Error, Kind, Result};
use crate::frame::Opcode;
use crate::frame::header::MAX_HEADER_SIZE;

/// What a message takes besides its payload's memory: its place in the queue, and what the allocator adds.
const MESSAGE_OVERHEAD: usize = 128;

/// The state of the send queue between connections.
#[derive(Debug, Default)]
pub(crate) struct Resending {
    /// The connection is lost, and another one is not there yet.
    pub(crate) is_away: bool,
    /// How often it was lost.
    pub(crate) losses: u64,
    /// The application has closed the session: it ends with the connection.
    pub(crate) is_ending: bool,
    /// None where what is not sent goes with the connection.
    pub(crate) unsent: Option<Unsent>,
}

/// Messages that the kernel does not have, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Unsent {
    pub(crate) messages: VecDeque<PendingMessage>,
    /// Bytes of their payloads, and what they keep allocated.
    bytes: usize,
    held: usize,
    /// The one of which the last part is still to come.
    open: Option<PendingMessage>,
    /// Memory for the next one, see [`prepare`](Self::prepare).
    memory: Vec<u8>,
    /// How many were ever kept.
    total: u64,
}

/// A message.
#[derive(Debug)]
pub(crate) struct PendingMessage {
    pub(crate) opcode: Opcode,
    pub(crate) payload: Vec<u8>,
    pub(crate) compress: bool,
    /// How many were kept before.
    number: u64,
    /// Where its frames end in what was ever queued.
    pub(crate) end: u64,
    /// What of it is counted: as a message, and bytes.
    pub(crate) counted: (bool, usize),
    /// Its parts are not sent as they come.
    is_held: bool,
}

impl PendingMessage {
    /// What it keeps allocated.
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
    /// Bytes of what is kept, with a frame header each.
    pub(crate) fn bytes(&self) -> usize {
        let payload = self.bytes + self.open.as_ref().map_or(0, |open| open.payload.len());
        payload + self.count() * MAX_HEADER_SIZE
    }

    /// Whether `size` bytes more fit a bound for the memory of what is kept. `with_open`: the message under way counts as well.
    pub(crate) fn has_room(&self, size: usize, bound: usize, with_open: bool) -> bool {
        let open = self.open.as_ref().filter(|_| with_open).map_or(0, PendingMessage::memory);
        let total = self.held.saturating_add(open);
        total == 0 || total.saturating_add(size).saturating_add(MESSAGE_OVERHEAD) <= bound
    }

    /// Gives back memory that nothing is kept in.
    pub(crate) fn release(&mut self) {
        self.messages.shrink_to_fit();
    }

    pub(crate) fn count(&self) -> usize {
        self.messages.len() + usize::from(self.open.is_some())
    }

    /// Whether the parts of the message under way are only kept, until it is complete.
    pub(crate) fn is_holding(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.is_held)
    }

    /// The connection is lost: of a message under way, the next one gets all.
    pub(crate) fn hold(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_held = true;
        }
    }

    /// Has memory for a message, or a fragment of one, that is kept next.
    pub(crate) fn prepare(&mut self, payload: &[u8]) -> Result<()> {
        let memory = self.open.as_mut().map_or(&mut self.memory, |open| &mut open.payload);
        memory
            .try_reserve(payload.len())
            .and_then(|()| self.messages.try_reserve(1))
            .map_err(|_| Error::new(Kind::NoMemory, format!("no memory to keep a message of {} bytes", payload.len())))
    }

    /// It is not kept.
    pub(crate) fn drop_memory(&mut self) {
        self.memory = Vec::new();
    }

    /// Takes a message or a fragment of one, for which memory was prepared. It ends there in what was ever queued; `is_held`
    /// where it is not queued. Returns whether a message that was held has become complete.
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
            return Err(Error::new(Kind::InvalidArgument, "the message's text is not UTF-8"));
        }
        self.bytes += kept.payload.len();
        self.held += kept.memory();
        kept.number = self.total;
        self.total += 1;
        self.messages.push_back(kept);
        Ok(was_held)
    }

    /// How many messages were ever kept.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Whether none of the first `total` that were ever kept is still there.
    pub(crate) fn has_sent(&self, total: u64) -> bool {
        self.messages.front().is_none_or(|oldest| oldest.number >= total)
    }

    /// The newest message, not to be kept in this way any more.
    pub(crate) fn take_last(&mut self) -> Option<PendingMessage> {
        let kept = self.messages.pop_back()?;
        self.subtract(&kept);
        Some(kept)
    }

    /// The same at the end of a connection. What came while it ended may stand in front of what still was sent.
    pub(crate) fn forget_all_sent(&mut self, sent: u64) {
        self.messages.retain(|kept| kept.end > sent);
        self.bytes = self.messages.iter().map(|kept| kept.payload.len()).sum();
        self.held = self.messages.iter().map(PendingMessage::memory).sum();
    }

    /// Lets go of what is sent.
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
