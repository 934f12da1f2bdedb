//! Event descriptors that wake threads which sleep on sockets.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd};
use rustix::io::{Errno, fcntl_dupfd_cloexec, read, write};

/// Close-on-exec, non-blocking.
#[derive(Debug)]
pub(crate) struct Wake(OwnedFd);

impl Wake {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Wakes a sleeping thread, or the next that sleeps. One system call: safe in a signal handler.
    pub(crate) fn wake(&self) {
        // Full means woken.
        let _ = write(&self.0, &1_u64.to_ne_bytes());
    }

    /// A duplicate that the caller owns. Close-on-exec.
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

/// Wakes any number of sleeping threads, each through its own epoll descriptor. No thread reads the shared eventfd, so that no
/// thread consumes another's wake-up or leaves one for later threads.
#[derive(Debug)]
pub(crate) struct Broadcast(Wake);

/// A thread's descriptor for the wake-ups of a [`Broadcast`].
#[derive(Debug)]
pub(crate) struct Subscription(OwnedFd);

impl Broadcast {
    pub(crate) fn new() -> std::io::Result<Self> {
        Wake::new().map(Self)
    }

    /// Wakes all that have subscribed. One system call: safe in a signal handler.
    pub(crate) fn wake(&self) {
        self.0.wake();
    }

    pub(crate) fn subscribe(&self) -> std::io::Result<Subscription> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        // Each write is one event, whatever was written before.
        epoll::add(&epoll, self.0.fd(), EventData::new_u64(0), EventFlags::IN | EventFlags::ET)?;
        Ok(Subscription(epoll))
    }
}

impl Subscription {
    /// Readable once there was a wake-up since the last [`drain`](Self::drain).
    pub(crate) fn poll_fd(&self) -> PollFd<'_> {
        PollFd::new(&self.0, PollFlags::IN)
    }

    /// Lets the thread sleep again.
    pub(crate) fn drain(&self) {
        let mut event = Vec::with_capacity(1);
        let buffer = rustix::buffer::spare_capacity(&mut event);
        // It does not wait. The event itself does not matter.
        let _ = epoll::wait(&self.0, buffer, Some(&Timespec::default()));
    }
}
