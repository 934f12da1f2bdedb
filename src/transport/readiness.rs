//! A descriptor that is readable while a socket is, or an event descriptor: an epoll instance that watches both.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use crate::lock::Mutex;
use crate::transport::{EventFd, Socket};

/// The descriptor.
#[derive(Debug)]
pub(crate) struct ReadinessFd {
    number: RawFd,
    /// None once it is closed.
    epoll: Mutex<Option<OwnedFd>>,
    signal: Arc<EventFd>,
}

impl ReadinessFd {
    pub(crate) fn new() -> std::io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let signal = EventFd::new()?;
        epoll::add(&epoll, &signal, EventData::new_u64(0), EventFlags::IN)?;
        Ok(Self { number: epoll.as_raw_fd(), epoll: Mutex::new(Some(epoll)), signal: Arc::new(signal) })
    }

    /// The number of the descriptor, which stays the same.
    pub(crate) fn number(&self) -> RawFd {
        self.number
    }

    /// Makes the descriptor readable, besides the socket.
    pub(crate) fn signal(&self) -> &Arc<EventFd> {
        &self.signal
    }

    /// Watches a socket. Watching it again does nothing.
    pub(crate) fn watch(&self, socket: &Socket) {
        if let Some(epoll) = &*self.epoll.lock() {
            // It fails only if the socket is watched already, or if there is no memory: then the driver reads.
            let _ = epoll::add(epoll, socket.as_fd(), EventData::new_u64(1), RECEIVE);
        }
    }

    /// Does not watch the socket any more, which may have another owner.
    pub(crate) fn unwatch(&self, socket: &Socket) {
        if let Some(epoll) = &*self.epoll.lock() {
            // It fails only if the socket is not watched.
            let _ = epoll::delete(epoll, socket.as_fd());
        }
    }

    /// Ignores the socket until [`resume`](Self::resume), except for its end.
    pub(crate) fn pause(&self, socket: &Socket) {
        self.change(socket, EventFlags::empty());
    }

    pub(crate) fn resume(&self, socket: &Socket) {
        self.change(socket, RECEIVE);
    }

    fn change(&self, socket: &Socket, flags: EventFlags) {
        if let Some(epoll) = &*self.epoll.lock() {
            // It fails only if the socket is not watched.
            let _ = epoll::modify(epoll, socket.as_fd(), EventData::new_u64(1), flags);
        }
    }

    /// Closes the descriptor, which removes it from every epoll set.
    pub(crate) fn close(&self) {
        drop(self.epoll.lock().take());
    }

    /// The same in a forked child, where another thread's lock may be held.
    pub(crate) fn close_inherited(&self) {
        if let Some(mut epoll) = self.epoll.try_lock() {
            drop(epoll.take());
        }
    }
}

const RECEIVE: EventFlags = EventFlags::IN.union(EventFlags::RDHUP);
