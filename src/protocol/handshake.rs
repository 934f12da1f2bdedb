//! The parts of the client's opening handshake that every HTTP version shares: the request's parameters, the checks of the
//! response, and the errors.

use crate::error::{Error, Kind, Refusal, Result};
use crate::http::{Headers, ResponseHead};
use crate::protocol::extension::{self, Extension, Negotiated};

const SUBPROTOCOL: &str = "Sec-WebSocket-Protocol";

/// The parameters of a handshake request.
#[derive(Clone, Copy)]
pub struct HandshakeRequest<'a, 'e> {
    /// Path and query.
    pub resource: &'a str,
    /// The value of the Host header, unless `headers` contains one.
    pub host: &'a str,
    /// The application's header fields.
    pub headers: &'a Headers,
    /// Subprotocols in order of preference.
    pub subprotocols: &'a [String],
    /// Extensions in order of preference.
    pub extensions: &'e [&'e dyn Extension],
}

/// A response that opens the connection.
#[derive(Debug)]
pub struct HandshakeResponse {
    /// The response head.
    pub response: ResponseHead,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<String>,
    /// The extensions that the server accepted, in its order.
    pub extensions: Vec<Negotiated>,
    /// The first bytes of the connection, received together with the response.
    pub early: Vec<u8>,
}

impl HandshakeRequest<'_, '_> {
    /// The header fields that describe the WebSocket connection. Fields with an empty value are not sent.
    pub(super) fn websocket_fields(&self) -> Result<[(&'static str, String); 3]> {
        Ok([
            ("Sec-WebSocket-Version", "13".to_owned()),
            (SUBPROTOCOL, self.subprotocols.join(", ")),
            (extension::header::NAME, extension::negotiate::offer(self.extensions)?),
        ])
    }
}

/// Reads which of the offered subprotocols and extensions the server chose.
pub(super) fn negotiated(
    head: &ResponseHead,
    subprotocols: &[String],
    extensions: &[&dyn Extension],
) -> Result<(Option<String>, Vec<Negotiated>)> {
    let extensions = extension::negotiate::negotiate(head, extensions)?;
    Ok((chosen_subprotocol(head, subprotocols)?, extensions))
}

fn chosen_subprotocol(head: &ResponseHead, offered: &[String]) -> Result<Option<String>> {
    if head.values(SUBPROTOCOL).next().is_none() {
        return Ok(None);
    }
    let chosen = required_field(head, SUBPROTOCOL)?;
    if chosen.is_empty() {
        let message =
            "the Sec-WebSocket-Protocol header is empty, and \"\" is no subprotocol (RFC 6455 section 4.2.2, 4)";
        return Err(invalid(message.to_owned()));
    }
    match offered.iter().find(|offered| offered.as_bytes() == chosen) {
        Some(offered) => Ok(Some(offered.clone())),
        None => {
            let chosen = quoted(chosen);
            let message =
                format!("the server chose the subprotocol {chosen}, which was not offered (RFC 6455 section 4.1, 6)");
            Err(invalid(message))
        }
    }
}

/// The value of a header field that must occur exactly once.
pub(super) fn required_field<'a>(head: &'a ResponseHead, name: &'a str) -> Result<&'a [u8]> {
    let mut values = head.values(name);
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(missing_field(name)),
        (Some(_), Some(_)) => Err(invalid(format!("the server's answer has more than one {name} header"))),
    }
}

/// The error for a response without a required header field.
pub(super) fn missing_field(name: &str) -> Error {
    invalid(format!("the server's answer has no {name} header (RFC 6455 section 4.1)"))
}

/// The error for a response with another status than `expected`.
pub(super) fn refused(refusal: Refusal, expected: u16) -> Error {
    let status = refusal.status;
    Error {
        refusal: Some(Box::new(refusal)),
        ..Error::new(Kind::HandshakeStatus, format!("the server answered with the status {status}, not {expected}"))
    }
}

/// The error for a response that violates the protocol.
pub(super) fn invalid(message: String) -> Error {
    Error::new(Kind::HandshakeInvalid, message)
}

/// Quotes the server's bytes for an error message, and truncates them.
pub(super) fn quoted(bytes: &[u8]) -> String {
    const MOST: usize = 100;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST)]);
    if bytes.len() > MOST { format!("{text:?}...") } else { format!("{text:?}") }
}
