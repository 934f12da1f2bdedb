//! The client's opening handshake (RFC 6455 section 4.1): the request, and the checks of the response.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest as _, Sha1};

use crate::error::{Error, Kind, Refusal, Result};
use crate::http::{Headers, ResponseHead, ResponseReader, SERVER, Upgrade, UpgradeResponse};
use crate::protocol::extension::{Extension, Negotiated};
use crate::protocol::extension_header;

/// Section 1.3.
const ACCEPT_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const SWITCHING_PROTOCOLS: u16 = 101;

/// What to ask for.
#[derive(Clone, Copy)]
pub struct Request<'a, 'e> {
    /// Path and query.
    pub resource: &'a str,
    /// The Host header, unless `headers` has one.
    pub host: &'a str,
    /// The application's header fields.
    pub headers: &'a Headers,
    /// Subprotocols in order of preference.
    pub subprotocols: &'a [String],
    /// Extensions in order of preference.
    pub extensions: &'e [&'e dyn Extension],
}

/// The server agreed.
#[derive(Debug)]
pub struct Opened {
    /// The response.
    pub response: ResponseHead,
    /// The subprotocol the server chose.
    pub subprotocol: Option<String>,
    /// The extensions the server chose, in its order.
    pub extensions: Vec<Negotiated>,
    /// Bytes that came right behind the response; they belong to the connection.
    pub early: Vec<u8>,
}

/// The opening handshake from the request on.
pub struct Handshake<'e> {
    request: String,
    accept: String,
    subprotocols: Vec<String>,
    extensions: &'e [&'e dyn Extension],
    answer: ResponseReader,
}

impl<'e> Handshake<'e> {
    /// A handshake with `nonce` as its key: 16 fresh bytes from the operating system's random source. An error is one
    /// of an extension's offer.
    pub fn new(request: Request<'_, 'e>, nonce: [u8; 16]) -> Result<Self> {
        let key = BASE64.encode(nonce);
        Ok(Self {
            request: text(&request, &key)?,
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

    /// Section 4.1, what the client does with the server's response, 2 to 6. Returns the subprotocol and the
    /// extensions.
    fn check(&self, head: &ResponseHead) -> Result<(Option<String>, Vec<Negotiated>)> {
        if !head.is_http_1_1 {
            return Err(invalid("the server switched protocols in HTTP/1.0".into()));
        }
        let upgrade = single(head, "Upgrade")?;
        if !upgrade.eq_ignore_ascii_case(b"websocket") {
            let upgrade = shown(upgrade);
            return Err(invalid(format!(
                "the Upgrade header is {upgrade}, not \"websocket\" (RFC 6455 section 4.1, 2)"
            )));
        }
        let connection: Vec<&[u8]> = head.values("Connection").collect();
        if connection.is_empty() {
            return Err(missing("Connection"));
        }
        if !head.elements("Connection").any(|token| token.eq_ignore_ascii_case(b"upgrade")) {
            let connection = connection.join(&b", "[..]);
            let connection = shown(&connection);
            let message =
                format!("the Connection header is {connection}, without \"Upgrade\" (RFC 6455 section 4.1, 3)");
            return Err(invalid(message));
        }
        let accept = single(head, "Sec-WebSocket-Accept")?;
        if accept != self.accept.as_bytes() {
            let expected = &self.accept;
            let accept = shown(accept);
            return Err(invalid(format!(
                "Sec-WebSocket-Accept is {accept}, not {expected:?} (RFC 6455 section 4.1, 4)"
            )));
        }
        let extensions = extension_header::negotiate(head, self.extensions)?;
        Ok((self.subprotocol(head)?, extensions))
    }

    fn subprotocol(&self, head: &ResponseHead) -> Result<Option<String>> {
        if head.values("Sec-WebSocket-Protocol").next().is_none() {
            return Ok(None);
        }
        let chosen = single(head, "Sec-WebSocket-Protocol")?;
        if chosen.is_empty() {
            let message =
                "the Sec-WebSocket-Protocol header is empty, and \"\" is no subprotocol (RFC 6455 section 4.2.2, 4)";
            return Err(invalid(message.to_owned()));
        }
        match self.subprotocols.iter().find(|offered| offered.as_bytes() == chosen) {
            Some(offered) => Ok(Some(offered.clone())),
            None => {
                let chosen = shown(chosen);
                let message = format!(
                    "the server chose the subprotocol {chosen}, which was not offered (RFC 6455 section 4.1, 6)"
                );
                Err(invalid(message))
            }
        }
    }
}

impl Upgrade for Handshake<'_> {
    type Accepted = Opened;

    fn request(&self) -> &[u8] {
        self.request.as_bytes()
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<Option<Opened>> {
        match self.answer.receive(bytes)? {
            None => Ok(None),
            Some(UpgradeResponse::Accepted(head, early)) => {
                let (subprotocol, extensions) = self.check(&head)?;
                Ok(Some(Opened { response: head, subprotocol, extensions, early }))
            }
            Some(UpgradeResponse::Refused(refused)) => Err(refusal(refused)),
        }
    }

    fn is_refused(&self) -> bool {
        self.answer.is_refused()
    }

    fn interrupted(&mut self) -> Error {
        self.answer.interrupted().map_or_else(|error| error, refusal)
    }
}

/// Sec-WebSocket-Accept for a Sec-WebSocket-Key.
pub fn accept_for(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(ACCEPT_GUID);
    BASE64.encode(hash.finalize())
}

fn text(request: &Request<'_, '_>, key: &str) -> Result<String> {
    let subprotocols = request.subprotocols.join(", ");
    let extensions = extension_header::offer(request.extensions)?;
    let own = [
        ("Host", request.headers.get("Host").unwrap_or(request.host)),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Protocol", &subprotocols),
        (extension_header::NAME, &extensions),
    ];
    let own = own.into_iter().filter(|(_, value)| !value.is_empty());
    let added = request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("Host"));
    let mut text = String::with_capacity(512);
    for piece in ["GET ", request.resource, " HTTP/1.1\r\n"] {
        text.push_str(piece);
    }
    for (name, value) in own.chain(added) {
        for piece in [name, ": ", value, "\r\n"] {
            text.push_str(piece);
        }
    }
    text.push_str("\r\n");
    Ok(text)
}

/// The value of a field that must be there once.
fn single<'a>(head: &'a ResponseHead, name: &'a str) -> Result<&'a [u8]> {
    let mut values = head.values(name);
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(missing(name)),
        (Some(_), Some(_)) => Err(invalid(format!("the server's answer has more than one {name} header"))),
    }
}

fn missing(name: &str) -> Error {
    invalid(format!("the server's answer has no {name} header (RFC 6455 section 4.1)"))
}

fn refusal(refusal: Refusal) -> Error {
    let status = refusal.status;
    Error {
        refusal: Some(Box::new(refusal)),
        ..Error::new(Kind::HandshakeStatus, format!("the server answered with the status {status}, not 101"))
    }
}

/// The error of an answer that does not open the connection.
pub(super) fn invalid(message: String) -> Error {
    Error::new(Kind::HandshakeInvalid, message)
}

/// A peer's bytes for a message: quoted, and not too many.
fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 100;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST)]);
    if bytes.len() > MOST { format!("{text:?}...") } else { format!("{text:?}") }
}
