//! Model checks: loom runs each model under every interleaving (up to a number of preemptions) and with every value that
//! the memory model lets a load see.
//!
//! The files under test are the library's own. They name what they build on by `crate::session::loom_shim`, `crate::session::event_count`,
//! `crate::error` and `crate::transport`; here these are stand-ins on loom.

#![cfg(test)]

mod error;
mod session;
mod transport;
