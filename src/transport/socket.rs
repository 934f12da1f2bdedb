//! The socket calls. Every one says `MSG_NOSIGNAL` or cannot raise SIGPIPE, and all but those that sleep in the kernel
//! say `MSG_DONTWAIT`.

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
use crate::transport::Wake;
use crate::transport::tcp::{TcpKeepalive, TcpOptions};
use crate::transport::unacknowledged::unacknowledged;

/// How long a thread sleeps in `connect` or `recv` before it sleeps in `poll`. The former saves a system call for each
/// message; the latter can be woken without harm to the stream. The kernel rounds this up to one or two of its ticks.
pub(crate) const KERNEL_SLEEP: Duration = Duration::from_millis(1);

/// With less time than this left, [`KERNEL_SLEEP`] is not used, since the kernel ends it some ticks late.
pub(crate) const KERNEL_SLEEP_FROM: Duration = Duration::from_millis(50);

/// How to wait for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Not at all.
    No,
    /// In the kernel, for [`KERNEL_SLEEP`]. A signal ends it as `Interrupted`.
    Kernel,
}

/// What a [`Socket::wait`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Receive,
    Send,
    /// Either of them.
    Either,
}

/// A stream socket, close-on-exec. In a forked child nothing is read from it, sent or ended: it is the parent's.
#[derive(Debug)]
pub(crate) struct Socket(OwnedFd, u64);

impl Socket {
    #[cfg(test)]
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self(fd, fork::generation())
    }

    /// A TCP socket, to be connected to `address`.
    pub(super) fn tcp(address: SocketAddr, options: &TcpOptions) -> io::Result<Self> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let fd = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        set_options(&fd, options)?;
        if let Some(local) = options.local {
            rustix::net::bind(&fd, &local)?;
        }
        Self::with_timeouts(fd)
    }

    /// A socket that is connected to a path of the file system, or with an `@` in front to an abstract name. `WouldBlock`
    /// while the server has others to accept first.
    pub(super) fn unix(path: &str) -> io::Result<Self> {
        let address = match path.strip_prefix('@') {
            Some(name) => SocketAddrUnix::new_abstract_name(name.as_bytes())?,
            None => SocketAddrUnix::new(path)?,
        };
        let fd = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        let socket = Self::with_timeouts(fd)?;
        rustix::net::connect(&socket.0, &address)?;
        Ok(socket)
    }

    /// A connected stream socket of the application.
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
        // For `connect` only: nothing else that sends waits.
        set_socket_timeout(&fd, Timeout::Send, Some(KERNEL_SLEEP))?;
        Ok(Self(fd, fork::generation()))
    }

    /// An error in a forked child.
    fn check_process(&self) -> io::Result<()> {
        if fork::is_inherited(self.1) { Err(Errno::BADFD.into()) } else { Ok(()) }
    }

    /// Connects, or begins to: false until the socket is ready for sending and [`connected`](Self::connected) says how
    /// it went.
    pub(super) fn connect(&self, address: SocketAddr) -> io::Result<bool> {
        match rustix::net::connect(&self.0, &address) {
            Ok(()) => Ok(true),
            Err(Errno::INPROGRESS | Errno::INTR) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// How connecting went.
    pub(super) fn connected(&self) -> io::Result<()> {
        Ok(socket_error(&self.0)??)
    }

    /// Whether the socket is ready now.
    pub(super) fn is_ready(&self, flags: PollFlags) -> bool {
        let mut fds = [PollFd::new(&self.0, flags)];
        poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Reads what is there: 0 at the end of the stream, `WouldBlock` while nothing is there, `Interrupted` only from
    /// sleeping in the kernel.
    pub(crate) fn receive(&self, buffer: &mut [u8], waiting: Waiting) -> io::Result<usize> {
        self.check_process()?;
        let (count, _) = match waiting {
            Waiting::No => retry_on_intr(|| rustix::net::recv(&self.0, &mut *buffer, RecvFlags::DONTWAIT))?,
            Waiting::Kernel => rustix::net::recv(&self.0, buffer, RecvFlags::empty())?,
        };
        Ok(count)
    }

    /// How many bytes wait to be read.
    pub(crate) fn available(&self) -> u64 {
        rustix::io::ioctl_fionread(&self.0).unwrap_or(0)
    }

    /// How many bytes were sent that the peer's kernel does not have.
    pub(crate) fn unacknowledged(&self) -> u64 {
        unacknowledged(self.0.as_fd())
    }

    /// Sleeps until the socket is ready, `wake` is woken, the timeout is over (none for no limit) or a signal comes.
    pub(crate) fn wait(&self, readiness: Readiness, wake: Option<&Wake>, timeout: Option<Duration>) -> io::Result<()> {
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
        PollFd::new(&self.0, flags)
    }

    /// Gives the kernel as many bytes as it takes; `WouldBlock` when it takes none.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.check_process()?;
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        Ok(retry_on_intr(|| rustix::net::send(&self.0, bytes, flags))?)
    }

    /// Says that no more is sent; the peer sees the end of the stream.
    pub(crate) fn shut_down_sending(&self) {
        self.shut(Shutdown::Write);
    }

    /// Ends reading: a sleeping reader finds the end of the stream after the bytes that have arrived.
    pub(crate) fn shut_down_receiving(&self) {
        self.shut(Shutdown::Read);
    }

    /// Ends both directions.
    pub(crate) fn shut_down(&self) {
        self.shut(Shutdown::Both);
    }

    fn shut(&self, how: Shutdown) {
        if self.check_process().is_ok() {
            // An error means that there is no connection left to end.
            let _ = rustix::net::shutdown(&self.0, how);
        }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
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
