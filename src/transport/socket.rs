//! The socket calls of an open session. Every one says `MSG_NOSIGNAL` or cannot raise SIGPIPE, and `MSG_DONTWAIT`
//! unless it is asked to wait.

#![allow(unsafe_code, reason = "registering a descriptor with the runtime")]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use rustix::io::retry_on_intr;
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use tokio::io::unix::AsyncFd;

use crate::transport::Waiting;

/// A connected TCP socket, close-on-exec.
#[derive(Debug)]
pub(crate) struct Socket(OwnedFd);

impl Socket {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Registers the socket with the current runtime, for waiting.
    pub(crate) fn register(self: &Arc<Self>) -> io::Result<AsyncFd<Arc<Self>>> {
        // SAFETY: the descriptor is owned by the socket, which the registration keeps alive, and it never changes.
        Ok(unsafe { AsyncFd::register(Arc::clone(self)) }?)
    }

    /// Reads what is there: 0 at the end of the stream.
    pub(crate) fn receive(&self, buffer: &mut [u8], waiting: Waiting) -> io::Result<usize> {
        let (count, _) = match waiting {
            Waiting::No => retry_on_intr(|| rustix::net::recv(&self.0, &mut *buffer, RecvFlags::DONTWAIT)),
            Waiting::Kernel => rustix::net::recv(&self.0, &mut *buffer, RecvFlags::empty()),
        }?;
        Ok(count)
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
