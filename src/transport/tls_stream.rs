//! The TLS halves of a stream. One TLS state serves both: its lock is held while one record is worked on, never across
//! a socket call.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::lock::Mutex;
use rustls::client::UnbufferedClientConnection;

use crate::transport::tls_buffer::Buffer;
use crate::transport::tls_engine::{Engine, PAYLOAD_SIZE, RECORD_SIZE, first_record};
use crate::transport::{Socket, Waiting};

/// How much is read from the socket at a time once it has more than one record.
const BULK_SIZE: usize = 64 * 1024;

/// How much is encrypted before the socket gets it: smaller pieces wake the peer more often.
const PIECE_SIZE: usize = 256 * 1024;

/// How often the socket is read from for nothing but empty records before the caller may look around.
const FILLS_WITHOUT_PLAINTEXT: usize = 16;

/// What the halves share.
#[derive(Debug)]
struct Shared {
    engine: Mutex<Engine>,
    /// Whether the engine holds records for the sender. Changed with the lock held.
    has_made: AtomicBool,
}

/// What a stream goes through that is not the socket itself: another one, to a proxy.
pub(super) type Below = (Option<Box<TlsReceiver>>, Option<Box<TlsSender>>);

/// The two halves of a connection, which may have its handshake still before it. `early` was received of it already.
pub(super) fn halves(
    connection: UnbufferedClientConnection,
    (receiver_below, sender_below): Below,
    early: &[u8],
) -> (TlsReceiver, TlsSender) {
    let engine = Engine::new(connection);
    let has_made = AtomicBool::new(engine.has_made());
    let shared = Arc::new(Shared { engine: Mutex::new(engine), has_made });
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
pub(super) struct TlsReceiver {
    shared: Arc<Shared>,
    /// What the records go through, if not the socket itself.
    below: Option<Box<Self>>,
    /// As they come.
    records: Buffer,
    /// What did not fit the caller's buffer.
    plaintext: Buffer,
    /// The last read from the socket filled the whole memory.
    is_bulk: bool,
    /// The peer has sent close_notify, or its records are bad.
    is_over: bool,
}

impl TlsReceiver {
    pub(super) fn is_handshaking(&self) -> bool {
        self.shared.engine.lock().is_handshaking()
    }

    pub(super) fn is_resumed(&self) -> bool {
        self.shared.engine.lock().is_resumed()
    }

    pub(super) fn wants_flush(&self) -> bool {
        self.shared.has_made.load(Ordering::Relaxed) || self.below.as_ref().is_some_and(|below| below.wants_flush())
    }

    pub(super) fn release(&mut self) {
        if let Some(below) = &mut self.below {
            below.release();
        }
        self.is_bulk = false;
        self.records.release();
        self.plaintext.release();
    }

    pub(super) fn receive(&mut self, socket: &Socket, buffer: &mut [u8], waiting: Waiting) -> io::Result<usize> {
        debug_assert!(!buffer.is_empty());
        let mut fills = 0;
        loop {
            let count = self.decrypt(buffer)?;
            if count > 0 || self.is_over {
                return Ok(count);
            }
            if fills == if waiting == Waiting::Kernel { 1 } else { FILLS_WITHOUT_PLAINTEXT } {
                // The caller's time may be up.
                return Err(io::ErrorKind::Interrupted.into());
            }
            fills += 1;
            if self.fill(socket, waiting)? == 0 {
                return Ok(0);
            }
        }
    }

    /// Reads what there is of the TLS handshake; how many bytes, 0 at the end of the stream.
    pub(super) fn receive_handshake(&mut self, socket: &Socket, waiting: Waiting) -> io::Result<usize> {
        let count = self.fill(socket, waiting)?;
        self.receive_early_handshake()?;
        Ok(count)
    }

    /// The same with what was received before.
    pub(super) fn receive_early_handshake(&mut self) -> io::Result<()> {
        while self.is_handshaking() && self.receive_record(&mut [])?.is_some() {}
        Ok(())
    }

    /// Reads records. Those from before are used up, but for one that is not complete.
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

    /// Fills `buffer` from the records that are there: with nothing once they are used up, or the stream is over.
    fn decrypt(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = buffer.len().min(self.plaintext.bytes().len());
        buffer[..count].copy_from_slice(&self.plaintext.bytes()[..count]);
        self.plaintext.consume(count);
        while count < buffer.len() && !self.is_over {
            match self.receive_record(&mut buffer[count..]) {
                Ok(Some(more)) => count += more,
                Ok(None) => break,
                // The record stays, and the error comes again with the next call.
                Err(_) if count > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }

    /// Works on the first record, if it is complete, and puts its plaintext into `buffer`; how much. What does not fit
    /// goes to [`plaintext`](Self::plaintext), which is empty.
    fn receive_record(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(size) = first_record(self.records.bytes()) else { return Ok(None) };
        let mut count = 0;
        let mut engine = self.shared.engine.lock();
        let outcome = engine.receive(&mut self.records.bytes_mut()[..size], |payload| {
            let (fitting, left) = payload.split_at(payload.len().min(buffer.len() - count));
            buffer[count..count + fitting.len()].copy_from_slice(fitting);
            count += fitting.len();
            self.plaintext.append(left);
        });
        if engine.has_made() {
            self.shared.has_made.store(true, Ordering::Relaxed);
        }
        drop(engine);
        self.is_over = outcome?;
        self.records.consume(size);
        Ok(Some(count))
    }
}

#[derive(Debug)]
pub(super) struct TlsSender {
    shared: Arc<Shared>,
    /// What the records go through, if not the socket itself.
    below: Option<Box<Self>>,
    /// As they go.
    records: Buffer,
    /// The last plaintext that was encrypted, and how long its records are.
    piece: (usize, usize),
}

impl TlsSender {
    pub(super) fn send(&mut self, socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
        if !self.records.is_empty() {
            self.flush(socket)?;
        }
        // What TLS made by itself goes out with it, in front.
        let piece = &bytes[..bytes.len().min(PIECE_SIZE)];
        let mut taken = 0;
        let before = self.records.bytes().len();
        while taken < piece.len() {
            taken += self.lock(|engine, records| engine.encrypt(&piece[taken..], records))?;
        }
        self.piece = (taken, self.records.bytes().len() - before);
        match self.flush(socket) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }

    pub(super) fn flush(&mut self, socket: &Socket) -> io::Result<()> {
        if self.shared.has_made.load(Ordering::Relaxed) {
            self.lock(Engine::take_made);
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

    pub(super) fn is_flushing(&self) -> bool {
        !self.records.is_empty()
            || self.shared.has_made.load(Ordering::Relaxed)
            || self.below.as_ref().is_some_and(|below| below.is_flushing())
    }

    /// How much of the plaintext that was taken is in records of which the socket has not taken the end.
    pub(super) fn held(&self) -> usize {
        let (piece, records) = self.piece;
        let count = piece.div_ceil(PAYLOAD_SIZE).max(1);
        let overhead = records.saturating_sub(piece) / count;
        let mut left = self.records.bytes().len();
        let mut held = 0;
        // From the last record to the first; all but the last are full.
        while left > 0 && held < piece {
            let payload = if held == 0 { piece - (count - 1) * PAYLOAD_SIZE } else { PAYLOAD_SIZE };
            held += payload;
            left = left.saturating_sub(payload + overhead);
        }
        let below = self.below.as_ref().map_or(0, |below| below.held());
        held.max(below.min(piece))
    }

    /// Sends close_notify, as far as the socket takes it at once.
    pub(super) fn finish(&mut self, socket: &Socket) {
        // Whether the peer still listens does not matter any more.
        let _ = self.lock(Engine::close);
        let _ = self.flush(socket);
        if let Some(below) = &mut self.below {
            below.finish(socket);
        }
    }

    pub(super) fn release(&mut self) {
        if let Some(below) = &mut self.below {
            below.release();
        }
        self.records.release();
    }

    fn lock<T>(&mut self, work: impl FnOnce(&mut Engine, &mut Buffer) -> T) -> T {
        let mut engine = self.shared.engine.lock();
        let outcome = work(&mut engine, &mut self.records);
        // Whatever was made went first.
        self.shared.has_made.store(engine.has_made(), Ordering::Relaxed);
        outcome
    }
}
