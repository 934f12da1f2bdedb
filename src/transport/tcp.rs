//! From a host name to a connected TCP socket.

use std::net::SocketAddr;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use url::Host;

use crate::error::{Error, Kind, Phase, Result};
use crate::transport::Target;
use crate::transport::connect::TimeLimit;

/// The addresses of a host, in the order of `getaddrinfo`, which runs on the runtime's blocking threads.
pub(super) async fn resolve(target: &Target) -> Result<Vec<SocketAddr>> {
    let name = match &target.host {
        Host::Ipv4(address) => return Ok(vec![(*address, target.port).into()]),
        Host::Ipv6(address) => return Ok(vec![(*address, target.port).into()]),
        Host::Domain(name) => name.as_str(),
    };
    let failed = |why: &dyn std::fmt::Display| {
        Error::new(Kind::Resolve, format!("could not resolve {name:?}: {why}")).in_phase(Phase::Resolve)
    };
    let addresses: Vec<_> = lookup_host((name, target.port)).await.map_err(|error| failed(&error))?.collect();
    if addresses.is_empty() { Err(failed(&"it has no addresses")) } else { Ok(addresses) }
}

/// Connects to the first address that answers. Each gets an equal share of the time that is left, so that one that
/// swallows packets does not use up that of the others.
pub(super) async fn open(addresses: &[SocketAddr], limit: TimeLimit) -> Result<TcpStream> {
    let mut failures = Vec::new();
    let mut os_errno = 0;
    for (tried, address) in addresses.iter().enumerate() {
        let attempt = TcpStream::connect(address);
        let outcome = match limit.deadline {
            None => attempt.await,
            Some(deadline) => {
                let now = Instant::now();
                let waiting = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
                let share = now + deadline.saturating_duration_since(now) / waiting;
                timeout_at(share, attempt).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            }
        };
        match outcome {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                os_errno = error.raw_os_error().unwrap_or(os_errno);
                failures.push(format!("{address}: {error}"));
            }
        }
    }
    if limit.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
        let addresses: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
        return Err(limit.exceeded(Phase::Connect, &format!("connecting to {}", addresses.join(", "))));
    }
    let message = format!("could not connect to {}", failures.join("; "));
    Err(Error { os_errno, ..Error::new(Kind::Connect, message) }.in_phase(Phase::Connect))
}
