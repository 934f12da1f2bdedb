//! The TLS halves of a stream. They share the record layer: its lock is held while one record is processed, never during a socket
//! call.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::UnbufferedClientConnection;

use crate::lock::Mutex;
use crate::transport::tls::buffer::Buffer;
use crate::transport::tls::record::{PAYLOAD_SIZE, RECORD_SIZE, RecordLayer, first_record};
use crate::transport::{Socket, Waiting};

/// The size of reads from the socket while it has more than one record.
const BULK_SIZE: usize = 64 * 1024;

/// The number of bytes to encrypt before they are sent. Smaller pieces wake the peer more often.
const PIECE_SIZE: usize = 256 * 1024;

/// The number of reads without plaintext after which the caller can check its deadline.
const FILLS_WITHOUT_PLAINTEXT: usize = 16;

/// The state that the halves share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) layer: Mutex<RecordLayer>,
    /// Whether the record layer has records for the sender. Changed with the lock held.
    has_output: AtomicBool,
}

/// The TLS halves of the connection to a proxy, if the records pass through it.
pub(in crate::transport) type Below = (Option<Box<TlsReceiver>>, Option<Box<TlsSender>>);

/// Returns the two halves of a connection. `early` are bytes of its records that have already arrived.
pub(in crate::transport) fn halves(
    connection: UnbufferedClientConnection,
    (receiver_below, sender_below): Below,
    early: &[u8],
) -> (TlsReceiver, TlsSender) {
    let layer = RecordLayer::new(connection);
    let has_output = AtomicBool::new(layer.has_output());
    let shared = Arc::new(Shared { layer: Mutex::new(layer), has_output });
    let mut records = Buffer::default();
    records.append(early);
    let receiver = TlsReceiver {
        shared: Arc::clone(&shared),
        below: receiver_below,
        records,
        plaintext: Buffer::default(),
        is_bulk: false,
        is_over: false,
    };
    (receiver, TlsSender { shared, below: sender_below, records: Buffer::default(), piece: (0, 0) })
}

#[derive(Debug)]
pub(in crate::transport) struct TlsReceiver {
    shared: Arc<Shared>,
    /// The connection to the proxy, if the records pass through it.
    below: Option<Box<Self>>,
    /// Received records.
    records: Buffer,
    /// Plaintext that did not fit the caller's buffer.
    plaintext: Buffer,
    /// Whether the last read filled the buffer.
    is_bulk: bool,
    /// Whether the peer has sent close_notify.
    is_over: bool,
}

impl TlsReceiver {
    pub(in crate::transport) fn is_handshaking(&self) -> bool {
        self.shared.layer.lock().is_handshaking()
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(in crate::transport) fn wants_flush(&self) -> bool {
        self.shared.has_output.load(Ordering::Relaxed) || self.below.as_ref().is_some_and(|below| below.wants_flush())
    }

    /// Whether it holds received bytes.
    pub(in crate::transport) fn has_buffered(&self) -> bool {
        !self.plaintext.is_empty()
            || !self.records.is_empty()
            || self.below.as_ref().is_some_and(|below| below.has_buffered())
    }

    /// Whether the last read took all that the socket had, and no complete record of it is left.
    pub(in crate::transport) fn is_emptied(&self) -> bool {
        let is_direct = self.below.is_none();
        is_direct && !self.is_bulk && self.plaintext.is_empty() && first_record(self.records.bytes()).is_none()
    }

    pub(in crate::transport) fn release(&mut self) {
        if let Some(below) = &mut self.below {
            below.release();
        }
        self.is_bulk = false;
        self.records.release();
        self.plaintext.release();
    }

    pub(in crate::transport) fn receive(
        &mut self,
        socket: &Socket,
        buffer: &mut [u8],
        waiting: Waiting,
    ) -> io::Result<usize> {
        debug_assert!(!buffer.is_empty());
        let mut fills = 0;
        loop {
            let count = self.decrypt(buffer)?;
            if count > 0 || self.is_over {
                return Ok(count);
            }
            if fills == if waiting == Waiting::Kernel { 1 } else { FILLS_WITHOUT_PLAINTEXT } {
                // The caller checks its deadline.
                return Err(io::ErrorKind::Interrupted.into());
            }
            fills += 1;
            if self.fill(socket, waiting)? == 0 {
                return Ok(0);
            }
        }
    }

    /// Reads available bytes of the handshake. Returns their number, or 0 at the end of the stream.
    pub(in crate::transport) fn receive_handshake(&mut self, socket: &Socket, waiting: Waiting) -> io::Result<usize> {
        let count = self.fill(socket, waiting)?;
        self.receive_early_handshake()?;
        Ok(count)
    }

    /// Processes the bytes of the handshake that have already arrived.
    pub(in crate::transport) fn receive_early_handshake(&mut self) -> io::Result<()> {
        while self.is_handshaking() && self.receive_record(&mut [])?.is_some() {}
        Ok(())
    }

    /// Reads records from the socket. The buffer contains at most an incomplete record before.
    fn fill(&mut self, socket: &Socket, waiting: Waiting) -> io::Result<usize> {
        let size = if self.is_bulk { BULK_SIZE } else { RECORD_SIZE };
        let space = self.records.space(size.saturating_sub(self.records.bytes().len()));
        let count = match &mut self.below {
            None => socket.receive(space, waiting)?,
            Some(below) => below.receive(socket, space, waiting)?,
        };
        self.is_bulk = count == space.len();
        self.records.filled(count);
        Ok(count)
    }

    /// Decrypts buffered records into `buffer`. Returns 0 if there is no complete record, or at the end of the stream.
    fn decrypt(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = buffer.len().min(self.plaintext.bytes().len());
        buffer[..count].copy_from_slice(&self.plaintext.bytes()[..count]);
        self.plaintext.consume(count);
        while count < buffer.len() && !self.is_over {
            match self.receive_record(&mut buffer[count..]) {
                Ok(Some(more)) => count += more,
                Ok(None) => break,
                // The record remains, and the next call returns the error.
                Err(_) if count > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }

    /// Decrypts the first record into `buffer` and returns the number of bytes, or `None` if the record is incomplete. The bytes
    /// that do not fit go to `plaintext`, which is empty before.
    fn receive_record(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(size) = first_record(self.records.bytes()) else { return Ok(None) };
        let mut count = 0;
        let mut layer = self.shared.layer.lock();
        let outcome = layer.receive(&mut self.records.bytes_mut()[..size], |payload| {
            let (fitting, left) = payload.split_at(payload.len().min(buffer.len() - count));
            buffer[count..count + fitting.len()].copy_from_slice(fitting);
            count += fitting.len();
            self.plaintext.append(left);
        });
        if layer.has_output() {
            self.shared.has_output.store(true, Ordering::Relaxed);
        }
        drop(layer);
        self.is_over = outcome?;
        self.records.consume(size);
        Ok(Some(count))
    }
}

#[derive(Debug)]
pub(in crate::transport) struct TlsSender {
    shared: Arc<Shared>,
    /// The connection to the proxy, if the records pass through it.
    below: Option<Box<Self>>,
    /// Records to send.
    records: Buffer,
    /// The length of the plaintext that was encrypted last, and of its records.
    piece: (usize, usize),
}

impl TlsSender {
    pub(in crate::transport) fn send(&mut self, socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
        if !self.records.is_empty() {
            self.flush(socket)?;
        }
        // The records that TLS itself sends precede it.
        let piece = &bytes[..bytes.len().min(PIECE_SIZE)];
        let mut taken = 0;
        let before = self.records.bytes().len();
        while taken < piece.len() {
            taken += self.lock(|layer, records| layer.encrypt(&piece[taken..], records))?;
        }
        self.piece = (taken, self.records.bytes().len() - before);
        match self.flush(socket) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }

    pub(in crate::transport) fn flush(&mut self, socket: &Socket) -> io::Result<()> {
        if self.shared.has_output.load(Ordering::Relaxed) {
            self.lock(RecordLayer::take_output);
        }
        while !self.records.is_empty() {
            let count = match &mut self.below {
                None => socket.send(self.records.bytes())?,
                Some(below) => below.send(socket, self.records.bytes())?,
            };
            self.records.consume(count);
        }
        self.below.as_mut().map_or(Ok(()), |below| below.flush(socket))
    }

    pub(in crate::transport) fn is_flushing(&self) -> bool {
        !self.records.is_empty()
            || self.shared.has_output.load(Ordering::Relaxed)
            || self.below.as_ref().is_some_and(|below| below.is_flushing())
    }

    /// Returns the number of accepted plaintext bytes in records that the socket has not completely accepted.
    pub(in crate::transport) fn held(&self) -> usize {
        let (piece, records) = self.piece;
        let count = piece.div_ceil(PAYLOAD_SIZE).max(1);
        let overhead = records.saturating_sub(piece) / count;
        let mut left = self.records.bytes().len();
        let mut held = 0;
        // From the last record to the first. All records except the last are full.
        while left > 0 && held < piece {
            let payload = if held == 0 { piece - (count - 1) * PAYLOAD_SIZE } else { PAYLOAD_SIZE };
            held += payload;
            left = left.saturating_sub(payload + overhead);
        }
        let below = self.below.as_ref().map_or(0, |below| below.held());
        held.max(below.min(piece))
    }

    /// Sends close_notify, if the socket accepts it at once.
    pub(in crate::transport) fn finish(&mut self, socket: &Socket) {
        // Errors do not matter: the peer may have closed the connection.
        let _ = self.lock(RecordLayer::close);
        let _ = self.flush(socket);
        if let Some(below) = &mut self.below {
            below.finish(socket);
        }
    }

    pub(in crate::transport) fn release(&mut self) {
        if let Some(below) = &mut self.below {
            below.release();
        }
        self.records.release();
    }

    fn lock<T>(&mut self, work: impl FnOnce(&mut RecordLayer, &mut Buffer) -> T) -> T {
        let mut layer = self.shared.layer.lock();
        let outcome = work(&mut layer, &mut self.records);
        // The sender has taken the output of the record layer.
        self.shared.has_output.store(layer.has_output(), Ordering::Relaxed);
        outcome
    }
}
