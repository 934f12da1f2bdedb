//! Floor 5: the C API.
//!
//! Every function checks its pointers for NULL before it uses them and lets no panic out. It trusts that a pointer that is
//! not NULL is what the header asks for.
//!
//! The files form layers. A file does not use files of the layers above it, and no two files use each other:
//!
//! | files | what they hold |
//! |---|---|
//! | `connect`, `send`, `recv`, `close` … | functions of the API |
//! | `config` | `ws_config` and its setters |
//! | `listener`, `entry` | calls into the application, calls from it |
//! | `handle` | the data behind `ws_session` and `ws_group` |
//! | `c_extension`, `frame`, `error` | objects that a session refers to |
//! | `guard`, `status`, `vtable`, `handle_count` | checks, statuses, plain types |
#![allow(unsafe_code, reason = "the C API")]
#![allow(non_camel_case_types, reason = "these are the names of the C API")]

mod c_extension;
pub mod callbacks;
pub mod close;
pub mod config;
pub mod connect;
pub mod connect_async;
mod entry;
pub mod error;
pub mod extension;
pub mod frame;
pub mod group;
mod guard;
pub mod handle;
mod handle_count;
pub mod info;
pub mod library;
pub mod listener;
pub mod log;
pub mod options;
pub mod reconnect;
pub mod recv;
pub mod send;
pub mod session;
pub mod session_info;
pub mod status;
pub mod vtable;
