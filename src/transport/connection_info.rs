//! What is known about a connection: its addresses, the proxy, and what TLS agreed on.

use rustix::net::{SocketAddrAny, getpeername, getsockname};

use crate::transport::Socket;
use crate::transport::tls::TlsInfo;

/// What is known about a connection.
#[derive(Debug, Default)]
pub(crate) struct ConnectionInfo {
    /// Address and port, or the path of a Unix socket. Empty if the system does not tell.
    pub(crate) local_address: Box<str>,
    /// The address of the server or of the proxy.
    pub(crate) peer_address: Box<str>,
    /// The URL of the proxy without credentials.
    pub(crate) proxy: Option<Box<str>>,
    pub(crate) tls: Option<Box<TlsInfo>>,
}

impl ConnectionInfo {
    pub(super) fn new(socket: &Socket, proxy: Option<&str>, tls: Option<TlsInfo>) -> Self {
        Self {
            local_address: getsockname(socket).map_or_else(|_| Box::default(), text),
            peer_address: getpeername(socket).ok().flatten().map_or_else(Box::default, text),
            proxy: proxy.map(Box::from),
            tls: tls.map(Box::new),
        }
    }
}

fn text(address: SocketAddrAny) -> Box<str> {
    std::net::SocketAddr::try_from(address.clone())
        .map(|address| address.to_string())
        .or_else(|_| {
            rustix::net::SocketAddrUnix::try_from(address).map(|address| match address.abstract_name() {
                Some(name) if !name.is_empty() => format!("@{}", String::from_utf8_lossy(name)),
                Some(_) => String::new(),
                None => address.path().map_or_else(String::new, |path| path.to_string_lossy().into_owned()),
            })
        })
        .unwrap_or_default()
        .into()
}
