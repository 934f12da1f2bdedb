//! An event descriptor that wakes a thread which sleeps on a socket.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};
use rustix::io::{Errno, fcntl_dupfd_cloexec, read, write};

/// Close-on-exec, non-blocking.
#[derive(Debug)]
pub(crate) struct Wake(OwnedFd);

impl Wake {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Wakes whoever sleeps, or the next who does. One system call: safe in a signal handler.
    pub(crate) fn wake(&self) {
        // Full means woken.
        let _ = write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Another descriptor of it, for somebody else to own. Close-on-exec.
    pub(crate) fn duplicate(&self) -> std::io::Result<OwnedFd> {
        Ok(fcntl_dupfd_cloexec(&self.0, 3)?)
    }

    /// Lets the next sleep.
    pub(crate) fn drain(&self) {
        while read(&self.0, &mut [0; 8]) == Err(Errno::INTR) {}
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    pub(super) fn poll_fd(&self) -> PollFd<'_> {
        PollFd::new(&self.0, PollFlags::IN)
    }
}
