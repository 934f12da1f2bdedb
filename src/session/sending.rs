//! Sending on the caller's thread: one lock, one copy, one system call. What the kernel does not take at once stays queued,
//! and the driver sends it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::lock::{Mutex, MutexGuard};

use super::coalescing::Departure;
use super::deadline::Deadline;
use super::flushing::Flushed;
use super::gate::Ticket;
use super::outbox::Outbox;
use super::queue_bounds::{QueueBounds, QueuePolicy};
use super::{Session, interrupts::Waiter};
use crate::error::{Error, Kind, Result};
use crate::frame::{MAX_CONTROL_PAYLOAD, Opcode};
use crate::protocol::outgoing::{Outbound, Part};
use crate::protocol::{Encoders, Piece};
use crate::transport::Readiness;

/// What is held back goes out when it is this much.
const HELD_BACK: usize = 32 * 1024;

/// How long a sender stays while the kernel takes nothing, before it leaves the rest to the driver; and how long in all.
const PATIENCE: Duration = Duration::from_millis(1);
const LONGEST_STAY: Duration = Duration::from_millis(20);

/// A message to send, or a part of one.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) outbound: Outbound<'a>,
    /// More follows: it need not go out now.
    pub(crate) corked: bool,
    /// Extensions may compress it.
    pub(crate) compress: bool,
}

impl<'a> Item<'a> {
    /// A whole text must be UTF-8; parts are looked at together.
    pub(crate) fn new(opcode: Opcode, payload: &'a [u8], part: Part) -> Result<Self> {
        let mut outbound = Outbound { opcode, payload, part, is_utf8: true };
        if opcode == Opcode::Text {
            match simdutf8::compat::from_utf8(payload) {
                Ok(_) => {}
                Err(_) if part != Part::Whole => outbound.is_utf8 = false,
                Err(error) => {
                    let valid = error.valid_up_to();
                    let message = format!("the text is not UTF-8 after byte {valid}");
                    return Err(Error::new(Kind::InvalidArgument, message));
                }
            }
        }
        Ok(Self { outbound, corked: false, compress: true })
    }
}

impl Session {
    /// Sends a message, which was checked, or on an error nothing of it.
    pub(crate) fn send(&self, item: Item<'_>, mut deadline: Deadline) -> Result<()> {
        let mut outbox = self.outbox.lock();
        self.queue(&mut outbox, &item, &mut deadline)?;
        if outbox.is_away() {
            return Ok(());
        }
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
            self.queue(&mut outbox, &item, &mut deadline)?;
            *accepted += 1;
            departure = if item.corked { self.departure(&mut outbox, true) } else { Departure::Now };
            Ok(())
        });
        let queued = outbox.outgoing.queued();
        let is_away = outbox.is_away();
        drop(outbox);
        if departure == Departure::Now && !is_away {
            self.send_queued(queued, deadline)?;
        }
        outcome
    }

    /// Sends a ping or pong, ahead of messages.
    pub(crate) fn send_control(&self, opcode: Opcode, payload: &[u8]) -> Result<()> {
        if payload.len() > MAX_CONTROL_PAYLOAD {
            let size = payload.len();
            let message = format!("a {opcode:?} with {size} bytes, {MAX_CONTROL_PAYLOAD} fit");
            return Err(Error::new(Kind::InvalidArgument, message));
        }
        let deadline = self.send_deadline().fixed();
        let mut waiter = None;
        let mut outbox = self.outbox.lock();
        loop {
            let ticket = self.sent.ticket();
            self.check_open(&outbox)?;
            if !outbox.is_clogged() && !outbox.is_between() {
                break;
            }
            self.wait_sent(&mut outbox, ticket, &mut waiter, deadline)?;
        }
        outbox.outgoing.queue_control(opcode, payload)?;
        drop(outbox);
        self.flush_or_leave();
        Ok(())
    }

    /// Queues a message or a part of one, waiting for room.
    #[inline]
    fn queue(&self, outbox: &mut MutexGuard<'_, Outbox>, item: &Item<'_>, deadline: &mut Deadline) -> Result<()> {
        self.wait_for_room(outbox, item.outbound.payload.len(), deadline)?;
        if outbox.resending.is_some() {
            return self.queue_to_resend(outbox, item, deadline);
        }
        self.queue_now(outbox, item, deadline)
    }

    #[inline]
    fn queue_now(&self, outbox: &mut MutexGuard<'_, Outbox>, item: &Item<'_>, deadline: &mut Deadline) -> Result<()> {
        match &self.encoders {
            None => {
                let admitted = outbox.outgoing.admit(&item.outbound)?;
                outbox.outgoing.queue(admitted, 0, item.outbound.payload)
            }
            Some(encoders) => self.queue_encoded(outbox, encoders, item, deadline),
        }
    }

    /// The same in a session that reconnects.
    #[cold]
    fn queue_to_resend(
        &self,
        outbox: &mut MutexGuard<'_, Outbox>,
        item: &Item<'_>,
        deadline: &mut Deadline,
    ) -> Result<()> {
        outbox.forget_sent();
        let Some(resending) = &mut outbox.resending else { return Ok(()) };
        resending.check_whole(item.outbound.part)?;
        if let Some(unsent) = &mut resending.unsent
            && (resending.is_away || unsent.is_holding())
        {
            if !unsent.keep(item, u64::MAX, true)? {
                return Ok(());
            }
            if resending.is_away {
                outbox.count_kept();
                return Ok(());
            }
            // Its beginning was held through an outage that is over.
            let Some(whole) = unsent.take_last() else { return Ok(()) };
            let mut item = Item::new(whole.opcode, &whole.payload, Part::Whole)?;
            item.compress = whole.compress;
            self.queue_to_resend(outbox, &item, deadline)?;
            outbox.outgoing.uncount(whole.counted);
            return Ok(());
        }
        match self.queue_now(outbox, item, deadline) {
            // It was lost while the message was encoded.
            Err(Error { kind: Kind::Closed, .. }) if outbox.is_between() => {
                self.wait_for_room(outbox, item.outbound.payload.len(), deadline)?;
                return self.queue_to_resend(outbox, item, deadline);
            }
            outcome => outcome?,
        }
        let (end, is_away) = (outbox.outgoing.queued(), outbox.is_away());
        if let Some(unsent) = outbox.unsent() {
            unsent.keep(item, end, false)?;
            if is_away {
                // Lost while this part was encoded: the others must not go to another connection without it.
                unsent.hold();
            }
        }
        Ok(())
    }

    /// Encodes without the outbox, which others need for moments only, and keeps the encoders until the message is
    /// queued, so that messages go out in the order in which they were encoded.
    fn queue_encoded(
        &self,
        outbox: &mut MutexGuard<'_, Outbox>,
        encoders: &Mutex<Encoders>,
        item: &Item<'_>,
        deadline: &mut Deadline,
    ) -> Result<()> {
        let Item { outbound, compress, .. } = *item;
        let mut encoders = loop {
            let locked = MutexGuard::unlocked(outbox, || encoders.lock());
            if self.has_room(outbox, outbound.payload.len()) {
                break locked;
            }
            drop(locked);
            self.wait_for_room(outbox, outbound.payload.len(), deadline)?;
        };
        let admitted = outbox.outgoing.admit(&outbound)?;
        let piece = Piece {
            opcode: outbound.opcode,
            payload: outbound.payload,
            first: admitted.first,
            last: admitted.last,
            compress,
        };
        let outcome = match MutexGuard::unlocked(outbox, || encoders.encode(piece)) {
            Ok((rsv, payload)) => outbox.outgoing.queue(admitted, rsv, payload),
            Err(error) => Err(error),
        };
        if outcome.is_err() || self.terms.outgoing.policy == QueuePolicy::DropOldest {
            encoders.forget();
        }
        outcome
    }

    /// Waits until the kernel has all that was queued before.
    pub(crate) fn flush_all(&self, deadline: Deadline) -> Result<()> {
        let deadline = deadline.fixed();
        let (queued, control, losses) = {
            let outbox = self.outbox.lock();
            let totals = *outbox.outgoing.totals();
            (totals.bytes, totals.control_bytes, outbox.losses())
        };
        self.send_queued(queued, deadline)?;
        let mut waiter = None;
        let mut outbox = self.outbox.lock();
        loop {
            let ticket = self.sent.ticket();
            outbox.forget_sent();
            let sent = match outbox.kept() {
                Some(_) => !outbox.has_unsent() && !outbox.is_away(),
                None => outbox.outgoing.sent() >= queued && outbox.outgoing.sent_control() >= control,
            };
            if outbox.losses() != losses && outbox.kept().is_none() {
                return Err(Error::new(Kind::Io, "the connection was lost with what was queued"));
            }
            if sent && !outbox.holds_records {
                break;
            }
            self.check_open(&outbox)?;
            self.wait_sent(&mut outbox, ticket, &mut waiter, deadline)?;
        }
        outbox.failure.as_deref().cloned().map_or(Ok(()), Err)
    }

    /// Bytes that wait to be sent, headers included.
    pub(crate) fn buffered(&self) -> usize {
        let outbox = self.outbox.lock();
        if outbox.is_away() { outbox.kept().map_or(0, |(_, bytes)| bytes) } else { outbox.outgoing.pending() }
    }

    /// How long a send waits that does not say so itself.
    pub(crate) fn send_deadline(&self) -> Deadline {
        self.terms.send_timeout.map_or(Deadline::Never, Deadline::Within)
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
            if let Some(failure) = outbox.failure.as_deref().cloned() {
                let goes_on = outbox.resending.is_some();
                drop(outbox);
                self.wake_driver();
                // The session may go on, and the message with it.
                return if goes_on { Ok(()) } else { Err(failure) };
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
                    self.wake_driver();
                    return Ok(());
                }
            }
        }
    }

    /// Whether `size` bytes fit: into an empty queue any size does.
    fn has_room(&self, outbox: &Outbox, size: usize) -> bool {
        let QueueBounds { messages, bytes, policy } = self.terms.outgoing;
        let outgoing = &outbox.outgoing;
        let (waiting_messages, waiting_bytes) = match policy {
            // What is under way cannot be dropped any more.
            QueuePolicy::DropOldest => outgoing.unloaded_messages(),
            // Pongs have a bound of their own.
            QueuePolicy::Wait | QueuePolicy::Close => (outgoing.pending_messages(), outgoing.pending_data()),
        };
        waiting_bytes == 0 || (waiting_bytes.saturating_add(size) <= bytes && waiting_messages < messages)
    }

    /// Whether `size` bytes may wait for another connection.
    fn may_keep(&self, outbox: &Outbox, size: usize) -> bool {
        let QueueBounds { messages, bytes, .. } = self.terms.outgoing;
        outbox.is_away()
            && outbox
                .kept()
                .is_some_and(|(count, kept)| kept == 0 || (kept.saturating_add(size) <= bytes && count < messages))
    }

    /// Waits until `size` bytes fit, or makes room for them, or ends the session.
    fn wait_for_room(&self, outbox: &mut MutexGuard<'_, Outbox>, size: usize, deadline: &mut Deadline) -> Result<()> {
        let mut waiter = None;
        let mut has_flushed = false;
        loop {
            let ticket = self.sent.ticket();
            self.check_open(outbox)?;
            if outbox.is_between() {
                if self.may_keep(outbox, size) {
                    return Ok(());
                }
                *deadline = deadline.fixed();
                self.wait_sent(outbox, ticket, &mut waiter, *deadline).map_err(|error| match error.kind {
                    Kind::Timeout => {
                        outbox.wants_room = true;
                        Error::new(Kind::Timeout, "the connection was lost, and there was no other one in time")
                    }
                    _ => error,
                })?;
                continue;
            }
            if outbox.outgoing.closing().is_some() {
                return Err(Error::new(Kind::Closed, "the session is closing: nothing more can be sent"));
            }
            if self.has_room(outbox, size) {
                return Ok(());
            }
            let pending = outbox.outgoing.pending_data();
            if !has_flushed || deadline.has_passed() {
                // What is held back takes room; and the kernel takes some before it says that it would.
                MutexGuard::unlocked(outbox, || self.flush_or_leave());
                if outbox.outgoing.pending_data() < pending {
                    continue;
                }
                has_flushed = true;
            }
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
            *deadline = deadline.fixed();
            self.wait_sent(outbox, ticket, &mut waiter, *deadline).map_err(|error| match error.kind {
                Kind::Timeout => {
                    outbox.wants_room = true;
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
        match &outbox.failure {
            Some(failure) if outbox.resending.is_none() => Err(Error::clone(failure)),
            _ => Ok(()),
        }
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
