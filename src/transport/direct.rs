//! A byte stream directly on a socket, plain or TLS. Its two halves can be used by two threads at the same time.

use std::io;
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;

use crate::transport::tls::{self, TlsInfo, TlsReceiver, TlsSender};
use crate::transport::{Socket, Waiting};

/// A connected stream.
#[derive(Debug)]
pub(crate) struct DirectStream {
    pub(crate) receiver: DirectRecv,
    pub(crate) sender: DirectSend,
}

impl DirectStream {
    pub(crate) fn plain(socket: Arc<Socket>) -> Self {
        Self {
            receiver: DirectRecv { socket: Arc::clone(&socket), tls: None },
            sender: DirectSend { socket, tls: None },
        }
    }

    /// Starts TLS on the stream and returns the TLS halves for the handshake. `early` are bytes of the peer's records that have
    /// already arrived. A stream to a proxy may use TLS already; the new connection then runs inside it.
    pub(super) fn start_tls(
        &mut self,
        connection: UnbufferedClientConnection,
        early: &[u8],
    ) -> (&mut TlsReceiver, &mut TlsSender) {
        let below = (self.receiver.tls.take(), self.sender.tls.take());
        let (receiver, sender) = tls::halves(connection, below, early);
        (self.receiver.tls.insert(Box::new(receiver)), self.sender.tls.insert(Box::new(sender)))
    }

    /// What TLS agreed on, if the stream has it.
    pub(super) fn tls_info(&self) -> Option<TlsInfo> {
        self.receiver.tls.as_deref().map(TlsInfo::of)
    }
}

#[cfg(test)]
impl DirectStream {
    pub(super) fn is_tls_handshaking(&self) -> bool {
        self.receiver.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    pub(super) fn receive_tls_handshake(&mut self) -> io::Result<usize> {
        let DirectRecv { socket, tls } = &mut self.receiver;
        tls.as_mut().map_or(Ok(0), |tls| tls.receive_handshake(socket, Waiting::No))
    }
}

/// The receiving half.
#[derive(Debug)]
pub(crate) struct DirectRecv {
    socket: Arc<Socket>,
    tls: Option<Box<TlsReceiver>>,
}

impl DirectRecv {
    /// Reads available bytes. Returns 0 at the end of the stream, and `Interrupted` if the received records contain no bytes, so
    /// that the caller can check its deadline. A TLS stream may end without close_notify: the WebSocket closing handshake
    /// detects truncation.
    ///
    /// A TLS error has the kind `InvalidData` and a rustls error inside. [`DirectSend::flush`] then sends the alert.
    pub(crate) fn receive(&mut self, buffer: &mut [u8], waiting: Waiting) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.receive(buffer, waiting),
            Some(tls) => tls.receive(&self.socket, buffer, waiting),
        }
    }

    /// Whether the stream has no TLS.
    pub(crate) fn is_plain(&self) -> bool {
        self.tls.is_none()
    }

    /// Whether TLS holds received bytes.
    pub(crate) fn has_buffered(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.has_buffered())
    }

    /// Whether TLS has found the socket empty, and holds no complete record.
    pub(crate) fn is_emptied(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_emptied())
    }

    /// Whether TLS has a reply to send by [`DirectSend::flush`].
    pub(crate) fn wants_flush(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_flush())
    }

    /// Frees the buffers of an idle stream.
    pub(crate) fn release(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.release();
        }
    }
}

/// The sending half.
#[derive(Debug)]
pub(crate) struct DirectSend {
    socket: Arc<Socket>,
    tls: Option<Box<TlsSender>>,
}

impl DirectSend {
    /// Sends bytes and returns their number, or `WouldBlock` if it accepts none. With TLS, accepted bytes may remain in a buffer
    /// until [`flush`](Self::flush).
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.send(bytes),
            Some(tls) => tls.send(&self.socket, bytes),
        }
    }

    /// Sends the buffered records. Returns `WouldBlock` if the socket does not accept all of them.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.tls.as_mut().map_or(Ok(()), |tls| tls.flush(&self.socket))
    }

    /// Whether there are buffered records for [`flush`](Self::flush).
    pub(crate) fn is_flushing(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_flushing())
    }

    /// Returns the number of accepted bytes that the socket has not accepted.
    pub(crate) fn held(&self) -> usize {
        self.tls.as_ref().map_or(0, |tls| tls.held())
    }

    /// Ends the sending direction: sends close_notify, if the socket accepts it at once, and shuts down sending.
    pub(crate) fn finish(&mut self) {
        self.finish_tls();
        self.socket.shut_down_sending();
    }

    /// Sends close_notify, if the socket accepts it at once.
    pub(crate) fn finish_tls(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.finish(&self.socket);
        }
    }

    /// Shuts down both directions of the socket, including descriptors of forked processes.
    pub(crate) fn shut_down(&self) {
        self.socket.shut_down();
    }

    /// Frees the buffers of an idle stream.
    pub(crate) fn release(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.release();
        }
    }
}
