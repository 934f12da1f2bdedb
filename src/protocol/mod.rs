//! Floor 2: one WebSocket connection as a state machine (RFC 6455). It takes bytes and the time, and gives bytes and
//! events; it opens no socket, reads no clock, takes no lock and starts no thread.
//!
//! A connection begins with a [`handshake::Handshake`] and goes on as a [`Connection`], whose two halves,
//! [`Incoming`] and [`Outgoing`], can be parted so that one thread reads while another writes.

#![forbid(unsafe_code)]

pub mod close;
pub mod connection;
pub mod flight;
pub mod handshake;
pub mod headers;
pub mod incoming;
pub mod masking_keys;
pub mod outgoing;
pub mod payload;
mod refusal_body;
mod response_head;

pub use close::{Close, Initiator};
pub use connection::Connection;
pub use flight::Flight;
pub use incoming::{ControlPayload, Incoming, Limits, Message, Received};
pub use masking_keys::MaskingKeys;
pub use outgoing::Outgoing;
pub use payload::Payload;
