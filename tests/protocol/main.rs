//! The protocol floor by itself: bytes in, events and bytes out. One file for each part of RFC 6455.
#![allow(clippy::expect_used, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tests")]

mod chunking;
mod closing_handshake;
mod control_frames;
mod data_framing;
mod fragmentation;
mod limits;
mod opening_handshake;
mod peer;
mod sending;
mod utf8;
