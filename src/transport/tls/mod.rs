//! TLS with rustls: the configuration, the verification of certificates, the handshake, and the encrypted halves of a stream.

mod buffer;
mod config;
mod error;
mod explain;
mod handshake;
mod info;
mod keylog;
mod pin;
mod record;
mod stream;
mod system_store;
#[cfg(test)]
mod tests;
mod unverified;
mod verify;

pub(super) use config::TlsState;
pub(crate) use config::{TlsOptions, TlsVersion, client_certificates, client_key};
pub(crate) use error::error;
pub(super) use handshake::{connection, handshake};
pub(crate) use info::TlsInfo;
pub(super) use stream::{TlsReceiver, TlsSender, halves};
pub(super) use system_store::SystemStore;
