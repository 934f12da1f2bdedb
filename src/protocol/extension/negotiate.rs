//! Extension negotiation (RFC 6455 section 9.1): the offer in the request, and what the server accepted.

use std::any::Any;

use super::codec::Codec;
use super::header::{self, Element, Parameters};
use super::pipeline::{Decoders, Encoders};
use crate::error::{Error, Kind, Result};
use crate::http::ResponseHead;

/// An extension that handshakes offer (Ktor's WebSocketExtensionFactory).
pub trait Extension: Send + Sync {
    /// The name in the header, a token.
    fn name(&self) -> &str;

    /// The reserved bits that the extension owns: RSV1, RSV2 and RSV3 as 4, 2 and 1.
    fn rsv(&self) -> u8;

    /// Whether its encoder implements [`discard`](super::Encoder::discard). If not, encoded messages must not be dropped.
    fn supports_discard(&self) -> bool {
        true
    }

    /// The parameters to offer, in header syntax; empty for none.
    fn offer(&self) -> Result<String>;

    /// The parameters of a second offer, for servers that decline the first (RFC 7692 section 5.1).
    fn fallback(&self) -> Option<String> {
        None
    }

    /// Accepts the server's parameters. An error fails the handshake.
    fn accept(&self, parameters: &Parameters) -> Result<Codec>;
}

/// An extension that the server accepted.
pub struct Negotiated {
    /// The description for the application.
    pub info: ExtensionInfo,
    /// The reserved bits that the extension owns.
    pub rsv: u8,
    /// Its encoder and decoder.
    pub codec: Codec,
}

/// The description of an accepted extension for the application.
pub struct ExtensionInfo {
    /// The name.
    pub name: String,
    /// The server's parameters in normal form: `a; b=1`.
    pub parameters: String,
    /// From [`Codec`].
    pub instance: Option<Box<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for Negotiated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; {}", self.info.name, self.info.parameters)
    }
}

/// Splits accepted extensions into the encoders, the decoders and the descriptions. `negotiated` and the descriptions are
/// in the order of the server's response.
pub fn build_pipelines(negotiated: Vec<Negotiated>) -> (Encoders, Decoders, Vec<ExtensionInfo>) {
    let (mut encoders, mut decoders, mut infos) = (Encoders::default(), Decoders::default(), Vec::new());
    for Negotiated { mut info, rsv, codec } in negotiated {
        let Codec { encoder, decoder, decodes_unmarked, instance } = codec;
        encoders.push(rsv, encoder);
        decoders.push(rsv, decodes_unmarked, decoder);
        info.instance = instance;
        infos.push(info);
    }
    (encoders, decoders, infos)
}

/// Checks that `extension` can be installed beside `others`: each name and each reserved bit has one owner.
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

/// The header value that offers `extensions`, each with its fallback.
pub(in crate::protocol) fn offer(extensions: &[&dyn Extension]) -> Result<String> {
    let mut value = String::new();
    for extension in extensions {
        for parameters in [Some(extension.offer()?), extension.fallback()].into_iter().flatten() {
            for text in [if value.is_empty() { "" } else { ", " }, extension.name()] {
                value.push_str(text);
            }
            if !parameters.is_empty() {
                value.push_str("; ");
                value.push_str(&parameters);
            }
        }
    }
    Ok(value)
}

/// Reads which of the `offered` extensions the server accepted, in its order.
pub(in crate::protocol) fn negotiate(head: &ResponseHead, offered: &[&dyn Extension]) -> Result<Vec<Negotiated>> {
    let invalid = |message| Error::new(Kind::HandshakeInvalid, message);
    let mut negotiated: Vec<Negotiated> = Vec::new();
    for value in head.values(header::NAME) {
        let elements = header::parse(value).ok_or_else(|| {
            invalid(format!("the {} header is malformed: {:?}", header::NAME, String::from_utf8_lossy(value)))
        })?;
        for Element { name, parameters } in elements {
            let Some(extension) = offered.iter().find(|offered| offered.name() == name) else {
                return Err(invalid(format!(
                    "the server chose the extension {name:?}, which was not offered (RFC 6455 section 4.1, 5)"
                )));
            };
            if negotiated.iter().any(|earlier| earlier.info.name == name) {
                return Err(invalid(format!("the server chose the extension {name:?} twice")));
            }
            let name = extension.name().to_owned();
            let info = ExtensionInfo { name, parameters: parameters.to_string(), instance: None };
            negotiated.push(Negotiated { info, rsv: extension.rsv(), codec: extension.accept(&parameters)? });
        }
    }
    Ok(negotiated)
}
