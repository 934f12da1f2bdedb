//! The sending half of a connection: messages and control frames in, bytes for the transport out. It also runs this side of
//! the closing handshake.

mod frames;
mod in_flight;
mod permit;
mod sent_close;
mod totals;

use std::time::{Duration, Instant};

use frames::{append_frame, oldest_message};
pub use in_flight::InFlight;
use permit::FragmentedMessage;
pub use permit::{OutboundMessage, SendPermit, no_message};
use sent_close::SentClose;
pub use totals::SendTotals;

use crate::error::{Error, Kind};
use crate::frame::header::MAX_HEADER_SIZE;
use crate::frame::{CloseCode, Opcode};
use crate::protocol::MaskKeys;
use crate::protocol::close::{self, Close, Initiator};
use crate::protocol::event::Event;

/// The sending half of a connection: a queue of frames. [`refill`](Self::refill) moves them to an [`InFlight`].
pub struct FrameEncoder {
    keys: MaskKeys,
    is_masking: bool,
    /// The maximum payload of a sent frame; `None` for no maximum.
    fragment: Option<usize>,
    answers_pings: bool,
    answers_close: bool,
    /// Queued data frames and the Close, back to back.
    data: Vec<u8>,
    /// Queued pings and pongs, back to back.
    control: Vec<u8>,
    /// The number of messages that end in `data`.
    data_messages: usize,
    /// The number of messages that end in the in-in_flight frames.
    messages_in_flight: usize,
    /// Unsent in-in_flight bytes of data frames and of the Close, as of the last [`refill`](Self::refill).
    data_in_flight: usize,
    /// Unsent in-in_flight bytes of pings and pongs, as of the last [`refill`](Self::refill).
    control_in_flight: usize,
    /// Whether the next [`refill`](Self::refill) removes the in-in_flight frames that are not yet begun.
    discards_in_flight: bool,
    /// The message whose last fragment is not yet queued.
    fragmented: Option<FragmentedMessage>,
    /// This side's Close.
    closing: Option<Box<SentClose>>,
    close_timeout: Option<Duration>,
    totals: SendTotals,
}

impl FrameEncoder {
    /// Creates the encoder of an open connection. `close_timeout` limits the closing handshake; `None` means no limit.
    pub fn new(keys: MaskKeys, close_timeout: Option<Duration>) -> Self {
        Self {
            keys,
            is_masking: true,
            fragment: None,
            answers_pings: true,
            answers_close: true,
            data: Vec::new(),
            control: Vec::new(),
            data_messages: 0,
            messages_in_flight: 0,
            data_in_flight: 0,
            control_in_flight: 0,
            discards_in_flight: false,
            fragmented: None,
            closing: None,
            close_timeout,
            totals: SendTotals::default(),
        }
    }

    /// Sets the maximum payload of a frame. Larger messages are sent in several frames, so that a pong waits for one frame
    /// at most. `None` sends each message in one frame.
    pub fn set_fragment(&mut self, size: Option<usize>) {
        self.fragment = size;
    }

    /// Sets whether later frames are masked. RFC 6455 section 5.3 requires it.
    pub fn set_masking(&mut self, on: bool) {
        self.is_masking = on;
    }

    /// Whether frames are masked.
    pub fn is_masking(&self) -> bool {
        self.is_masking
    }

    /// Sets whether [`answer`](Self::answer) replies to pings, and to a Close.
    pub fn set_auto_reply(&mut self, pings: bool, close: bool) {
        (self.answers_pings, self.answers_close) = (pings, close);
    }

    /// Checks whether a message may be sent now. Checks the UTF-8 of a text unless `is_utf8` is set.
    #[inline]
    pub fn permit(&self, outbound: &OutboundMessage<'_>) -> Result<SendPermit, Error> {
        self.check_open()?;
        SendPermit::new(outbound, self.fragmented.as_ref())
    }

    /// Fails if this side's Close is queued: nothing may follow it.
    fn check_open(&self) -> Result<(), Error> {
        if self.closing.is_some() {
            return Err(Error::new(Kind::Closed, "the session is closing: nothing more can be sent"));
        }
        Ok(())
    }

    /// Queues a permitted message. `payload` is the encoded payload, `rsv` the reserved bits of the first frame. Fails if a
    /// Close was queued after the permit was given.
    #[inline]
    pub fn queue(&mut self, permit: SendPermit, rsv: u8, payload: &[u8]) -> Result<(), Error> {
        self.check_open()?;
        let before = self.data.len();
        let fragment = self.fragment.unwrap_or(usize::MAX);
        let headers = if payload.len() <= fragment { 1 } else { payload.len().div_ceil(fragment) } * MAX_HEADER_SIZE;
        self.data.try_reserve(payload.len().saturating_add(headers)).map_err(|_| {
            Error::new(Kind::NoMemory, format!("no memory to send a message of {} bytes", payload.len()))
        })?;
        let SendPermit { opcode: message, size, first, last, utf8 } = permit;
        let (mut opcode, mut rsv) = if first { (message, rsv) } else { (Opcode::Continuation, 0) };
        let mut rest = payload;
        while rest.len() > fragment {
            let (part, behind) = rest.split_at(fragment);
            append_frame(&mut self.data, self.keys.draw_if(self.is_masking), (opcode, rsv, false), part);
            (opcode, rsv, rest) = (Opcode::Continuation, 0, behind);
        }
        append_frame(&mut self.data, self.keys.draw_if(self.is_masking), (opcode, rsv, last), rest);
        self.totals.bytes += (self.data.len() - before) as u64;
        self.totals.payload += size as u64;
        if last {
            self.totals.messages += 1;
            self.data_messages += 1;
        }
        if !(first && last) {
            let utf8 = utf8.unwrap_or_default();
            self.fragmented = (!last).then_some(FragmentedMessage { opcode: message, utf8 });
        }
        Ok(())
    }

    /// Queues a ping or pong. It is sent before the queued messages.
    pub fn queue_control(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Error> {
        self.check_open()?;
        self.append_control(opcode, payload);
        Ok(())
    }

    fn append_control(&mut self, opcode: Opcode, payload: &[u8]) {
        let before = self.control.len();
        append_frame(&mut self.control, self.keys.draw_if(self.is_masking), (opcode, 0, true), payload);
        self.totals.control_bytes += (self.control.len() - before) as u64;
        let count = if opcode == Opcode::Ping { &mut self.totals.pings } else { &mut self.totals.pongs };
        *count += 1;
    }

    /// Drops the oldest message that is not in flight. Returns whether a message was dropped. Drops nothing once this side's
    /// Close is queued.
    pub fn drop_oldest(&mut self) -> bool {
        if self.closing.is_some() {
            return false;
        }
        let Some(message) = oldest_message(&self.data) else { return false };
        self.totals.dropped_messages += 1;
        self.totals.dropped_bytes += message.len() as u64;
        self.data_messages -= 1;
        self.data.drain(message);
        true
    }

    /// Queues the reply to an event: a pong to a ping, a Close to a Close, and a Close with an error code to a protocol error.
    pub fn answer(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Ping(payload) if self.answers_pings => {
                self.append_control(Opcode::Pong, payload.as_bytes());
            }
            // Echoes the Close unchanged (section 5.5.1).
            Event::Close(theirs) if self.answers_close => {
                self.queue_close(theirs.clone(), Initiator::Remote, now);
            }
            Event::ProtocolError(error) => {
                self.fail(close::code_for(error.kind), &error.message, Initiator::Protocol, now);
            }
            _ => {}
        }
    }

    /// Starts the closing handshake: queues a Close after the queued messages. Returns whether this call queued it; only one
    /// Close is sent.
    pub fn close(&mut self, close: Close, now: Instant) -> bool {
        self.queue_close(close, Initiator::Local, now)
    }

    /// Fails the connection (RFC 6455 section 7.1.7): discards the queued messages and sends a Close after the partly sent
    /// frame. If a Close is already queued, that one is sent.
    pub fn fail(&mut self, code: CloseCode, reason: &str, initiator: Initiator, now: Instant) {
        self.discards_in_flight = true;
        self.data_messages = 0;
        match &mut self.closing {
            None => {
                self.data.clear();
                self.queue_close(Close::because(code, reason), initiator, now);
            }
            Some(closing) => {
                if let Some(frame_start) = &mut closing.frame_start {
                    self.data.drain(..*frame_start);
                    *frame_start = 0;
                }
            }
        }
    }

    fn queue_close(&mut self, close: Close, initiator: Initiator, now: Instant) -> bool {
        if self.closing.is_some() {
            return false;
        }
        let frame_start = Some(self.data.len());
        let key = self.keys.draw_if(self.is_masking);
        let before = self.data.len();
        append_frame(&mut self.data, key, (Opcode::Close, 0, true), &close.payload());
        let frame_size = self.data.len() - before;
        let deadline = self.close_timeout.and_then(|timeout| now.checked_add(timeout));
        self.closing =
            Some(Box::new(SentClose { close, initiator, frame_start, frame_size, is_sent: false, deadline }));
        true
    }

    /// Records what `in_flight` has sent, and refills it from the queue. Data frames move once the earlier ones are sent, and
    /// so do pings and pongs.
    pub fn refill(&mut self, in_flight: &mut InFlight) {
        if std::mem::take(&mut self.discards_in_flight) {
            in_flight.discard_unsent();
        }
        // Nothing follows the Close.
        if in_flight.data_left() == 0 && in_flight.close_start.is_none() {
            // The larger empty buffer stays in the encoder. The next message then uses memory that is in the CPU cache.
            if !self.data.is_empty() || in_flight.data.capacity() > self.data.capacity() {
                in_flight.take_data(&mut self.data);
                self.messages_in_flight = std::mem::take(&mut self.data_messages);
            }
            in_flight.close_start = self.closing.as_mut().and_then(|closing| closing.frame_start.take());
        }
        if in_flight.has_begun_close() {
            self.control.clear();
        } else if in_flight.control_sent == in_flight.control.len() && !self.control.is_empty() {
            in_flight.take_control(&mut self.control);
        }
        self.data_in_flight = in_flight.data_left();
        if self.data_in_flight == 0 {
            self.messages_in_flight = 0;
        }
        self.control_in_flight = in_flight.control.len() - in_flight.control_sent;
        if let Some(closing) = &mut self.closing {
            closing.is_sent = in_flight.has_sent_close();
        }
    }

    /// Continues the totals of the previous connection. Bytes that it did not send do not count.
    pub fn continue_from(&mut self, before: &Self) {
        let SendTotals { bytes, control_bytes, .. } = self.totals;
        self.totals = before.totals;
        self.totals.bytes = before.sent() + before.sent_close() + bytes;
        self.totals.control_bytes = before.sent_control() + control_bytes;
    }

    /// Counts a message that is not queued here. `payload` is the number of its bytes that are not yet counted.
    pub fn record_unqueued(&mut self, payload: usize) {
        self.totals.messages += 1;
        self.totals.payload += payload as u64;
    }

    /// Corrects the totals after queueing a message, or bytes of one, that had been counted before.
    pub fn subtract_counted(&mut self, (message, payload): (bool, usize)) {
        self.totals.messages -= u64::from(message);
        self.totals.payload -= payload as u64;
    }

    /// Unsent bytes.
    pub fn pending(&self) -> usize {
        self.pending_data() + self.pending_control()
    }

    /// Unsent bytes of data frames and of the Close.
    pub fn pending_data(&self) -> usize {
        self.data.len() + self.data_in_flight
    }

    /// Unsent bytes of pings and pongs.
    pub fn pending_control(&self) -> usize {
        self.control.len() + self.control_in_flight
    }

    /// Unsent messages. Messages that are in flight together count until the last of them is sent.
    pub fn pending_messages(&self) -> usize {
        self.data_messages + self.messages_in_flight
    }

    /// Messages that are not in flight, and the bytes of their frames and of the Close.
    pub fn waiting_messages(&self) -> (usize, usize) {
        (self.data_messages, self.data.len())
    }

    /// Bytes that are not in flight.
    pub fn waiting_bytes(&self) -> usize {
        self.data.len() + self.control.len()
    }

    /// Everything queued since the connection opened.
    pub fn totals(&self) -> &SendTotals {
        &self.totals
    }

    /// Bytes of data frames queued since the connection opened.
    pub fn queued(&self) -> u64 {
        self.totals.bytes
    }

    /// How many of the [`queued`](Self::queued) bytes are sent or dropped.
    pub fn sent(&self) -> u64 {
        let close = self.closing.as_ref().filter(|closing| !closing.is_sent).map_or(0, |closing| closing.frame_size);
        self.totals.bytes.saturating_sub(self.pending_data().saturating_sub(close) as u64)
    }

    /// Bytes of this side's Close, 0 until it is sent.
    pub fn sent_close(&self) -> u64 {
        self.closing.as_ref().filter(|closing| closing.is_sent).map_or(0, |closing| closing.frame_size as u64)
    }

    /// Bytes of pings and pongs sent since the connection opened.
    pub fn sent_control(&self) -> u64 {
        self.totals.control_bytes.saturating_sub(self.pending_control() as u64)
    }

    /// Frees memory that holds no unsent bytes.
    pub fn release(&mut self, in_flight: &mut InFlight) {
        in_flight.release();
        self.keys.release();
        self.data.shrink_to_fit();
        self.control.shrink_to_fit();
    }

    /// This side's Close and who initiated it; `None` until it is queued.
    pub fn closing(&self) -> Option<(&Close, Initiator)> {
        self.closing.as_ref().map(|closing| (&closing.close, closing.initiator))
    }

    /// Whether the whole Close is sent.
    pub fn has_sent_close(&self) -> bool {
        self.closing.as_ref().is_some_and(|closing| closing.is_sent)
    }

    /// Restarts the timeout of the closing handshake, because bytes up to the Close were sent.
    pub fn renew_close_deadline(&mut self, now: Instant) {
        if let Some(closing) = &mut self.closing {
            closing.restart_timeout(self.close_timeout, now);
        }
    }

    /// When the closing handshake times out.
    pub fn close_deadline(&self) -> Option<Instant> {
        self.closing.as_ref()?.deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_frees_memory_without_unsent_bytes() {
        let mut encoder = FrameEncoder::new(MaskKeys::from_seed([7; 32]), None);
        let mut in_flight = InFlight::default();
        let outbound = OutboundMessage { opcode: Opcode::Binary, payload: &[0; 1000], fin: true, is_utf8: true };
        let permit = encoder.permit(&outbound).expect("an open connection");
        encoder.queue(permit, 0, outbound.payload).expect("an open connection");
        encoder.queue_control(Opcode::Ping, b"x").expect("an open connection");
        encoder.release(&mut in_flight);
        assert_eq!((encoder.pending_data(), encoder.pending_control()), (1008, 7));
        encoder.refill(&mut in_flight);
        while !in_flight.is_empty() {
            let count = in_flight.to_send().len();
            in_flight.sent(count);
            encoder.refill(&mut in_flight);
        }
        assert!(encoder.data.capacity() + in_flight.data.capacity() >= 1008);
        encoder.release(&mut in_flight);
        assert_eq!((encoder.data.capacity(), encoder.control.capacity()), (0, 0));
        assert_eq!((in_flight.data.capacity(), in_flight.control.capacity()), (0, 0));
    }
}
