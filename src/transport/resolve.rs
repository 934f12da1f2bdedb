//! Resolves host names: by the configuration's overrides, or else by `getaddrinfo`.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock};

use url::Host;

use crate::error::{Error, Kind, Phase, Result};
use crate::transport::deadline::{ConnectDeadline, Waited};
use crate::transport::{BlockingShare, Endpoint, EventFd, address};

/// The longest accepted host name in bytes, before IDNA encoding.
const MAX_HOST: usize = 1024;

/// The addresses that the configuration sets for hosts.
#[derive(Clone, Debug, Default)]
pub(crate) struct DnsOverrides(Vec<DnsOverride>);

#[derive(Clone, Debug)]
struct DnsOverride {
    host: Host<String>,
    /// 0 means every port.
    port: u16,
    /// Its port is not used.
    address: SocketAddr,
}

impl DnsOverrides {
    /// Adds an address of a host.
    pub(crate) fn add(&mut self, host: &str, port: u16, address: &str) -> Result<()> {
        let unfit = || {
            let shown: String = host.chars().take(100).collect();
            Error::new(Kind::InvalidArgument, format!("{shown:?} is not a host"))
        };
        if !(1..=MAX_HOST).contains(&host.len()) || host.chars().any(char::is_control) {
            return Err(unfit());
        }
        let host = match host.parse() {
            Ok(address) => Host::Ipv6(address),
            Err(_) => Host::parse(host).map_err(|_| unfit())?,
        };
        self.0.push(DnsOverride { host, port, address: address::parse(address)? });
        Ok(())
    }

    /// Returns the addresses for this port, or else the addresses for every port.
    fn find(&self, endpoint: &Endpoint) -> Vec<SocketAddr> {
        let of_port = |port| {
            let found = self.0.iter().filter(move |own| own.host == endpoint.host && own.port == port);
            found.map(|own| with_port(own.address, endpoint.port)).collect::<Vec<_>>()
        };
        let found = of_port(endpoint.port);
        if found.is_empty() { of_port(0) } else { found }
    }
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

/// Returns the addresses of a host in the order of `getaddrinfo`. `getaddrinfo` runs on a blocking thread, because it cannot be cancelled.
pub(super) fn resolve(
    endpoint: &Endpoint,
    overrides: &DnsOverrides,
    resolver: &BlockingShare,
    deadline: &ConnectDeadline<'_>,
) -> Result<Vec<SocketAddr>> {
    let overridden = overrides.find(endpoint);
    if !overridden.is_empty() {
        return Ok(overridden);
    }
    if let Some(address) = endpoint.address().map_err(|error| error.in_phase(Phase::Resolve))? {
        return Ok(vec![address]);
    }
    let name = endpoint.host.to_string();
    let failed = |why: &dyn std::fmt::Display| {
        Error::new(Kind::Resolve, format!("could not resolve {name:?}: {why}")).in_phase(Phase::Resolve)
    };
    let lookup = Arc::new(Lookup::new().map_err(|error| failed(&error))?);
    let (guard, name_there, port) = (LookupGuard(Arc::clone(&lookup)), name.clone(), endpoint.port);
    resolver.run(move || guard.look_up(&name_there, port));
    if deadline.wait(lookup.done.poll_fd())? == Waited::TimedOut {
        return Err(deadline.timeout_error(Phase::Resolve, &format!("resolving {name:?}")));
    }
    match lookup.found.get() {
        Some(Ok(addresses)) if !addresses.is_empty() => Ok(addresses.clone()),
        Some(Ok(_)) => Err(failed(&"it has no addresses")),
        Some(Err(error)) => Err(failed(error)),
        None => {
            let message = format!("could not resolve {name:?}: the system gives no thread for it");
            Err(Error::new(Kind::Internal, message).in_phase(Phase::Resolve))
        }
    }
}

/// A lookup in another thread.
struct Lookup {
    found: OnceLock<io::Result<Vec<SocketAddr>>>,
    done: EventFd,
}

impl Lookup {
    fn new() -> io::Result<Self> {
        Ok(Self { found: OnceLock::new(), done: EventFd::new()? })
    }
}

/// Signals the end of a lookup when dropped, also if the system has no thread for it.
struct LookupGuard(Arc<Lookup>);

impl LookupGuard {
    fn look_up(&self, name: &str, port: u16) {
        self.0.found.get_or_init(|| (name, port).to_socket_addrs().map(Iterator::collect));
    }
}

impl Drop for LookupGuard {
    fn drop(&mut self) {
        self.0.done.wake();
    }
}
