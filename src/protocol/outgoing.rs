//! The sending half: messages and control frames to bytes, and our side of the closing handshake.

use std::time::{Duration, Instant};

use crate::error::{Error, Kind};
use crate::frame::header::{self, Header, MAX_HEADER_SIZE};
use crate::frame::mask::append_masked;
use crate::frame::{CloseCode, Opcode};
use crate::protocol::close::{self, Close};
use crate::protocol::{Flight, Initiator, MaskingKeys, Received};

/// The sending half of a connection: what waits to be sent. [`load`](Self::load) hands it to a [`Flight`].
pub struct Outgoing {
    keys: MaskingKeys,
    /// The largest payload of a frame that is sent, none for any.
    fragment: Option<usize>,
    /// Frames to send, back to back.
    data: Vec<u8>,
    /// Pongs to send.
    control: Vec<u8>,
    /// What the flight had left of either, when it was last loaded.
    data_in_flight: usize,
    control_in_flight: usize,
    /// The flight is to drop the messages that it has not begun.
    cut: bool,
    closing: Option<Box<Closing>>,
    close_timeout: Option<Duration>,
    /// Bytes of frames ever queued, pongs aside.
    queued: u64,
}

/// Our Close, from when it is queued.
struct Closing {
    close: Close,
    initiator: Initiator,
    /// Where its frame begins in `data`; none once it is in flight.
    frame_start: Option<usize>,
    sent: bool,
    deadline: Option<Instant>,
}

impl Outgoing {
    /// An open connection. `close_timeout`: how long the closing handshake may take, none for no limit.
    pub fn new(keys: MaskingKeys, close_timeout: Option<Duration>) -> Self {
        Self {
            keys,
            fragment: None,
            data: Vec::new(),
            control: Vec::new(),
            data_in_flight: 0,
            control_in_flight: 0,
            cut: false,
            closing: None,
            close_timeout,
            queued: 0,
        }
    }

    /// From now on sends messages with larger payloads than `size` as frames of that size, so that a pong waits for
    /// one of them at most. None for whole messages.
    pub fn set_fragment(&mut self, size: Option<usize>) {
        self.fragment = size;
    }

    /// Queues a message. Text must be UTF-8; the caller has checked it.
    pub fn send(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Error> {
        if self.closing.is_some() {
            return Err(Error::new(Kind::Closed, "the session is closing: nothing more can be sent"));
        }
        let before = self.data.len();
        let fragment = self.fragment.unwrap_or(usize::MAX);
        let headers = if payload.len() <= fragment { 1 } else { payload.len().div_ceil(fragment) } * MAX_HEADER_SIZE;
        self.data.try_reserve(payload.len().saturating_add(headers)).map_err(|_| {
            Error::new(Kind::NoMemory, format!("no memory to send a message of {} bytes", payload.len()))
        })?;
        let (mut opcode, mut rest) = (opcode, payload);
        while rest.len() > fragment {
            let (piece, behind) = rest.split_at(fragment);
            append_frame(&mut self.data, &mut self.keys, opcode, false, piece);
            (opcode, rest) = (Opcode::Continuation, behind);
        }
        append_frame(&mut self.data, &mut self.keys, opcode, true, rest);
        self.queued += (self.data.len() - before) as u64;
        Ok(())
    }

    /// Gives what came in the answer it asks for: a ping its pong, a Close the closing handshake's second half, a
    /// violation the Close that says so.
    pub fn answer(&mut self, received: &Received, now: Instant) {
        match received {
            Received::Ping(payload) => {
                append_frame(&mut self.control, &mut self.keys, Opcode::Pong, true, payload.as_bytes());
            }
            // Echoed as it came (section 5.5.1).
            Received::Close(theirs) => {
                self.queue_close(theirs.clone(), Initiator::Remote, now);
            }
            Received::Violation(error) => self.fail(close::code_for(error.kind), &error.message, now),
            Received::Message(_) | Received::Pong(_) => {}
        }
    }

    /// Starts the closing handshake behind what is queued. Returns whether this call did: one Close is sent.
    pub fn close(&mut self, close: Close, now: Instant) -> bool {
        self.queue_close(close, Initiator::Local, now)
    }

    /// Fails the connection (RFC 6455 section 7.1.7): Close goes out as soon as the frame under way is complete. It is
    /// the Close that is queued already where there is one.
    pub fn fail(&mut self, code: CloseCode, reason: &str, now: Instant) {
        self.cut = true;
        match &mut self.closing {
            None => {
                self.data.clear();
                self.queue_close(Close::because(code, reason), Initiator::Protocol, now);
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
        append_frame(&mut self.data, &mut self.keys, Opcode::Close, true, &close.payload());
        let deadline = self.close_timeout.and_then(|timeout| now.checked_add(timeout));
        self.closing = Some(Box::new(Closing { close, initiator, frame_start, sent: false, deadline }));
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
            }
            flight.close_start = self.closing.as_mut().and_then(|closing| closing.frame_start.take());
        }
        if flight.has_begun_close() {
            self.control.clear();
        } else if flight.control_sent == flight.control.len() && !self.control.is_empty() {
            flight.take_control(&mut self.control);
        }
        self.data_in_flight = flight.data_left();
        self.control_in_flight = flight.control.len() - flight.control_sent;
        if let Some(closing) = &mut self.closing {
            closing.sent = flight.has_sent_close();
        }
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

    /// Bytes queued that no flight has taken.
    pub fn unloaded(&self) -> usize {
        self.data.len() + self.control.len()
    }

    /// Bytes of messages ever queued, headers included.
    pub fn queued(&self) -> u64 {
        self.queued
    }

    /// How far of [`queued`](Self::queued) everything is sent.
    pub fn sent(&self) -> u64 {
        self.queued.saturating_sub(self.pending_data() as u64)
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

fn append_frame(out: &mut Vec<u8>, keys: &mut MaskingKeys, opcode: Opcode, fin: bool, payload: &[u8]) {
    let key = keys.draw();
    let header = Header { fin, rsv: 0, opcode, mask: Some(key), length: payload.len() as u64 };
    let encoded = header::encode(&header);
    let (bytes, size) = encoded.padded();
    let start = out.len();
    out.extend_from_slice(bytes);
    out.truncate(start + size);
    append_masked(out, payload, key);
}
