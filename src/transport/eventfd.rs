//! Event descriptors (eventfd(2)), which wake threads that wait for sockets.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd};
use rustix::io::{Errno, read, write};

/// An eventfd, close-on-exec and non-blocking.
#[derive(Debug)]
pub(crate) struct EventFd(OwnedFd);

impl EventFd {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Makes the descriptor readable. Async-signal-safe: one system call.
    pub(crate) fn wake(&self) {
        // It fails only if the counter is full; the descriptor is readable then.
        let _ = write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Makes the descriptor unreadable.
    pub(crate) fn drain(&self) {
        while read(&self.0, &mut [0; 8]) == Err(Errno::INTR) {}
    }

    pub(super) fn poll_fd(&self) -> PollFd<'_> {
        PollFd::new(&self.0, PollFlags::IN)
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Wakes any number of threads, each through its own epoll descriptor. No thread reads the shared eventfd, so no thread consumes
/// the wake-up of another one or leaves a wake-up for a later one.
#[derive(Debug)]
pub(crate) struct Broadcast(EventFd);

/// The descriptor of one thread for the wake-ups of a [`Broadcast`].
#[derive(Debug)]
pub(crate) struct Subscription(OwnedFd);

impl Broadcast {
    pub(crate) fn new() -> std::io::Result<Self> {
        EventFd::new().map(Self)
    }

    /// Wakes all subscribed threads. Async-signal-safe: one system call.
    pub(crate) fn wake(&self) {
        self.0.wake();
    }

    pub(crate) fn subscribe(&self) -> std::io::Result<Subscription> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        // Edge-triggered: each write is a new event.
        epoll::add(&epoll, &self.0, EventData::new_u64(0), EventFlags::IN | EventFlags::ET)?;
        Ok(Subscription(epoll))
    }
}

impl Subscription {
    /// The descriptor is readable after a wake-up, until [`drain`](Self::drain).
    pub(crate) fn poll_fd(&self) -> PollFd<'_> {
        PollFd::new(&self.0, PollFlags::IN)
    }

    /// Makes the descriptor unreadable.
    pub(crate) fn drain(&self) {
        let mut event = Vec::with_capacity(1);
        let buffer = rustix::buffer::spare_capacity(&mut event);
        // Does not wait. The content of the event is not needed.
        let _ = epoll::wait(&self.0, buffer, Some(&Timespec::default()));
    }
}
