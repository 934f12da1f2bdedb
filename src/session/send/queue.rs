//! The sending side of a session, in two parts, so that threads can queue messages while one of them sends: the send queue with
//! the waiting bytes, and the writer with the bytes in flight and the stream.

use std::io;
use std::time::Instant;

use super::coalescing::Coalescing;
use super::fragments::Fragments;
use super::message::Item;
use super::resend::{Resending, Unsent};
use crate::error::{Error, Result};
use crate::frame::CloseCode;
use crate::protocol::encoder::SendPermit;
use crate::protocol::extension::CodecStats;
use crate::protocol::{Close, Event, FrameEncoder, InFlight, Initiator};
use crate::transport::SendHalf;

/// With more than this many bytes of pongs waiting, the peer's pings are no longer read.
const MAX_PENDING_CONTROL: usize = 64 * 1024;

/// A queued ping of the library.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueuedPing {
    /// Its end, as an offset in the bytes of all queued control frames.
    end: u64,
    /// When the kernel accepted it, until [`SendQueue::ping_taken`] returns that, and how many bytes the kernel had accepted then.
    taken: Option<Instant>,
    sent: Option<u64>,
}

impl QueuedPing {
    /// Creates the entry for the control frame that was queued last.
    pub(crate) fn behind(outgoing: &FrameEncoder) -> Self {
        Self { end: outgoing.totals().control_bytes, taken: None, sent: None }
    }

    /// Whether the peer has not acknowledged it, with `acknowledged` bytes acknowledged.
    pub(crate) fn is_under_way(&self, acknowledged: u64) -> bool {
        self.sent.is_none_or(|sent| acknowledged < sent)
    }
}

/// The bytes that wait to be sent. Locked briefly, never across a system call.
pub(crate) struct SendQueue {
    pub(crate) outgoing: FrameEncoder,
    pub(crate) coalescing: Coalescing,
    pub(crate) fragments: Fragments,
    /// The stream has failed; nothing more can be sent.
    pub(crate) failure: Option<Box<Error>>,
    /// The sending direction ends after our Close, without waiting for the peer's, because the connection is failed.
    failing: bool,
    /// The connection is failed, so queued messages are dropped.
    is_cut: bool,
    /// The number of threads that wait until queued bytes are sent.
    pub(crate) waiting: usize,
    /// TLS holds bytes that count as sent.
    pub(crate) holds_records: bool,
    /// The driver waits until the peer accepts pongs.
    driver_waits: bool,
    /// A message found no room, and its sender has returned.
    pub(crate) wants_room: bool,
    /// The library's ping that was queued last.
    pub(crate) ping: Option<QueuedPing>,
    /// What the encoders have encoded: a copy, because the encoders are locked while they encode.
    pub(crate) encoded: CodecStats,
    /// None if the session does not reconnect.
    pub(crate) resending: Option<Box<Resending>>,
}

impl SendQueue {
    pub(crate) fn new(outgoing: FrameEncoder, coalescing: Coalescing, resending: Option<Resending>) -> Self {
        Self {
            outgoing,
            coalescing,
            fragments: Fragments::default(),
            failure: None,
            failing: false,
            is_cut: false,
            waiting: 0,
            holds_records: false,
            driver_waits: false,
            wants_room: false,
            ping: None,
            encoded: CodecStats::default(),
            resending: resending.map(Box::new),
        }
    }

    /// Queues an admitted message, and keeps it if the session keeps unsent messages. On an error, does neither.
    #[inline]
    pub(crate) fn queue(&mut self, admitted: SendPermit, rsv: u8, payload: &[u8], item: &Item<'_>) -> Result<()> {
        if self.resending.is_none() {
            return self.outgoing.queue(admitted, rsv, payload);
        }
        if let Some(unsent) = self.unsent_mut() {
            unsent.prepare(item.outbound.payload)?;
        }
        let queued = self.outgoing.queue(admitted, rsv, payload);
        let end = self.outgoing.queued();
        let Some(unsent) = self.unsent_mut() else { return queued };
        if queued.is_err() {
            unsent.drop_memory();
            return queued;
        }
        unsent.keep(item, end, false).map(drop)
    }

    /// Records what the flight has sent, and refills it. Returns whether something was sent.
    pub(crate) fn load(&mut self, flight: &mut InFlight) -> bool {
        let (before, pending) = (self.outgoing.pending_data(), self.outgoing.pending());
        self.outgoing.refill(flight);
        // Pongs do not count: a peer that only pings accepts none of the messages before our Close.
        if self.outgoing.closing().is_some() && self.outgoing.pending_data() < before {
            self.outgoing.renew_close_deadline(Instant::now());
        }
        self.outgoing.pending() != pending
    }

    /// Releases memory that holds no queued bytes.
    pub(crate) fn release(&mut self, flight: &mut InFlight) {
        self.outgoing.release(flight);
        if let Some(unsent) = self.unsent_mut() {
            unsent.release();
        }
    }

    /// How many queued bytes the kernel, or TLS, has accepted.
    pub(crate) fn sent(&self) -> u64 {
        self.outgoing.sent() + self.outgoing.sent_close() + self.outgoing.sent_control()
    }

    /// Records whether the kernel has accepted the ping.
    pub(crate) fn record_ping(&mut self) {
        let (control, sent) = (self.outgoing.sent_control(), self.sent());
        if let Some(ping) = &mut self.ping
            && ping.sent.is_none()
            && ping.end <= control
            && !self.holds_records
        {
            (ping.taken, ping.sent) = (Some(Instant::now()), Some(sent));
        }
    }

    /// When the kernel accepted the ping. Returns it once.
    pub(crate) fn ping_taken(&mut self) -> Option<Instant> {
        self.ping.as_mut()?.taken.take()
    }

    /// Whether the connection is lost and another one is being opened.
    pub(crate) fn is_away(&self) -> bool {
        self.resending.as_ref().is_some_and(|resending| resending.is_away)
    }

    /// Whether the connection is lost, or its loss is about to be recorded.
    pub(crate) fn is_reconnecting(&self) -> bool {
        self.resending.as_ref().is_some_and(|resending| {
            let ends = self.failure.is_some() || self.outgoing.closing().is_some();
            !resending.is_ending && (resending.is_away || ends)
        })
    }

    /// Returns how often a connection was lost.
    pub(crate) fn losses(&self) -> u64 {
        self.resending.as_ref().map_or(0, |resending| resending.losses)
    }

    /// Returns the messages that are kept until the kernel has accepted them.
    pub(crate) fn unsent(&self) -> Option<&Unsent> {
        self.resending.as_ref()?.unsent.as_ref()
    }

    /// Returns the kept messages for a change.
    pub(crate) fn unsent_mut(&mut self) -> Option<&mut Unsent> {
        self.resending.as_mut()?.unsent.as_mut()
    }

    /// Returns the number of kept messages and their bytes, or None if messages are not kept.
    pub(crate) fn kept(&self) -> Option<(usize, usize)> {
        let unsent = self.unsent()?;
        Some((unsent.count(), unsent.bytes()))
    }

    /// Frees kept messages that were sent. Does nothing during an outage.
    pub(crate) fn forget_sent(&mut self) {
        let sent = self.outgoing.sent();
        if self.holds_records || self.is_away() {
            return;
        }
        if let Some(unsent) = self.unsent_mut() {
            unsent.forget_sent(sent);
        }
    }

    /// Frees kept messages that were sent, at the end of a connection. The last `held` bytes were not sent: TLS holds them.
    pub(crate) fn forget_sent_but(&mut self, held: usize) {
        let sent = self.outgoing.sent().saturating_sub(held as u64);
        if let Some(unsent) = self.unsent_mut() {
            unsent.forget_all_sent(sent);
        }
    }

    /// Counts the newest kept message, which has become complete without being queued.
    pub(crate) fn count_kept(&mut self) {
        let Some(kept) = self.unsent_mut().and_then(|unsent| unsent.messages.back_mut()) else { return };
        let (_, payload) = std::mem::replace(&mut kept.counted, (true, kept.payload.len()));
        let uncounted = kept.payload.len() - payload;
        self.outgoing.record_unqueued(uncounted);
    }

    /// Replaces the encoder of a lost connection.
    pub(crate) fn renew(&mut self, mut outgoing: FrameEncoder) {
        outgoing.continue_from(&self.outgoing);
        self.outgoing = outgoing;
        self.failure = None;
        self.failing = false;
        self.is_cut = false;
        self.holds_records = false;
        self.driver_waits = false;
        self.ping = None;
    }

    /// Queues the answer to a received event.
    pub(crate) fn answer(&mut self, received: &Event) {
        let is_protocol_error = matches!(received, Event::ProtocolError(_));
        self.failing |= is_protocol_error;
        self.is_cut |= is_protocol_error;
        // Pongs that can never be sent would only accumulate.
        if self.failure.is_none() || !matches!(received, Event::Ping(_)) {
            self.outgoing.answer(received, Instant::now());
        }
    }

    /// Fails the connection. See [`FrameEncoder::fail`].
    pub(crate) fn fail(&mut self, code: CloseCode, reason: &str, now: Instant) {
        self.is_cut = true;
        self.outgoing.fail(code, reason, Initiator::Local, now);
    }

    /// Whether all messages up to the offset `queued` and all control frames up to the offset `control` were sent.
    pub(crate) fn has_sent(&self, queued: u64, control: u64) -> bool {
        !self.is_cut && self.outgoing.sent() >= queued && self.outgoing.sent_control() >= control
    }

    /// Ends the sending direction after our Close, which is queued next.
    pub(crate) fn set_failing(&mut self) {
        self.failing = true;
    }

    /// Whether the sending direction ends after the queued bytes.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing
    }

    /// Whether the peer has to accept pongs before more of its pings are read.
    pub(crate) fn control_backlogged(&self) -> bool {
        self.failure.is_none() && self.outgoing.pending_control() > MAX_PENDING_CONTROL
    }

    /// Like [`control_backlogged`](Self::control_backlogged), for the driver, which has to be woken when that ends.
    pub(crate) fn stops_driver(&mut self) -> bool {
        self.driver_waits = self.control_backlogged();
        self.driver_waits
    }

    /// Whether the driver has to be woken now.
    pub(crate) fn frees_driver(&mut self) -> bool {
        let frees = self.driver_waits && !self.control_backlogged();
        self.driver_waits &= !frees;
        frees
    }

    /// Returns our Close, once it is sent.
    pub(crate) fn sent_close(&self) -> Option<&Close> {
        self.outgoing.closing().map(|(close, _)| close).filter(|_| self.outgoing.has_sent_close())
    }
}

/// The bytes in flight and the stream. The sending thread locks it, before the send queue.
pub(crate) struct SocketWriter {
    pub(crate) flight: InFlight,
    /// None once the transport is gone.
    sender: Option<SendHalf>,
    /// TLS holds bytes of the flight.
    pub(crate) holds_records: bool,
    /// The bytes that the stream accepted last are pings and pongs.
    sent_control: bool,
    /// The stream's sending direction was ended.
    finished: bool,
}

impl SocketWriter {
    pub(crate) fn new(sender: SendHalf) -> Self {
        Self {
            flight: InFlight::default(),
            sender: Some(sender),
            holds_records: false,
            sent_control: false,
            finished: false,
        }
    }

    /// Sends the next bytes. Returns whether there were any. Fails with `WouldBlock` if the transport accepts none.
    pub(crate) fn send_some(&mut self) -> io::Result<bool> {
        let Some(sender) = self.sender.as_mut().filter(|_| !self.finished) else { return Ok(false) };
        let bytes = self.flight.to_send();
        if bytes.is_empty() {
            return sender.flush().map(|()| false);
        }
        let count = sender.send(bytes)?;
        self.sent_control = self.flight.sent(count);
        Ok(true)
    }

    /// Whether TLS holds bytes.
    pub(crate) fn is_flushing(&self) -> bool {
        self.sender.as_ref().is_some_and(SendHalf::is_flushing)
    }

    /// Returns how many bytes of messages that count as sent TLS holds. The bytes of our Close follow them and do not count.
    pub(crate) fn held(&self) -> usize {
        if self.sent_control {
            return 0;
        }
        self.sender.as_ref().map_or(0, SendHalf::held).saturating_sub(self.flight.sent_of_close())
    }

    /// Ends the sending direction of the stream.
    pub(crate) fn finish(&mut self) {
        if let Some(sender) = self.sender.as_mut().filter(|_| !self.finished) {
            sender.finish();
        }
        self.finished = true;
    }

    /// Ends the stream and drops it. With `is_lost`, discards what TLS holds, because another connection sends it again.
    pub(crate) fn drop_transport(&mut self, is_lost: bool) {
        let finished = std::mem::replace(&mut self.finished, true);
        if let Some(mut sender) = self.sender.take() {
            let keeps_records = is_lost && sender.is_flushing();
            if !finished && !keeps_records {
                sender.finish_tls();
            }
            sender.shut_down();
        }
    }

    /// Releases memory that is only needed while bytes are sent.
    pub(crate) fn release(&mut self) {
        if let Some(sender) = &mut self.sender {
            sender.release();
        }
    }
}
