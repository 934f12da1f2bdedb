//! A WebSocket client (RFC 6455) behind a C API.
//!
//! The interface of this crate is `include/ktorws.h`, which is generated from [`ffi`]. The Rust items are public for
//! the tests and make no promise. `ARCHITECTURE.md` is the way in.
//!
//! ```text
//!  ffi ──► session ──► protocol ──► frame, http     error, fork: visible to all that do I/O
//!               └────► transport ──► http            protocol and transport never see each other
//! ```

pub mod error;
pub mod ffi;
mod fork;
pub mod frame;
pub mod http;
mod lock;
pub mod protocol;
mod session;
mod transport;
