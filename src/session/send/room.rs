//! Waits until a message may be queued: for room in the queue, for the end of another thread's message in fragments, or for the
//! next connection.

use std::sync::atomic::Ordering;

use super::queue::SendQueue;
use super::resend::Unsent;
use crate::error::{Error, Kind, Result};
use crate::lock::MutexGuard;
use crate::protocol::encoder::OutboundMessage;
use crate::session::Session;
use crate::session::config::queue_bounds::{QueueBounds, QueuePolicy};
use crate::session::deadline::Deadline;
use crate::session::event_count::WaitKey;
use crate::session::interrupt::Waiter;

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
    pub(crate) fn has_room(&self, send_queue: &SendQueue, size: usize) -> bool {
        let QueueBounds { messages, bytes, policy } = self.shared_options.outgoing;
        let outgoing = &send_queue.outgoing;
        let (waiting_messages, waiting_bytes) = match policy {
            // Messages that are being written cannot be dropped.
            QueuePolicy::DropOldest => outgoing.waiting_messages(),
            // Pongs have a bound of their own.
            QueuePolicy::Wait | QueuePolicy::Close => (outgoing.pending_messages(), outgoing.pending_data()),
        };
        let has_room =
            waiting_bytes == 0 || (waiting_bytes.saturating_add(size) <= bytes && waiting_messages < messages);
        // Messages that are kept until they are sent use memory twice. A message in fragments is kept as a whole.
        has_room && send_queue.unsent().is_none_or(|unsent| unsent.has_room(size, bytes, false))
    }

    /// Whether `size` bytes may be kept for the next connection.
    fn may_keep(&self, send_queue: &SendQueue, size: usize) -> bool {
        let QueueBounds { messages, bytes, .. } = self.shared_options.outgoing;
        let fits =
            |unsent: &Unsent| unsent.has_room(size, bytes, true) && (unsent.count() == 0 || unsent.count() < messages);
        send_queue.is_away() && send_queue.unsent().is_some_and(fits)
    }

    /// After a message found no room, makes the listener's `writable` due once half of the room is free.
    pub(crate) fn record_room(&self, send_queue: &mut SendQueue) {
        let half = self.shared_options.outgoing.bytes / 2;
        if send_queue.wants_room
            && send_queue.outgoing.pending_data() <= half
            && send_queue.unsent().is_none_or(|unsent| unsent.has_room(0, half, false))
        {
            send_queue.wants_room = false;
            self.listener.is_writable.store(true, Ordering::Release);
        }
    }

    /// Waits until a message or a fragment may be queued. With a full queue it waits, drops the oldest messages or ends the session,
    /// as the policy says.
    pub(crate) fn wait_for_room(
        &self,
        send_queue: &mut MutexGuard<'_, SendQueue>,
        outbound: &OutboundMessage<'_>,
        deadline: &mut Deadline,
    ) -> Result<()> {
        let size = outbound.payload.len();
        let mut waiter = None;
        let mut has_flushed = false;
        loop {
            let wait_key = self.send.sent.wait_key();
            self.check_open(send_queue)?;
            let is_reconnecting = send_queue.is_reconnecting();
            if !is_reconnecting && send_queue.outgoing.closing().is_some() {
                return Err(closing());
            }
            let obstacle = if !send_queue.fragments.admit(outbound)? {
                Obstacle::Fragments
            } else if is_reconnecting && self.may_keep(send_queue, size) {
                return Ok(());
            } else if is_reconnecting {
                Obstacle::Outage
            } else if self.has_room(send_queue, size) {
                return Ok(());
            } else {
                Obstacle::Full
            };
            let pending = send_queue.outgoing.pending_data();
            if !is_reconnecting && (!has_flushed || deadline.has_passed()) {
                // Coalesced messages take room, and the kernel may accept bytes before the driver learns of it.
                MutexGuard::unlocked(send_queue, || self.flush_or_leave());
                if !std::mem::replace(&mut has_flushed, true) || send_queue.outgoing.pending_data() < pending {
                    continue;
                }
            }
            if let Obstacle::Full = obstacle {
                match self.shared_options.outgoing.policy {
                    QueuePolicy::Wait => {}
                    QueuePolicy::Close => {
                        let error = "the outgoing queue overflowed";
                        MutexGuard::unlocked(send_queue, || self.overflow(error, "Outgoing queue overflow"));
                        return Err(self.ended_error());
                    }
                    QueuePolicy::DropOldest => {
                        while !self.has_room(send_queue, size) && send_queue.outgoing.drop_oldest() {}
                        return Ok(());
                    }
                }
            }
            *deadline = deadline.fixed();
            self.wait_sent(send_queue, wait_key, &mut waiter, *deadline).map_err(|error| match error.kind {
                Kind::Timeout => {
                    send_queue.wants_room = true;
                    Error::new(Kind::Timeout, obstacle.late(pending, size))
                }
                _ => error,
            })?;
        }
    }

    /// Fails when nothing can be sent any more.
    pub(crate) fn check_open(&self, send_queue: &SendQueue) -> Result<()> {
        if self.close_state.close_outcome().is_some() {
            return Err(self.ended_error());
        }
        match &send_queue.failure {
            Some(failure) if send_queue.resending.is_none() => Err(Error::clone(failure)),
            _ => Ok(()),
        }
    }

    /// Fails also during an outage and after our Close.
    pub(crate) fn check_connected(&self, send_queue: &SendQueue) -> Result<()> {
        self.check_open(send_queue)?;
        if send_queue.is_reconnecting() || send_queue.outgoing.closing().is_some() { Err(closing()) } else { Ok(()) }
    }

    /// Waits until bytes may have been sent since the key.
    pub(crate) fn wait_sent<'a>(
        &'a self,
        send_queue: &mut MutexGuard<'_, SendQueue>,
        wait_key: WaitKey,
        waiter: &mut Option<Waiter<'a>>,
        deadline: Deadline,
    ) -> Result<()> {
        if deadline.has_passed() {
            return Err(Error::new(Kind::Timeout, "not everything was sent in time"));
        }
        send_queue.waiting += 1;
        let outcome = match waiter {
            None => self.interrupts.begin().map(|begun| {
                *waiter = Some(begun);
                // The peer may not read before its own messages are read, which the driver does.
                self.wake_driver();
            }),
            Some(waiter) => waiter.check(),
        };
        if let Err(interrupted) = outcome {
            send_queue.waiting -= 1;
            return Err(interrupted);
        }
        MutexGuard::unlocked(send_queue, || self.send.sent.wait(wait_key, deadline));
        send_queue.waiting -= 1;
        Ok(())
    }
}

impl Obstacle {
    /// The message of the timeout error.
    fn late(&self, pending: usize, size: usize) -> String {
        match self {
            Self::Fragments => "another thread did not complete its message in fragments in time".to_owned(),
            Self::Outage => "the connection was lost, and no new one was opened in time".to_owned(),
            Self::Full => format!("{pending} bytes wait to be sent: no room for {size} more in time"),
        }
    }
}

fn closing() -> Error {
    Error::new(Kind::Closed, "the session is closing: nothing more can be sent")
}
