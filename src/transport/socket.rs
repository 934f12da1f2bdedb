//! The socket calls of an open session. Every one says `MSG_NOSIGNAL` or cannot raise SIGPIPE, and all but the one that
//! sleeps in the kernel say `MSG_DONTWAIT`.

#![allow(unsafe_code, reason = "registering a descriptor with the runtime")]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::transport::Wake;

/// How to wait for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Not at all.
    No,
    /// In the kernel, for the time given to [`Socket::open_for_sleeping`]. A signal ends it as `Interrupted`.
    Kernel,
}

/// What a [`Socket::wait`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Receive,
    Send,
}

/// A connected TCP socket, close-on-exec.
#[derive(Debug)]
pub(crate) struct Socket(OwnedFd);

impl Socket {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Registers the socket with the current runtime, for waiting.
    pub(crate) fn register(self: &Arc<Self>, interest: Interest) -> io::Result<AsyncFd<Arc<Self>>> {
        // SAFETY: the descriptor is owned by the socket, which the registration keeps alive, and it never changes.
        Ok(unsafe { AsyncFd::register_with_interest(Arc::clone(self), interest) }?)
    }

    /// Makes [`Waiting::Kernel`] possible, each time for at most `longest`.
    pub(crate) fn open_for_sleeping(&self, longest: Duration) -> io::Result<()> {
        set_socket_timeout(&self.0, Timeout::Recv, Some(longest))?;
        Ok(rustix::io::ioctl_fionbio(&self.0, false)?)
    }

    /// Reads what is there: 0 at the end of the stream, `WouldBlock` while nothing is there, `Interrupted` only from
    /// sleeping in the kernel.
    pub(crate) fn receive(&self, buffer: &mut [u8], waiting: Waiting) -> io::Result<usize> {
        let (count, _) = match waiting {
            Waiting::No => retry_on_intr(|| rustix::net::recv(&self.0, &mut *buffer, RecvFlags::DONTWAIT))?,
            Waiting::Kernel => rustix::net::recv(&self.0, buffer, RecvFlags::empty())?,
        };
        Ok(count)
    }

    /// Whether bytes, or the end of the stream, wait to be read.
    pub(crate) fn has_input(&self) -> bool {
        let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK;
        !matches!(retry_on_intr(|| rustix::net::recv(&self.0, &mut [0; 1], flags)), Err(rustix::io::Errno::AGAIN))
    }

    /// Sleeps until the socket is ready, `wake` is woken, the timeout is over (none for no limit) or a signal comes.
    pub(crate) fn wait(&self, readiness: Readiness, wake: Option<&Wake>, timeout: Option<Duration>) -> io::Result<()> {
        let flags = match readiness {
            Readiness::Receive => PollFlags::IN,
            Readiness::Send => PollFlags::OUT,
        };
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let socket = PollFd::new(&self.0, flags);
        let outcome = match wake {
            Some(wake) => poll(&mut [socket, wake.poll_fd()], timeout.as_ref()),
            None => poll(&mut [socket], timeout.as_ref()),
        };
        match outcome {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Gives the kernel as many bytes as it takes; `WouldBlock` when it takes none.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        Ok(retry_on_intr(|| rustix::net::send(&self.0, bytes, flags))?)
    }

    /// Says that no more is sent; the peer sees the end of the stream.
    pub(crate) fn shut_down_sending(&self) {
        // An error means that there is no connection left to end.
        let _ = rustix::net::shutdown(&self.0, Shutdown::Write);
    }

    /// Ends reading, so that whoever sleeps in it finds the end of the stream behind what has arrived.
    pub(crate) fn shut_down_receiving(&self) {
        let _ = rustix::net::shutdown(&self.0, Shutdown::Read);
    }

    /// Ends both directions.
    pub(crate) fn shut_down(&self) {
        let _ = rustix::net::shutdown(&self.0, Shutdown::Both);
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
