//! Sends on the caller's thread: one lock, one copy, one system call. Bytes that the kernel does not accept at once stay queued,
//! and the driver sends them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::lock::{Mutex, MutexGuard};

use super::coalescing::FlushTiming;
use super::flush::Flushed;
use super::message::Item;
use super::queue::SendQueue;
use super::resend::Unsent;
use crate::error::{Error, Kind, Result};
use crate::frame::{MAX_CONTROL_PAYLOAD, Opcode};
use crate::protocol::encoder::OutboundMessage;
use crate::protocol::{Encoders, MessageChunk};
use crate::session::CompressionFilter;
use crate::session::Session;
use crate::session::config::queue_bounds::QueuePolicy;
use crate::session::deadline::Deadline;
use crate::transport::Readiness;

/// Bytes that are held back are sent when there are this many.
const HELD_BACK: usize = 32 * 1024;

/// How long a sender waits while the kernel accepts nothing, before it leaves the rest to the driver; and how long in total.
const PATIENCE: Duration = Duration::from_millis(1);
const LONGEST_STAY: Duration = Duration::from_millis(20);

impl Session {
    /// Sends a checked message. On an error, sends nothing of it.
    pub(crate) fn send(&self, item: Item<'_>, mut deadline: Deadline) -> Result<()> {
        let item = self.filtered(item);
        let mut send_queue = self.send.queue.lock();
        self.queue(&mut send_queue, &item, &mut deadline)?;
        if send_queue.is_away() {
            return Ok(());
        }
        let queued = send_queue.outgoing.queued();
        // A fragment is sent at once: the peer may need it before the message is complete.
        let is_fragment = !item.outbound.is_whole();
        let flush_timing = if is_fragment { FlushTiming::Now } else { self.flush_timing(&mut send_queue, item.corked) };
        drop(send_queue);
        // If the kernel accepts nothing, the driver sends it.
        if flush_timing == FlushTiming::Later || self.send.is_blocked.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.send_queued(queued, deadline)
    }

    /// Sends checked messages. Adds the number of those that were queued to `accepted`.
    pub(crate) fn send_batch<'a>(
        &self,
        items: impl Iterator<Item = Item<'a>>,
        accepted: &mut usize,
        mut deadline: Deadline,
    ) -> Result<()> {
        let mut send_queue = self.send.queue.lock();
        let mut flush_timing = FlushTiming::Now;
        let outcome = items.into_iter().try_for_each(|item| {
            let item = match &self.send.filter {
                None => item,
                Some(_) => MutexGuard::unlocked(&mut send_queue, || self.filtered(item)),
            };
            self.queue(&mut send_queue, &item, &mut deadline)?;
            *accepted += 1;
            flush_timing = if item.corked { self.flush_timing(&mut send_queue, true) } else { FlushTiming::Now };
            Ok(())
        });
        let queued = send_queue.outgoing.queued();
        let is_away = send_queue.is_away();
        drop(send_queue);
        if flush_timing == FlushTiming::Now && !is_away {
            self.send_queued(queued, deadline)?;
        }
        outcome
    }

    /// Calls the application's compression filter, with no lock held.
    fn filtered<'a>(&self, item: Item<'a>) -> Item<'a> {
        let Some(CompressionFilter { min_size, predicate }) = &self.send.filter else { return item };
        let OutboundMessage { opcode, payload, fin, .. } = item.outbound;
        let is_small = fin && (payload.is_empty() || payload.len() < *min_size);
        let is_filtered = item.compress && item.outbound.is_first() && !is_small;
        Item { compress: item.compress && (!is_filtered || predicate(opcode, payload)), ..item }
    }

    /// Sends a ping or pong, ahead of queued messages.
    pub(crate) fn send_control(&self, opcode: Opcode, payload: &[u8], deadline: Deadline) -> Result<()> {
        if payload.len() > MAX_CONTROL_PAYLOAD {
            let size = payload.len();
            let message = format!("a {opcode:?} with {size} bytes: at most {MAX_CONTROL_PAYLOAD} fit");
            return Err(Error::new(Kind::InvalidArgument, message));
        }
        let deadline = deadline.fixed();
        let mut waiter = None;
        let mut send_queue = self.send.queue.lock();
        loop {
            let wait_key = self.send.sent.wait_key();
            self.check_open(&send_queue)?;
            if !send_queue.control_backlogged() && !send_queue.is_reconnecting() {
                break;
            }
            self.wait_sent(&mut send_queue, wait_key, &mut waiter, deadline)?;
        }
        send_queue.outgoing.queue_control(opcode, payload)?;
        drop(send_queue);
        self.flush_or_leave();
        Ok(())
    }

    /// Queues a message or a fragment. Waits until it may be queued and there is room.
    #[inline]
    fn queue(
        &self,
        send_queue: &mut MutexGuard<'_, SendQueue>,
        item: &Item<'_>,
        deadline: &mut Deadline,
    ) -> Result<()> {
        self.wait_for_room(send_queue, &item.outbound, deadline)?;
        if send_queue.resending.is_some() {
            self.queue_to_resend(send_queue, item, deadline)?;
        } else {
            self.queue_now(send_queue, item, deadline)?;
        }
        self.record_fragment(send_queue, &item.outbound);
        Ok(())
    }

    /// Records that a fragment was queued or kept. After the last fragment of a message, wakes waiting senders.
    #[inline]
    fn record_fragment(&self, send_queue: &mut SendQueue, outbound: &OutboundMessage<'_>) {
        if send_queue.fragments.record(outbound) && send_queue.waiting > 0 {
            self.send.sent.open_for_all();
        }
    }

    #[inline]
    fn queue_now(
        &self,
        send_queue: &mut MutexGuard<'_, SendQueue>,
        item: &Item<'_>,
        deadline: &mut Deadline,
    ) -> Result<()> {
        match &self.send.encoders {
            None => {
                let admitted = send_queue.outgoing.permit(&item.outbound)?;
                send_queue.queue(admitted, 0, item.outbound.payload, item)
            }
            Some(encoders) => self.queue_encoded(send_queue, encoders, item, deadline),
        }
    }

    /// Queues a message or a fragment in a session that reconnects.
    #[cold]
    fn queue_to_resend(
        &self,
        send_queue: &mut MutexGuard<'_, SendQueue>,
        item: &Item<'_>,
        deadline: &mut Deadline,
    ) -> Result<()> {
        send_queue.forget_sent();
        let Some(resending) = &mut send_queue.resending else { return Ok(()) };
        let is_away = resending.is_away;
        if let Some(unsent) = &mut resending.unsent
            && (is_away || unsent.is_holding())
        {
            unsent.prepare(item.outbound.payload)?;
            let is_complete = unsent.keep(item, u64::MAX, true);
            if item.outbound.fin {
                // The message is complete even if it is refused.
                self.record_fragment(send_queue, &item.outbound);
            }
            if !is_complete? {
                return Ok(());
            }
            if is_away {
                send_queue.count_kept();
                return Ok(());
            }
            // Its first fragments were kept during an outage that is over.
            let Some(whole) = send_queue.unsent_mut().and_then(Unsent::take_last) else { return Ok(()) };
            let mut item = Item::new(whole.opcode, &whole.payload, true)?;
            item.compress = whole.compress;
            self.queue_to_resend(send_queue, &item, deadline)?;
            send_queue.outgoing.subtract_counted(whole.counted);
            return Ok(());
        }
        match self.queue_now(send_queue, item, deadline) {
            // The connection was lost while the message was encoded.
            Err(Error { kind: Kind::Closed, .. }) if send_queue.is_reconnecting() => {
                self.wait_for_room(send_queue, &item.outbound, deadline)?;
                self.queue_to_resend(send_queue, item, deadline)
            }
            outcome => outcome,
        }
    }

    /// Encodes with the send queue unlocked. Keeps the encoders locked until the message is queued, so that messages are sent in the
    /// order in which they were encoded. Threads that find them locked wait at `sent`.
    fn queue_encoded(
        &self,
        send_queue: &mut MutexGuard<'_, SendQueue>,
        encoders: &Mutex<Encoders>,
        item: &Item<'_>,
        deadline: &mut Deadline,
    ) -> Result<()> {
        let Item { outbound, compress, .. } = *item;
        let mut encoders = loop {
            let wait_key = self.send.sent.wait_key();
            let Some(locked) = encoders.try_lock() else {
                *deadline = deadline.fixed();
                // A call registers one waiter at a time, so that it returns an interrupt once. `wait_for_room` registers its own.
                self.wait_sent(send_queue, wait_key, &mut None, *deadline).map_err(amid_encoding)?;
                self.wait_for_room(send_queue, &outbound, deadline)?;
                continue;
            };
            self.check_connected(send_queue)?;
            if send_queue.fragments.admit(&outbound)? && self.has_room(send_queue, outbound.payload.len()) {
                break locked;
            }
            drop(locked);
            self.wait_for_room(send_queue, &outbound, deadline)?;
        };
        let admitted = send_queue.outgoing.permit(&outbound)?;
        let (opcode, first, last) = (admitted.opcode, admitted.first, admitted.last);
        let piece = MessageChunk { opcode, payload: outbound.payload, first, last, compress };
        let outcome = match MutexGuard::unlocked(send_queue, || encoders.encode(piece)) {
            // Meanwhile the session may have begun to close, or its connection may be lost.
            Ok((rsv, payload)) => {
                self.check_connected(send_queue).and_then(|()| send_queue.queue(admitted, rsv, payload, item))
            }
            Err(error) => Err(error),
        };
        if outcome.is_err() || self.shared_options.outgoing.policy == QueuePolicy::DropOldest {
            encoders.discard();
        }
        send_queue.encoded = encoders.stats();
        drop(encoders);
        if send_queue.waiting > 0 {
            self.send.sent.open_for_all();
        }
        outcome
    }

    /// Waits until the kernel has accepted everything that was queued before.
    pub(crate) fn flush_all(&self, deadline: Deadline) -> Result<()> {
        let deadline = deadline.fixed();
        let (queued, control, losses, kept) = {
            let send_queue = self.send.queue.lock();
            let totals = *send_queue.outgoing.totals();
            let kept = send_queue.unsent().map_or(0, |unsent| unsent.total());
            (totals.bytes, totals.control_bytes, send_queue.losses(), kept)
        };
        self.send_queued(queued, deadline)?;
        let mut waiter = None;
        let mut send_queue = self.send.queue.lock();
        loop {
            let wait_key = self.send.sent.wait_key();
            send_queue.forget_sent();
            let is_away = send_queue.is_away();
            let sent = match send_queue.unsent() {
                Some(unsent) => unsent.has_sent(kept) && !is_away,
                None => send_queue.has_sent(queued, control),
            };
            if send_queue.losses() != losses && send_queue.kept().is_none() {
                return Err(Error::new(Kind::Io, "the connection was lost with queued messages"));
            }
            if sent && !send_queue.holds_records {
                break;
            }
            self.check_open(&send_queue)?;
            self.wait_sent(&mut send_queue, wait_key, &mut waiter, deadline)?;
        }
        send_queue.failure.as_deref().cloned().map_or(Ok(()), Err)
    }

    /// Returns how many bytes wait to be sent, headers included.
    pub(crate) fn buffered(&self) -> usize {
        let send_queue = self.send.queue.lock();
        if send_queue.is_away() {
            send_queue.kept().map_or(0, |(_, bytes)| bytes)
        } else {
            send_queue.outgoing.pending()
        }
    }

    /// Returns the deadline of a send for which the application sets none.
    pub(crate) fn send_deadline(&self) -> Deadline {
        self.shared_options.send_timeout.map_or(Deadline::Never, Deadline::Within)
    }

    /// Returns when to send the message that was just queued. For `Later`, the delayed flush watches the session.
    fn flush_timing(&self, send_queue: &mut SendQueue, corked: bool) -> FlushTiming {
        let received =
            self.send.has_received.load(Ordering::Relaxed) && self.send.has_received.swap(false, Ordering::Relaxed);
        if send_queue.coalescing.queued(received, corked) == FlushTiming::Now
            || send_queue.outgoing.waiting_bytes() >= HELD_BACK
        {
            return FlushTiming::Now;
        }
        if !send_queue.coalescing.is_watched {
            let watched = self.me.upgrade().is_some_and(|session| self.runtime.delayed_flush().watch(session));
            if !watched {
                return FlushTiming::Now;
            }
            send_queue.coalescing.is_watched = true;
        }
        self.send.holds_back.store(true, Ordering::Relaxed);
        FlushTiming::Later
    }

    /// Sends the queued bytes. While the kernel keeps accepting some, this thread stays until everything up to `queued` is sent,
    /// which is faster than waking another thread.
    fn send_queued(&self, queued: u64, deadline: Deadline) -> Result<()> {
        let (mut sent, mut until) = (None, None);
        loop {
            if self.flush() == Flushed::Done {
                return Ok(());
            }
            let send_queue = self.send.queue.lock();
            if let Some(failure) = send_queue.failure.as_deref().cloned() {
                let goes_on = send_queue.resending.is_some();
                drop(send_queue);
                self.wake_driver();
                // The session may reconnect, and then send the message again.
                return if goes_on { Ok(()) } else { Err(failure) };
            }
            let now_sent = send_queue.outgoing.sent();
            drop(send_queue);
            let until = *until.get_or_insert_with(|| {
                Deadline::Within(deadline.left().map_or(LONGEST_STAY, |left| left.min(LONGEST_STAY))).fixed()
            });
            let moves = sent.replace(now_sent) != Some(now_sent);
            let socket = self.socket.lock().clone();
            let left = until.left().unwrap_or(PATIENCE);
            let stays = now_sent < queued && moves && !left.is_zero() && self.close_state.close_outcome().is_none();
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

/// Replaces the timeout error of a sender that has waited for the encoders.
fn amid_encoding(error: Error) -> Error {
    match error.kind {
        Kind::Timeout => Error::new(Kind::Timeout, "another thread did not finish encoding its message in time"),
        _ => error,
    }
}
