//! Where to connect, and with what TLS configuration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use crate::session::Result;

/// What the session will be used for, where a library documents settings for it.
#[derive(Clone, Copy, PartialEq)]
pub enum Purpose {
    /// few sessions, many messages
    Throughput,
    /// many messages to a flush
    Batches,
    /// many sessions, few messages
    ManySessions,
}

#[derive(Clone)]
pub struct Target {
    pub name: String,
    pub address: SocketAddr,
    pub path: String,
    pub tls: Option<Tls>,
    pub purpose: Purpose,
    /// With permessage-deflate, in both directions.
    pub no_context_takeover: bool,
    #[cfg_attr(not(feature = "libcurl"), expect(dead_code, reason = "for libcurl"))]
    pub message_size: usize,
}

#[derive(Clone)]
pub struct Tls {
    #[cfg_attr(not(feature = "libcurl"), expect(dead_code, reason = "for libcurl"))]
    pub ca: PathBuf,
    pub resume: bool,
    /// For the clients that use rustls.
    pub config: Arc<ClientConfig>,
}

impl Target {
    /// `url` is ws:// or wss://, a host and a port; a path may follow.
    pub fn new(url: &str, ca: Option<&Path>, resume: bool, purpose: Purpose, message_size: usize) -> Result<Self> {
        let (tls, rest) = match (url.strip_prefix("ws://"), url.strip_prefix("wss://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(format!("{url} is neither ws:// nor wss://").into()),
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (name, port) = authority.rsplit_once(':').ok_or("the URL has no port")?;
        let port: u16 = port.parse()?;
        let address =
            (name, port).to_socket_addrs()?.find(SocketAddr::is_ipv4).ok_or("the URL's host has no IPv4 address")?;
        let tls = if tls { Some(Tls::new(ca.ok_or("wss:// needs --ca")?, resume)?) } else { None };
        Ok(Self {
            name: name.into(),
            address,
            path: path.into(),
            tls,
            purpose,
            no_context_takeover: false,
            message_size,
        })
    }

    /// Messages come back from here.
    pub fn echo(&self) -> Self {
        let path = if self.path.len() > 1 { self.path.clone() } else { "/echo".into() };
        Self { path, ..self.clone() }
    }

    /// `count` messages are answered by one.
    pub fn sink(&self, count: usize) -> Self {
        Self { path: format!("/sink/{count}"), ..self.clone() }
    }

    /// The same server by another of its loopback addresses: one alone would run out of ports.
    pub fn on_host(&self, index: usize, hosts: usize) -> Self {
        let last = u8::try_from(1 + index % hosts.max(1)).unwrap_or(1);
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), self.address.port());
        Self { address, ..self.clone() }
    }

    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}:{}{}", self.name, self.address.port(), self.path)
    }

    pub fn authority(&self) -> String {
        format!("{}:{}", self.name, self.address.port())
    }

    pub fn server_name(&self) -> Result<ServerName<'static>> {
        Ok(ServerName::try_from(self.name.clone())?)
    }
}

impl Tls {
    fn new(ca: &Path, resume: bool) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca)? {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        if !resume {
            config.resumption = Resumption::disabled();
        }
        Ok(Self { ca: ca.into(), resume, config: Arc::new(config) })
    }
}
