//! WebSocket frames as bytes (RFC 6455 section 5): headers, masking, UTF-8 validation and Close payloads. Functions on slices
//! without I/O.

pub mod close_code;
pub mod header;
pub mod mask;
pub mod utf8;

pub use close_code::CloseCode;
pub use header::{Header, MAX_CONTROL_PAYLOAD, Opcode};
