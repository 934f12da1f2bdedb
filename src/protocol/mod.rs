//! Floor 2: one WebSocket connection as a state machine (RFC 6455). It takes bytes and the time, and gives bytes and
//! events; it opens no socket, reads no clock, takes no lock and starts no thread.
//!
//! A connection begins with a [`handshake::Handshake`] and goes on as a [`Connection`], whose two halves,
//! [`Incoming`] and [`Outgoing`], can be parted so that one thread reads while another writes.

#![forbid(unsafe_code)]

pub mod close;
pub mod connection;
pub mod decoders;
pub mod deflate;
mod dropping;
pub mod encoders;
pub mod extension;
pub mod extension_header;
pub mod flight;
pub mod handshake;
pub mod incoming;
pub mod keepalive;
pub mod masking_keys;
pub mod outbound;
pub mod outgoing;
pub mod partial_message;
mod payload;
pub mod received;

pub use close::{Close, Initiator};
pub use connection::{Agreement, Connection};
pub use decoders::Decoders;
pub use encoders::Encoders;
pub use extension::{Extension, Piece};
pub use flight::Flight;
pub use incoming::{Incoming, Limits};
pub use keepalive::Keepalive;
pub use masking_keys::MaskingKeys;
pub use outgoing::Outgoing;
pub use payload::Payload;
pub use received::{ControlPayload, Frame, Received};
