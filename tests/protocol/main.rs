//! Tests of `src/protocol` without I/O: bytes in, events and bytes out. One file for each part of RFC 6455, and for
//! each other part of the module.
#![allow(clippy::expect_used, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tests")]

mod chunking;
mod closing_handshake;
mod control_frames;
mod cost;
mod data_framing;
mod decoder;
mod deflate;
mod encoder;
mod extension_header;
mod extension_pipeline;
mod fragmentation;
mod http;
mod keepalive;
mod limits;
mod negotiation;
mod opening_handshake;
mod peer;
mod raw;
mod utf8;
