//! Floor 1: bytes and frames (RFC 6455 section 5). Total functions on slices: no connection, no socket, no clock.

pub mod close;
pub mod header;
pub mod mask;
pub mod utf8;

pub use close::CloseCode;
pub use header::{Header, Opcode};

/// The longest payload of a control frame (RFC 6455 section 5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;
