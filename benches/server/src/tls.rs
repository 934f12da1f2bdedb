//! TLS over TCP, with buffers of its own: many records a receive, all records of a reply in one send.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus};

use crate::connection::Transport;
use crate::inbox::RECEIVE_SIZE;
use crate::pages::Pages;

/// Enough for handshakes and small messages; a connection that needs more gets `RECEIVE_SIZE`.
const SMALL: usize = 16 * 1024;

pub struct Tls {
    tcp: TcpStream,
    connection: UnbufferedServerConnection,
    /// Ciphertext that came: `incoming[start..end]`.
    incoming: Pages,
    start: usize,
    end: usize,
    /// Ciphertext to be sent: `outgoing[..queued]`.
    outgoing: Vec<u8>,
    queued: usize,
}

/// Why the state machine stopped.
#[derive(PartialEq)]
enum Stopped {
    NeedsBytes,
    /// It was given plaintext to send and took it.
    Encrypted,
    Ended,
}

impl Tls {
    pub fn new(tcp: TcpStream, config: Arc<ServerConfig>) -> io::Result<Self> {
        let connection = UnbufferedServerConnection::new(config).map_err(io::Error::other)?;
        Ok(Self { tcp, connection, incoming: Pages::new(SMALL), start: 0, end: 0, outgoing: Vec::new(), queued: 0 })
    }

    /// Takes all whole records, their plaintext into `space`, and encrypts `message` as soon as it can.
    fn advance(&mut self, space: &mut [u8], filled: &mut usize, message: Option<&[u8]>) -> io::Result<Stopped> {
        loop {
            let UnbufferedStatus { discard, state } =
                self.connection.process_tls_records(&mut self.incoming[self.start..self.end]);
            let mut stopped = None;
            match state.map_err(io::Error::other)? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let payload = record.map_err(io::Error::other)?.payload;
                        space[*filled..*filled + payload.len()].copy_from_slice(payload);
                        *filled += payload.len();
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    self.queued += encode(&mut self.outgoing, self.queued, |space| data.encode(space))?;
                }
                ConnectionState::TransmitTlsData(data) => {
                    self.tcp.write_all(&self.outgoing[..self.queued])?;
                    self.queued = 0;
                    data.done();
                }
                ConnectionState::WriteTraffic(mut traffic) => {
                    stopped = Some(Stopped::NeedsBytes);
                    if let Some(message) = message {
                        self.queued +=
                            encode(&mut self.outgoing, self.queued, |space| traffic.encrypt(message, space))?;
                        stopped = Some(Stopped::Encrypted);
                    }
                }
                ConnectionState::BlockedHandshake => stopped = Some(Stopped::NeedsBytes),
                ConnectionState::PeerClosed | ConnectionState::Closed => stopped = Some(Stopped::Ended),
                state => return Err(io::Error::other(format!("unexpected state of TLS: {state:?}"))),
            }
            self.start += discard;
            if let Some(stopped) = stopped {
                return Ok(stopped);
            }
        }
    }

    fn receive_records(&mut self) -> io::Result<usize> {
        self.incoming.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let full = self.end > self.incoming.len() / 2;
        if full && self.incoming.len() == SMALL {
            let mut larger = Pages::new(RECEIVE_SIZE);
            larger[..self.end].copy_from_slice(&self.incoming[..self.end]);
            self.incoming = larger;
        }
        let size = self.tcp.read(&mut self.incoming[self.end..])?;
        self.end += size;
        Ok(size)
    }
}

impl Transport for Tls {
    fn receive(&mut self, space: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut filled = 0;
            let stopped = self.advance(space, &mut filled, None)?;
            if filled > 0 || stopped == Stopped::Ended || self.receive_records()? == 0 {
                return Ok(filled);
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Whatever came was taken by `receive`, so this brings no plaintext.
        if self.advance(&mut [], &mut 0, Some(bytes))? != Stopped::Encrypted {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.tcp.write_all(&self.outgoing[..self.queued])?;
        self.queued = 0;
        Ok(())
    }
}

/// Writes behind the `queued` bytes, after making room if there is too little.
fn encode<E: Shortage>(
    outgoing: &mut Vec<u8>,
    queued: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, E>,
) -> io::Result<usize> {
    loop {
        match write(&mut outgoing[queued..]).map_err(Shortage::required_size) {
            Ok(size) => return Ok(size),
            Err(required) => outgoing.resize(queued + required?, 0),
        }
    }
}

/// The errors that say how much room is needed.
trait Shortage {
    fn required_size(self) -> io::Result<usize>;
}

impl Shortage for EncodeError {
    fn required_size(self) -> io::Result<usize> {
        match self {
            Self::InsufficientSize(InsufficientSizeError { required_size }) => Ok(required_size),
            error @ Self::AlreadyEncoded => Err(io::Error::other(error)),
        }
    }
}

impl Shortage for EncryptError {
    fn required_size(self) -> io::Result<usize> {
        match self {
            Self::InsufficientSize(InsufficientSizeError { required_size }) => Ok(required_size),
            error @ Self::EncryptExhausted => Err(io::Error::other(error)),
        }
    }
}
