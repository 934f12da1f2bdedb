//! The sending half: messages and control frames to bytes, and our side of the closing handshake.

use std::time::{Duration, Instant};

use crate::error::{Error, Kind};
use crate::frame::header::{self, Header, MAX_HEADER_SIZE};
use crate::frame::mask::append_masked;
use crate::frame::{CloseCode, Opcode};
use crate::protocol::close::{self, Close};
use crate::protocol::{Initiator, MaskingKeys, Received};

/// A drained buffer that has grown beyond this gives its memory back.
const KEPT_CAPACITY: usize = 64 * 1024;

/// The sending half of a connection.
pub struct Outgoing {
    keys: MaskingKeys,
    /// Frames to send, back to back.
    data: Vec<u8>,
    /// How much of `data` is sent.
    sent: usize,
    /// Where the frame that `sent` stands in, or at the start of, begins; brought up to date when it is asked for.
    frame_start: usize,
    /// Pongs; they overtake `data` between two of its frames.
    control: Vec<u8>,
    control_sent: usize,
    closing: Option<Closing>,
    close_timeout: Option<Duration>,
}

/// Our Close, from when it is queued.
struct Closing {
    close: Close,
    initiator: Initiator,
    /// Where its frame begins in `data`.
    frame_start: usize,
    deadline: Option<Instant>,
}

impl Outgoing {
    /// An open connection. `close_timeout`: how long the closing handshake may take, none for no limit.
    pub fn new(keys: MaskingKeys, close_timeout: Option<Duration>) -> Self {
        Self {
            keys,
            data: Vec::new(),
            sent: 0,
            frame_start: 0,
            control: Vec::new(),
            control_sent: 0,
            closing: None,
            close_timeout,
        }
    }

    /// Queues a message as one frame. Text must be UTF-8; the caller has checked it.
    pub fn send(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Error> {
        if self.closing.is_some() {
            return Err(Error::new(Kind::Closed, "the session is closing: nothing more can be sent"));
        }
        self.compact();
        self.data.try_reserve(payload.len() + MAX_HEADER_SIZE).map_err(|_| {
            Error::new(Kind::NoMemory, format!("no memory to send a message of {} bytes", payload.len()))
        })?;
        append_frame(&mut self.data, &mut self.keys, opcode, payload);
        Ok(())
    }

    /// Gives what came in the answer it asks for: a ping its pong, a Close the closing handshake's second half, a
    /// violation the Close that says so.
    pub fn answer(&mut self, received: &Received, now: Instant) {
        match received {
            Received::Ping(payload) => self.pong(payload.as_bytes()),
            // Echoed as it came (section 5.5.1).
            Received::Close(theirs) => {
                self.queue_close(theirs.clone(), Initiator::Remote, now);
            }
            Received::Violation(error) => self.fail(close::code_for(error.kind), &error.message, now),
            Received::Message(_) | Received::Pong(_) => {}
        }
    }

    fn pong(&mut self, payload: &[u8]) {
        // Nothing follows our Close.
        if self.closing.as_ref().is_some_and(|closing| self.sent > closing.frame_start) {
            return;
        }
        append_frame(&mut self.control, &mut self.keys, Opcode::Pong, payload);
    }

    /// Starts the closing handshake behind what is queued. Returns whether this call did: one Close is sent.
    pub fn close(&mut self, close: Close, now: Instant) -> bool {
        self.queue_close(close, Initiator::Local, now)
    }

    /// Fails the connection (RFC 6455 section 7.1.7): Close goes out as soon as the frame under way is complete. It is
    /// the Close that is queued already where there is one.
    pub fn fail(&mut self, code: CloseCode, reason: &str, now: Instant) {
        let keep = self.boundary();
        match &mut self.closing {
            None => {
                self.data.truncate(keep);
                self.queue_close(Close::because(code, reason), Initiator::Protocol, now);
            }
            Some(closing) if keep < closing.frame_start => {
                self.data.drain(keep..closing.frame_start);
                closing.frame_start = keep;
            }
            Some(_) => {}
        }
    }

    fn queue_close(&mut self, close: Close, initiator: Initiator, now: Instant) -> bool {
        if self.closing.is_some() {
            return false;
        }
        self.compact();
        let frame_start = self.data.len();
        append_frame(&mut self.data, &mut self.keys, Opcode::Close, &close.payload());
        let deadline = self.close_timeout.and_then(|timeout| now.checked_add(timeout));
        self.closing = Some(Closing { close, initiator, frame_start, deadline });
        true
    }

    /// The next bytes for the transport; empty when there are none.
    pub fn to_send(&mut self) -> &[u8] {
        if self.control_sent == self.control.len() {
            return &self.data[self.sent..];
        }
        // A control frame may go out between two frames, not inside one.
        let boundary = self.boundary();
        if self.control_sent > 0 || boundary == self.sent {
            &self.control[self.control_sent..]
        } else {
            &self.data[self.sent..boundary]
        }
    }

    /// The transport took `count` of the bytes of [`to_send`](Self::to_send).
    pub fn sent(&mut self, count: usize) {
        let from_control =
            self.control_sent < self.control.len() && (self.control_sent > 0 || self.boundary() == self.sent);
        if from_control {
            self.control_sent += count;
            if self.control_sent == self.control.len() {
                release(&mut self.control);
                self.control_sent = 0;
            }
        } else {
            self.sent += count;
            if self.sent == self.data.len() && self.closing.is_none() {
                release(&mut self.data);
                self.sent = 0;
                self.frame_start = 0;
            }
        }
    }

    /// Bytes queued and not sent.
    pub fn pending(&self) -> usize {
        self.pending_data() + self.pending_control()
    }

    /// Bytes of messages and our Close queued and not sent.
    pub fn pending_data(&self) -> usize {
        self.data.len() - self.sent
    }

    /// Bytes of memory that the queue holds.
    pub fn capacity(&self) -> usize {
        self.data.capacity() + self.control.capacity()
    }

    /// Bytes of pongs queued and not sent.
    pub fn pending_control(&self) -> usize {
        self.control.len() - self.control_sent
    }

    /// Our Close and why it was sent, from when it is queued.
    pub fn closing(&self) -> Option<(&Close, Initiator)> {
        self.closing.as_ref().map(|closing| (&closing.close, closing.initiator))
    }

    /// Whether all of our Close went to the transport.
    pub fn has_sent_close(&self) -> bool {
        self.closing.is_some() && self.sent == self.data.len()
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

    /// The end of the frame that is partly sent, or `sent` itself between two frames.
    fn boundary(&mut self) -> usize {
        while self.frame_start < self.sent {
            // The buffer holds whole frames that this half wrote; each has a header.
            let Ok(Some((header, size))) = header::decode(&self.data[self.frame_start..]) else { break };
            let end = usize::try_from(header.length).map_or(self.data.len(), |length| self.frame_start + size + length);
            if end > self.sent {
                return end;
            }
            self.frame_start = end;
        }
        self.sent
    }

    /// Drops what is sent once it is the larger part, so that a buffer that never drains does not grow forever.
    fn compact(&mut self) {
        if self.sent < KEPT_CAPACITY || self.sent < self.data.len() / 2 {
            return;
        }
        self.boundary();
        self.data.drain(..self.frame_start);
        self.sent -= self.frame_start;
        self.frame_start = 0;
    }
}

fn append_frame(out: &mut Vec<u8>, keys: &mut MaskingKeys, opcode: Opcode, payload: &[u8]) {
    let key = keys.draw();
    let header = Header { fin: true, rsv: 0, opcode, mask: Some(key), length: payload.len() as u64 };
    out.extend_from_slice(header::encode(&header).as_bytes());
    append_masked(out, payload, key);
}

fn release(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT_CAPACITY);
}
