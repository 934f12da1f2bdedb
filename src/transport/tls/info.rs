//! What TLS agreed on with the peer.

use std::sync::{Arc, Weak};

use rustls::HandshakeKind;

use crate::transport::tls::stream::{Shared, TlsReceiver};

/// What TLS agreed on with the peer.
#[derive(Debug)]
pub(crate) struct TlsInfo {
    /// The version in the form of the protocol: 0x0303 or 0x0304.
    pub(crate) version: u16,
    /// The name of the cipher suite in the IANA registry.
    pub(crate) cipher_suite: String,
    /// The name of the group of the key exchange. Empty for a resumed session without one.
    pub(crate) key_exchange_group: &'static str,
    /// The protocol of ALPN. Empty without one.
    pub(crate) alpn: Box<[u8]>,
    /// Whether a session of an earlier connection was resumed.
    pub(crate) is_resumed: bool,
    shared: Weak<Shared>,
}

impl TlsInfo {
    pub(in crate::transport) fn of(receiver: &TlsReceiver) -> Self {
        let shared = receiver.shared();
        let layer = shared.layer.lock();
        let connection = layer.connection();
        let group = connection.negotiated_key_exchange_group();
        let suite = connection.negotiated_cipher_suite();
        Self {
            version: connection.protocol_version().map_or(0, u16::from),
            // rustls names the suites of TLS 1.3 "TLS13_…".
            cipher_suite: suite.and_then(|suite| suite.suite().as_str()).unwrap_or_default().replace("TLS13_", "TLS_"),
            key_exchange_group: group.and_then(|group| group.name().as_str()).unwrap_or_default(),
            alpn: connection.alpn_protocol().unwrap_or_default().into(),
            is_resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            shared: Arc::downgrade(shared),
        }
    }

    /// Returns the certificates of the peer as DER, its own first. Empty once the connection is gone.
    pub(crate) fn certificates(&self) -> Vec<Box<[u8]>> {
        let Some(shared) = self.shared.upgrade() else { return Vec::new() };
        let layer = shared.layer.lock();
        layer.connection().peer_certificates().unwrap_or_default().iter().map(|der| der.as_ref().into()).collect()
    }
}
