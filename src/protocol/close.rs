//! What one side said in its Close frame.

use crate::error::{Error, Kind};
use crate::frame::close_code::{MAX_REASON, fitting_reason};
use crate::frame::{CloseCode, MAX_CONTROL_PAYLOAD};

/// The content of a Close frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Close {
    /// None where the frame was empty.
    pub code: Option<CloseCode>,
    /// At most 123 bytes.
    pub reason: String,
}

impl Close {
    /// A Close with a code that may be sent and a reason that fits; 0 stands for no code, which has no reason.
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

    /// What the connection says when it ends itself; a long reason is cut.
    pub fn because(code: CloseCode, reason: &str) -> Self {
        Self { code: Some(code), reason: fitting_reason(reason).to_owned() }
    }

    /// The frame's payload.
    pub fn payload(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(MAX_CONTROL_PAYLOAD);
        if let Some(code) = self.code {
            payload.extend_from_slice(&code.0.to_be_bytes());
            payload.extend_from_slice(self.reason.as_bytes());
        }
        payload
    }
}

/// Who began the end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initiator {
    /// The application: it closed or aborted.
    Local,
    /// The peer sent the first Close.
    Remote,
    /// The connection was failed for what the peer sent (RFC 6455 section 7.1.7).
    Protocol,
    /// The transport ended without a Close.
    Transport,
}

/// The code with which the connection is failed for an error that the peer caused.
pub fn code_for(kind: Kind) -> CloseCode {
    match kind {
        Kind::Utf8 | Kind::Compression => CloseCode::NOT_CONSISTENT,
        Kind::FrameTooBig | Kind::MessageTooBig => CloseCode::TOO_BIG,
        Kind::NoMemory => CloseCode::INTERNAL_ERROR,
        _ => CloseCode::PROTOCOL_ERROR,
    }
}
