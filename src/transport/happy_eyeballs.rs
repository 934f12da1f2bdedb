//! Happy Eyeballs (RFC 8305): connects a TCP socket to one of the addresses of a host. Alternates between the address families.
//! Starts the next attempt if one is not connected after a short delay. The first connected socket wins.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use crate::error::{Error, Kind, Phase, Result};
use crate::transport::deadline::{ConnectDeadline, Waited};
use crate::transport::{Readiness, Socket, TcpOptions};

/// The Connection Attempt Delay (RFC 8305 section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to one of the addresses.
pub(super) fn connect(
    addresses: &[SocketAddr],
    options: &TcpOptions,
    deadline: &ConnectDeadline<'_>,
) -> Result<Socket> {
    let mut race =
        Race { left: interleave(addresses, options.local).into_iter(), running: Vec::new(), failures: Vec::new() };
    if race.left.len() == 0 {
        let message = "the server has no address of the local address' family";
        return Err(Error::new(Kind::Connect, message).in_phase(Phase::Connect));
    }
    let mut next_start = Instant::now();
    loop {
        if next_start <= Instant::now() || race.running.is_empty() {
            match race.start(options) {
                Started::Connected(socket) => return Ok(socket),
                Started::Running => next_start = Instant::now() + ATTEMPT_DELAY,
                Started::Failed => continue,
                Started::NoneLeft if race.running.is_empty() => return Err(race.failed()),
                Started::NoneLeft => {}
            }
        }
        let until = (race.left.len() > 0).then_some(next_start);
        match race.wait(deadline, until)? {
            Waited::Ready => {
                if let Some(socket) = race.connected() {
                    return Ok(socket);
                }
                // After a failed attempt, the next one starts at once.
                next_start = Instant::now();
            }
            Waited::TimedOut if deadline.has_passed() => {
                let addresses: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
                return Err(deadline.timeout_error(Phase::Connect, &format!("connecting to {}", addresses.join(", "))));
            }
            Waited::TimedOut => {}
        }
    }
}

/// Interleaves the address families, starting with the family of the first address (section 4). Leaves out the family that the
/// local address cannot reach.
fn interleave(addresses: &[SocketAddr], local: Option<SocketAddr>) -> Vec<SocketAddr> {
    let usable = addresses.iter().filter(|address| local.is_none_or(|local| local.is_ipv4() == address.is_ipv4()));
    let (mut one, mut other): (Vec<SocketAddr>, Vec<SocketAddr>) =
        usable.partition(|address| address.is_ipv4() == addresses[0].is_ipv4());
    let count = one.len() + other.len();
    let (mut one, mut other) = (one.drain(..), other.drain(..));
    let mut interleaved = Vec::with_capacity(count);
    while interleaved.len() < count {
        interleaved.extend(one.next().into_iter().chain(other.next()));
    }
    interleaved
}

/// The attempts.
struct Race {
    left: std::vec::IntoIter<SocketAddr>,
    running: Vec<(SocketAddr, Socket)>,
    failures: Vec<(SocketAddr, io::Error)>,
}

enum Started {
    Connected(Socket),
    Running,
    Failed,
    NoneLeft,
}

impl Race {
    fn start(&mut self, options: &TcpOptions) -> Started {
        let Some(address) = self.left.next() else { return Started::NoneLeft };
        let begin = || {
            let socket = Socket::tcp(address, options)?;
            Ok((socket.connect(address)?, socket))
        };
        match begin() {
            Ok((true, socket)) => Started::Connected(socket),
            Ok((false, socket)) => {
                self.running.push((address, socket));
                Started::Running
            }
            Err(error) => {
                self.failures.push((address, error));
                Started::Failed
            }
        }
    }

    /// Waits until an attempt has succeeded or failed, or until `until`.
    fn wait(&self, deadline: &ConnectDeadline<'_>, until: Option<Instant>) -> Result<Waited> {
        let mut fds: Vec<_> = self.running.iter().map(|(_, socket)| socket.poll_fd(Readiness::Send)).collect();
        until.map_or(*deadline, |until| deadline.until(until)).wait_for_any(&mut fds)
    }

    /// Returns the socket of a successful attempt. Removes failed attempts.
    fn connected(&mut self) -> Option<Socket> {
        let mut index = 0;
        while index < self.running.len() {
            if !self.running[index].1.is_ready(PollFlags::OUT) {
                index += 1;
                continue;
            }
            let (address, socket) = self.running.remove(index);
            match socket.connected() {
                Ok(()) => return Some(socket),
                Err(error) => self.failures.push((address, error)),
            }
        }
        None
    }

    fn failed(&self) -> Error {
        let os_errno = self.failures.iter().rev().find_map(|(_, error)| error.raw_os_error()).unwrap_or(0);
        let failures: Vec<_> = self.failures.iter().map(|(address, error)| format!("{address}: {error}")).collect();
        let message = format!("could not connect to {}", failures.join("; "));
        Error { os_errno, ..Error::new(Kind::Connect, message) }.in_phase(Phase::Connect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_families_are_interleaved() {
        let addresses: Vec<SocketAddr> =
            ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"].map(|text| text.parse().unwrap()).to_vec();
        let interleaved = |local: Option<&str>| {
            let addresses = interleave(&addresses, local.map(|text| text.parse().unwrap()));
            addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(interleaved(None), "[::1]:1 1.1.1.1:1 [::2]:1 2.2.2.2:1 [::3]:1");
        assert_eq!(interleaved(Some("127.0.0.1:0")), "1.1.1.1:1 2.2.2.2:1");
    }
}
