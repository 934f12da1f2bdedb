//! TLS settings, the rustls configuration made of them, and what its errors mean to a caller.

use std::io;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{UnbufferedClientConnection, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use url::Host;

use crate::error::{Error, Kind, Phase, Result};
use crate::transport::tls_verifier::LenientVerifier;

/// What to trust, and how much of it to check.
#[derive(Clone, Debug)]
pub(crate) struct TlsOptions {
    /// Trusted instead of the system's certificates unless empty.
    roots: Vec<CertificateDer<'static>>,
    verify_peer: bool,
    verify_host: bool,
    /// The name to ask for and to check instead of the URL's host.
    server_name: Option<ServerName<'static>>,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self { roots: Vec::new(), verify_peer: true, verify_host: true, server_name: None }
    }
}

impl TlsOptions {
    pub(crate) fn set_verify(&mut self, peer: bool, host: bool) {
        self.verify_peer = peer;
        self.verify_host = host;
    }

    /// Trusts the certificates in `pem` too.
    pub(crate) fn add_roots(&mut self, pem: &[u8]) -> Result<()> {
        let unreadable = |why: &dyn std::fmt::Display| {
            Error::new(Kind::InvalidArgument, format!("cannot read CA certificates: {why}"))
        };
        let mut certificates = Vec::new();
        // One that cannot be trusted is refused here, not at the first connection.
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| unreadable(&error))?;
            store.add(certificate.clone()).map_err(|error| unreadable(&error))?;
            certificates.push(certificate);
        }
        if certificates.is_empty() {
            return Err(unreadable(&"there is no certificate in it"));
        }
        self.roots.append(&mut certificates);
        Ok(())
    }

    pub(crate) fn set_server_name(&mut self, name: &str) -> Result<()> {
        let name = ServerName::try_from(name.to_owned()).map_err(|_| {
            Error::new(Kind::InvalidArgument, format!("{name:?} is neither a host name nor an address"))
        })?;
        self.server_name = Some(name);
        Ok(())
    }

    /// The configuration that all connections of these options share.
    pub(super) fn build(&self) -> Result<Arc<ClientConfig>> {
        let unusable = |error: &dyn std::fmt::Display| {
            Error::new(Kind::Tls, format!("cannot set up TLS: {error}")).in_phase(Phase::Tls)
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(&provider).map_err(|error| unusable(&error))?)
            .with_no_client_auth();
        // Servers that prefer HTTP/2 must not choose it: this connection speaks HTTP/1.1.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> std::result::Result<Arc<dyn ServerCertVerifier>, String> {
        let lenient = |trust| Arc::new(LenientVerifier { provider: Arc::clone(provider), trust });
        if !self.verify_peer {
            return Ok(lenient(None));
        }
        let roots = if self.roots.is_empty() { system_roots()? } else { self.own_roots()? };
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()
            .map_err(|error| error.to_string())?;
        Ok(if self.verify_host { verifier } else { lenient(Some(verifier)) })
    }

    fn own_roots(&self) -> std::result::Result<RootCertStore, String> {
        let mut store = RootCertStore::empty();
        for root in &self.roots {
            store.add(root.clone()).map_err(|error| error.to_string())?;
        }
        Ok(store)
    }

    /// A connection to `host`, its handshake still to be done.
    pub(super) fn connection(
        &self,
        config: &Arc<ClientConfig>,
        host: &Host<String>,
    ) -> Result<UnbufferedClientConnection> {
        let unusable = |why: &dyn std::fmt::Display| {
            Error::new(Kind::Tls, format!("cannot use TLS with the host {host}: {why}")).in_phase(Phase::Tls)
        };
        let name = match (&self.server_name, host) {
            (Some(name), _) => name.clone(),
            (None, Host::Domain(name)) => ServerName::try_from(name.clone()).map_err(|error| unusable(&error))?,
            (None, Host::Ipv4(address)) => ServerName::IpAddress(std::net::IpAddr::from(*address).into()),
            (None, Host::Ipv6(address)) => ServerName::IpAddress(std::net::IpAddr::from(*address).into()),
        };
        UnbufferedClientConnection::new(Arc::clone(config), name).map_err(|error| unusable(&error))
    }
}

fn system_roots() -> std::result::Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    // A system store may hold certificates that rustls cannot use; the others still count.
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        return Err(format!("the system's trust store has no usable certificate {}", errors.join("; ")));
    }
    Ok(store)
}

/// The error of a stream: a fault of the certificate, of TLS, or of the connection below.
pub(crate) fn error(doing: &str, error: &io::Error) -> Error {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        let kind = if error.kind() == io::ErrorKind::InvalidData { Kind::Tls } else { Kind::Io };
        return Error::os(kind, doing, error);
    };
    let kind = match tls {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => Kind::TlsCertificate,
        _ => Kind::Tls,
    };
    let tls_alert = match tls {
        rustls::Error::AlertReceived(alert) => Some(u8::from(*alert)),
        _ => None,
    };
    Error { tls_alert, ..Error::new(kind, format!("{doing}: {tls}")) }
}
