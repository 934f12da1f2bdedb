//! Waits until a message may be queued: for room in the queue, for the end of another thread's message in fragments, or for the
//! next connection.

use std::sync::atomic::Ordering;

use super::Session;
use super::deadline::Deadline;
use super::gate::Ticket;
use super::interrupts::Waiter;
use super::outbox::Outbox;
use super::queue_bounds::{QueueBounds, QueuePolicy};
use super::unsent::Unsent;
use crate::error::{Error, Kind, Result};
use crate::lock::MutexGuard;
use crate::protocol::encoder::OutboundMessage;

/// What a sender waits for.
enum Obstacle {
    /// Another thread's message in fragments is not complete.
    Fragments,
    /// The connection is lost.
    Outage,
    /// The queue is full.
    Full,
}

impl Session {
    /// Whether `size` bytes fit. Any size fits into an empty queue.
    pub(super) fn has_room(&self, outbox: &Outbox, size: usize) -> bool {
        let QueueBounds { messages, bytes, policy } = self.terms.outgoing;
        let outgoing = &outbox.outgoing;
        let (waiting_messages, waiting_bytes) = match policy {
            // Messages that are being written cannot be dropped.
            QueuePolicy::DropOldest => outgoing.waiting_messages(),
            // Pongs have a bound of their own.
            QueuePolicy::Wait | QueuePolicy::Close => (outgoing.pending_messages(), outgoing.pending_data()),
        };
        let has_room =
            waiting_bytes == 0 || (waiting_bytes.saturating_add(size) <= bytes && waiting_messages < messages);
        // Where messages are kept until they are sent, each is there twice. One that is sent in parts is kept whole.
        has_room && outbox.unsent().is_none_or(|unsent| unsent.has_room(size, bytes, false))
    }

    /// Whether `size` bytes may be kept for the next connection.
    fn may_keep(&self, outbox: &Outbox, size: usize) -> bool {
        let QueueBounds { messages, bytes, .. } = self.terms.outgoing;
        let fits =
            |unsent: &Unsent| unsent.has_room(size, bytes, true) && (unsent.count() == 0 || unsent.count() < messages);
        outbox.is_away() && outbox.unsent().is_some_and(fits)
    }

    /// Has the listener told of room to send once half of it is free, where a message found none.
    pub(super) fn note_room(&self, outbox: &mut Outbox) {
        let half = self.terms.outgoing.bytes / 2;
        if outbox.wants_room
            && outbox.outgoing.pending_data() <= half
            && outbox.unsent().is_none_or(|unsent| unsent.has_room(0, half, false))
        {
            outbox.wants_room = false;
            self.is_writable.store(true, Ordering::Release);
        }
    }

    /// Waits until a message or a fragment may be queued. With a full queue it waits, drops the oldest messages or ends the session,
    /// as the policy says.
    pub(super) fn wait_for_room(
        &self,
        outbox: &mut MutexGuard<'_, Outbox>,
        outbound: &OutboundMessage<'_>,
        deadline: &mut Deadline,
    ) -> Result<()> {
        let size = outbound.payload.len();
        let mut waiter = None;
        let mut has_flushed = false;
        loop {
            let ticket = self.sent.ticket();
            self.check_open(outbox)?;
            let is_between = outbox.is_between();
            if !is_between && outbox.outgoing.closing().is_some() {
                return Err(closing());
            }
            let obstacle = if !outbox.fragments.admit(outbound)? {
                Obstacle::Fragments
            } else if is_between && self.may_keep(outbox, size) {
                return Ok(());
            } else if is_between {
                Obstacle::Outage
            } else if self.has_room(outbox, size) {
                return Ok(());
            } else {
                Obstacle::Full
            };
            let pending = outbox.outgoing.pending_data();
            if !is_between && (!has_flushed || deadline.has_passed()) {
                // Coalesced messages take room, and the kernel may accept bytes before the driver learns of it.
                MutexGuard::unlocked(outbox, || self.flush_or_leave());
                if !std::mem::replace(&mut has_flushed, true) || outbox.outgoing.pending_data() < pending {
                    continue;
                }
            }
            if let Obstacle::Full = obstacle {
                match self.terms.outgoing.policy {
                    QueuePolicy::Wait => {}
                    QueuePolicy::Close => {
                        let error = "the outgoing queue ran over";
                        MutexGuard::unlocked(outbox, || self.overflow(error, "Outgoing queue overflow"));
                        return Err(self.ended_error());
                    }
                    QueuePolicy::DropOldest => {
                        while !self.has_room(outbox, size) && outbox.outgoing.drop_oldest() {}
                        return Ok(());
                    }
                }
            }
            *deadline = deadline.fixed();
            self.wait_sent(outbox, ticket, &mut waiter, *deadline).map_err(|error| match error.kind {
                Kind::Timeout => {
                    outbox.wants_room = true;
                    Error::new(Kind::Timeout, obstacle.late(pending, size))
                }
                _ => error,
            })?;
        }
    }

    /// Fails when nothing can be sent any more.
    pub(super) fn check_open(&self, outbox: &Outbox) -> Result<()> {
        if self.ending.verdict().is_some() {
            return Err(self.ended_error());
        }
        match &outbox.failure {
            Some(failure) if outbox.resending.is_none() => Err(Error::clone(failure)),
            _ => Ok(()),
        }
    }

    /// Fails also during an outage and after our Close.
    pub(super) fn check_connected(&self, outbox: &Outbox) -> Result<()> {
        self.check_open(outbox)?;
        if outbox.is_between() || outbox.outgoing.closing().is_some() { Err(closing()) } else { Ok(()) }
    }

    /// Waits until bytes may have been sent since the ticket.
    pub(super) fn wait_sent<'a>(
        &'a self,
        outbox: &mut MutexGuard<'_, Outbox>,
        ticket: Ticket,
        waiter: &mut Option<Waiter<'a>>,
        deadline: Deadline,
    ) -> Result<()> {
        if deadline.has_passed() {
            return Err(Error::new(Kind::Timeout, "not everything was sent in time"));
        }
        outbox.waiting += 1;
        let outcome = match waiter {
            None => self.interrupts.begin().map(|begun| {
                *waiter = Some(begun);
                // The peer may not read before its own messages are read, which the driver does.
                self.wake_driver();
            }),
            Some(waiter) => waiter.check(),
        };
        if let Err(interrupted) = outcome {
            outbox.waiting -= 1;
            return Err(interrupted);
        }
        MutexGuard::unlocked(outbox, || self.sent.wait(ticket, deadline));
        outbox.waiting -= 1;
        Ok(())
    }
}

impl Obstacle {
    /// The message of the timeout error.
    fn late(&self, pending: usize, size: usize) -> String {
        match self {
            Self::Fragments => "the message that another thread sends in fragments was not complete in time".to_owned(),
            Self::Outage => "the connection was lost, and no new one was opened in time".to_owned(),
            Self::Full => format!("{pending} bytes wait to be sent: no room for {size} more in time"),
        }
    }
}

fn closing() -> Error {
    Error::new(Kind::Closed, "the session is closing: nothing more can be sent")
}
