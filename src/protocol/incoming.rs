//! The receiving half: bytes to whole messages and control frames, within the limits.

use crate::error::{Error, Kind};
use crate::frame::header::{self, Header, MAX_HEADER_SIZE};
use crate::frame::utf8::{InvalidUtf8, Utf8Validator};
use crate::frame::{MAX_CONTROL_PAYLOAD, Opcode, close as close_payload};
use crate::protocol::Close;
use crate::protocol::payload::{self, Payload};

/// How much is read from the transport at a time, at first and when there is more.
const FIRST_READ: usize = 4 * 1024;
const LARGEST_READ: usize = 64 * 1024;

/// The first byte of a text and a binary frame that is the only one of its message.
const FINAL_TEXT: u8 = 0x81;
const FINAL_BINARY: u8 = 0x82;

/// The size of the header of a frame with less than 126 bytes.
const SMALL_HEADER: usize = 2;

/// With so much of a frame to come, it is read straight into the message.
const DIRECT_FROM: u64 = 32 * 1024;

/// The largest frame and message to accept, in bytes of payload. They may change between two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the payload that a data frame announces.
    pub max_frame_size: u64,
    /// For the payloads of a message's frames together.
    pub max_message_size: u64,
}

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Text or binary.
    pub opcode: Opcode,
    /// The payloads of its frames; valid UTF-8 where it is text.
    pub payload: Payload,
}

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A whole message.
    Message(Message),
    /// A ping, to be answered.
    Ping(ControlPayload),
    /// A pong.
    Pong(ControlPayload),
    /// The peer's Close. Nothing follows.
    Close(Close),
    /// The peer broke the protocol or a limit. Nothing follows.
    Violation(Error),
}

/// The payload of a ping or pong.
#[derive(Clone, Copy)]
pub struct ControlPayload {
    bytes: [u8; MAX_CONTROL_PAYLOAD],
    size: usize,
}

impl ControlPayload {
    const EMPTY: Self = Self { bytes: [0; MAX_CONTROL_PAYLOAD], size: 0 };

    /// The payload's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.size]
    }

    fn push(&mut self, piece: &[u8]) {
        self.bytes[self.size..self.size + piece.len()].copy_from_slice(piece);
        self.size += piece.len();
    }
}

impl PartialEq for ControlPayload {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for ControlPayload {}

impl std::fmt::Debug for ControlPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.as_bytes())
    }
}

/// The receiving half of a connection.
#[derive(Debug)]
pub struct Incoming {
    /// Bytes read and not decoded: `input[start..end]`. Without memory while nothing comes; used from `base` on.
    input: Vec<u8>,
    base: usize,
    start: usize,
    end: usize,
    /// The last read filled the input: the next may bring more.
    filled: bool,
    /// [`space`](Self::space) was the message's own memory.
    is_direct: bool,
    /// Bytes at the end of the message that were put there and not looked at.
    direct: usize,
    /// Memory for the next large message.
    spare: Vec<u8>,
    /// The frame whose payload is arriving.
    frame: Option<Frame>,
    message: Option<PartialMessage>,
    /// Of the control frame that is arriving.
    control: Option<Box<ControlPayload>>,
    /// A Close or a violation was received; whatever follows is dropped (section 1.4).
    finished: bool,
}

#[derive(Debug)]
struct Frame {
    fin: bool,
    opcode: Opcode,
    /// Payload bytes still to come.
    left: u64,
}

#[derive(Debug)]
struct PartialMessage {
    opcode: Opcode,
    payload: Payload,
    utf8: Utf8Validator,
}

impl Incoming {
    /// A connection that has received `early` bytes behind the opening handshake.
    pub fn new(early: &[u8]) -> Self {
        Self {
            input: early.to_vec(),
            base: 0,
            start: 0,
            end: early.len(),
            filled: false,
            is_direct: false,
            direct: 0,
            spare: Vec::new(),
            frame: None,
            message: None,
            control: None,
            finished: false,
        }
    }

    /// Where to put the next bytes from the transport. Never empty once [`poll`](Self::poll) has returned none.
    pub fn space(&mut self) -> &mut [u8] {
        self.is_direct = self.makes_direct();
        if self.is_direct
            && let (Some(message), Some(frame)) = (&mut self.message, &self.frame)
        {
            let space = message.payload.space();
            let size = usize::try_from(frame.left).map_or(space.len(), |left| left.min(space.len()));
            return &mut space[..size];
        }
        let left = self.end - self.start;
        let wanted = if self.filled { (self.input.len() - self.base) * 4 } else { FIRST_READ };
        // What is left is a header's beginning at most, but for bytes that came with the handshake.
        let wanted = wanted.min(LARGEST_READ).max(left + MAX_HEADER_SIZE);
        if self.input.len() - self.base < wanted {
            let (input, base) = payload::placed(wanted);
            let before = std::mem::replace(&mut self.input, input);
            self.input[base..base + left].copy_from_slice(&before[self.start..self.end]);
            self.base = base;
        } else {
            self.input.copy_within(self.start..self.end, self.base);
        }
        (self.start, self.end) = (self.base, self.base + left);
        &mut self.input[self.end..]
    }

    /// Makes room in the message for a large rest of a frame, and tells whether it goes there. What cannot be had in
    /// memory now is asked for again, and refused, piece by piece.
    fn makes_direct(&mut self) -> bool {
        match (&mut self.message, &self.frame) {
            (Some(message), Some(frame)) if !frame.opcode.is_control() && self.start == self.end => {
                frame.left >= DIRECT_FROM && message.payload.reserve(1, frame.left - 1).is_ok()
            }
            _ => false,
        }
    }

    /// `count` bytes were put into [`space`](Self::space).
    pub fn received(&mut self, count: usize) {
        if self.is_direct {
            self.direct = count;
            return;
        }
        self.end += count;
        self.filled = self.end == self.input.len();
        debug_assert!(self.end <= self.input.len());
    }

    /// Gives memory for a large message to come, from [`Payload::into_memory`].
    pub fn offer(&mut self, memory: Vec<u8>) {
        self.spare = memory;
    }

    /// Whether there is no memory for a large message to come.
    pub fn lacks_memory(&self) -> bool {
        self.spare.is_empty()
    }

    /// Gives back the memory that only much traffic needs.
    pub fn shrink(&mut self) {
        self.spare = Vec::new();
        if self.start == self.end && self.input.len() - self.base > FIRST_READ {
            self.release();
        }
    }

    /// Gives back the memory that is only needed while bytes come.
    pub fn release(&mut self) {
        self.spare = Vec::new();
        if self.start == self.end {
            (self.input, self.base, self.start, self.end, self.filled) = (Vec::new(), 0, 0, 0, false);
        }
    }

    /// Whether bytes have been received that were not looked at.
    pub fn has_input(&self) -> bool {
        self.start < self.end
    }

    /// Whether the peer has sent its Close or broken the protocol: nothing more comes.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether a frame or a message is under way.
    pub fn is_mid_message(&self) -> bool {
        self.frame.is_some() || self.message.is_some() || self.has_input()
    }

    /// The next thing that came in; none when more bytes are needed. `memory` gives some for a small message, to be used
    /// again, or none.
    #[inline]
    pub fn poll(&mut self, limits: &Limits, mut memory: impl FnMut() -> Vec<u8>) -> Option<Received> {
        if let Some(message) = self.poll_small(limits, &mut memory) {
            return Some(Received::Message(message));
        }
        if self.finished {
            self.start = self.end;
            return None;
        }
        let received = match self.advance(limits, &mut memory) {
            Ok(received) => received?,
            Err(error) => Received::Violation(error),
        };
        if matches!(received, Received::Close(_) | Received::Violation(_)) {
            self.finished = true;
            self.frame = None;
            self.message = None;
        }
        Some(received)
    }

    /// The next message, if it is a small one in one frame, all of it is here and nothing is wrong with it: the common
    /// case, without the steps that the others need. None says nothing of what is there.
    #[inline]
    pub fn poll_small(&mut self, limits: &Limits, memory: impl FnOnce() -> Vec<u8>) -> Option<Message> {
        let [first, length @ ..126, rest @ ..] = &self.input[self.start..self.end] else { return None };
        let opcode = match *first {
            FINAL_TEXT => Opcode::Text,
            FINAL_BINARY => Opcode::Binary,
            _ => return None,
        };
        let size = usize::from(*length);
        let fits = u64::from(*length) <= limits.max_frame_size.min(limits.max_message_size);
        if self.frame.is_some() || self.message.is_some() || self.finished || !fits {
            return None;
        }
        let bytes = rest.get(..size)?;
        if opcode == Opcode::Text && simdutf8::basic::from_utf8(bytes).is_err() {
            return None;
        }
        let payload = Payload::small(memory(), bytes);
        self.start += SMALL_HEADER + size;
        Some(Message { opcode, payload })
    }

    fn advance(&mut self, limits: &Limits, memory: &mut impl FnMut() -> Vec<u8>) -> Result<Option<Received>, Error> {
        loop {
            let Some(frame) = &mut self.frame else {
                let input = &self.input[self.start..self.end];
                match header::decode(input) {
                    Ok(Some((header, size))) => {
                        self.start += size;
                        self.begin_frame(&header, limits, memory)?;
                    }
                    Ok(None) => return Ok(None),
                    Err(error) => return Err(violation(error)),
                }
                continue;
            };
            if let (Some(message), count @ 1..) = (&mut self.message, std::mem::take(&mut self.direct)) {
                frame.left -= count as u64;
                message.take_in(count)?;
            }
            let available = &self.input[self.start..self.end];
            let count = usize::try_from(frame.left).map_or(available.len(), |left| left.min(available.len()));
            let piece = &available[..count];
            self.start += count;
            frame.left -= count as u64;
            let (fin, opcode, left) = (frame.fin, frame.opcode, frame.left);
            if let Some(control) = &mut self.control {
                control.push(piece);
            } else if let Some(message) = &mut self.message {
                message.push(piece, left)?;
            }
            if left > 0 {
                return Ok(None);
            }
            self.frame = None;
            if let Some(control) = self.control.take() {
                return finish_control(opcode, &control).map(Some);
            }
            if fin && let Some(message) = self.message.take() {
                return message.finish().map(|message| Some(Received::Message(message)));
            }
        }
    }

    fn begin_frame(
        &mut self,
        header: &Header,
        limits: &Limits,
        memory: &mut impl FnMut() -> Vec<u8>,
    ) -> Result<(), Error> {
        if header.rsv != 0 {
            return Err(violation(format_args!(
                "a frame with the reserved bits {:03b}, which no extension uses",
                header.rsv
            )));
        }
        if header.mask.is_some() {
            return Err(violation("a masked frame"));
        }
        match (header.opcode, &self.message) {
            (Opcode::Continuation, None) => {
                return Err(violation("a continuation frame without a message to continue"));
            }
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(violation(format_args!("a {:?} frame inside a fragmented message", header.opcode)));
            }
            (opcode @ (Opcode::Text | Opcode::Binary), None) => {
                check_size(header, 0, limits)?;
                let is_large = header.length >= DIRECT_FROM;
                let memory = if is_large { std::mem::take(&mut self.spare) } else { memory() };
                let payload = Payload::in_memory(memory);
                self.message = Some(PartialMessage { opcode, payload, utf8: Utf8Validator::default() });
            }
            (Opcode::Continuation, Some(message)) => check_size(header, message.payload.len() as u64, limits)?,
            (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => self.control = Some(Box::new(ControlPayload::EMPTY)),
        }
        self.frame = Some(Frame { fin: header.fin, opcode: header.opcode, left: header.length });
        Ok(())
    }
}

impl PartialMessage {
    /// Takes a piece of a frame of which `left` more bytes are announced.
    fn push(&mut self, piece: &[u8], left: u64) -> Result<(), Error> {
        if self.opcode == Opcode::Text {
            self.utf8.push(piece).map_err(not_utf8)?;
        }
        self.payload.reserve(piece.len(), left)?;
        self.payload.push(piece);
        Ok(())
    }

    /// Takes `count` bytes that are in place.
    fn take_in(&mut self, count: usize) -> Result<(), Error> {
        if self.opcode == Opcode::Text {
            self.utf8.push(&self.payload.space()[..count]).map_err(not_utf8)?;
        }
        self.payload.filled(count);
        Ok(())
    }

    fn finish(mut self) -> Result<Message, Error> {
        if self.opcode == Opcode::Text {
            self.utf8.finish().map_err(not_utf8)?;
        }
        self.payload.terminate();
        Ok(Message { opcode: self.opcode, payload: self.payload })
    }
}

fn finish_control(opcode: Opcode, payload: &ControlPayload) -> Result<Received, Error> {
    Ok(match opcode {
        Opcode::Ping => Received::Ping(*payload),
        Opcode::Pong => Received::Pong(*payload),
        _ => Received::Close(match close_payload::parse(payload.as_bytes()) {
            Ok(None) => Close::default(),
            Ok(Some((code, reason))) => Close { code: Some(code), reason: reason.to_owned() },
            Err(error @ close_payload::CloseError::Reason) => {
                return Err(Error::new(Kind::Utf8, format!("the server sent {error}")));
            }
            Err(error) => return Err(violation(error)),
        }),
    })
}

fn check_size(header: &Header, before: u64, limits: &Limits) -> Result<(), Error> {
    let length = header.length;
    if length > limits.max_frame_size {
        let limit = limits.max_frame_size;
        return Err(Error::new(Kind::FrameTooBig, format!("frame of {length} bytes, the limit is {limit}")));
    }
    let total = before.saturating_add(length);
    if total > limits.max_message_size {
        let limit = limits.max_message_size;
        return Err(Error::new(Kind::MessageTooBig, format!("message of {total} bytes or more, the limit is {limit}")));
    }
    Ok(())
}

fn violation(what: impl std::fmt::Display) -> Error {
    Error::new(Kind::Protocol, format!("the server sent {what}"))
}

fn not_utf8(error: InvalidUtf8) -> Error {
    Error::new(Kind::Utf8, format!("text message that is not UTF-8 after byte {}", error.valid_up_to))
}
