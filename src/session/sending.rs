//! Sending on the caller's thread: one lock, one copy, one system call. What the kernel does not take at once stays queued,
//! and the driver sends it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::MutexGuard;

use super::coalescing::Departure;
use super::deadline::Deadline;
use super::flushing::Flushed;
use super::gate::Ticket;
use super::outbox::Outbox;
use super::{Session, interrupts::Waiter};
use crate::error::{Error, Kind, Result};
use crate::frame::Opcode;
use crate::transport::Readiness;

/// What is held back goes out when it is this much.
const HELD_BACK: usize = 32 * 1024;

/// How long a sender stays while the kernel takes nothing, before it leaves the rest to the driver; and how long in all.
const PATIENCE: Duration = Duration::from_millis(1);
const LONGEST_STAY: Duration = Duration::from_millis(20);

/// A message to send.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) opcode: Opcode,
    pub(crate) payload: &'a [u8],
    /// More follows: it need not go out now.
    pub(crate) corked: bool,
}

impl Item<'_> {
    /// A text must be UTF-8.
    pub(crate) fn check(&self) -> Result<()> {
        if self.opcode != Opcode::Text {
            return Ok(());
        }
        simdutf8::compat::from_utf8(self.payload).map(drop).map_err(|error| {
            let valid = error.valid_up_to();
            Error::new(Kind::InvalidArgument, format!("the text is not UTF-8 after byte {valid}"))
        })
    }
}

impl Session {
    /// Sends a message, which was checked, or on an error nothing of it.
    pub(crate) fn send(&self, item: Item<'_>, mut deadline: Deadline) -> Result<()> {
        let mut outbox = self.outbox.lock();
        self.wait_for_room(&mut outbox, item.payload.len(), &mut deadline)?;
        outbox.outgoing.send(item.opcode, item.payload)?;
        let queued = outbox.outgoing.queued();
        let departure = self.departure(&mut outbox, item.corked);
        drop(outbox);
        // With the kernel full, the driver sends it in its turn.
        if departure == Departure::Later || self.is_blocked.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.send_queued(queued, deadline)
    }

    /// Sends messages, which were checked, and counts those it takes.
    pub(crate) fn send_batch<'a>(
        &self,
        items: impl Iterator<Item = Item<'a>>,
        accepted: &mut usize,
        mut deadline: Deadline,
    ) -> Result<()> {
        let mut outbox = self.outbox.lock();
        let mut departure = Departure::Now;
        let outcome = items.into_iter().try_for_each(|item| {
            self.wait_for_room(&mut outbox, item.payload.len(), &mut deadline)?;
            outbox.outgoing.send(item.opcode, item.payload)?;
            *accepted += 1;
            departure = if item.corked { self.departure(&mut outbox, true) } else { Departure::Now };
            Ok(())
        });
        let queued = outbox.outgoing.queued();
        drop(outbox);
        if departure == Departure::Now {
            self.send_queued(queued, deadline)?;
        }
        outcome
    }

    /// Waits until the kernel has all that was queued before.
    pub(crate) fn flush_all(&self, deadline: Deadline) -> Result<()> {
        let deadline = deadline.fixed();
        let queued = self.outbox.lock().outgoing.queued();
        self.send_queued(queued, deadline)?;
        let mut waiter = None;
        let mut outbox = self.outbox.lock();
        loop {
            let ticket = self.sent.ticket();
            if outbox.outgoing.sent() >= queued && !outbox.holds_records {
                break;
            }
            self.check_open(&outbox)?;
            self.wait_sent(&mut outbox, ticket, &mut waiter, deadline)?;
        }
        outbox.failure.clone().map_or(Ok(()), Err)
    }

    /// Bytes that wait to be sent, headers included.
    pub(crate) fn buffered(&self) -> usize {
        self.outbox.lock().outgoing.pending()
    }

    /// How long a send waits that does not say so itself.
    pub(crate) fn send_deadline(&self) -> Deadline {
        self.send_timeout.map_or(Deadline::Never, Deadline::Within)
    }

    /// When what was just queued goes out. If later, whoever lets it go knows of it.
    fn departure(&self, outbox: &mut Outbox, corked: bool) -> Departure {
        let received = self.has_received.load(Ordering::Relaxed) && self.has_received.swap(false, Ordering::Relaxed);
        if outbox.coalescing.queued(received, corked) == Departure::Now || outbox.outgoing.unloaded() >= HELD_BACK {
            return Departure::Now;
        }
        if !outbox.coalescing.is_watched {
            let watched = self.me.upgrade().is_some_and(|session| self.backstop.watch(session));
            if !watched {
                return Departure::Now;
            }
            outbox.coalescing.is_watched = true;
        }
        self.holds_back.store(true, Ordering::Relaxed);
        Departure::Later
    }

    /// Sends what is queued. As long as the kernel takes some of it now and then, this thread stays until everything up
    /// to `queued` is gone; that is quicker than to have another one wake up for it.
    fn send_queued(&self, queued: u64, deadline: Deadline) -> Result<()> {
        let (mut sent, mut until) = (None, None);
        loop {
            if self.flush() == Flushed::Done {
                return Ok(());
            }
            let outbox = self.outbox.lock();
            if let Some(failure) = outbox.failure.clone() {
                drop(outbox);
                self.wake.notify_one();
                return Err(failure);
            }
            let now_sent = outbox.outgoing.sent();
            drop(outbox);
            let until = *until.get_or_insert_with(|| {
                Deadline::Within(deadline.left().map_or(LONGEST_STAY, |left| left.min(LONGEST_STAY))).fixed()
            });
            let moves = sent.replace(now_sent) != Some(now_sent);
            let socket = self.socket.lock().clone();
            let left = until.left().unwrap_or(PATIENCE);
            let stays = now_sent < queued && moves && !left.is_zero() && self.ending.verdict().is_none();
            match socket.filter(|_| stays) {
                // An error is for the driver to meet.
                Some(socket) => drop(socket.wait(Readiness::Send, None, Some(left.min(PATIENCE)))),
                None => {
                    self.wake.notify_one();
                    return Ok(());
                }
            }
        }
    }

    /// Waits until `size` bytes fit: into an empty queue any size does.
    fn wait_for_room(&self, outbox: &mut MutexGuard<'_, Outbox>, size: usize, deadline: &mut Deadline) -> Result<()> {
        let mut waiter = None;
        loop {
            let ticket = self.sent.ticket();
            self.check_open(outbox)?;
            if outbox.outgoing.closing().is_some() {
                return Err(Error::new(Kind::Closed, "the session is closing: nothing more can be sent"));
            }
            // Pongs have a bound of their own.
            let pending = outbox.outgoing.pending_data();
            if pending == 0 || pending.saturating_add(size) <= self.outgoing_bytes {
                return Ok(());
            }
            *deadline = deadline.fixed();
            if waiter.is_none() || deadline.has_passed() {
                // What is held back takes room; and the kernel takes some before it says that it would.
                MutexGuard::unlocked(outbox, || self.flush_or_leave());
                if outbox.outgoing.pending_data() < pending {
                    continue;
                }
            }
            self.wait_sent(outbox, ticket, &mut waiter, *deadline).map_err(|error| match error.kind {
                Kind::Timeout => {
                    let message = format!("{pending} bytes wait to be sent: no room for {size} more in time");
                    Error::new(Kind::Timeout, message)
                }
                _ => error,
            })?;
        }
    }

    /// An error when nothing can be sent any more.
    fn check_open(&self, outbox: &Outbox) -> Result<()> {
        if self.ending.verdict().is_some() {
            return Err(self.ended_error());
        }
        outbox.failure.clone().map_or(Ok(()), Err)
    }

    /// Waits until something went out since the ticket, or may have.
    fn wait_sent<'a>(
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
                // The peer may wait until it is read from, and this thread does not.
                self.wake.notify_one();
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
