//! A byte stream of either kind: directly on a socket, which any thread may use, or multiplexed, which lives on the runtime.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::transport::Waiting;
use crate::transport::direct::{DirectRecv, DirectSend, DirectStream};
use crate::transport::multiplexed::{MuxedRecv, MuxedSend, StreamReadiness};

/// A connected stream, ready for a session.
pub(crate) struct Stream {
    pub(crate) receiver: RecvHalf,
    pub(crate) sender: SendHalf,
    /// Of a multiplexed stream.
    pub(crate) readiness: Option<Arc<StreamReadiness>>,
}

impl Stream {
    /// A multiplexed stream, of which the halves are given.
    #[cfg_attr(not(test), expect(dead_code, reason = "for HTTP/2 and HTTP/3"))]
    pub(crate) fn multiplexed(
        receiver: impl AsyncRead + Send + Unpin + 'static,
        sender: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        let readiness = Arc::default();
        Self {
            receiver: RecvHalf::Muxed(MuxedRecv::new(Box::new(receiver), &readiness)),
            sender: SendHalf::Muxed(MuxedSend::new(Box::new(sender), &readiness)),
            readiness: Some(readiness),
        }
    }
}

impl From<DirectStream> for Stream {
    fn from(DirectStream { receiver, sender }: DirectStream) -> Self {
        Self { receiver: RecvHalf::Direct(receiver), sender: SendHalf::Direct(sender), readiness: None }
    }
}

/// The receiving half.
pub(crate) enum RecvHalf {
    Direct(DirectRecv),
    Muxed(MuxedRecv),
}

impl RecvHalf {
    /// See [`DirectRecv::receive`]. A multiplexed stream does not wait.
    pub(crate) fn receive(&mut self, buffer: &mut [u8], waiting: Waiting) -> io::Result<usize> {
        match self {
            Self::Direct(half) => half.receive(buffer, waiting),
            Self::Muxed(half) => half.receive(buffer),
        }
    }

    /// Whether the bytes are those of a socket as they are.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Self::Direct(half) if half.is_plain())
    }

    /// Whether TLS holds received bytes.
    pub(crate) fn has_buffered(&self) -> bool {
        matches!(self, Self::Direct(half) if half.has_buffered())
    }

    /// Whether TLS has found the socket empty, and holds no complete record.
    pub(crate) fn is_emptied(&self) -> bool {
        matches!(self, Self::Direct(half) if half.is_emptied())
    }

    /// Whether TLS has a reply to send by [`SendHalf::flush`].
    pub(crate) fn wants_flush(&self) -> bool {
        matches!(self, Self::Direct(half) if half.wants_flush())
    }

    /// Frees the buffers of an idle stream.
    pub(crate) fn release(&mut self) {
        if let Self::Direct(half) = self {
            half.release();
        }
    }
}

/// The sending half.
pub(crate) enum SendHalf {
    Direct(DirectSend),
    Muxed(MuxedSend),
}

impl SendHalf {
    /// Sends bytes and returns their number, or `WouldBlock` if the stream accepts none. Accepted bytes may remain in a buffer until
    /// [`flush`](Self::flush).
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Direct(half) => half.send(bytes),
            Self::Muxed(half) => half.send(bytes),
        }
    }

    /// Sends the buffered bytes. Returns `WouldBlock` if the stream does not accept all of them.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Direct(half) => half.flush(),
            Self::Muxed(half) => half.flush(),
        }
    }

    /// Whether TLS holds records for [`flush`](Self::flush).
    pub(crate) fn is_flushing(&self) -> bool {
        matches!(self, Self::Direct(half) if half.is_flushing())
    }

    /// Returns the number of accepted bytes that the socket has not accepted.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Direct(half) => half.held(),
            Self::Muxed(_) => 0,
        }
    }

    /// Ends the sending direction.
    pub(crate) fn finish(&mut self) {
        match self {
            Self::Direct(half) => half.finish(),
            Self::Muxed(half) => half.finish(),
        }
    }

    /// Sends close_notify, if there is TLS and the socket accepts it at once.
    pub(crate) fn finish_tls(&mut self) {
        if let Self::Direct(half) = self {
            half.finish_tls();
        }
    }

    /// Shuts down both directions.
    pub(crate) fn shut_down(&mut self) {
        match self {
            Self::Direct(half) => half.shut_down(),
            Self::Muxed(half) => half.shut_down(),
        }
    }

    /// Frees the buffers of an idle stream.
    pub(crate) fn release(&mut self) {
        if let Self::Direct(half) = self {
            half.release();
        }
    }
}
