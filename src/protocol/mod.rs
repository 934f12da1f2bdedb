//! One WebSocket connection as a state machine (RFC 6455). The input is received bytes and the current time; the output
//! is bytes to send and events. The module opens no socket, reads no clock, takes no lock and starts no thread.
//!
//! A connection starts with a [`handshake_h1::Handshake`] and continues as a [`Connection`]. Its two halves,
//! [`FrameDecoder`] and [`FrameEncoder`], can be split so that one thread reads while another writes.

#![forbid(unsafe_code)]

pub mod close;
pub mod connection;
pub mod decoder;
pub mod deflate;
pub mod encoder;
pub mod event;
pub mod extension;
pub mod handshake;
pub mod handshake_h1;
pub mod keepalive;
pub mod mask_keys;
mod payload;

pub use close::{Close, Initiator};
pub use connection::{Connection, ConnectionSetup};
pub use decoder::{FrameDecoder, Limits};
pub use encoder::{FrameEncoder, InFlight};
pub use event::{ControlPayload, Event, Frame, SessionEvent};
pub use extension::{Decoders, Encoders, Extension, MessageChunk};
pub use keepalive::Keepalive;
pub use mask_keys::MaskKeys;
pub use payload::Payload;
