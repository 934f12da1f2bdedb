//! A connected byte stream, plain or TLS, in two halves that two threads may use at once. All calls return at once.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::{ClientConnection, ProtocolVersion};

use crate::transport::{Socket, Waiting};

/// The largest payload of a TLS record.
const RECORD_SIZE: usize = 16 * 1024;

/// How many records may be sent over TLS 1.2, which cannot renew its keys: the limit of AES-GCM (RFC 8446 section 5.5)
/// less those of the handshake. At the limit rustls ends the stream and drops what it is given, without an error.
const MAX_TLS12_RECORDS: usize = (1 << 24) - 64;

/// How much is read from the socket, or encrypted, at a time.
const TLS_PIECE: usize = 32 * 1024;

/// One TLS state serves both directions. The lock is held while records are worked on, never across a socket call.
type SharedTls = Arc<Mutex<ClientConnection>>;

/// A connected stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) receiver: Receiver,
    pub(crate) sender: Sender,
}

impl Stream {
    pub(crate) fn plain(socket: Arc<Socket>) -> Self {
        Self::new(socket, None)
    }

    /// `tls` may still have its handshake before it.
    pub(crate) fn tls(socket: Arc<Socket>, tls: ClientConnection) -> Self {
        Self::new(socket, Some(Arc::new(Mutex::new(tls))))
    }

    fn new(socket: Arc<Socket>, tls: Option<SharedTls>) -> Self {
        let receiver = Receiver {
            socket: Arc::clone(&socket),
            tls: tls.clone().map(|tls| TlsReceiver { tls, records: Vec::new(), start: 0 }),
        };
        let sender = Sender { socket, tls: tls.map(|tls| TlsSender { tls, records: Vec::new(), sent: 0, made: 0 }) };
        Self { receiver, sender }
    }

    pub(crate) fn is_tls_handshaking(&self) -> bool {
        self.receiver.tls.as_ref().is_some_and(|tls| tls.tls.lock().is_handshaking())
    }
}

/// The half that reads.
#[derive(Debug)]
pub(crate) struct Receiver {
    socket: Arc<Socket>,
    tls: Option<TlsReceiver>,
}

#[derive(Debug)]
struct TlsReceiver {
    tls: SharedTls,
    /// Bytes from the socket that rustls has not taken: `records[start..]`.
    records: Vec<u8>,
    start: usize,
}

impl Receiver {
    /// Reads what is there: 0 at the end of the stream, `WouldBlock` while nothing is there. The end of a TLS stream
    /// without close_notify is an end too: the WebSocket closing handshake says whether something is missing.
    ///
    /// A rustls error is the inner error of one of kind `InvalidData`; the alert for the peer is then waiting in
    /// [`Sender::flush`].
    pub(crate) fn receive(&mut self, buffer: &mut [u8], waiting: Waiting) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.receive(buffer, waiting),
            Some(tls) => tls.receive(&self.socket, buffer, waiting),
        }
    }

    /// Whether TLS made something to be sent while receiving.
    pub(crate) fn wants_flush(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.tls.lock().wants_write())
    }

    /// Gives back memory that is only needed while bytes flow.
    pub(crate) fn release(&mut self) {
        if let Some(tls) = &mut self.tls
            && tls.start == tls.records.len()
        {
            (tls.records, tls.start) = (Vec::new(), 0);
        }
    }

    /// Reads what is there of the TLS handshake; how many bytes, 0 at the end of the stream.
    pub(super) fn receive_handshake(&mut self) -> io::Result<usize> {
        self.tls.as_mut().map_or(Ok(0), |tls| tls.receive_handshake(&self.socket))
    }
}

impl TlsReceiver {
    fn receive(&mut self, socket: &Socket, buffer: &mut [u8], waiting: Waiting) -> io::Result<usize> {
        loop {
            match self.decrypt(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                decided => return decided,
            }
            if self.fill(socket, waiting)? == 0 {
                return Ok(0);
            }
        }
    }

    /// Reads records for the TLS handshake: 0 at the end of the stream.
    fn receive_handshake(&mut self, socket: &Socket) -> io::Result<usize> {
        let count = self.fill(socket, Waiting::No)?;
        let mut tls = self.tls.lock();
        while tls.is_handshaking() && self.start < self.records.len() {
            self.start += feed(&mut tls, &self.records[self.start..])?;
        }
        Ok(count)
    }

    /// Reads records from the socket; those from before are all taken.
    fn fill(&mut self, socket: &Socket, waiting: Waiting) -> io::Result<usize> {
        self.records.resize(TLS_PIECE, 0);
        self.start = 0;
        let count = socket.receive(&mut self.records, waiting);
        self.records.truncate(*count.as_ref().unwrap_or(&0));
        count
    }

    /// Works on the records that are there: plaintext, or 0 after close_notify, or `WouldBlock` for want of records.
    fn decrypt(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut tls = self.tls.lock();
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                decided => return decided,
            }
            if self.start == self.records.len() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.start += feed(&mut tls, &self.records[self.start..])?;
        }
    }
}

/// Gives rustls as much of `records` as it takes.
fn feed(tls: &mut ClientConnection, mut records: &[u8]) -> io::Result<usize> {
    let taken = tls.read_tls(&mut records)?;
    tls.process_new_packets().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    if taken == 0 {
        // After close_notify rustls takes nothing more.
        return Err(io::Error::new(io::ErrorKind::InvalidData, "bytes behind the end of the TLS stream"));
    }
    Ok(taken)
}

/// The half that writes.
#[derive(Debug)]
pub(crate) struct Sender {
    socket: Arc<Socket>,
    tls: Option<TlsSender>,
}

#[derive(Debug)]
struct TlsSender {
    tls: SharedTls,
    /// Records for the socket, of which `sent` bytes are gone.
    records: Vec<u8>,
    sent: usize,
    /// Records made of application data.
    made: usize,
}

impl Sender {
    /// Takes as many of `bytes` as it can and returns how many; `WouldBlock` when it takes none. Over TLS, taken bytes
    /// may still wait for [`flush`](Self::flush).
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        let Some(tls) = &mut self.tls else { return self.socket.send(bytes) };
        let piece = &bytes[..bytes.len().min(TLS_PIECE)];
        tls.encrypt(piece)?;
        match self.flush() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(piece.len()),
        }
    }

    /// Sends what TLS has to send; `WouldBlock` while the socket does not take it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        loop {
            if tls.sent == tls.records.len() {
                tls.records.clear();
                tls.sent = 0;
                tls.collect()?;
                if tls.records.is_empty() {
                    return Ok(());
                }
            }
            tls.sent += self.socket.send(&tls.records[tls.sent..])?;
        }
    }

    /// Says, as far as the socket takes it at once, that no more bytes come: close_notify and the end of the stream.
    pub(crate) fn finish(&mut self) {
        if let Some(tls) = &self.tls {
            tls.tls.lock().send_close_notify();
            // Whether the peer still listens does not matter any more.
            let _ = self.flush();
        }
        self.socket.shut_down_sending();
    }

    /// Gives back memory that is only needed while bytes flow.
    pub(crate) fn release(&mut self) {
        if let Some(tls) = &mut self.tls
            && tls.sent == tls.records.len()
        {
            (tls.records, tls.sent) = (Vec::new(), 0);
        }
    }

    /// Ends both directions, also of descriptors that forked processes hold.
    pub(crate) fn shut_down(&self) {
        self.socket.shut_down();
    }
}

impl TlsSender {
    fn encrypt(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let mut tls = self.tls.lock();
        self.made += bytes.len().div_ceil(RECORD_SIZE);
        if self.made > MAX_TLS12_RECORDS && tls.protocol_version() == Some(ProtocolVersion::TLSv1_2) {
            return Err(io::Error::other("as much was sent as one TLS 1.2 connection may send"));
        }
        while !bytes.is_empty() {
            // rustls holds a bounded number of records: they are moved out as they are made.
            let taken = tls.writer().write(bytes)?;
            bytes = &bytes[taken..];
            while tls.wants_write() {
                tls.write_tls(&mut self.records)?;
            }
        }
        Ok(())
    }

    /// Moves records that rustls made by itself (alerts, key updates, the handshake) to the send buffer.
    fn collect(&mut self) -> io::Result<()> {
        let mut tls = self.tls.lock();
        while tls.wants_write() {
            tls.write_tls(&mut self.records)?;
        }
        Ok(())
    }
}
