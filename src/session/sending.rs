//! Sending on the caller's thread: one lock, one copy, one system call. What the kernel does not take at once stays queued,
//! and the driver sends it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::lock::{Mutex, MutexGuard};

use super::coalescing::Departure;
use super::deadline::Deadline;
use super::flushing::Flushed;
use super::outbox::Outbox;
use super::queue_bounds::QueuePolicy;
use super::unsent::Unsent;
use super::{CompressionFilter, Session};
use crate::error::{Error, Kind, Result};
use crate::frame::{MAX_CONTROL_PAYLOAD, Opcode};
use crate::protocol::encoder::OutboundMessage;
use crate::protocol::{Encoders, MessageChunk};
use crate::transport::Readiness;

/// What is held back goes out when it is this much.
const HELD_BACK: usize = 32 * 1024;

/// How long a sender stays while the kernel takes nothing, before it leaves the rest to the driver; and how long in all.
const PATIENCE: Duration = Duration::from_millis(1);
const LONGEST_STAY: Duration = Duration::from_millis(20);

/// A message to send, or a fragment of one.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) outbound: OutboundMessage<'a>,
    /// More messages follow: it need not be sent now.
    pub(crate) corked: bool,
    /// Extensions may compress it.
    pub(crate) compress: bool,
}

impl<'a> Item<'a> {
    /// A whole text must be UTF-8; of fragments the whole message must be. `fin`: it ends its message.
    pub(crate) fn new(opcode: Opcode, payload: &'a [u8], fin: bool) -> Result<Self> {
        let mut outbound = OutboundMessage { opcode, payload, fin, is_utf8: true };
        if opcode == Opcode::Text {
            match simdutf8::compat::from_utf8(payload) {
                Ok(_) => {}
                Err(_) if !fin => outbound.is_utf8 = false,
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
        let item = self.filtered(item);
        let mut outbox = self.outbox.lock();
        self.queue(&mut outbox, &item, &mut deadline)?;
        if outbox.is_away() {
            return Ok(());
        }
        let queued = outbox.outgoing.queued();
        // A fragment is sent at once: the peer may need it before the message is complete.
        let is_fragment = !item.outbound.is_whole();
        let departure = if is_fragment { Departure::Now } else { self.departure(&mut outbox, item.corked) };
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
            let item = match &self.filter {
                None => item,
                Some(_) => MutexGuard::unlocked(&mut outbox, || self.filtered(item)),
            };
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

    /// Calls the application's compression filter, with no lock held.
    fn filtered<'a>(&self, item: Item<'a>) -> Item<'a> {
        let Some(CompressionFilter { min_size, wants }) = &self.filter else { return item };
        let OutboundMessage { opcode, payload, fin, .. } = item.outbound;
        let is_small = fin && (payload.is_empty() || payload.len() < *min_size);
        let is_asked = item.compress && item.outbound.is_first() && !is_small;
        Item { compress: item.compress && (!is_asked || wants(opcode, payload)), ..item }
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

    /// Queues a message or a fragment of one, waiting for its turn and for room.
    #[inline]
    fn queue(&self, outbox: &mut MutexGuard<'_, Outbox>, item: &Item<'_>, deadline: &mut Deadline) -> Result<()> {
        self.wait_for_room(outbox, &item.outbound, deadline)?;
        if outbox.resending.is_some() {
            self.queue_to_resend(outbox, item, deadline)?;
        } else {
            self.queue_now(outbox, item, deadline)?;
        }
        self.note_fragment(outbox, &item.outbound);
        Ok(())
    }

    /// Records that it was queued or kept. After the last fragment of a message, wakes waiting senders.
    #[inline]
    fn note_fragment(&self, outbox: &mut Outbox, outbound: &OutboundMessage<'_>) {
        if outbox.fragments.note(outbound) && outbox.waiting > 0 {
            self.sent.open_for_all();
        }
    }

    #[inline]
    fn queue_now(&self, outbox: &mut MutexGuard<'_, Outbox>, item: &Item<'_>, deadline: &mut Deadline) -> Result<()> {
        match &self.encoders {
            None => {
                let admitted = outbox.outgoing.permit(&item.outbound)?;
                outbox.queue(admitted, 0, item.outbound.payload, item)
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
        let is_away = resending.is_away;
        if let Some(unsent) = &mut resending.unsent
            && (is_away || unsent.is_holding())
        {
            unsent.prepare(item.outbound.payload)?;
            let is_complete = unsent.keep(item, u64::MAX, true);
            if item.outbound.fin {
                // The message is over even if it is refused.
                self.note_fragment(outbox, &item.outbound);
            }
            if !is_complete? {
                return Ok(());
            }
            if is_away {
                outbox.count_kept();
                return Ok(());
            }
            // Its beginning was held through an outage that is over.
            let Some(whole) = outbox.unsent_mut().and_then(Unsent::take_last) else { return Ok(()) };
            let mut item = Item::new(whole.opcode, &whole.payload, true)?;
            item.compress = whole.compress;
            self.queue_to_resend(outbox, &item, deadline)?;
            outbox.outgoing.subtract_counted(whole.counted);
            return Ok(());
        }
        match self.queue_now(outbox, item, deadline) {
            // It was lost while the message was encoded.
            Err(Error { kind: Kind::Closed, .. }) if outbox.is_between() => {
                self.wait_for_room(outbox, &item.outbound, deadline)?;
                self.queue_to_resend(outbox, item, deadline)
            }
            outcome => outcome,
        }
    }

    /// Encodes without the outbox, which others need for moments only, and keeps the encoders until the message is
    /// queued, so that messages go out in the order in which they were encoded. Threads that find them locked wait at `sent`.
    fn queue_encoded(
        &self,
        outbox: &mut MutexGuard<'_, Outbox>,
        encoders: &Mutex<Encoders>,
        item: &Item<'_>,
        deadline: &mut Deadline,
    ) -> Result<()> {
        let Item { outbound, compress, .. } = *item;
        let mut encoders = loop {
            let ticket = self.sent.ticket();
            let Some(locked) = encoders.try_lock() else {
                *deadline = deadline.fixed();
                // A call is one waiter at a time, so that it returns an interrupt once: `wait_for_room` is one of its own.
                self.wait_sent(outbox, ticket, &mut None, *deadline).map_err(amid_encoding)?;
                self.wait_for_room(outbox, &outbound, deadline)?;
                continue;
            };
            self.check_connected(outbox)?;
            if outbox.fragments.admit(&outbound)? && self.has_room(outbox, outbound.payload.len()) {
                break locked;
            }
            drop(locked);
            self.wait_for_room(outbox, &outbound, deadline)?;
        };
        let admitted = outbox.outgoing.permit(&outbound)?;
        let (opcode, first, last) = (admitted.opcode, admitted.first, admitted.last);
        let piece = MessageChunk { opcode, payload: outbound.payload, first, last, compress };
        let outcome = match MutexGuard::unlocked(outbox, || encoders.encode(piece)) {
            // The session may be closing by now, or its connection be lost.
            Ok((rsv, payload)) => {
                self.check_connected(outbox).and_then(|()| outbox.queue(admitted, rsv, payload, item))
            }
            Err(error) => Err(error),
        };
        if outcome.is_err() || self.terms.outgoing.policy == QueuePolicy::DropOldest {
            encoders.discard();
        }
        outbox.encoded = encoders.stats();
        drop(encoders);
        if outbox.waiting > 0 {
            self.sent.open_for_all();
        }
        outcome
    }

    /// Waits until the kernel has all that was queued before.
    pub(crate) fn flush_all(&self, deadline: Deadline) -> Result<()> {
        let deadline = deadline.fixed();
        let (queued, control, losses, kept) = {
            let outbox = self.outbox.lock();
            let totals = *outbox.outgoing.totals();
            let kept = outbox.unsent().map_or(0, |unsent| unsent.total());
            (totals.bytes, totals.control_bytes, outbox.losses(), kept)
        };
        self.send_queued(queued, deadline)?;
        let mut waiter = None;
        let mut outbox = self.outbox.lock();
        loop {
            let ticket = self.sent.ticket();
            outbox.forget_sent();
            let is_away = outbox.is_away();
            let sent = match outbox.unsent() {
                Some(unsent) => unsent.has_sent(kept) && !is_away,
                None => outbox.has_sent(queued, control),
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

    /// When the message that was just queued is sent. For `Later`, the backstop is set to send it.
    fn departure(&self, outbox: &mut Outbox, corked: bool) -> Departure {
        let received = self.has_received.load(Ordering::Relaxed) && self.has_received.swap(false, Ordering::Relaxed);
        if outbox.coalescing.queued(received, corked) == Departure::Now || outbox.outgoing.waiting_bytes() >= HELD_BACK
        {
            return Departure::Now;
        }
        if !outbox.coalescing.is_watched {
            let watched = self.me.upgrade().is_some_and(|session| self.runtime.backstop().watch(session));
            if !watched {
                return Departure::Now;
            }
            outbox.coalescing.is_watched = true;
        }
        self.holds_back.store(true, Ordering::Relaxed);
        Departure::Later
    }

    /// Sends what is queued. As long as the kernel takes some of it now and then, this thread stays until everything up
    /// to `queued` is sent, which is faster than waking another thread.
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
                // The driver handles errors.
                Some(socket) => drop(socket.wait(Readiness::Send, None, Some(left.min(PATIENCE)))),
                None => {
                    self.wake_driver();
                    return Ok(());
                }
            }
        }
    }
}

/// Says what a sender has waited for that found the encoders locked.
fn amid_encoding(error: Error) -> Error {
    match error.kind {
        Kind::Timeout => Error::new(Kind::Timeout, "another thread did not finish encoding its message in time"),
        _ => error,
    }
}
