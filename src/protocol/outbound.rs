//! A message to send, or a fragment of one, and the rules for its order (RFC 6455 section 5.4).

use crate::error::{Error, Kind};
use crate::frame::Opcode;
use crate::frame::utf8::Utf8Validator;

/// A message to send, or a fragment of one.
#[derive(Clone, Copy, Debug)]
pub struct Outbound<'a> {
    /// Text or binary where it begins a message, else continuation.
    pub opcode: Opcode,
    /// The payload.
    pub payload: &'a [u8],
    /// It ends its message.
    pub fin: bool,
    /// It is UTF-8 by itself, or begins no text.
    pub is_utf8: bool,
}

impl Outbound<'_> {
    /// Whether it begins a message.
    pub fn is_first(&self) -> bool {
        self.opcode != Opcode::Continuation
    }

    /// Whether it is a message by itself.
    pub fn is_whole(&self) -> bool {
        self.fin && self.is_first()
    }
}

/// An [`Outbound`] that was checked. It must be [`queue`](super::Outgoing::queue)d before anything else.
#[derive(Debug)]
pub struct Admitted {
    /// The message's: text or binary.
    pub opcode: Opcode,
    pub(super) size: usize,
    /// It begins a message.
    pub first: bool,
    /// It ends a message.
    pub last: bool,
    /// Of a fragment.
    pub(super) utf8: Option<Box<Utf8Validator>>,
}

/// A message of which fragments were queued and not the last.
#[derive(Debug)]
pub(super) struct OpenMessage {
    pub(super) opcode: Opcode,
    pub(super) utf8: Box<Utf8Validator>,
}

impl Admitted {
    #[inline]
    pub(super) fn new(outbound: &Outbound<'_>, open: Option<&OpenMessage>) -> Result<Self, Error> {
        if open.is_none() && outbound.is_whole() && outbound.is_utf8 {
            let (opcode, size) = (outbound.opcode, outbound.payload.len());
            return Ok(Self { opcode, size, first: true, last: true, utf8: None });
        }
        Self::fragment(outbound, open)
    }

    #[cold]
    fn fragment(outbound: &Outbound<'_>, open: Option<&OpenMessage>) -> Result<Self, Error> {
        let Outbound { opcode, payload, fin, is_utf8 } = *outbound;
        let (size, first, last) = (payload.len(), outbound.is_first(), fin);
        match open {
            None if first => Self { opcode, size, first, last, utf8: None }.checked(payload, is_utf8),
            None => Err(no_message()),
            Some(open) if first => {
                let opcode = open.opcode;
                Err(Error::new(Kind::State, format!("a fragmented {opcode:?} message is not complete")))
            }
            Some(OpenMessage { opcode, utf8 }) => Self { opcode: *opcode, size, first, last, utf8: Some(utf8.clone()) }
                .checked(payload, *opcode != Opcode::Text),
        }
    }

    /// Checks the UTF-8 of a fragment of a text.
    fn checked(mut self, payload: &[u8], is_utf8: bool) -> Result<Self, Error> {
        if is_utf8 {
            return Ok(self);
        }
        let mut utf8 = self.utf8.take().unwrap_or_default();
        utf8.push(payload).and_then(|()| if self.last { utf8.finish() } else { Ok(()) }).map_err(|error| {
            let valid = error.valid_up_to;
            Error::new(Kind::InvalidArgument, format!("the message's text is not UTF-8 after byte {valid}"))
        })?;
        self.utf8 = Some(utf8);
        Ok(self)
    }
}

/// A continuation has nothing to continue.
pub fn no_message() -> Error {
    Error::new(Kind::State, "no message in fragments has begun")
}
