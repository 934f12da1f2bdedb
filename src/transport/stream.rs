//! A connected byte stream, plain or TLS, in two halves that two threads may use at once.

use std::io;
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;

use crate::transport::tls_stream::{self, TlsReceiver, TlsSender};
use crate::transport::{Socket, Waiting};

/// A connected stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) receiver: Receiver,
    pub(crate) sender: Sender,
}

impl Stream {
    pub(crate) fn plain(socket: Arc<Socket>) -> Self {
        Self { receiver: Receiver { socket: Arc::clone(&socket), tls: None }, sender: Sender { socket, tls: None } }
    }

    /// From now on everything goes through TLS: a connection with its handshake still before it, of which `early` was
    /// received. It may be TLS within TLS, through a proxy.
    pub(crate) fn start_tls(&mut self, connection: UnbufferedClientConnection, early: &[u8]) {
        let below = (self.receiver.tls.take(), self.sender.tls.take());
        let (receiver, sender) = tls_stream::halves(connection, below, early);
        self.receiver.tls = Some(Box::new(receiver));
        self.sender.tls = Some(Box::new(sender));
    }

    /// Whether a TLS session of an earlier connection was taken up again.
    pub(crate) fn is_tls_resumed(&self) -> bool {
        self.receiver.tls.as_ref().is_some_and(|tls| tls.is_resumed())
    }

    pub(crate) fn is_tls_handshaking(&self) -> bool {
        self.receiver.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }
}

/// The half that reads.
#[derive(Debug)]
pub(crate) struct Receiver {
    socket: Arc<Socket>,
    tls: Option<Box<TlsReceiver>>,
}

impl Receiver {
    /// Reads what is there: 0 at the end of the stream, `Interrupted` when what came gives no bytes and the caller may look
    /// around. The end of a TLS stream without close_notify is an end too: the WebSocket closing handshake says whether
    /// something is missing.
    ///
    /// A rustls error is the inner error of one of kind `InvalidData`; the alert for the peer is then waiting in
    /// [`Sender::flush`].
    pub(crate) fn receive(&mut self, buffer: &mut [u8], waiting: Waiting) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.receive(buffer, waiting),
            Some(tls) => tls.receive(&self.socket, buffer, waiting),
        }
    }

    /// Reads what there is of the TLS handshake; how many bytes, 0 at the end of the stream.
    pub(super) fn receive_handshake(&mut self, waiting: Waiting) -> io::Result<usize> {
        self.tls.as_mut().map_or(Ok(0), |tls| tls.receive_handshake(&self.socket, waiting))
    }

    /// Works on what there is of the handshake without reading.
    pub(super) fn receive_early_handshake(&mut self) -> io::Result<()> {
        self.tls.as_mut().map_or(Ok(()), |tls| tls.receive_early_handshake())
    }

    /// Whether it reads the socket's own bytes.
    pub(crate) fn is_plain(&self) -> bool {
        self.tls.is_none()
    }

    /// Whether what was received makes TLS send something: [`Sender::flush`] does.
    pub(crate) fn wants_flush(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_flush())
    }

    /// Gives back memory that is only needed while bytes flow.
    pub(crate) fn release(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.release();
        }
    }
}

/// The half that writes.
#[derive(Debug)]
pub(crate) struct Sender {
    socket: Arc<Socket>,
    tls: Option<Box<TlsSender>>,
}

impl Sender {
    /// Takes as many of `bytes` as it can and returns how many; `WouldBlock` when it takes none. Over TLS, taken bytes
    /// may still wait for [`flush`](Self::flush).
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.send(bytes),
            Some(tls) => tls.send(&self.socket, bytes),
        }
    }

    /// Sends what TLS has to send; `WouldBlock` while the socket does not take it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.tls.as_mut().map_or(Ok(()), |tls| tls.flush(&self.socket))
    }

    /// Whether [`flush`](Self::flush) has something to send.
    pub(crate) fn is_flushing(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_flushing())
    }

    /// How much of what was taken the socket has not.
    pub(crate) fn held(&self) -> usize {
        self.tls.as_ref().map_or(0, |tls| tls.held())
    }

    /// Says, as far as the socket takes it at once, that no more bytes come: close_notify and the end of the stream.
    pub(crate) fn finish(&mut self) {
        self.finish_tls();
        self.socket.shut_down_sending();
    }

    /// Says so within TLS only.
    pub(crate) fn finish_tls(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.finish(&self.socket);
        }
    }

    /// Ends both directions, also of descriptors that forked processes hold.
    pub(crate) fn shut_down(&self) {
        self.socket.shut_down();
    }

    /// Gives back memory that is only needed while bytes flow.
    pub(crate) fn release(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.release();
        }
    }
}
