//! The client's opening handshake over HTTP/1.1 (RFC 6455 section 4.1): a GET request with a key, and the check of the
//! accept value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest as _, Sha1};

use crate::error::{Error, Result};
use crate::http::{ResponseHead, ResponseReader, SERVER, Upgrade, UpgradeResponse};
use crate::protocol::extension::{Extension, Negotiated};
use crate::protocol::handshake::{
    HandshakeRequest, HandshakeResponse, invalid, missing_field, negotiated, quoted, refused, required_field,
};

/// Section 1.3.
const ACCEPT_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const SWITCHING_PROTOCOLS: u16 = 101;

/// An opening handshake over HTTP/1.1.
pub struct Handshake<'e> {
    request: String,
    accept: String,
    subprotocols: Vec<String>,
    extensions: &'e [&'e dyn Extension],
    answer: ResponseReader,
}

impl<'e> Handshake<'e> {
    /// Creates a handshake. `nonce` becomes the key: 16 fresh bytes from the operating system's random source. Fails if
    /// an extension cannot create its offer.
    pub fn new(request: HandshakeRequest<'_, 'e>, nonce: [u8; 16]) -> Result<Self> {
        let key = BASE64.encode(nonce);
        Ok(Self {
            request: request_text(&request, &key)?,
            accept: accept_for(&key),
            subprotocols: request.subprotocols.to_vec(),
            extensions: request.extensions,
            answer: ResponseReader::new(SERVER, |status| status == SWITCHING_PROTOCOLS),
        })
    }

    /// The request's header fields.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.request.lines().skip(1).filter_map(|line| line.split_once(": "))
    }

    /// Checks the response (section 4.1, the client's requirements 2 to 6). Returns the subprotocol and the extensions.
    fn check(&self, head: &ResponseHead) -> Result<(Option<String>, Vec<Negotiated>)> {
        if !head.is_http_1_1 {
            return Err(invalid("the server switched protocols in HTTP/1.0".into()));
        }
        let upgrade = required_field(head, "Upgrade")?;
        if !upgrade.eq_ignore_ascii_case(b"websocket") {
            let upgrade = quoted(upgrade);
            return Err(invalid(format!(
                "the Upgrade header is {upgrade}, not \"websocket\" (RFC 6455 section 4.1, 2)"
            )));
        }
        let connection: Vec<&[u8]> = head.values("Connection").collect();
        if connection.is_empty() {
            return Err(missing_field("Connection"));
        }
        if !head.elements("Connection").any(|token| token.eq_ignore_ascii_case(b"upgrade")) {
            let connection = connection.join(&b", "[..]);
            let connection = quoted(&connection);
            let message =
                format!("the Connection header is {connection}, without \"Upgrade\" (RFC 6455 section 4.1, 3)");
            return Err(invalid(message));
        }
        let accept = required_field(head, "Sec-WebSocket-Accept")?;
        if accept != self.accept.as_bytes() {
            let expected = &self.accept;
            let accept = quoted(accept);
            return Err(invalid(format!(
                "Sec-WebSocket-Accept is {accept}, not {expected:?} (RFC 6455 section 4.1, 4)"
            )));
        }
        negotiated(head, &self.subprotocols, self.extensions)
    }
}

impl Upgrade for Handshake<'_> {
    type Accepted = HandshakeResponse;

    fn request(&self) -> &[u8] {
        self.request.as_bytes()
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<Option<HandshakeResponse>> {
        match self.answer.receive(bytes)? {
            None => Ok(None),
            Some(UpgradeResponse::Accepted(head, early)) => {
                let (subprotocol, extensions) = self.check(&head)?;
                Ok(Some(HandshakeResponse { response: head, subprotocol, extensions, early }))
            }
            Some(UpgradeResponse::Refused(refusal)) => Err(refused(refusal, SWITCHING_PROTOCOLS)),
        }
    }

    fn is_refused(&self) -> bool {
        self.answer.is_refused()
    }

    fn interrupted(&mut self) -> Error {
        self.answer.interrupted().map_or_else(|error| error, |refusal| refused(refusal, SWITCHING_PROTOCOLS))
    }
}

/// The Sec-WebSocket-Accept value for a Sec-WebSocket-Key.
pub fn accept_for(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(ACCEPT_GUID);
    BASE64.encode(hash.finalize())
}

fn request_text(request: &HandshakeRequest<'_, '_>, key: &str) -> Result<String> {
    let [version, subprotocols, extensions] = request.websocket_fields()?;
    let own = [
        ("Host", request.headers.get("Host").unwrap_or(request.host)),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key),
        (version.0, &version.1),
        (subprotocols.0, &subprotocols.1),
        (extensions.0, &extensions.1),
    ];
    let own = own.into_iter().filter(|(_, value)| !value.is_empty());
    let added = request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("Host"));
    let mut text = String::with_capacity(512);
    for part in ["GET ", request.resource, " HTTP/1.1\r\n"] {
        text.push_str(part);
    }
    for (name, value) in own.chain(added) {
        for part in [name, ": ", value, "\r\n"] {
            text.push_str(part);
        }
    }
    text.push_str("\r\n");
    Ok(text)
}
