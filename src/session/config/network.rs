//! The configuration of a session: how to reach the server.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use crate::lock::Mutex;

use crate::error::{Error, Kind, Result};
use crate::session::Config;
use crate::transport::{ConnectOverride, Proxy, ProxyChoice, TcpKeepalive, address};

/// The kernel's limits.
const LONGEST_KEEPALIVE_S: u32 = 32767;
const MOST_PROBES: u32 = 127;

/// The longest path of a Unix socket, or abstract name with its leading `@`.
const MAX_UNIX_PATH: usize = 107;

impl Config {
    /// Binds the sockets to this address.
    pub(crate) fn set_local_address(&mut self, text: Option<&str>) -> Result<()> {
        self.connect.tcp.local = text.map(address::parse).transpose()?;
        Ok(())
    }

    /// Connects to a Unix socket instead of the URL's host.
    pub(crate) fn set_unix_socket(&mut self, path: Option<&str>) -> Result<()> {
        let is_unfit = |path: &&str| {
            path.is_empty() || *path == "@" || path.len() > MAX_UNIX_PATH || path.chars().any(char::is_control)
        };
        if let Some(path) = path.filter(is_unfit) {
            let rule = format!("the path of a Unix socket has 1 to {MAX_UNIX_PATH} bytes and no control character");
            return Err(Error::new(Kind::InvalidArgument, format!("{path:?}: {rule}")));
        }
        self.connect.connect_override = path.map(|path| ConnectOverride::Unix(path.to_owned()));
        Ok(())
    }

    /// Uses this connected socket for the next session.
    pub(crate) fn set_socket(&mut self, socket: Option<OwnedFd>) {
        self.connect.connect_override =
            socket.map(|socket| ConnectOverride::Socket(Arc::new(Mutex::new(Some(socket)))));
    }

    /// Makes the kernel probe a connection after `idle_s` seconds of silence; 0 turns that off.
    pub(crate) fn set_tcp_keepalive(&mut self, idle_s: u32, interval_s: u32, count: u32) -> Result<()> {
        if idle_s == 0 {
            self.connect.tcp.keepalive = None;
            return Ok(());
        }
        let is_possible =
            idle_s.max(interval_s) <= LONGEST_KEEPALIVE_S && interval_s > 0 && (1..=MOST_PROBES).contains(&count);
        if !is_possible {
            let message = format!(
                "{idle_s} s, {interval_s} s and {count} probes: only 1 to {LONGEST_KEEPALIVE_S} s and 1 to {MOST_PROBES} probes are \
                 possible"
            );
            return Err(Error::new(Kind::InvalidArgument, message));
        }
        let seconds = |count: u32| Duration::from_secs(count.into());
        self.connect.tcp.keepalive = Some(TcpKeepalive { idle: seconds(idle_s), interval: seconds(interval_s), count });
        Ok(())
    }

    /// Connects through the proxy with this URL, or directly.
    pub(crate) fn set_proxy(&mut self, url: Option<&str>) -> Result<()> {
        self.connect.proxy = match url {
            Some(url) => ProxyChoice::This(Arc::new(Proxy::parse(url)?)),
            None => ProxyChoice::Direct,
        };
        Ok(())
    }

    /// Connects through the proxy that the environment variables name, if `on`; otherwise directly.
    pub(crate) fn set_proxy_from_env(&mut self, on: bool) {
        self.connect.proxy = if on { ProxyChoice::Environment } else { ProxyChoice::Direct };
    }
}
