//! A message to send.

use crate::error::{Error, Kind, Result};
use crate::frame::Opcode;
use crate::protocol::encoder::OutboundMessage;

/// A message to send, or a fragment of one.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) outbound: OutboundMessage<'a>,
    /// More messages follow, so it need not be sent now.
    pub(crate) corked: bool,
    /// Extensions may compress it.
    pub(crate) compress: bool,
}

impl<'a> Item<'a> {
    /// Fails if a whole text is not UTF-8. Of a text in fragments, the whole message must be UTF-8. `fin`: the last fragment.
    pub(crate) fn new(opcode: Opcode, payload: &'a [u8], fin: bool) -> Result<Self> {
        let mut outbound = OutboundMessage { opcode, payload, fin, is_utf8: true };
        if opcode == Opcode::Text {
            match simdutf8::compat::from_utf8(payload) {
                Ok(_) => {}
                Err(_) if !fin => outbound.is_utf8 = false,
                Err(error) => {
                    let valid = error.valid_up_to();
                    let message = format!("the text is not UTF-8 after byte {valid}");
                    return Err(Error::new(Kind::Utf8, message));
                }
            }
        }
        Ok(Self { outbound, corked: false, compress: true })
    }
}
