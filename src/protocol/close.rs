//! The Close frame and the closing handshake (RFC 6455 sections 5.5.1 and 7).

use crate::error::{Error, Kind};
use crate::frame::close_code::{self, MAX_REASON, fitting_reason};
use crate::frame::{CloseCode, MAX_CONTROL_PAYLOAD};

/// The content of a Close frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Close {
    /// The close code; `None` if the frame has no payload.
    pub code: Option<CloseCode>,
    /// The reason, at most 123 bytes.
    pub reason: String,
}

impl Close {
    /// Checks that the code may be sent and that the reason fits. A `code` of 0 means no code; it requires an empty reason.
    pub fn new(code: u32, reason: &str) -> Result<Self, Error> {
        let invalid = |message| Err(Error::new(Kind::InvalidArgument, message));
        if code == 0 {
            let without = reason.is_empty().then(Self::default);
            return without.map_or_else(|| invalid("a close reason without a code".to_owned()), Ok);
        }
        let Some(code) = u16::try_from(code).ok().map(CloseCode).filter(|code| code.is_allowed_on_the_wire()) else {
            return invalid(format!("close code {code} may not be sent: 1000-1003, 1007-1014 and 3000-4999 may"));
        };
        if reason.len() > MAX_REASON {
            return invalid(format!("close reason of {} bytes, {MAX_REASON} fit", reason.len()));
        }
        Ok(Self { code: Some(code), reason: reason.to_owned() })
    }

    /// Reads the payload of a Close frame that the application sends.
    pub fn from_payload(payload: &[u8]) -> Result<Self, Error> {
        let parsed = close_code::parse(payload);
        let parsed = parsed.map_err(|error| Error::new(Kind::InvalidArgument, error.to_string()))?;
        parsed.map_or_else(|| Ok(Self::default()), |(code, reason)| Self::new(code.0.into(), reason))
    }

    /// The Close of a failed connection. Truncates a reason that is too long.
    pub fn because(code: CloseCode, reason: &str) -> Self {
        Self { code: Some(code), reason: fitting_reason(reason).to_owned() }
    }

    /// The payload of the frame.
    pub fn payload(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(MAX_CONTROL_PAYLOAD);
        if let Some(code) = self.code {
            payload.extend_from_slice(&code.0.to_be_bytes());
            payload.extend_from_slice(self.reason.as_bytes());
        }
        payload
    }
}

/// The side that ended the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initiator {
    /// The application closed or aborted the connection.
    Local,
    /// The peer sent the first Close.
    Remote,
    /// The connection failed because the peer violated the protocol (RFC 6455 section 7.1.7).
    Protocol,
    /// The transport ended without a Close.
    Transport,
}

/// The close code for an error that the peer caused.
pub fn code_for(kind: Kind) -> CloseCode {
    match kind {
        Kind::Utf8 | Kind::Compression => CloseCode::NOT_CONSISTENT,
        Kind::FrameTooBig | Kind::MessageTooBig => CloseCode::TOO_BIG,
        Kind::NoMemory => CloseCode::INTERNAL_ERROR,
        _ => CloseCode::PROTOCOL_ERROR,
    }
}

/// The error for a peer that did not complete the closing handshake in time.
pub fn close_timed_out() -> Error {
    Error::new(Kind::ClosedAbnormally, "the server did not complete the closing handshake within the close timeout")
}
