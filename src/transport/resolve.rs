//! From a host to its addresses: given by the configuration, or looked up by `getaddrinfo`.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock};

use url::Host;

use crate::error::{Error, Kind, Phase, Result};
use crate::transport::limit::{TimeLimit, Waited};
use crate::transport::{Endpoint, PoolHandle, Wake, address};

/// Addresses of hosts that are not looked up.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownAddresses(Vec<Known>);

#[derive(Clone, Debug)]
struct Known {
    host: Host<String>,
    /// 0 for every port.
    port: u16,
    /// Its port does not count.
    address: SocketAddr,
}

impl KnownAddresses {
    /// Adds an address of a host, or with none removes those of this host and port.
    pub(crate) fn set(&mut self, host: &str, port: u16, address: Option<&str>) -> Result<()> {
        let unfit = || Error::new(Kind::InvalidArgument, format!("{host:?} is not a host"));
        if host.is_empty() || host.chars().any(char::is_control) {
            return Err(unfit());
        }
        let host = Host::parse(host).map_err(|_| unfit())?;
        match address {
            None => self.0.retain(|known| known.host != host || known.port != port),
            Some(address) => self.0.push(Known { host, port, address: address::parse(address)? }),
        }
        Ok(())
    }

    /// The addresses of this port, else those of every port.
    fn find(&self, endpoint: &Endpoint) -> Vec<SocketAddr> {
        let of_port = |port| {
            let known = self.0.iter().filter(move |known| known.host == endpoint.host && known.port == port);
            known.map(|known| with_port(known.address, endpoint.port)).collect::<Vec<_>>()
        };
        let found = of_port(endpoint.port);
        if found.is_empty() { of_port(0) } else { found }
    }
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

/// The addresses of a host, in the order of `getaddrinfo`. That runs in the pool: it ends when it likes.
pub(super) fn resolve(
    endpoint: &Endpoint,
    known: &KnownAddresses,
    pool: &PoolHandle,
    limit: &TimeLimit<'_>,
) -> Result<Vec<SocketAddr>> {
    let known = known.find(endpoint);
    if !known.is_empty() {
        return Ok(known);
    }
    if let Some(address) = endpoint.address().map_err(|error| error.in_phase(Phase::Resolve))? {
        return Ok(vec![address]);
    }
    let name = endpoint.host.to_string();
    let failed = |why: &dyn std::fmt::Display| {
        Error::new(Kind::Resolve, format!("could not resolve {name:?}: {why}")).in_phase(Phase::Resolve)
    };
    let lookup = Arc::new(Lookup::new().map_err(|error| failed(&error))?);
    let (end, name_there, port) = (End(Arc::clone(&lookup)), name.clone(), endpoint.port);
    pool.run(move || end.look_up(&name_there, port));
    if limit.wait(lookup.done.poll_fd())? == Waited::Late {
        return Err(limit.exceeded(Phase::Resolve, &format!("resolving {name:?}")));
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

/// What a thread waits for while another one looks up a name.
struct Lookup {
    found: OnceLock<io::Result<Vec<SocketAddr>>>,
    done: Wake,
}

impl Lookup {
    fn new() -> io::Result<Self> {
        Ok(Self { found: OnceLock::new(), done: Wake::new()? })
    }
}

/// Says that a lookup is over, also when the system gives no thread for it.
struct End(Arc<Lookup>);

impl End {
    fn look_up(&self, name: &str, port: u16) {
        self.0.found.get_or_init(|| (name, port).to_socket_addrs().map(Iterator::collect));
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.0.done.wake();
    }
}
