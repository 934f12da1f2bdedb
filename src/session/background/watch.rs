//! Waits in the runtime until a stream is ready.
#![allow(unsafe_code, reason = "tokio registers a descriptor by its number")]

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::transport::{Socket, StreamReadiness};

/// A socket that is registered with the runtime. A registered socket wakes a worker for every packet, so it is registered only
/// while the driver waits for it.
pub(crate) struct Watch<T: AsRawFd = Arc<Socket>> {
    socket: AsyncFd<T>,
    interest: Interest,
}

/// The stream that the driver waits for.
pub(crate) enum StreamWatch {
    Socket(Watch),
    Muxed(Arc<StreamReadiness>),
}

impl StreamWatch {
    /// Returns the events that a socket is registered for.
    pub(crate) fn interest(&self) -> Option<Interest> {
        match self {
            Self::Socket(watch) => Some(watch.interest()),
            Self::Muxed(_) => None,
        }
    }

    /// Waits until the stream is ready.
    pub(crate) async fn ready(&self) -> io::Result<Found> {
        match self {
            Self::Socket(watch) => watch.ready().await,
            Self::Muxed(readiness) => {
                let (receive, send) = readiness.ready().await;
                Ok(Found { receive, send, end: false })
            }
        }
    }
}

/// The events that a stream has become ready for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Found {
    pub(crate) receive: bool,
    pub(crate) send: bool,
    /// The stream ends after the bytes that have arrived.
    pub(crate) end: bool,
}

impl<T: AsRawFd> Watch<T> {
    /// Registers the socket. Events that have already happened are reported.
    pub(crate) fn new(socket: T, interest: Interest) -> io::Result<Self> {
        // SAFETY: the registration owns the socket, alone or together with others, and nothing closes its descriptor before the
        // last owner is gone.
        let socket = unsafe { AsyncFd::register_with_interest(socket, interest)? };
        Ok(Self { socket, interest })
    }

    pub(crate) fn interest(&self) -> Interest {
        self.interest
    }

    /// Waits until the socket is ready.
    pub(crate) async fn ready(&self) -> io::Result<Found> {
        let mut guard = self.socket.ready(self.interest).await?;
        let ready = guard.ready();
        guard.clear_ready();
        // Errors are reported by the next receive or send.
        let is_failed = ready.is_error();
        Ok(Found {
            receive: ready.is_readable() || ready.is_read_closed() || is_failed,
            send: ready.is_writable() || ready.is_write_closed() || is_failed,
            end: ready.is_read_closed() || is_failed,
        })
    }
}
