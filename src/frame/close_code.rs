//! Close codes and the payload of a Close frame (RFC 6455 sections 5.5.1 and 7.4).

use std::fmt;

use super::header::MAX_CONTROL_PAYLOAD;

/// The longest close reason in bytes: the payload of a control frame without the two bytes of the code.
pub const MAX_REASON: usize = MAX_CONTROL_PAYLOAD - 2;

/// A close code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseCode(pub u16);

#[expect(missing_docs, reason = "the names of RFC 6455 section 7.4.1")]
impl CloseCode {
    pub const NORMAL: Self = Self(1000);
    pub const GOING_AWAY: Self = Self(1001);
    pub const PROTOCOL_ERROR: Self = Self(1002);
    pub const NO_STATUS: Self = Self(1005);
    pub const ABNORMAL: Self = Self(1006);
    pub const NOT_CONSISTENT: Self = Self(1007);
    pub const VIOLATED_POLICY: Self = Self(1008);
    pub const TOO_BIG: Self = Self(1009);
    pub const INTERNAL_ERROR: Self = Self(1011);

    /// Whether a Close frame may carry the code (section 7.4 and the IANA registry of close codes).
    pub fn is_allowed_on_the_wire(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

/// Why a payload is not a valid Close payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseError {
    /// The payload has one byte, which is half a code.
    HalfCode,
    /// A Close frame must not carry this code.
    Code(CloseCode),
    /// The reason is not UTF-8.
    Reason,
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HalfCode => f.write_str("a Close frame with a payload of one byte"),
            Self::Code(code) => write!(f, "a Close frame with the code {}, which may not be sent", code.0),
            Self::Reason => f.write_str("a Close frame with a reason that is not UTF-8"),
        }
    }
}

/// Parses the payload of a Close frame. Returns `None` if it is empty.
pub fn parse(payload: &[u8]) -> Result<Option<(CloseCode, &str)>, CloseError> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(None) } else { Err(CloseError::HalfCode) };
    };
    let code = CloseCode(u16::from_be_bytes(*code));
    if !code.is_allowed_on_the_wire() {
        return Err(CloseError::Code(code));
    }
    let reason = simdutf8::basic::from_utf8(reason).map_err(|_| CloseError::Reason)?;
    Ok(Some((code, reason)))
}

/// Truncates `text` to the length of a close reason, at a character boundary.
pub fn fitting_reason(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_REASON)]
}
