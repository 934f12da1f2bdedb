//! The sending half: messages and control frames to bytes, and our side of the closing handshake.

use std::time::{Duration, Instant};

use crate::error::{Error, Kind};
use crate::frame::header::{self, Header, MAX_HEADER_SIZE};
use crate::frame::mask::append_masked;
use crate::frame::{CloseCode, Opcode};
use crate::protocol::close::{self, Close};
use crate::protocol::dropping::oldest_message;
use crate::protocol::outbound::{Admitted, OpenMessage, Outbound};
use crate::protocol::{Flight, Initiator, MaskingKeys, Received};

/// What was queued since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queued {
    /// Messages.
    pub messages: u64,
    /// Bytes of their payloads, as the application has them.
    pub payload: u64,
    /// Bytes of frames, control frames aside.
    pub bytes: u64,
    /// Bytes of pings and pongs.
    pub control_bytes: u64,
    /// Pings.
    pub pings: u64,
    /// Pongs.
    pub pongs: u64,
    /// Messages that were dropped again, and the bytes of their frames.
    pub dropped_messages: u64,
    /// See `dropped_messages`.
    pub dropped_bytes: u64,
}

/// The sending half of a connection: what waits to be sent. [`load`](Self::load) hands it to a [`Flight`].
pub struct Outgoing {
    keys: MaskingKeys,
    is_masking: bool,
    /// The largest payload of a frame that is sent, none for any.
    fragment: Option<usize>,
    /// Pings are answered, and a Close is.
    answers_pings: bool,
    answers_close: bool,
    /// Frames to send, back to back.
    data: Vec<u8>,
    /// Pings and pongs to send.
    control: Vec<u8>,
    /// The messages that end in `data`, and those that end in the flight.
    data_messages: usize,
    messages_in_flight: usize,
    /// What the flight had left of either, when it was last loaded.
    data_in_flight: usize,
    control_in_flight: usize,
    /// The flight is to drop the messages that it has not begun.
    cut: bool,
    /// The message of which fragments were queued and not the last.
    open: Option<OpenMessage>,
    closing: Option<Box<Closing>>,
    close_timeout: Option<Duration>,
    queued: Queued,
}

/// Our Close, from when it is queued.
struct Closing {
    close: Close,
    initiator: Initiator,
    /// Where its frame begins in `data`; none once it is in flight.
    frame_start: Option<usize>,
    frame_size: usize,
    sent: bool,
    deadline: Option<Instant>,
}

impl Outgoing {
    /// An open connection. `close_timeout`: how long the closing handshake may take, none for no limit.
    pub fn new(keys: MaskingKeys, close_timeout: Option<Duration>) -> Self {
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
            cut: false,
            open: None,
            closing: None,
            close_timeout,
            queued: Queued::default(),
        }
    }

    /// From now on sends messages with larger payloads than `size` as frames of that size, so that a pong waits for
    /// one of them at most. None for whole messages.
    pub fn set_fragment(&mut self, size: Option<usize>) {
        self.fragment = size;
    }

    /// Whether frames are masked from now on. RFC 6455 asks for it (section 5.3).
    pub fn set_masking(&mut self, on: bool) {
        self.is_masking = on;
    }

    /// Whether frames are masked.
    pub fn is_masking(&self) -> bool {
        self.is_masking
    }

    /// Whether [`answer`](Self::answer) answers pings, and a Close.
    pub fn set_answers(&mut self, pings: bool, close: bool) {
        (self.answers_pings, self.answers_close) = (pings, close);
    }

    /// Whether something may be sent now. A whole text must be UTF-8; the caller has checked it.
    #[inline]
    pub fn admit(&self, outbound: &Outbound<'_>) -> Result<Admitted, Error> {
        self.check_open()?;
        Admitted::new(outbound, self.open.as_ref())
    }

    /// An error once our Close is queued: nothing follows it.
    fn check_open(&self) -> Result<(), Error> {
        if self.closing.is_some() {
            return Err(Error::new(Kind::Closed, "the session is closing: nothing more can be sent"));
        }
        Ok(())
    }

    /// Queues what was admitted: its payload as it goes out, with the reserved bits of a message's first frame. Our Close may
    /// have been queued since.
    #[inline]
    pub fn queue(&mut self, admitted: Admitted, rsv: u8, payload: &[u8]) -> Result<(), Error> {
        self.check_open()?;
        let before = self.data.len();
        let fragment = self.fragment.unwrap_or(usize::MAX);
        let headers = if payload.len() <= fragment { 1 } else { payload.len().div_ceil(fragment) } * MAX_HEADER_SIZE;
        self.data.try_reserve(payload.len().saturating_add(headers)).map_err(|_| {
            Error::new(Kind::NoMemory, format!("no memory to send a message of {} bytes", payload.len()))
        })?;
        let Admitted { opcode: message, size, first, last, utf8 } = admitted;
        let (mut opcode, mut rsv) = if first { (message, rsv) } else { (Opcode::Continuation, 0) };
        let mut rest = payload;
        while rest.len() > fragment {
            let (piece, behind) = rest.split_at(fragment);
            append_frame(&mut self.data, self.keys.draw_if(self.is_masking), (opcode, rsv, false), piece);
            (opcode, rsv, rest) = (Opcode::Continuation, 0, behind);
        }
        append_frame(&mut self.data, self.keys.draw_if(self.is_masking), (opcode, rsv, last), rest);
        self.queued.bytes += (self.data.len() - before) as u64;
        self.queued.payload += size as u64;
        if last {
            self.queued.messages += 1;
            self.data_messages += 1;
        }
        if !(first && last) {
            let utf8 = utf8.unwrap_or_default();
            self.open = (!last).then_some(OpenMessage { opcode: message, utf8 });
        }
        Ok(())
    }

    /// Queues a ping or pong, ahead of messages.
    pub fn queue_control(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Error> {
        self.check_open()?;
        self.append_control(opcode, payload);
        Ok(())
    }

    fn append_control(&mut self, opcode: Opcode, payload: &[u8]) {
        let before = self.control.len();
        append_frame(&mut self.control, self.keys.draw_if(self.is_masking), (opcode, 0, true), payload);
        self.queued.control_bytes += (self.control.len() - before) as u64;
        let count = if opcode == Opcode::Ping { &mut self.queued.pings } else { &mut self.queued.pongs };
        *count += 1;
    }

    /// Drops the oldest message that no flight has taken any of. Returns whether there was one. Once our Close is queued
    /// what is before it goes out.
    pub fn drop_oldest(&mut self) -> bool {
        if self.closing.is_some() {
            return false;
        }
        let Some(message) = oldest_message(&self.data) else { return false };
        self.queued.dropped_messages += 1;
        self.queued.dropped_bytes += message.len() as u64;
        self.data_messages -= 1;
        self.data.drain(message);
        true
    }

    /// Gives what came in the answer it asks for: a ping its pong, a Close the closing handshake's second half, a
    /// violation the Close that says so.
    pub fn answer(&mut self, received: &Received, now: Instant) {
        match received {
            Received::Ping(payload) if self.answers_pings => {
                self.append_control(Opcode::Pong, payload.as_bytes());
            }
            // Echoed as it came (section 5.5.1).
            Received::Close(theirs) if self.answers_close => {
                self.queue_close(theirs.clone(), Initiator::Remote, now);
            }
            Received::Violation(error) => {
                self.fail(close::code_for(error.kind), &error.message, Initiator::Protocol, now);
            }
            _ => {}
        }
    }

    /// Starts the closing handshake behind what is queued. Returns whether this call did: one Close is sent.
    pub fn close(&mut self, close: Close, now: Instant) -> bool {
        self.queue_close(close, Initiator::Local, now)
    }

    /// Fails the connection (RFC 6455 section 7.1.7): Close goes out as soon as the frame under way is complete. It is
    /// the Close that is queued already where there is one.
    pub fn fail(&mut self, code: CloseCode, reason: &str, initiator: Initiator, now: Instant) {
        self.cut = true;
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
        self.closing = Some(Box::new(Closing { close, initiator, frame_start, frame_size, sent: false, deadline }));
        true
    }

    /// Takes note of what `flight` has sent, and hands it what it has room for: of the messages, when it has sent those
    /// before, and of the pongs.
    pub fn load(&mut self, flight: &mut Flight) {
        if std::mem::take(&mut self.cut) {
            flight.cut();
        }
        // Nothing follows our Close.
        if flight.data_left() == 0 && flight.close_start.is_none() {
            // With nothing to take, the larger buffer stays here: the next message goes to memory that is in the cache.
            if !self.data.is_empty() || flight.data.capacity() > self.data.capacity() {
                flight.take_data(&mut self.data);
                self.messages_in_flight = std::mem::take(&mut self.data_messages);
            }
            flight.close_start = self.closing.as_mut().and_then(|closing| closing.frame_start.take());
        }
        if flight.has_begun_close() {
            self.control.clear();
        } else if flight.control_sent == flight.control.len() && !self.control.is_empty() {
            flight.take_control(&mut self.control);
        }
        self.data_in_flight = flight.data_left();
        if self.data_in_flight == 0 {
            self.messages_in_flight = 0;
        }
        self.control_in_flight = flight.control.len() - flight.control_sent;
        if let Some(closing) = &mut self.closing {
            closing.sent = flight.has_sent_close();
        }
    }

    /// Counts on from a connection before this one. What that has not sent is not counted as queued here.
    pub fn carry_on(&mut self, before: &Self) {
        let Queued { bytes, control_bytes, .. } = self.queued;
        self.queued = before.queued;
        self.queued.bytes = before.sent() + before.sent_close() + bytes;
        self.queued.control_bytes = before.sent_control() + control_bytes;
    }

    /// Counts a message that is not queued here, with so many bytes that were not counted.
    pub fn count(&mut self, payload: usize) {
        self.queued.messages += 1;
        self.queued.payload += payload as u64;
    }

    /// What was queued last had been counted before: as a message, and bytes.
    pub fn uncount(&mut self, (message, payload): (bool, usize)) {
        self.queued.messages -= u64::from(message);
        self.queued.payload -= payload as u64;
    }

    /// Bytes queued and not sent.
    pub fn pending(&self) -> usize {
        self.pending_data() + self.pending_control()
    }

    /// Bytes of messages and our Close queued and not sent.
    pub fn pending_data(&self) -> usize {
        self.data.len() + self.data_in_flight
    }

    /// Bytes of pongs queued and not sent.
    pub fn pending_control(&self) -> usize {
        self.control.len() + self.control_in_flight
    }

    /// Messages queued and not sent, those that are sent together counting until the last of them is.
    pub fn pending_messages(&self) -> usize {
        self.data_messages + self.messages_in_flight
    }

    /// Messages that no flight has taken, and their bytes.
    pub fn unloaded_messages(&self) -> (usize, usize) {
        (self.data_messages, self.data.len())
    }

    /// Bytes queued that no flight has taken.
    pub fn unloaded(&self) -> usize {
        self.data.len() + self.control.len()
    }

    /// What was ever queued.
    pub fn totals(&self) -> &Queued {
        &self.queued
    }

    /// Bytes of messages ever queued, headers included.
    pub fn queued(&self) -> u64 {
        self.queued.bytes
    }

    /// How far of [`queued`](Self::queued) everything is sent, or dropped. Our Close behind it does not count.
    pub fn sent(&self) -> u64 {
        let close = self.closing.as_ref().filter(|closing| !closing.sent).map_or(0, |closing| closing.frame_size);
        self.queued.bytes.saturating_sub(self.pending_data().saturating_sub(close) as u64)
    }

    /// Bytes of our Close, once it is sent.
    pub fn sent_close(&self) -> u64 {
        self.closing.as_ref().filter(|closing| closing.sent).map_or(0, |closing| closing.frame_size as u64)
    }

    /// How far of the pings and pongs ever queued everything is sent.
    pub fn sent_control(&self) -> u64 {
        self.queued.control_bytes.saturating_sub(self.pending_control() as u64)
    }

    /// Gives back memory that nothing waits in.
    pub fn release(&mut self, flight: &mut Flight) {
        flight.release();
        self.keys.release();
        self.data.shrink_to_fit();
        self.control.shrink_to_fit();
    }

    /// Our Close and why it was sent, from when it is queued.
    pub fn closing(&self) -> Option<(&Close, Initiator)> {
        self.closing.as_ref().map(|closing| (&closing.close, closing.initiator))
    }

    /// Whether all of our Close went to the transport.
    pub fn has_sent_close(&self) -> bool {
        self.closing.as_ref().is_some_and(|closing| closing.sent)
    }

    /// Bytes went out on the way to our Close, or it did: the peer's time to answer counts from now.
    pub fn renew_close_deadline(&mut self, now: Instant) {
        if let Some(closing) = &mut self.closing {
            closing.deadline = self.close_timeout.and_then(|timeout| now.checked_add(timeout));
        }
    }

    /// When the closing handshake has taken too long.
    pub fn close_deadline(&self) -> Option<Instant> {
        self.closing.as_ref()?.deadline
    }
}

/// Appends a frame: opcode, reserved bits and whether it is its message's last.
fn append_frame(out: &mut Vec<u8>, mask: Option<[u8; 4]>, (opcode, rsv, fin): (Opcode, u8, bool), payload: &[u8]) {
    let header = Header { fin, rsv, opcode, mask, length: payload.len() as u64 };
    let encoded = header::encode(&header);
    let (bytes, size) = encoded.padded();
    let start = out.len();
    out.extend_from_slice(bytes);
    out.truncate(start + size);
    match mask {
        Some(key) => append_masked(out, payload, key),
        None => out.extend_from_slice(payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_nothing_waits_in_is_freed() {
        let mut outgoing = Outgoing::new(MaskingKeys::from_seed([7; 32]), None);
        let mut flight = Flight::default();
        let outbound = Outbound { opcode: Opcode::Binary, payload: &[0; 1000], fin: true, is_utf8: true };
        let admitted = outgoing.admit(&outbound).expect("an open connection");
        outgoing.queue(admitted, 0, outbound.payload).expect("an open connection");
        outgoing.queue_control(Opcode::Ping, b"x").expect("an open connection");
        outgoing.release(&mut flight);
        assert_eq!((outgoing.pending_data(), outgoing.pending_control()), (1008, 7));
        outgoing.load(&mut flight);
        while !flight.is_empty() {
            let count = flight.to_send().len();
            flight.sent(count);
            outgoing.load(&mut flight);
        }
        assert!(outgoing.data.capacity() + flight.data.capacity() >= 1008);
        outgoing.release(&mut flight);
        assert_eq!((outgoing.data.capacity(), outgoing.control.capacity()), (0, 0));
        assert_eq!((flight.data.capacity(), flight.control.capacity()), (0, 0));
    }
}
