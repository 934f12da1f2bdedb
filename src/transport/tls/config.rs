//! The TLS options of a configuration, and the rustls configuration built from them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use once_cell::sync::OnceCell;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use webpki::BorrowedCertRevocationList;

use crate::error::{Error, Kind, Result};
use crate::transport::files;
use crate::transport::tls::keylog::KeyLogFile;
use crate::transport::tls::pin::Pin;
use crate::transport::tls::system_store::SystemStore;
use crate::transport::tls::verify::Verifier;

/// The default ALPN protocol. Without it, servers could choose HTTP/2.
const HTTP_1_1: &[u8] = b"http/1.1";

/// TLS options.
#[derive(Clone, Debug)]
pub(crate) struct TlsOptions {
    roots: Vec<CertificateDer<'static>>,
    /// Whether the system's trust store is used besides `roots`. `None`: only if there are none.
    system_store: Option<bool>,
    revoked: Vec<CertificateRevocationListDer<'static>>,
    verify_peer: bool,
    verify_host: bool,
    /// The name to request and verify instead of the URL's host.
    server_name: Option<ServerName<'static>>,
    identity: Option<Arc<Identity>>,
    needs_tls_1_3: bool,
    /// ALPN protocols in the order of preference.
    application_protocols: Vec<Vec<u8>>,
    /// The server must have one of these keys, unless the list is empty.
    pins: Vec<Pin>,
    key_log: Option<Arc<KeyLogFile>>,
}

/// The client's certificate chain and key.
#[derive(Debug)]
struct Identity {
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsVersion {
    Tls12,
    Tls13,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            system_store: None,
            revoked: Vec::new(),
            verify_peer: true,
            verify_host: true,
            server_name: None,
            identity: None,
            needs_tls_1_3: false,
            application_protocols: vec![HTTP_1_1.to_vec()],
            pins: Vec::new(),
            key_log: None,
        }
    }
}

impl TlsOptions {
    /// Whether the system's trust store is used.
    pub(in crate::transport) fn uses_system_store(&self) -> bool {
        self.system_store.unwrap_or(self.roots.is_empty())
    }

    pub(crate) fn set_system_store(&mut self, on: bool) {
        self.system_store = Some(on);
    }

    pub(crate) fn set_verify(&mut self, peer: bool, host: bool) {
        self.verify_peer = peer;
        self.verify_host = host;
    }

    /// Adds trusted certificates.
    pub(crate) fn add_roots(&mut self, pem: &[u8]) -> Result<()> {
        let unreadable = |why: &dyn std::fmt::Display| invalid(format_args!("cannot read CA certificates: {why}"));
        let mut certificates = certificates(pem).map_err(|error| unreadable(&error))?;
        // Rejects an unusable certificate here, not at the first connection.
        let mut store = RootCertStore::empty();
        for certificate in &certificates {
            store.add(certificate.clone()).map_err(|error| unreadable(&error))?;
        }
        if certificates.is_empty() {
            return Err(unreadable(&"there is no certificate in it"));
        }
        self.roots.append(&mut certificates);
        Ok(())
    }

    /// Adds the trusted certificates of all files in a directory. Ignores files without certificates.
    pub(crate) fn add_roots_of_directory(&mut self, path: &str) -> Result<()> {
        let unreadable =
            |error: io::Error| Error::os(Kind::InvalidArgument, format_args!("cannot read {path:?}"), &error);
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            paths.push(entry.map_err(unreadable)?.path());
        }
        // In a directory of c_rehash, each certificate has a second name.
        paths.sort();
        let mut found = Vec::new();
        for path in paths.iter().filter(|path| path.is_file()) {
            let Ok(pem) = files::read(path) else { continue };
            for certificate in certificates(&pem).unwrap_or_default() {
                let is_usable = RootCertStore::empty().add(certificate.clone()).is_ok();
                if is_usable && !found.contains(&certificate) {
                    found.push(certificate);
                }
            }
        }
        if found.is_empty() {
            return Err(invalid(format_args!("no file in {path:?} holds a certificate that can be trusted")));
        }
        self.roots.append(&mut found);
        Ok(())
    }

    /// Adds revocation lists.
    pub(crate) fn add_revoked(&mut self, pem: &[u8]) -> Result<()> {
        let lists: std::result::Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(pem).collect();
        let lists = lists.map_err(|error| invalid(format_args!("cannot read revocation lists: {error}")))?;
        if lists.is_empty() {
            return Err(invalid("there is no revocation list in it"));
        }
        // Rejects an invalid list here, not at the first connection.
        for list in &lists {
            BorrowedCertRevocationList::from_der(list)
                .map_err(|error| invalid(format_args!("cannot read revocation lists: {error}")))?;
        }
        self.revoked.extend(lists);
        Ok(())
    }

    pub(crate) fn set_server_name(&mut self, name: &str) -> Result<()> {
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| invalid(format_args!("{name:?} is neither a host name nor an address")))?;
        self.server_name = Some(name);
        Ok(())
    }

    pub(in crate::transport) fn server_name(&self) -> Option<&ServerName<'static>> {
        self.server_name.as_ref()
    }

    /// Sets the client's certificate chain and key.
    pub(crate) fn set_identity(
        &mut self,
        certificates: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<()> {
        let identity = Identity { certificates, key };
        identity.check()?;
        self.identity = Some(Arc::new(identity));
        Ok(())
    }

    pub(crate) fn forget_identity(&mut self) {
        self.identity = None;
    }

    pub(crate) fn set_min_version(&mut self, version: TlsVersion) {
        self.needs_tls_1_3 = version == TlsVersion::Tls13;
    }

    /// Sets the ALPN protocols (RFC 7301), separated by commas. `None` disables ALPN.
    pub(crate) fn set_application_protocols(&mut self, names: Option<&str>) -> Result<()> {
        let mut protocols = Vec::new();
        for name in names.into_iter().flat_map(|names| names.split(',')) {
            if !(1..=255).contains(&name.len()) || name.chars().any(|c| c.is_control() || c == ' ') {
                return Err(invalid(format_args!("{name:?} is not the name of a protocol")));
            }
            if matches!(name, "h2" | "h2c" | "h3") {
                return Err(Error::new(Kind::Unsupported, format!("{name} is not spoken by this version")));
            }
            protocols.push(name.as_bytes().to_vec());
        }
        self.application_protocols = protocols;
        Ok(())
    }

    /// Adds a pinned key. With pins, only servers with a pinned key are accepted.
    pub(crate) fn add_pin(&mut self, text: &str) -> Result<()> {
        self.pins.push(Pin::parse(text)?);
        Ok(())
    }

    /// Sets the file to which the secrets of connections are appended.
    pub(crate) fn set_key_log(&mut self, path: Option<&Path>) -> Result<()> {
        let open = |path: &Path| {
            KeyLogFile::open(path)
                .map_err(|error| Error::os(Kind::InvalidArgument, format_args!("cannot write to {path:?}"), &error))
        };
        self.key_log = path.map(open).transpose()?.map(Arc::new);
        Ok(())
    }

    /// Builds the configuration for connections to servers.
    pub(super) fn build(&self, store: &SystemStore) -> Result<Arc<ClientConfig>> {
        let verifier = self.verifier(store, self.verify_peer, self.verify_host, &self.pins)?;
        let identity = self.identity.as_deref();
        let mut config = self.build_with(verifier, identity)?;
        config.alpn_protocols.clone_from(&self.application_protocols);
        Ok(Arc::new(config))
    }

    /// Builds the configuration for connections to proxies. The options that concern the server do not apply.
    pub(super) fn build_for_proxy(&self, store: &SystemStore) -> Result<Arc<ClientConfig>> {
        let mut config = self.build_with(self.verifier(store, true, true, &[])?, None)?;
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        Ok(Arc::new(config))
    }

    fn build_with(&self, verifier: Arc<dyn ServerCertVerifier>, identity: Option<&Identity>) -> Result<ClientConfig> {
        let versions: &[&SupportedProtocolVersion] = if self.needs_tls_1_3 { &[&TLS13] } else { &[&TLS13, &TLS12] };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .map_err(|error| unusable(&error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificates, key }) => builder
                .with_client_auth_cert(certificates.clone(), key.clone_key())
                .map_err(|error| unusable(&error))?,
        };
        if let Some(log) = &self.key_log {
            config.key_log = Arc::<KeyLogFile>::clone(log);
        }
        Ok(config)
    }

    fn verifier(
        &self,
        store: &SystemStore,
        peer: bool,
        host: bool,
        pins: &[Pin],
    ) -> Result<Arc<dyn ServerCertVerifier>> {
        let provider = provider();
        let trust = if peer {
            let verifier = WebPkiServerVerifier::builder_with_provider(
                Arc::new(self.trusted(store).map_err(|error| unusable(&error))?),
                Arc::clone(&provider),
            )
            .with_crls(self.revoked.iter().cloned())
            .allow_unknown_revocation_status()
            .build();
            Some(verifier.map_err(|error| unusable(&error))?)
        } else {
            None
        };
        Ok(Arc::new(Verifier {
            provider,
            trust,
            checks_name: host,
            pins: pins.to_vec(),
            revoked: self.revoked.clone(),
        }))
    }

    fn trusted(&self, system: &SystemStore) -> std::result::Result<RootCertStore, String> {
        let mut store = if self.uses_system_store() { system.load()? } else { RootCertStore::empty() };
        for root in &self.roots {
            store.add(root.clone()).map_err(|error| error.to_string())?;
        }
        if store.is_empty() {
            return Err("no authority is trusted: the system's trust store is off and none was added".to_owned());
        }
        Ok(store)
    }
}

impl Identity {
    /// Returns an error if rustls does not support the key, or if the key does not match the certificate.
    fn check(&self) -> Result<()> {
        let unusable = |error: rustls::Error| invalid(format_args!("cannot use the client certificate: {error}"));
        let key = provider().key_provider.load_private_key(self.key.clone_key()).map_err(unusable)?;
        let certified = rustls::sign::CertifiedKey::new(self.certificates.clone(), key);
        match certified.keys_match() {
            // Not every kind of key can be compared.
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(()),
            Err(error) => Err(unusable(error)),
        }
    }
}

/// Reads the client's certificate and its chain.
pub(crate) fn client_certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let certificates =
        certificates(pem).map_err(|error| invalid(format_args!("cannot read the client certificate: {error}")))?;
    if certificates.is_empty() {
        return Err(invalid("there is no client certificate in it"));
    }
    Ok(certificates)
}

/// Reads the key of the client's certificate.
pub(crate) fn client_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        _ if contains(pem, b"ENCRYPTED") => {
            invalid("cannot read the client certificate's key: it is encrypted, decrypt it first")
        }
        pem::Error::NoItemsFound => invalid("there is no private key in it"),
        error => invalid(format_args!("cannot read the client certificate's key: {error}")),
    })
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn certificates(pem: &[u8]) -> std::result::Result<Vec<CertificateDer<'static>>, pem::Error> {
    CertificateDer::pem_slice_iter(pem).collect()
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

/// The rustls configurations of a [`ConnectOptions`](crate::transport::ConnectOptions), built when first needed.
#[derive(Debug, Default)]
pub(crate) struct TlsState {
    server: OnceCell<Arc<ClientConfig>>,
    proxy: OnceCell<Arc<ClientConfig>>,
}

impl TlsState {
    pub(in crate::transport) fn for_server(
        &self,
        options: &TlsOptions,
        store: &SystemStore,
    ) -> Result<&Arc<ClientConfig>> {
        self.server.get_or_try_init(|| options.build(store))
    }

    pub(in crate::transport) fn for_proxy(
        &self,
        options: &TlsOptions,
        store: &SystemStore,
    ) -> Result<&Arc<ClientConfig>> {
        self.proxy.get_or_try_init(|| options.build_for_proxy(store))
    }
}

fn unusable(error: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Tls, format!("cannot set up TLS: {error}"))
}

fn invalid(message: impl std::fmt::Display) -> Error {
    Error::new(Kind::InvalidArgument, message.to_string())
}
