//! Socket calls. No call raises SIGPIPE, and no call blocks except `recv` and `connect`, for [`KERNEL_SLEEP`] at most.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::{
    Timeout, set_socket_keepalive, set_socket_timeout, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl,
    set_tcp_nodelay, socket_error, socket_type,
};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, Shutdown, SocketAddrUnix, SocketFlags, SocketType};

use crate::fork;
use crate::transport::EventFd;
use crate::transport::unacknowledged::unacknowledged;

/// How long a thread waits in `recv` or `connect` before it waits in `poll`. Waiting in `recv` saves a system call per message;
/// waiting in `poll` can be ended without harm to the stream. The kernel rounds the time up to one or two of its ticks.
pub(crate) const KERNEL_SLEEP: Duration = Duration::from_millis(1);

/// The minimum remaining time for [`KERNEL_SLEEP`]. With less time, the kernel would exceed the deadline by some ticks.
pub(crate) const KERNEL_SLEEP_FROM: Duration = Duration::from_millis(50);

/// How to wait for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Does not wait.
    No,
    /// Waits in `recv` for [`KERNEL_SLEEP`]. A signal ends the wait with `Interrupted`.
    Kernel,
}

/// The readiness that [`Socket::wait`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Receive,
    Send,
    /// One of the two.
    Either,
}

/// Options of TCP sockets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TcpOptions {
    pub(crate) nodelay: bool,
    pub(crate) keepalive: Option<TcpKeepalive>,
    /// The local address to bind to. Its port is 0.
    pub(crate) local: Option<SocketAddr>,
}

/// TCP keepalive probes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TcpKeepalive {
    /// The idle time before the first probe.
    pub(crate) idle: Duration,
    pub(crate) interval: Duration,
    /// The number of unanswered probes after which the connection is lost.
    pub(crate) count: u32,
}

/// A stream socket, close-on-exec. It belongs to the process that opened it: a forked child does not receive, send or shut down.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    /// The process that opened the socket.
    generation: u64,
}

impl Socket {
    #[cfg(test)]
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self { fd, generation: fork::generation() }
    }

    /// Opens a TCP socket for `address`, without connecting it.
    pub(super) fn tcp(address: SocketAddr, options: &TcpOptions) -> io::Result<Self> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let fd = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        set_options(&fd, options)?;
        if let Some(local) = options.local {
            rustix::net::bind(&fd, &local)?;
        }
        Self::with_timeouts(fd)
    }

    /// Connects to a Unix socket: a path of the file system, or an abstract name after `@`. Returns `WouldBlock` while the
    /// server's backlog is full.
    pub(super) fn unix(path: &str) -> io::Result<Self> {
        let address = match path.strip_prefix('@') {
            Some(name) => SocketAddrUnix::new_abstract_name(name.as_bytes())?,
            None => SocketAddrUnix::new(path)?,
        };
        let fd = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        let socket = Self::with_timeouts(fd)?;
        rustix::net::connect(&socket.fd, &address)?;
        Ok(socket)
    }

    /// Takes over a connected stream socket of the application.
    pub(super) fn adopt(fd: OwnedFd, options: &TcpOptions) -> io::Result<Self> {
        if socket_type(&fd)? != SocketType::STREAM {
            return Err(Errno::SOCKTNOSUPPORT.into());
        }
        let peer = rustix::net::getpeername(&fd)?;
        if peer.is_some_and(|peer| matches!(peer.address_family(), AddressFamily::INET | AddressFamily::INET6)) {
            set_options(&fd, options)?;
        }
        Self::with_timeouts(fd)
    }

    fn with_timeouts(fd: OwnedFd) -> io::Result<Self> {
        set_socket_timeout(&fd, Timeout::Recv, Some(KERNEL_SLEEP))?;
        // Applies to `connect` only. Sending does not wait.
        set_socket_timeout(&fd, Timeout::Send, Some(KERNEL_SLEEP))?;
        Ok(Self { fd, generation: fork::generation() })
    }

    /// Returns an error in a forked child.
    fn check_process(&self) -> io::Result<()> {
        if fork::is_inherited(self.generation) { Err(Errno::BADFD.into()) } else { Ok(()) }
    }

    /// Starts to connect. Returns whether the socket is connected already. If not, [`connected`](Self::connected) returns the
    /// result once the socket is ready for sending.
    pub(super) fn connect(&self, address: SocketAddr) -> io::Result<bool> {
        match rustix::net::connect(&self.fd, &address) {
            Ok(()) => Ok(true),
            Err(Errno::INPROGRESS | Errno::INTR) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Returns the result of connecting.
    pub(super) fn connected(&self) -> io::Result<()> {
        Ok(socket_error(&self.fd)??)
    }

    /// Whether the socket is ready now.
    pub(super) fn is_ready(&self, flags: PollFlags) -> bool {
        let mut fds = [PollFd::new(&self.fd, flags)];
        poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Reads available bytes. Returns 0 at the end of the stream and `WouldBlock` if there are no bytes. Returns `Interrupted`
    /// with [`Waiting::Kernel`] only.
    pub(crate) fn receive(&self, buffer: &mut [u8], waiting: Waiting) -> io::Result<usize> {
        self.check_process()?;
        let (count, _) = match waiting {
            Waiting::No => retry_on_intr(|| rustix::net::recv(&self.fd, &mut *buffer, RecvFlags::DONTWAIT))?,
            Waiting::Kernel => rustix::net::recv(&self.fd, buffer, RecvFlags::empty())?,
        };
        Ok(count)
    }

    /// Returns the number of bytes in the receive buffer.
    pub(crate) fn available(&self) -> u64 {
        rustix::io::ioctl_fionread(&self.fd).unwrap_or(0)
    }

    /// Returns the number of sent bytes that the peer's kernel has not acknowledged.
    pub(crate) fn unacknowledged(&self) -> u64 {
        unacknowledged(self.fd.as_fd())
    }

    /// Waits until the socket is ready, `wake` is readable, the timeout expires or a signal arrives. Without a timeout, it waits
    /// without limit.
    pub(crate) fn wait(
        &self,
        readiness: Readiness,
        wake: Option<&EventFd>,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let socket = self.poll_fd(readiness);
        let outcome = match wake {
            Some(wake) => poll(&mut [socket, wake.poll_fd()], timeout.as_ref()),
            None => poll(&mut [socket], timeout.as_ref()),
        };
        match outcome {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    pub(super) fn poll_fd(&self, readiness: Readiness) -> PollFd<'_> {
        let flags = match readiness {
            Readiness::Receive => PollFlags::IN,
            Readiness::Send => PollFlags::OUT,
            Readiness::Either => PollFlags::IN | PollFlags::OUT,
        };
        PollFd::new(&self.fd, flags)
    }

    /// Sends as many bytes as the kernel accepts. Returns `WouldBlock` if it accepts none.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.check_process()?;
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        Ok(retry_on_intr(|| rustix::net::send(&self.fd, bytes, flags))?)
    }

    /// Shuts down sending. The peer receives the end of the stream.
    pub(crate) fn shut_down_sending(&self) {
        self.shut(Shutdown::Write);
    }

    /// Shuts down receiving. A waiting reader receives the bytes that have arrived, then the end of the stream.
    pub(crate) fn shut_down_receiving(&self) {
        self.shut(Shutdown::Read);
    }

    /// Shuts down both directions.
    pub(crate) fn shut_down(&self) {
        self.shut(Shutdown::Both);
    }

    fn shut(&self, how: Shutdown) {
        if self.check_process().is_ok() {
            // An error means that the connection has already ended.
            let _ = rustix::net::shutdown(&self.fd, how);
        }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn set_options(fd: &OwnedFd, options: &TcpOptions) -> io::Result<()> {
    set_tcp_nodelay(fd, options.nodelay)?;
    if let Some(TcpKeepalive { idle, interval, count }) = options.keepalive {
        set_socket_keepalive(fd, true)?;
        set_tcp_keepidle(fd, idle)?;
        set_tcp_keepintvl(fd, interval)?;
        set_tcp_keepcnt(fd, count)?;
    }
    Ok(())
}
