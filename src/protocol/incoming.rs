//! The receiving half: bytes to whole messages and control frames, within the limits.
//!
//! Of a raw connection: bytes to the frames that came.

use crate::error::{Error, Kind};
use crate::frame::header::{self, Header, MAX_HEADER_SIZE};
use crate::frame::utf8::Utf8Validator;
use crate::frame::{Opcode, close_code as close_payload};
use crate::protocol::Close;
use crate::protocol::decoders::Decoders;
use crate::protocol::encoders::Volume;
use crate::protocol::partial_message::PartialMessage;
use crate::protocol::payload::{self, Payload};
use crate::protocol::received::{ControlPayload, Frame, Received};

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

/// How many encoded bytes are decoded at a time. A few bytes can decode to a thousand times as many.
const ENCODED_PIECE: usize = 4 * 1024;

/// How much [`Incoming::poll`] works before the caller looks at the clock: a frame is one unit, and so are this many bytes
/// to decode.
const WORK: usize = 1024;
const ENCODED_UNIT: usize = ENCODED_PIECE / WORK;

/// How much larger than twice the message limit an encoded message may be.
const ENCODED_SLACK: u64 = 64 * 1024;

/// The largest frame and message to accept, in bytes of payload. They may change between two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the payload that a data frame announces.
    pub max_frame_size: u64,
    /// For the payloads of a message's frames together.
    pub max_message_size: u64,
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
    frame: Option<ArrivingFrame>,
    /// In a box: most of the time there is none.
    message: Option<Box<PartialMessage>>,
    /// Of the control frame that is arriving.
    control: Option<Box<ControlPayload>>,
    /// A Close or a violation was received; whatever follows is dropped (section 1.4).
    finished: bool,
    /// Frames are given as they come.
    is_raw: bool,
    /// Those of the extensions; none where there are none.
    decoders: Option<Box<Decoders>>,
    /// What a message in one frame needs no other look at: no extension wants it, and it is not raw.
    has_simple_frames: bool,
}

#[derive(Debug)]
struct ArrivingFrame {
    fin: bool,
    rsv: u8,
    opcode: Opcode,
    /// Payload bytes still to come.
    left: u64,
}

impl Incoming {
    /// A connection that has received `early` bytes behind the opening handshake.
    pub fn new(early: &[u8], decoders: Decoders, is_raw: bool) -> Self {
        Self {
            is_raw,
            has_simple_frames: !is_raw && !decoders.decodes_unmarked(),
            decoders: (!decoders.is_empty()).then(|| Box::new(decoders)),
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
            (Some(message), Some(frame))
                if !frame.opcode.is_control() && !message.is_encoded && self.start == self.end =>
            {
                frame.left >= DIRECT_FROM && message.reserve(1, frame.left - 1).is_ok()
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
        if let Some(decoders) = self.decoders.as_mut().filter(|_| self.message.is_none()) {
            decoders.release();
        }
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

    /// Whether the payload of a frame is arriving, which nothing can come before the end of.
    pub fn is_amid_frame(&self) -> bool {
        self.frame.is_some()
    }

    /// What the extensions have decoded; none where there are none.
    pub fn decoded(&self) -> Option<Volume> {
        self.decoders.as_ref().map(|decoders| decoders.volume())
    }

    /// What the extensions' decoding has cost so far, in bytes that were read, written and copied.
    pub fn work(&self) -> u64 {
        self.decoders.as_ref().map_or(0, |decoders| decoders.work())
    }

    /// The next thing that came in; none when more bytes are needed. Whatever came, it returns after a bounded amount of
    /// work, with [`Received::Yield`] where there is more to do. `memory` gives some for a small message, to be used
    /// again, or none.
    #[inline]
    pub fn poll(&mut self, limits: &Limits, mut memory: impl FnMut() -> Vec<u8>) -> Option<Received> {
        if let Some(message) = self.poll_small(limits, &mut memory) {
            return Some(Received::Frame(message));
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
    pub fn poll_small(&mut self, limits: &Limits, memory: impl FnOnce() -> Vec<u8>) -> Option<Frame> {
        let [first, length @ ..126, rest @ ..] = &self.input[self.start..self.end] else { return None };
        let opcode = match *first {
            FINAL_TEXT => Opcode::Text,
            FINAL_BINARY => Opcode::Binary,
            _ => return None,
        };
        let size = usize::from(*length);
        let fits = u64::from(*length) <= limits.max_frame_size.min(limits.max_message_size);
        let is_simple = self.has_simple_frames && !self.finished && self.frame.is_none() && self.message.is_none();
        if !is_simple || !fits {
            return None;
        }
        let bytes = rest.get(..size)?;
        if opcode == Opcode::Text && simdutf8::basic::from_utf8(bytes).is_err() {
            return None;
        }
        let payload = Payload::small(memory(), bytes);
        self.start += SMALL_HEADER + size;
        Some(Frame::message(opcode, payload))
    }

    fn advance(&mut self, limits: &Limits, memory: &mut impl FnMut() -> Vec<u8>) -> Result<Option<Received>, Error> {
        let mut work = WORK;
        loop {
            let Some(left) = work.checked_sub(1) else { return Ok(Some(Received::Yield)) };
            work = left;
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
            let mut count = usize::try_from(frame.left).map_or(available.len(), |left| left.min(available.len()));
            if self.message.as_ref().is_some_and(|message| message.is_encoded) {
                count = count.min(ENCODED_PIECE);
                work = work.saturating_sub(count / ENCODED_UNIT);
            }
            let piece = &available[..count];
            self.start += count;
            frame.left -= count as u64;
            let (fin, rsv, opcode, left) = (frame.fin, frame.rsv, frame.opcode, frame.left);
            if let Some(control) = &mut self.control {
                control.push(piece);
            } else if let Some(message) = &mut self.message {
                match &mut self.decoders {
                    Some(decoders) if message.is_encoded => {
                        message.push_encoded(decoders, piece, fin && left == 0, limits.max_message_size)?;
                    }
                    _ => message.push(piece, left)?,
                }
            }
            if left > 0 && self.start == self.end {
                return Ok(None);
            }
            if left > 0 {
                continue;
            }
            self.frame = None;
            if let Some(control) = self.control.take() {
                return finish_control(opcode, &control).map(Some);
            }
            if fin && let Some(message) = self.message.take() {
                return message.finish(rsv).map(|message| Some(Received::Frame(message)));
            }
            if self.is_raw
                && let Some(message) = &mut self.message
            {
                return Ok(Some(Received::Frame(message.take_fragment(rsv))));
            }
        }
    }

    fn begin_frame(
        &mut self,
        header: &Header,
        limits: &Limits,
        memory: &mut impl FnMut() -> Vec<u8>,
    ) -> Result<(), Error> {
        self.check_reserved_bits(header)?;
        if header.mask.is_some() {
            return Err(violation("a masked frame"));
        }
        match (header.opcode, &mut self.message) {
            (Opcode::Continuation, None) => {
                return Err(violation("a continuation frame without a message to continue"));
            }
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(violation(format_args!("a {:?} frame inside a fragmented message", header.opcode)));
            }
            (opcode @ (Opcode::Text | Opcode::Binary), None) => {
                let is_encoded = self.decoders.as_mut().is_some_and(|decoders| decoders.begin(opcode, header.rsv));
                check_size(header, 0, is_encoded, limits)?;
                let is_large = header.length >= DIRECT_FROM && !is_encoded;
                let memory = if is_large { std::mem::take(&mut self.spare) } else { memory() };
                let payload = Payload::in_memory(memory);
                // What the reserved bits of a raw frame stand for is not known here.
                let is_text = opcode == Opcode::Text && (is_encoded || header.rsv == 0);
                let utf8 = is_text.then(Utf8Validator::default);
                let (is_fragmented, announced) = (!header.fin && !self.is_raw, header.length);
                let limit = limits.max_message_size;
                self.message = Some(Box::new(PartialMessage {
                    opcode,
                    payload,
                    utf8,
                    is_encoded,
                    is_fragmented,
                    announced,
                    limit,
                }));
            }
            (Opcode::Continuation, Some(message)) => {
                check_size(header, message.announced, message.is_encoded, limits)?;
                message.announced += header.length;
                message.limit = limits.max_message_size;
            }
            (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => self.control = Some(Box::new(ControlPayload::EMPTY)),
        }
        let Header { fin, rsv, opcode, length: left, .. } = *header;
        self.frame = Some(ArrivingFrame { fin, rsv, opcode, left });
        Ok(())
    }

    /// Reserved bits belong to extensions (section 5.2), and mark the first frame of a message.
    fn check_reserved_bits(&self, header: &Header) -> Result<(), Error> {
        let rsv = header.rsv;
        if rsv == 0 || self.is_raw {
            return Ok(());
        }
        let known = self.decoders.as_ref().map_or(0, |decoders| decoders.rsv());
        if rsv & !known != 0 {
            return Err(violation(format_args!("a frame with the reserved bits {rsv:03b}, which no extension uses")));
        }
        if !matches!(header.opcode, Opcode::Text | Opcode::Binary) {
            let opcode = header.opcode;
            return Err(violation(format_args!("a {opcode:?} frame with the reserved bits {rsv:03b}")));
        }
        Ok(())
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

/// Checks what a frame announces, in a message whose frames before it have announced so much.
fn check_size(header: &Header, before: u64, is_encoded: bool, limits: &Limits) -> Result<(), Error> {
    let length = header.length;
    if length > limits.max_frame_size {
        let limit = limits.max_frame_size;
        return Err(Error::new(Kind::FrameTooBig, format!("frame of {length} bytes, the limit is {limit}")));
    }
    let limit = limits.max_message_size;
    // The limit is for what is decoded. What is not may be somewhat larger, but has an end as well.
    let most = if is_encoded { limit.saturating_mul(2).saturating_add(ENCODED_SLACK) } else { limit };
    let total = before.saturating_add(length);
    if total > most {
        return Err(Error::new(Kind::MessageTooBig, format!("message of {total} bytes or more, the limit is {limit}")));
    }
    Ok(())
}

fn violation(what: impl std::fmt::Display) -> Error {
    Error::new(Kind::Protocol, format!("the server sent {what}"))
}
