//! What came in: frames for the application, and what has to be answered.

use crate::error::Error;
use crate::frame::{MAX_CONTROL_PAYLOAD, Opcode};
use crate::protocol::{Close, Payload};

/// What the application gets (Ktor's Frame): a whole message, in a raw session one frame of it, or a control frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Of a fragment: its message's.
    pub opcode: Opcode,
    /// Valid UTF-8 where it is a whole text. Of a Close: the reason.
    pub payload: Payload,
    /// A fragment that others of its message follow.
    pub more: bool,
    /// The reserved bits of a raw session's frame: RSV1, RSV2 and RSV3 as 4, 2 and 1.
    pub rsv: u8,
    /// The code of a Close, 1005 if it has none; else 0.
    pub close_code: u16,
}

impl Frame {
    /// A whole message.
    pub fn message(opcode: Opcode, payload: Payload) -> Self {
        Self { opcode, payload, more: false, rsv: 0, close_code: 0 }
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

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A message, or a raw session's fragment.
    Frame(Frame),
    /// A ping, to be answered.
    Ping(ControlPayload),
    /// A pong.
    Pong(ControlPayload),
    /// The peer's Close. Nothing follows.
    Close(Close),
    /// The peer broke the protocol or a limit. Nothing follows.
    Violation(Error),
    /// No event yet: there is more to decode, and the caller may check its time limit first.
    Yield,
}

/// The payload of a ping or pong.
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

    pub(super) fn push(&mut self, piece: &[u8]) {
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
