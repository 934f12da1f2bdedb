//! The other end of a connection under test: builds what a server sends and reads what the client sent.

use std::time::{Duration, Instant};

use ktorws::frame::header::{self, Header, Opcode};
use ktorws::protocol::{Connection, ConnectionSetup, Event, Limits, MaskKeys};

pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

pub fn connection() -> Connection {
    connection_with(Limits { max_frame_size: 1 << 26, max_message_size: 1 << 26 })
}

pub fn connection_with(limits: Limits) -> Connection {
    agreed_connection(ConnectionSetup::default(), limits)
}

pub fn agreed_connection(agreement: ConnectionSetup, limits: Limits) -> Connection {
    Connection::new(agreement, limits, Some(CLOSE_TIMEOUT), MaskKeys::from_seed([7; 32]), &[])
}

/// A server's frame: unmasked.
pub fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    marked_frame(fin, opcode, 0, payload)
}

/// A server's frame with reserved bits.
pub fn marked_frame(fin: bool, opcode: Opcode, rsv: u8, payload: &[u8]) -> Vec<u8> {
    let header = Header { fin, rsv, opcode, mask: None, length: payload.len() as u64 };
    [header::encode(&header).as_bytes(), payload].concat()
}

pub fn text(payload: &str) -> Vec<u8> {
    frame(true, Opcode::Text, payload.as_bytes())
}

pub fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(true, Opcode::Close, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// Feeds all of `bytes` and returns everything that came of them.
pub fn receive(connection: &mut Connection, mut bytes: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let taken = connection.receive(bytes);
        bytes = &bytes[taken..];
        while let Some(event) = connection.poll_event(now(), |_| Vec::new()) {
            events.push(event);
        }
        if bytes.is_empty() {
            return events;
        }
    }
}

/// A time; the tests that need another add to it.
pub fn now() -> Instant {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *START.get_or_init(Instant::now)
}

/// A frame the client sent, unmasked.
#[derive(Debug, PartialEq, Eq)]
pub struct Sent {
    pub fin: bool,
    pub rsv: u8,
    pub opcode: Opcode,
    pub payload: Vec<u8>,
}

impl Sent {
    pub fn new(opcode: Opcode, payload: &[u8]) -> Self {
        Self { fin: true, rsv: 0, opcode, payload: payload.to_vec() }
    }

    pub fn close(code: u16, reason: &str) -> Self {
        Self::new(Opcode::Close, &[&code.to_be_bytes(), reason.as_bytes()].concat())
    }
}

/// Takes everything the client has to send.
pub fn drain(connection: &mut Connection) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let piece = connection.to_send().to_vec();
        if piece.is_empty() {
            return bytes;
        }
        connection.sent(piece.len());
        bytes.extend(piece);
    }
}

/// Takes everything the client has to send, as frames. Every one must be masked, with a key of its own.
pub fn sent(connection: &mut Connection) -> Vec<Sent> {
    frames(&drain(connection))
}

pub fn frames(mut bytes: &[u8]) -> Vec<Sent> {
    let mut frames = Vec::new();
    let mut keys = std::collections::HashSet::new();
    while !bytes.is_empty() {
        let (header, size) = header::decode(bytes).expect("a valid header").expect("a whole header");
        let key = header.mask.expect("a masked frame");
        assert!(keys.insert(key), "a masking key came twice");
        let end = size + header.length as usize;
        let payload = bytes[size..end].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        frames.push(Sent { fin: header.fin, rsv: header.rsv, opcode: header.opcode, payload });
        bytes = &bytes[end..];
    }
    frames
}

/// The only event must be a violation; its kind, and the code of the only frame sent for it.
pub fn violation(connection: &mut Connection, bytes: &[u8]) -> (ktorws::error::Kind, u16) {
    let events = receive(connection, bytes);
    let [Event::ProtocolError(error)] = &events[..] else { panic!("not one violation: {events:?}") };
    let kind = error.kind;
    let sent = sent(connection);
    let [Sent { opcode: Opcode::Close, payload, .. }] = &sent[..] else { panic!("not one Close: {sent:?}") };
    let code = payload.first_chunk().expect("a close code");
    (kind, u16::from_be_bytes(*code))
}
