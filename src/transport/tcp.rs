//! From the addresses of a host to a connected TCP socket: Happy Eyeballs (RFC 8305). The families take turns, and an
//! attempt that does not answer within a moment goes on beside the next one; the first to succeed is taken.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use crate::error::{Error, Kind, Phase, Result};
use crate::transport::limit::{TimeLimit, Waited};
use crate::transport::{Readiness, Socket};

/// The Connection Attempt Delay (RFC 8305 section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Options of TCP sockets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TcpOptions {
    pub(crate) nodelay: bool,
    pub(crate) keepalive: Option<TcpKeepalive>,
    /// To be bound to; its port is 0.
    pub(crate) local: Option<SocketAddr>,
}

/// The kernel's probes of a silent connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TcpKeepalive {
    /// Silence before the first one.
    pub(crate) idle: Duration,
    pub(crate) interval: Duration,
    /// Unanswered, until the connection is given up.
    pub(crate) count: u32,
}

/// Connects to one of the addresses.
pub(super) fn open(addresses: &[SocketAddr], options: &TcpOptions, limit: &TimeLimit<'_>) -> Result<Socket> {
    let mut race =
        Race { left: in_turns(addresses, options.local).into_iter(), running: Vec::new(), failures: Vec::new() };
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
        match race.wait(limit, until)? {
            Waited::Ready => {
                if let Some(socket) = race.connected() {
                    return Ok(socket);
                }
                // One that failed makes room for the next at once.
                next_start = Instant::now();
            }
            Waited::Late if limit.has_passed() => {
                let addresses: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
                return Err(limit.exceeded(Phase::Connect, &format!("connecting to {}", addresses.join(", "))));
            }
            Waited::Late => {}
        }
    }
}

/// The families in turns, beginning with that of the first address (section 4). Those that cannot be reached from the
/// local address are left out.
fn in_turns(addresses: &[SocketAddr], local: Option<SocketAddr>) -> Vec<SocketAddr> {
    let usable = addresses.iter().filter(|address| local.is_none_or(|local| local.is_ipv4() == address.is_ipv4()));
    let (mut one, mut other): (Vec<SocketAddr>, Vec<SocketAddr>) =
        usable.partition(|address| address.is_ipv4() == addresses[0].is_ipv4());
    let count = one.len() + other.len();
    let (mut one, mut other) = (one.drain(..), other.drain(..));
    let mut turns = Vec::with_capacity(count);
    while turns.len() < count {
        turns.extend(one.next().into_iter().chain(other.next()));
    }
    turns
}

/// Attempts under way.
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

    /// Sleeps until an attempt has succeeded or failed, at most until then.
    fn wait(&self, limit: &TimeLimit<'_>, until: Option<Instant>) -> Result<Waited> {
        let mut fds: Vec<_> = self.running.iter().map(|(_, socket)| socket.poll_fd(Readiness::Send)).collect();
        until.map_or(*limit, |until| limit.until(until)).wait_for_any(&mut fds)
    }

    /// The socket of an attempt that has succeeded. Those that have failed are taken out.
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
    fn the_families_take_turns() {
        let addresses: Vec<SocketAddr> =
            ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"].map(|text| text.parse().unwrap()).to_vec();
        let turns = |local: Option<&str>| {
            let turns = in_turns(&addresses, local.map(|text| text.parse().unwrap()));
            turns.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(turns(None), "[::1]:1 1.1.1.1:1 [::2]:1 2.2.2.2:1 [::3]:1");
        assert_eq!(turns(Some("127.0.0.1:0")), "1.1.1.1:1 2.2.2.2:1");
    }
}
