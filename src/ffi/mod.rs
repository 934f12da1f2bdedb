//! Floor 5: C in, C out. Handles, guards, statuses.
//!
//! Every function checks its pointers before it uses them and lets no panic out. Pointers that are not NULL are trusted
//! to be what the header asks for.
#![allow(unsafe_code, reason = "the border to C")]
#![allow(non_camel_case_types, reason = "these are the names of the C API")]

mod attach;
mod c_extension;
mod guard;
mod handle_count;

// The header's order. The lines between keep it.

pub mod status;

pub mod library;

pub mod error;

pub mod config;

pub mod config_timeouts;

pub mod config_session;

pub mod config_network;

pub mod config_http;

pub mod cookies;

pub mod config_tls;

pub mod deflate;

pub mod extension;

pub mod session;

pub mod connecting;

pub mod frame;

pub mod sending;

pub mod receiving;

pub mod callbacks;

pub mod reconnect;

pub mod group;

pub mod tuning;

pub mod closing;

pub mod introspection;

pub mod statistics;

pub mod logging;
