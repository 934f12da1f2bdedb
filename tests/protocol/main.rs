//! The protocol floor by itself: bytes in, events and bytes out. One file for each part of RFC 6455, and of
//! what there is besides.
#![allow(clippy::expect_used, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tests")]

mod chunking;
mod closing_handshake;
mod control_frames;
mod cost;
mod data_framing;
mod deflate;
mod extension_header;
mod fragmentation;
mod http;
mod keepalive;
mod limits;
mod negotiation;
mod opening_handshake;
mod peer;
mod raw;
mod reading;
mod sending;
mod stacking;
mod utf8;
