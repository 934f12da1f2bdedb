//! From a host name to a connected TCP socket.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock};

use url::Host;

use crate::error::{Error, Kind, Phase, Result};
use crate::transport::limit::{TimeLimit, Waited};
use crate::transport::{PoolHandle, Readiness, Socket, Target, Wake};

/// The addresses of a host, in the order of `getaddrinfo`. That runs in the pool: it ends when it likes.
pub(super) fn resolve(target: &Target, pool: &PoolHandle, limit: &TimeLimit<'_>) -> Result<Vec<SocketAddr>> {
    let name = match &target.host {
        Host::Ipv4(address) => return Ok(vec![(*address, target.port).into()]),
        Host::Ipv6(address) => return Ok(vec![(*address, target.port).into()]),
        Host::Domain(name) => name,
    };
    let failed = |why: &dyn std::fmt::Display| {
        Error::new(Kind::Resolve, format!("could not resolve {name:?}: {why}")).in_phase(Phase::Resolve)
    };
    let lookup = Arc::new(Lookup::new().map_err(|error| failed(&error))?);
    let (end, name_there, port) = (End(Arc::clone(&lookup)), name.clone(), target.port);
    pool.run(move || end.look_up(&name_there, port));
    if limit.wait(lookup.done.poll_fd())? == Waited::Late {
        return Err(limit.exceeded(Phase::Resolve, "resolving the host"));
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

/// Connects to the first address that answers. Each gets an equal share of the time that is left, so that one that
/// swallows packets does not use up that of the others.
pub(super) fn open(addresses: &[SocketAddr], nodelay: bool, limit: &TimeLimit<'_>) -> Result<Socket> {
    let mut failures = Vec::new();
    let mut os_errno = 0;
    for (tried, address) in addresses.iter().enumerate() {
        match connect(*address, nodelay, &limit.share(addresses.len() - tried))? {
            Ok(socket) => return Ok(socket),
            Err(error) => {
                os_errno = error.raw_os_error().unwrap_or(os_errno);
                failures.push(format!("{address}: {error}"));
            }
        }
    }
    if limit.has_passed() {
        let addresses: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
        return Err(limit.exceeded(Phase::Connect, &format!("connecting to {}", addresses.join(", "))));
    }
    let message = format!("could not connect to {}", failures.join("; "));
    Err(Error { os_errno, ..Error::new(Kind::Connect, message) }.in_phase(Phase::Connect))
}

/// The outer error ends the attempts, the inner one only this.
fn connect(address: SocketAddr, nodelay: bool, limit: &TimeLimit<'_>) -> Result<io::Result<Socket>> {
    if limit.has_passed() {
        return Ok(Err(io::ErrorKind::TimedOut.into()));
    }
    let socket = match Socket::tcp(address, nodelay) {
        Ok(socket) => socket,
        Err(error) => return Ok(Err(error)),
    };
    match socket.connect(address) {
        Ok(true) => return Ok(Ok(socket)),
        Ok(false) => {}
        Err(error) => return Ok(Err(error)),
    }
    Ok(match limit.wait(socket.poll_fd(Readiness::Send))? {
        Waited::Ready => socket.connected().map(|()| socket),
        Waited::Late => Err(io::ErrorKind::TimedOut.into()),
    })
}
