//! The receiving half of a connection: received bytes in, whole messages and control frames out, within the limits. In a
//! raw connection, single frames instead of messages.

mod input;
mod limits;
mod partial_message;
mod read_buffer;

pub use limits::Limits;
use partial_message::{PartialMessage, Parts};
use read_buffer::ReadBuffer;

use crate::error::{Error, Kind};
use crate::frame::header::{self, Header};
use crate::frame::utf8::Utf8Validator;
use crate::frame::{Opcode, close_code as close_payload};
use crate::protocol::close::Close;
use crate::protocol::event::{ControlPayload, Event, Frame};
use crate::protocol::extension::{CodecStats, Decoders};
use crate::protocol::payload::Payload;

/// The first byte of an unfragmented text message and of an unfragmented binary message.
const FINAL_TEXT: u8 = 0x81;
const FINAL_BINARY: u8 = 0x82;

/// The size of the header of a frame with a payload below 126 bytes.
const SMALL_HEADER: usize = 2;

/// How many encoded bytes are decoded at a time. A byte can decode to a thousand bytes.
const ENCODED_PART: usize = 4 * 1024;

/// How many units of work [`FrameDecoder::poll`] does before it yields. One frame is a unit.
const WORK: usize = 1024;

/// How many encoded bytes are a unit of work.
const ENCODED_UNIT: usize = ENCODED_PART / WORK;

/// The receiving half of a connection.
#[derive(Debug)]
pub struct FrameDecoder {
    buffer: ReadBuffer,
    /// Whether [`read_buffer`](Self::read_buffer) returned memory of the message itself.
    is_direct: bool,
    /// The number of bytes in that memory that are not yet part of the message.
    direct: usize,
    /// The frame whose payload is arriving.
    frame: Option<ArrivingFrame>,
    /// The message that is arriving. Boxed because it is usually `None`.
    message: Option<Box<PartialMessage>>,
    /// The size of the last message whose first frame did not tell the size. The next such message is probably similar.
    untold_size: usize,
    /// The payload of the control frame that is arriving.
    control: Option<Box<ControlPayload>>,
    /// Whether a Close or a protocol error ended the connection. Later bytes are dropped (section 1.4).
    finished: bool,
    is_raw: bool,
    /// Whether received text is checked.
    validates_utf8: bool,
    /// Longer messages are delivered in parts of at least this size.
    part_size: Option<usize>,
    /// `None` without extensions.
    decoders: Option<Box<Decoders>>,
    /// Whether [`poll_small`](Self::poll_small) may decode messages without reserved bits: the connection is not raw, and
    /// no extension decodes such messages.
    has_simple_frames: bool,
}

#[derive(Debug)]
struct ArrivingFrame {
    fin: bool,
    rsv: u8,
    opcode: Opcode,
    /// Payload bytes not yet received.
    left: u64,
}

impl FrameDecoder {
    /// Creates a decoder. `early` holds the bytes received together with the handshake response.
    pub fn new(early: &[u8], decoders: Decoders, is_raw: bool) -> Self {
        Self {
            is_raw,
            validates_utf8: true,
            part_size: None,
            has_simple_frames: !is_raw && !decoders.decodes_unmarked(),
            decoders: (!decoders.is_empty()).then(|| Box::new(decoders)),
            buffer: ReadBuffer::new(early),
            is_direct: false,
            direct: 0,
            frame: None,
            message: None,
            untold_size: 0,
            control: None,
            finished: false,
        }
    }

    /// Turns a raw connection into a default one. Returns false in the middle of a message.
    pub fn start_default(&mut self) -> bool {
        let is_possible = self.frame.is_none() && self.message.is_none();
        if is_possible {
            self.is_raw = false;
            self.has_simple_frames = true;
        }
        is_possible
    }

    /// Whether to check that received text is UTF-8.
    pub fn set_validate_utf8(&mut self, on: bool) {
        self.validates_utf8 = on;
    }

    /// Delivers longer messages in parts of at least `size` bytes.
    pub fn set_part_size(&mut self, size: Option<usize>) {
        self.part_size = size;
    }

    /// Whether received bytes are not yet decoded.
    pub fn has_input(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Whether the peer sent a Close or violated the protocol. No event follows.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether a frame or a message is incomplete.
    pub fn is_mid_message(&self) -> bool {
        self.frame.is_some() || self.message.is_some() || self.has_input()
    }

    /// Whether the payload of a frame is incomplete.
    pub fn is_mid_frame(&self) -> bool {
        self.frame.is_some()
    }

    /// Bytes that the extensions decoded; `None` without extensions.
    pub fn codec_stats(&self) -> Option<CodecStats> {
        self.decoders.as_ref().map(|decoders| decoders.stats())
    }

    /// The cost of the extensions' decoding so far: bytes read, written and copied.
    pub fn work(&self) -> u64 {
        self.decoders.as_ref().map_or(0, |decoders| decoders.work())
    }

    /// The transport reached its end. Returns an error unless the peer sent a Close before (section 7.1.5).
    pub fn end_of_stream(&self) -> Result<(), Error> {
        if self.finished {
            return Ok(());
        }
        let place = if self.is_mid_message() { "in the middle of a message" } else { "between two messages" };
        let message = format!("the server ended the connection without a Close frame, {place}");
        Err(Error::new(Kind::ClosedAbnormally, message))
    }

    /// The next event; `None` if more bytes are needed. Each call does a bounded amount of work and returns
    /// [`Event::Yield`] if work is left. `memory` returns memory from [`Payload::into_memory`] for a message of probably that
    /// many bytes, or an empty vector.
    #[inline]
    pub fn poll(&mut self, limits: &Limits, mut memory: impl FnMut(u64) -> Vec<u8>) -> Option<Event> {
        if let Some(message) = self.poll_small(limits, &mut memory) {
            return Some(Event::Frame(message));
        }
        if self.finished {
            self.buffer.clear();
            return None;
        }
        let event = match self.advance(limits, &mut memory) {
            Ok(event) => event?,
            Err(error) => Event::ProtocolError(error),
        };
        if matches!(event, Event::Close(_) | Event::ProtocolError(_)) {
            self.finished = true;
            self.frame = None;
            self.message = None;
        }
        Some(event)
    }

    /// Fast path for the common case: returns the next message if it is small, valid, unfragmented and completely received.
    /// If it returns `None`, call [`poll`](Self::poll).
    #[inline]
    pub fn poll_small(&mut self, limits: &Limits, memory: impl FnOnce(u64) -> Vec<u8>) -> Option<Frame> {
        let [first, length @ ..126, rest @ ..] = self.buffer.unread() else { return None };
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
        if opcode == Opcode::Text && self.validates_utf8 && simdutf8::basic::from_utf8(bytes).is_err() {
            return None;
        }
        let payload = Payload::small(memory(size as u64), bytes);
        self.buffer.consume(SMALL_HEADER + size);
        Some(Frame::message(opcode, payload))
    }

    fn advance(&mut self, limits: &Limits, memory: &mut impl FnMut(u64) -> Vec<u8>) -> Result<Option<Event>, Error> {
        let mut work = WORK;
        loop {
            let Some(left) = work.checked_sub(1) else { return Ok(Some(Event::Yield)) };
            work = left;
            let Some(frame) = &mut self.frame else {
                match header::decode(self.buffer.unread()) {
                    Ok(Some((header, size))) => {
                        self.buffer.consume(size);
                        self.begin_frame(&header, limits, memory)?;
                    }
                    Ok(None) => return Ok(None),
                    Err(error) => return Err(protocol_error(error)),
                }
                continue;
            };
            if let (Some(message), count @ 1..) = (&mut self.message, std::mem::take(&mut self.direct)) {
                frame.left -= count as u64;
                message.push_direct(count)?;
            }
            let available = self.buffer.unread().len();
            let mut count = usize::try_from(frame.left).map_or(available, |left| left.min(available));
            if self.message.as_ref().is_some_and(|message| message.is_encoded) {
                count = count.min(ENCODED_PART);
                work = work.saturating_sub(count / ENCODED_UNIT);
            }
            let part = self.buffer.take(count);
            frame.left -= count as u64;
            let (fin, rsv, opcode, left) = (frame.fin, frame.rsv, frame.opcode, frame.left);
            if let Some(control) = &mut self.control {
                control.push(part);
            } else if let Some(message) = &mut self.message {
                match &mut self.decoders {
                    Some(decoders) if message.is_encoded => {
                        message.push_encoded(decoders, part, fin && left == 0, limits.max_message_size)?;
                    }
                    _ => message.push(part, left)?,
                }
            }
            let is_over = left == 0 && (fin || self.is_raw);
            if self.control.is_none()
                && !is_over
                && let Some(message) = &mut self.message
                && let Some(part) = message.take_part()?
            {
                self.frame.take_if(|_| left == 0);
                return Ok(Some(Event::Frame(part)));
            }
            if left > 0 && self.buffer.is_empty() {
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
                if message.is_fragmented || message.is_encoded {
                    self.untold_size = message.payload.len();
                }
                return message.finish(rsv).map(|message| Some(Event::Frame(message)));
            }
            if self.is_raw
                && let Some(message) = &mut self.message
            {
                return Ok(Some(Event::Frame(message.take_fragment(rsv))));
            }
        }
    }

    fn begin_frame(
        &mut self,
        header: &Header,
        limits: &Limits,
        memory: &mut impl FnMut(u64) -> Vec<u8>,
    ) -> Result<(), Error> {
        self.check_reserved_bits(header)?;
        if header.mask.is_some() {
            return Err(protocol_error("a masked frame"));
        }
        match (header.opcode, &mut self.message) {
            (Opcode::Continuation, None) => {
                return Err(protocol_error("a continuation frame without a message to continue"));
            }
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(protocol_error(format_args!("a {:?} frame inside a fragmented message", header.opcode)));
            }
            (opcode @ (Opcode::Text | Opcode::Binary), None) => {
                let is_encoded = self.decoders.as_mut().is_some_and(|decoders| decoders.begin(opcode, header.rsv));
                limits.check_frame(header, 0, is_encoded)?;
                // The meaning of reserved bits in a raw frame is unknown here.
                let is_text = opcode == Opcode::Text && (is_encoded || header.rsv == 0);
                let utf8 = (is_text && self.validates_utf8).then(Utf8Validator::default);
                let (is_fragmented, announced) = (!header.fin && !self.is_raw, header.length);
                let limit = limits.max_message_size;
                let untold_size = if is_fragmented || is_encoded { self.untold_size as u64 } else { 0 };
                let part_size = self.part_size.filter(|_| !self.is_raw);
                let size = header.length.max(untold_size).min(part_size.map_or(u64::MAX, |size| size as u64));
                let payload = Payload::in_memory(memory(size));
                self.message = Some(Box::new(PartialMessage {
                    opcode,
                    payload,
                    utf8,
                    is_encoded,
                    is_fragmented,
                    announced,
                    limit,
                    parts: Parts::new(part_size),
                }));
            }
            (Opcode::Continuation, Some(message)) => {
                limits.check_frame(header, message.announced, message.is_encoded)?;
                message.announced += header.length;
                message.limit = limits.max_message_size;
            }
            (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => self.control = Some(Box::new(ControlPayload::EMPTY)),
        }
        let Header { fin, rsv, opcode, length: left, .. } = *header;
        self.frame = Some(ArrivingFrame { fin, rsv, opcode, left });
        Ok(())
    }

    /// Reserved bits belong to extensions (section 5.2) and may be set only in the first frame of a message.
    fn check_reserved_bits(&self, header: &Header) -> Result<(), Error> {
        let rsv = header.rsv;
        if rsv == 0 || self.is_raw {
            return Ok(());
        }
        let known = self.decoders.as_ref().map_or(0, |decoders| decoders.rsv());
        if rsv & !known != 0 {
            return Err(protocol_error(format_args!(
                "a frame with the reserved bits {rsv:03b}, which no extension uses"
            )));
        }
        if !matches!(header.opcode, Opcode::Text | Opcode::Binary) {
            let opcode = header.opcode;
            return Err(protocol_error(format_args!("a {opcode:?} frame with the reserved bits {rsv:03b}")));
        }
        Ok(())
    }
}

fn finish_control(opcode: Opcode, payload: &ControlPayload) -> Result<Event, Error> {
    Ok(match opcode {
        Opcode::Ping => Event::Ping(*payload),
        Opcode::Pong => Event::Pong(*payload),
        _ => Event::Close(match close_payload::parse(payload.as_bytes()) {
            Ok(None) => Close::default(),
            Ok(Some((code, reason))) => Close { code: Some(code), reason: reason.to_owned() },
            Err(error @ close_payload::CloseError::Reason) => {
                return Err(Error::new(Kind::Utf8, format!("the server sent {error}")));
            }
            Err(error) => return Err(protocol_error(error)),
        }),
    })
}

fn protocol_error(what: impl std::fmt::Display) -> Error {
    Error::new(Kind::Protocol, format!("the server sent {what}"))
}
