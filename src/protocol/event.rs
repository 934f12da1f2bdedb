//! Events of the receiving half, and the frames that the application receives.

use crate::error::Error;
use crate::frame::{MAX_CONTROL_PAYLOAD, Opcode};
use crate::protocol::{Close, Payload};

/// A frame for the application (Ktor's Frame): a whole message, one frame of a raw session, or a control frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The opcode. A fragment has the opcode of its message.
    pub opcode: Opcode,
    /// The payload. A whole text is valid UTF-8. A Close has its reason here.
    pub payload: Payload,
    /// Whether more fragments of the message follow.
    pub more: bool,
    /// The reserved bits of a frame in a raw session: RSV1, RSV2 and RSV3 as 4, 2 and 1.
    pub rsv: u8,
    /// The code of a Close, 1005 if the Close has none, and of an event that has one. 0 for other frames.
    pub close_code: u16,
    /// What the frame stands for, if it was not received. Its payload is then a text.
    pub event: Option<SessionEvent>,
}

/// What happened to a session, for the application, in its place among the messages. The numbers are beyond those of opcodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// The session is open.
    Opened = 16,
    /// The connection is lost.
    Lost = 17,
    /// Another connection has taken the place of the lost one.
    Resumed = 18,
}

impl Frame {
    /// A whole message.
    pub fn message(opcode: Opcode, payload: Payload) -> Self {
        Self { opcode, payload, more: false, rsv: 0, close_code: 0, event: None }
    }

    /// An event, with a text that explains it.
    pub fn event(event: SessionEvent, text: &str, close_code: u16) -> Self {
        Self { event: Some(event), close_code, ..Self::control(Opcode::Text, text.as_bytes()) }
    }

    /// A ping or pong.
    pub fn control(opcode: Opcode, payload: &[u8]) -> Self {
        Self::message(opcode, payload.into())
    }

    /// A Close.
    pub fn close(close: &Close) -> Self {
        let code = close.code.unwrap_or(crate::frame::CloseCode::NO_STATUS).0;
        Self { close_code: code, ..Self::control(Opcode::Close, close.reason.as_bytes()) }
    }
}

/// An event of the receiving half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message, or a frame of a raw session.
    Frame(Frame),
    /// A ping.
    Ping(ControlPayload),
    /// A pong.
    Pong(ControlPayload),
    /// The peer's Close. No event follows.
    Close(Close),
    /// The peer violated the protocol or exceeded a limit. No event follows.
    ProtocolError(Error),
    /// No event yet. More input is ready to be decoded; the caller may check its deadline first.
    Yield,
}

/// The payload of a control frame.
#[derive(Clone, Copy)]
pub struct ControlPayload {
    bytes: [u8; MAX_CONTROL_PAYLOAD],
    size: usize,
}

impl ControlPayload {
    pub(super) const EMPTY: Self = Self { bytes: [0; MAX_CONTROL_PAYLOAD], size: 0 };

    /// The payload's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.size]
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.size..self.size + bytes.len()].copy_from_slice(bytes);
        self.size += bytes.len();
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
