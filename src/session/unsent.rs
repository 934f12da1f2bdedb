//! What a session that reconnects keeps of its sending side beyond a connection.

use std::collections::VecDeque;

use super::sending::Item;
use crate::error::{Error, Kind, Result};
use crate::frame::Opcode;
use crate::protocol::outgoing::Part;

/// What a message takes besides its payload: without something for itself, empty ones could pile up without end.
const MESSAGE_OVERHEAD: usize = 64;

/// The state of the outbox between connections.
#[derive(Debug, Default)]
pub(super) struct Resending {
    /// The connection is lost, and another one is not there yet.
    pub(super) is_away: bool,
    /// How often it was lost.
    pub(super) losses: u64,
    /// A message of which parts went with the connection lacks its last one.
    pub(super) is_broken: bool,
    /// The application has closed the session: it ends with the connection.
    pub(super) is_ending: bool,
    /// None where what is not sent goes with the connection.
    pub(super) unsent: Option<Unsent>,
}

/// Messages that the kernel does not have, oldest first.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    pub(super) messages: VecDeque<Kept>,
    bytes: usize,
    /// The one of which the last part is still to come.
    open: Option<Kept>,
}

/// A message.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) opcode: Opcode,
    pub(super) payload: Vec<u8>,
    pub(super) compress: bool,
    /// Where its frames end in what was ever queued.
    pub(super) end: u64,
    /// What of it is counted: as a message, and bytes.
    pub(super) counted: (bool, usize),
    /// Its parts are not sent as they come.
    is_held: bool,
}

impl Resending {
    pub(super) fn new(keeps: bool) -> Self {
        Self { unsent: keeps.then(Unsent::default), ..Self::default() }
    }

    /// An error, once, when what follows may belong to a message whose beginning is lost.
    pub(super) fn check_whole(&mut self, part: Part) -> Result<()> {
        if std::mem::take(&mut self.is_broken) && part != Part::Whole {
            return Err(Error::new(Kind::Io, "the message's first part went with the connection that was lost"));
        }
        Ok(())
    }
}

impl Unsent {
    /// What is kept takes so many bytes.
    pub(super) fn bytes(&self) -> usize {
        let payload = self.bytes + self.open.as_ref().map_or(0, |open| open.payload.len());
        payload + self.count() * MESSAGE_OVERHEAD
    }

    pub(super) fn count(&self) -> usize {
        self.messages.len() + usize::from(self.open.is_some())
    }

    /// Whether the parts of the message under way are only kept, until it is complete.
    pub(super) fn is_holding(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.is_held)
    }

    /// The connection is lost: of a message under way, the next one gets all.
    pub(super) fn hold(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_held = true;
        }
    }

    /// Takes a message or a part of one. It ends there in what was ever queued; `is_held` where it is not queued. Returns
    /// whether a message that was held has become complete.
    pub(super) fn keep(&mut self, item: &Item<'_>, end: u64, is_held: bool) -> Result<bool> {
        let outbound = &item.outbound;
        if let Some(open) = self.open.as_ref().filter(|open| open.is_held)
            && (outbound.part == Part::Whole || open.opcode != outbound.opcode)
        {
            let opcode = open.opcode;
            return Err(Error::new(Kind::State, format!("a fragmented {opcode:?} message is not complete")));
        }
        let mut kept = self.open.take().unwrap_or_else(|| Kept {
            opcode: outbound.opcode,
            payload: Vec::new(),
            compress: item.compress,
            end,
            counted: (false, 0),
            is_held,
        });
        kept.payload.extend_from_slice(outbound.payload);
        kept.end = end;
        if !is_held {
            kept.counted = (outbound.part != Part::More, kept.payload.len());
        }
        if outbound.part == Part::More {
            self.open = Some(kept);
            return Ok(false);
        }
        let was_held = kept.is_held;
        if was_held && kept.opcode == Opcode::Text && simdutf8::basic::from_utf8(&kept.payload).is_err() {
            return Err(Error::new(Kind::InvalidArgument, "the message's text is not UTF-8"));
        }
        self.bytes += kept.payload.len();
        self.messages.push_back(kept);
        Ok(was_held)
    }

    /// The newest message, not to be kept in this way any more.
    pub(super) fn take_last(&mut self) -> Option<Kept> {
        let kept = self.messages.pop_back()?;
        self.bytes -= kept.payload.len();
        Some(kept)
    }

    /// Lets go of what is sent.
    pub(super) fn forget_sent(&mut self, sent: u64) {
        while let Some(kept) = self.messages.pop_front_if(|kept| kept.end <= sent) {
            self.bytes -= kept.payload.len();
        }
    }
}
