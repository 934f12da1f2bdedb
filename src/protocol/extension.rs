//! The model of extensions (RFC 6455 section 9): what is installed, offered and agreed on, and what an agreed one does
//! with the payloads of messages. permessage-deflate is one like any other.

use std::any::Any;

use crate::error::{Error, Kind, Result};
use crate::frame::Opcode;
use crate::protocol::extension_header::Parameters;
use crate::protocol::{Decoders, Encoders, Payload};

/// An extension that handshakes offer (Ktor's WebSocketExtensionFactory).
pub trait Extension: Send + Sync {
    /// Its name in the header, a token.
    fn name(&self) -> &str;

    /// The reserved bits that belong to it: RSV1, RSV2 and RSV3 as 4, 2 and 1.
    fn rsv(&self) -> u8;

    /// Whether its encoder can [`forget`](Encoder::forget), so that messages may be dropped.
    fn forgets(&self) -> bool {
        true
    }

    /// The parameters to offer, as they stand in the header behind the name; empty for none.
    fn offer(&self) -> Result<String>;

    /// The parameters of a second offer, for servers that decline the first (RFC 7692 section 5.1).
    fn fallback(&self) -> Option<String> {
        None
    }

    /// The server has accepted with these parameters. An error fails the handshake.
    fn agree(&self, parameters: &Parameters) -> Result<Agreed>;
}

/// What an extension does in one session (Ktor's WebSocketExtension).
pub struct Agreed {
    /// For messages that go out.
    pub encoder: Box<dyn Encoder>,
    /// For messages that come in.
    pub decoder: Box<dyn Decoder>,
    /// It also decodes messages that have none of its bits.
    pub decodes_unmarked: bool,
    /// For whoever installed the extension.
    pub instance: Option<Box<dyn Any + Send + Sync>>,
}

/// An extension that the server chose.
pub struct Negotiated {
    /// What the application is told of it.
    pub told: Told,
    /// Its reserved bits.
    pub rsv: u8,
    /// Its part in the session.
    pub agreed: Agreed,
}

/// What the application is told of an extension.
pub struct Told {
    /// Its name.
    pub name: String,
    /// The server's parameters in normal form: `a; b=1`.
    pub parameters: String,
    /// From [`Agreed`].
    pub instance: Option<Box<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for Negotiated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; {}", self.told.name, self.told.parameters)
    }
}

/// The directions of the extensions of a session, and what is told of them, all in the order of the server's answer.
pub fn part(negotiated: Vec<Negotiated>) -> (Encoders, Decoders, Vec<Told>) {
    let (mut encoders, mut decoders, mut told) = (Encoders::default(), Decoders::default(), Vec::new());
    for Negotiated { told: mut extension, rsv, agreed } in negotiated {
        let Agreed { encoder, decoder, decodes_unmarked, instance } = agreed;
        encoders.push(rsv, encoder);
        decoders.push(rsv, decodes_unmarked, decoder);
        extension.instance = instance;
        told.push(extension);
    }
    (encoders, decoders, told)
}

/// A message that goes out, or one of the fragments in which the application sends it.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// The message's: text or binary.
    pub opcode: Opcode,
    /// The payload.
    pub payload: &'a [u8],
    /// It begins the message.
    pub first: bool,
    /// It ends the message.
    pub last: bool,
    /// The application allows that the message is compressed.
    pub compress: bool,
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The whole message goes out as it is. Asked for the first piece only.
    Unchanged,
    /// The output goes out in its place, the message's first frame with these reserved bits.
    Changed {
        /// Of the extension's own bits.
        rsv: u8,
    },
}

/// The outgoing direction of an extension.
pub trait Encoder: Send {
    /// Appends what goes out in place of the piece to `output`, which is empty.
    fn encode(&mut self, piece: &Piece<'_>, output: &mut Vec<u8>) -> Result<Encoding>;

    /// What was encoded last does not go out: what follows must not refer to it.
    fn forget(&mut self) {}

    /// Gives back memory that is only needed while messages go out.
    fn release(&mut self) {}
}

/// The incoming direction of an extension.
pub trait Decoder: Send {
    /// A message begins that has these of the extension's bits. Returns whether it is decoded.
    fn begin(&mut self, opcode: Opcode, rsv: u8) -> bool;

    /// Takes a part of the message as it came; `last` ends it, and may be empty.
    fn decode(&mut self, part: &[u8], last: bool, output: &mut Sink<'_>) -> Result<()>;

    /// Gives back memory that is only needed while messages come in.
    fn release(&mut self) {}

    /// What decoding has cost so far, in bytes that were read, written and copied, where that can be more than its input
    /// and output.
    fn work(&self) -> u64 {
        0
    }
}

/// Where a decoder puts a message: memory that grows up to the message limit.
pub struct Sink<'a> {
    payload: &'a mut Payload,
    limit: u64,
}

impl<'a> Sink<'a> {
    pub(super) fn new(payload: &'a mut Payload, limit: u64) -> Self {
        Self { payload, limit }
    }

    /// What was put there of this message.
    pub fn written(&self) -> &[u8] {
        self.payload
    }

    /// Room for at least one more byte, at best for `wanted`.
    pub fn space(&mut self, wanted: usize) -> Result<&mut [u8]> {
        // One byte beyond the limit shows that there is more.
        let size = self.payload.len() as u64;
        let left = usize::try_from(self.limit.saturating_sub(size).saturating_add(1)).unwrap_or(usize::MAX);
        // At first what is wanted, then twice as much as there is, up to the limit.
        let wanted = wanted.clamp(1, left);
        self.payload.reserve(wanted, size.min((left - wanted) as u64))?;
        let space = self.payload.space();
        let room = space.len().min(left);
        Ok(&mut space[..room])
    }

    /// `count` bytes were put into [`space`](Self::space).
    pub fn filled(&mut self, count: usize) -> Result<()> {
        self.payload.filled(count);
        if self.payload.len() as u64 > self.limit {
            let limit = self.limit;
            return Err(Error::new(
                Kind::MessageTooBig,
                format!("message of more than {limit} bytes when decoded, which is the limit"),
            ));
        }
        Ok(())
    }

    /// Appends bytes.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let space = self.space(bytes.len())?;
            let count = space.len().min(bytes.len());
            let (now, later) = bytes.split_at(count);
            space[..count].copy_from_slice(now);
            self.filled(count)?;
            bytes = later;
        }
        Ok(())
    }
}

/// Whether `extension` can be installed beside `others`: names and reserved bits have one owner each.
pub fn check_installation<'a>(
    extension: &dyn Extension,
    others: impl IntoIterator<Item = &'a dyn Extension>,
) -> Result<()> {
    let (name, rsv) = (extension.name(), extension.rsv());
    let invalid = |message| Err(Error::new(Kind::InvalidArgument, message));
    if !crate::http::headers::is_token(name) {
        return invalid(format!("extension name {name:?} is not a token"));
    }
    if rsv > 7 {
        return invalid(format!("{rsv} stands for no reserved bits"));
    }
    for other in others {
        if other.name().eq_ignore_ascii_case(name) {
            return invalid(format!("the extension {name} is installed already"));
        }
        if other.rsv() & rsv != 0 {
            return invalid(format!("the extension {name} claims a reserved bit of {}", other.name()));
        }
    }
    Ok(())
}
