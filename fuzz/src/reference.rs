//! What a stream has to lead to, found in the simplest way: with all of it at hand.

use ktorws::error::Kind;
use ktorws::frame::header::{Header, decode};
use ktorws::frame::{CloseCode, Opcode};
use ktorws::protocol::Event;

use super::inflate::{Inflated, Stop, inflate};
use super::setup::{Direction, Setup};

/// What comes of a stream.
#[derive(Debug)]
pub enum Expected {
    Frame {
        opcode: Opcode,
        payload: Vec<u8>,
        more: bool,
        rsv: u8,
    },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<CloseCode>, Vec<u8>),
    /// Of one of these kinds.
    Violation(Vec<Kind>),
    /// Perhaps a violation that shows in what is not complete. What comes then is not told here.
    Unsettled,
}

impl Expected {
    pub fn fits(&self, event: &Event) -> bool {
        match (self, event) {
            (Self::Frame { opcode, payload, more, rsv }, Event::Frame(frame)) => {
                (*opcode, &payload[..], *more, *rsv) == (frame.opcode, &frame.payload[..], frame.more, frame.rsv)
            }
            (Self::Ping(payload), Event::Ping(came)) | (Self::Pong(payload), Event::Pong(came)) => {
                payload == came.as_bytes()
            }
            (Self::Close(code, reason), Event::Close(close)) => {
                *code == close.code && reason == close.reason.as_bytes()
            }
            (Self::Violation(kinds), Event::ProtocolError(error)) => kinds.contains(&error.kind),
            _ => false,
        }
    }
}

const LARGEST_WINDOW: usize = 1 << 15;

struct Reference<'a> {
    setup: &'a Setup,
    rest: &'a [u8],
    message: Option<Message>,
    /// The end of the compressed messages before, more than the window where that is smaller.
    history: Vec<u8>,
    events: Vec<Expected>,
}

struct Message {
    opcode: Opcode,
    rsv: u8,
    announced: u64,
    /// As it came.
    bytes: Vec<u8>,
    /// How much of them is known to be UTF-8, or to be the beginning of something that is.
    checked: usize,
}

/// What a new connection makes of the stream.
pub fn expected(setup: &Setup, stream: &[u8]) -> Vec<Expected> {
    let mut reference = Reference { setup, rest: stream, message: None, history: Vec::new(), events: Vec::new() };
    while let Ok(event) = reference.step() {
        reference.events.extend(event);
    }
    reference.events
}

/// Nothing more comes, or cannot be told.
struct End;

impl Reference<'_> {
    fn step(&mut self) -> Result<Option<Expected>, End> {
        let decoded = decode(self.rest);
        let goes_on = matches!(decoded, Ok(Some((Header { opcode: Opcode::Continuation, .. }, _))));
        if !goes_on && !self.is_settled() {
            return self.end(Expected::Unsettled);
        }
        let (header, size) = match decoded {
            Ok(Some(found)) => found,
            Ok(None) => return Err(End),
            Err(_) => return self.end(Expected::Violation(vec![Kind::Protocol])),
        };
        if let Some(kind) = self.refusal(&header) {
            let is_settled = self.is_settled();
            return self.end(if is_settled { Expected::Violation(vec![kind]) } else { Expected::Unsettled });
        }
        let behind = &self.rest[size..];
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        let (payload, rest) = behind.split_at(length.min(behind.len()));
        self.rest = rest;
        let is_whole = payload.len() == length;
        if header.opcode.is_control() {
            return if is_whole { self.control(header.opcode, payload) } else { Err(End) };
        }
        let message = self.message.get_or_insert_with(|| Message::new(&header));
        message.announced += header.length;
        message.bytes.extend_from_slice(payload);
        if self.is_encoded(&header) {
            self.encoded_frame(is_whole, header.fin)
        } else {
            self.plain_frame(is_whole, &header)
        }
    }

    fn end(&mut self, event: Expected) -> Result<Option<Expected>, End> {
        self.events.push(event);
        Err(End)
    }

    fn is_encoded(&self, header: &Header) -> bool {
        self.setup.deflate.is_some() && self.message.as_ref().map_or(header.rsv, |message| message.rsv) != 0
    }

    /// What is wrong with a frame that has this header.
    fn refusal(&self, header: &Header) -> Option<Kind> {
        let begins = matches!(header.opcode, Opcode::Text | Opcode::Binary);
        let allowed = if begins && self.setup.deflate.is_some() { 4 } else { 0 };
        let is_misplaced = match header.opcode {
            Opcode::Text | Opcode::Binary => self.message.is_some(),
            Opcode::Continuation => self.message.is_none(),
            _ => false,
        };
        if header.rsv & !allowed != 0 && !self.setup.is_raw || header.mask.is_some() || is_misplaced {
            return Some(Kind::Protocol);
        }
        if header.opcode.is_control() {
            return None;
        }
        let limits = self.setup.limits;
        let limit = limits.max_message_size;
        let most = if self.is_encoded(header) { limit.saturating_mul(2).saturating_add(64 * 1024) } else { limit };
        let announced = self.message.as_ref().map_or(0, |message| message.announced);
        if header.length > limits.max_frame_size {
            Some(Kind::FrameTooBig)
        } else if announced.saturating_add(header.length) > most {
            Some(Kind::MessageTooBig)
        } else {
            None
        }
    }

    fn control(&mut self, opcode: Opcode, payload: &[u8]) -> Result<Option<Expected>, End> {
        match (opcode, payload) {
            (Opcode::Ping, _) => Ok(Some(Expected::Ping(payload.to_vec()))),
            (Opcode::Pong, _) => Ok(Some(Expected::Pong(payload.to_vec()))),
            (_, []) => self.end(Expected::Close(None, Vec::new())),
            (_, [_]) => self.end(Expected::Violation(vec![Kind::Protocol])),
            (_, [first, second, reason @ ..]) => {
                let code = u16::from_be_bytes([*first, *second]);
                let end = match code {
                    // RFC 6455 section 7.4 and what was registered since.
                    0..1000 | 1004..=1006 | 1015..3000 | 5000.. => Expected::Violation(vec![Kind::Protocol]),
                    _ if std::str::from_utf8(reason).is_err() => Expected::Violation(vec![Kind::Utf8]),
                    _ => Expected::Close(Some(CloseCode(code)), reason.to_vec()),
                };
                self.end(end)
            }
        }
    }

    fn plain_frame(&mut self, is_whole: bool, header: &Header) -> Result<Option<Expected>, End> {
        let (fin, is_raw) = (header.fin, self.setup.is_raw);
        let Some(message) = &mut self.message else { return Err(End) };
        // Only the reserved bits of raw frames are unknown.
        if message.opcode == Opcode::Text && message.rsv == 0 && !message.is_utf8(is_whole && fin) {
            return self.end(Expected::Violation(vec![Kind::Utf8]));
        }
        if !is_whole {
            return Err(End);
        }
        if !fin && !is_raw {
            return Ok(None);
        }
        let (opcode, rsv) = (message.opcode, header.rsv);
        let payload = if is_raw { message.last_frame(header) } else { std::mem::take(&mut message.bytes) };
        if fin {
            self.message = None;
        }
        Ok(Some(Expected::Frame { opcode, payload, more: !fin, rsv }))
    }

    fn encoded_frame(&mut self, is_whole: bool, fin: bool) -> Result<Option<Expected>, End> {
        let (Some(message), Some(direction)) = (&self.message, self.setup.deflate) else { return Err(End) };
        if !is_whole {
            return self.end(Expected::Unsettled);
        }
        if !fin {
            return Ok(None);
        }
        let inflated = self.inflated(message, direction, &[]);
        if inflated.leaves_window {
            return self.end(Expected::Unsettled);
        }
        let is_cut_short = || self.inflated(message, direction, &[0, 0, 0xff, 0xff]).stop != Stop::Whole;
        let mut kinds = Vec::new();
        match inflated.stop {
            Stop::TooBig => kinds.push(Kind::MessageTooBig),
            Stop::Whole | Stop::Short if !is_cut_short() => {}
            _ => kinds.push(Kind::Compression),
        }
        if message.opcode == Opcode::Text && !is_utf8(&inflated.output, kinds.is_empty()) {
            kinds.push(Kind::Utf8);
        }
        if !kinds.is_empty() {
            return self.end(Expected::Violation(kinds));
        }
        let opcode = message.opcode;
        self.message = None;
        if direction.takes_over {
            self.history.extend_from_slice(&inflated.output);
            self.history.drain(..self.history.len().saturating_sub(LARGEST_WINDOW));
        }
        Ok(Some(Expected::Frame { opcode, payload: inflated.output, more: false, rsv: 0 }))
    }

    /// Whether nothing is wrong with what is there of a compressed message.
    fn is_settled(&mut self) -> bool {
        let (Some(message), Some(direction)) = (&self.message, self.setup.deflate) else { return true };
        let size = message.bytes.len();
        if message.rsv == 0 || message.checked == size {
            return true;
        }
        let inflated = self.inflated(message, direction, &[]);
        let is_fine = matches!(inflated.stop, Stop::Whole | Stop::Short) && !inflated.leaves_window;
        let is_settled = is_fine && (message.opcode != Opcode::Text || is_utf8(&inflated.output, false));
        self.message.iter_mut().for_each(|message| message.checked = size);
        is_settled
    }

    fn inflated(&self, message: &Message, direction: Direction, tail: &[u8]) -> Inflated {
        let input = [&message.bytes, tail].concat();
        inflate(&input, &self.history, 1 << direction.window_bits, self.setup.limits.max_message_size)
    }
}

/// Whether it is text, or the beginning of one.
pub fn is_utf8(text: &[u8], is_all: bool) -> bool {
    std::str::from_utf8(text).map_or_else(|error| !is_all && error.error_len().is_none(), |_| true)
}

impl Message {
    fn new(header: &Header) -> Self {
        let Header { opcode, rsv, .. } = *header;
        Self { opcode, rsv, announced: 0, bytes: Vec::new(), checked: 0 }
    }

    /// Whether what is there is UTF-8, or all of it.
    fn is_utf8(&mut self, is_all: bool) -> bool {
        match std::str::from_utf8(&self.bytes[self.checked..]) {
            Ok(text) => self.checked += text.len(),
            Err(error) if error.error_len().is_none() && !is_all => self.checked += error.valid_up_to(),
            Err(_) => return false,
        }
        true
    }

    fn last_frame(&self, header: &Header) -> Vec<u8> {
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        self.bytes[self.bytes.len() - length..].to_vec()
    }
}
