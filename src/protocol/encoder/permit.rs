//! Messages and fragments to send, and the check of their order (RFC 6455 section 5.4).

use crate::error::{Error, Kind};
use crate::frame::Opcode;
use crate::frame::utf8::Utf8Validator;

/// A message to send, or a fragment of one.
#[derive(Clone, Copy, Debug)]
pub struct OutboundMessage<'a> {
    /// Text or binary for the first fragment of a message, continuation for later ones.
    pub opcode: Opcode,
    /// The payload.
    pub payload: &'a [u8],
    /// Whether it ends its message.
    pub fin: bool,
    /// Whether the payload need not be checked: it is valid UTF-8, or it is not the beginning of a text.
    pub is_utf8: bool,
}

impl OutboundMessage<'_> {
    /// Whether it begins a message.
    pub fn is_first(&self) -> bool {
        self.opcode != Opcode::Continuation
    }

    /// Whether it is an unfragmented message.
    pub fn is_whole(&self) -> bool {
        self.fin && self.is_first()
    }
}

/// Permission to send an [`OutboundMessage`], which was checked. Pass it to [`queue`](super::FrameEncoder::queue) before
/// another message is checked.
#[derive(Debug)]
pub struct SendPermit {
    /// The opcode of the message: text or binary.
    pub opcode: Opcode,
    pub(super) size: usize,
    /// Whether it begins a message.
    pub first: bool,
    /// Whether it ends a message.
    pub last: bool,
    /// The state of the UTF-8 check after a fragment.
    pub(super) utf8: Option<Box<Utf8Validator>>,
}

/// A message whose last fragment is not yet queued.
#[derive(Debug)]
pub(super) struct FragmentedMessage {
    pub(super) opcode: Opcode,
    pub(super) utf8: Box<Utf8Validator>,
}

impl SendPermit {
    #[inline]
    pub(super) fn new(outbound: &OutboundMessage<'_>, open: Option<&FragmentedMessage>) -> Result<Self, Error> {
        if open.is_none() && outbound.is_whole() && outbound.is_utf8 {
            let (opcode, size) = (outbound.opcode, outbound.payload.len());
            return Ok(Self { opcode, size, first: true, last: true, utf8: None });
        }
        Self::fragment(outbound, open)
    }

    #[cold]
    fn fragment(outbound: &OutboundMessage<'_>, open: Option<&FragmentedMessage>) -> Result<Self, Error> {
        let OutboundMessage { opcode, payload, fin, is_utf8 } = *outbound;
        let (size, first, last) = (payload.len(), outbound.is_first(), fin);
        match open {
            None if first => Self { opcode, size, first, last, utf8: None }.checked(payload, is_utf8),
            None => Err(no_message()),
            Some(open) if first => {
                let opcode = open.opcode;
                Err(Error::new(Kind::State, format!("a fragmented {opcode:?} message is not complete")))
            }
            Some(FragmentedMessage { opcode, utf8 }) => {
                Self { opcode: *opcode, size, first, last, utf8: Some(utf8.clone()) }
                    .checked(payload, *opcode != Opcode::Text)
            }
        }
    }

    /// Checks that a fragment of a text is UTF-8.
    fn checked(mut self, payload: &[u8], is_utf8: bool) -> Result<Self, Error> {
        if is_utf8 {
            return Ok(self);
        }
        let mut utf8 = self.utf8.take().unwrap_or_default();
        utf8.push(payload).and_then(|()| if self.last { utf8.finish() } else { Ok(()) }).map_err(|error| {
            let valid = error.valid_up_to;
            Error::new(Kind::Utf8, format!("the message's text is not UTF-8 after byte {valid}"))
        })?;
        self.utf8 = Some(utf8);
        Ok(self)
    }
}

/// The error for a continuation without a message to continue.
pub fn no_message() -> Error {
    Error::new(Kind::State, "no message in fragments has begun")
}
