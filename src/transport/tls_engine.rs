//! rustls' state of one connection, and what has to be kept between two looks at it.

use std::io;

use rustls::HandshakeKind;
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic};

use crate::transport::tls_buffer::Buffer;

/// The largest payload of a record.
pub(super) const PAYLOAD_SIZE: usize = 16 * 1024;

/// The largest record: the payload, what encryption may add to it, and the header.
pub(super) const RECORD_SIZE: usize = PAYLOAD_SIZE + 2048 + HEADER_SIZE;

const HEADER_SIZE: usize = 5;

/// What encryption adds to a payload at most: the header, the nonce of TLS 1.2, the content type of TLS 1.3, the tag.
const OVERHEAD: usize = HEADER_SIZE + 8 + 1 + 16;

const ALERT_SIZE: usize = 2;

/// How much is kept of a handshake message that comes in several records: rustls' own limit in its buffered form.
const MAX_FRAGMENT: usize = 0xffff;

/// One TLS state, which serves both directions.
pub(super) struct Engine {
    connection: UnbufferedClientConnection,
    /// The records that the handshake message under way has come in so far. rustls decrypts them where they are and
    /// wants to see them in front of the next record, whoever looks.
    fragment: Vec<u8>,
    /// Records that TLS made by itself: the handshake, alerts. The sender takes them.
    made: Buffer,
    /// The peer has sent close_notify.
    peer_closed: bool,
    /// What was wrong with the peer's records. rustls is not given anything after it.
    failure: Option<rustls::Error>,
}

impl Engine {
    pub(super) fn new(connection: UnbufferedClientConnection) -> Self {
        let (fragment, made) = (Vec::new(), Buffer::default());
        let mut engine = Self { connection, fragment, made, peer_closed: false, failure: None };
        engine.collect();
        engine
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether a session of an earlier connection was taken up again.
    pub(super) fn is_resumed(&self) -> bool {
        self.connection.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Whether there is something in [`made`](Self::take_made).
    pub(super) fn has_made(&self) -> bool {
        !self.made.is_empty()
    }

    /// Moves the records that TLS made by itself to `records`.
    pub(super) fn take_made(&mut self, records: &mut Buffer) {
        if self.has_made() {
            records.append(self.made.bytes());
            self.made = Buffer::default();
        }
    }

    /// Works on one record, which it overwrites, and gives the plaintext in it to `take`. Returns whether the peer has
    /// ended the stream: no record may follow.
    pub(super) fn receive(&mut self, record: &mut [u8], take: impl FnMut(&[u8])) -> io::Result<bool> {
        if self.failure.is_none() {
            let outcome = if self.fragment.is_empty() {
                self.process(record, take).map(|done| self.fragment.extend_from_slice(&record[done..]))
            } else {
                let mut records = std::mem::take(&mut self.fragment);
                records.extend_from_slice(record);
                self.process(&mut records, take).map(|done| self.fragment.extend_from_slice(&records[done..]))
            };
            self.failure = outcome.err();
            if self.fragment.len() > MAX_FRAGMENT {
                self.failure = Some(rustls::Error::General("a handshake message in too many records".to_owned()));
            }
            // Also the alert that tells the peer of the failure.
            self.collect();
        }
        if let Some(failure) = &self.failure {
            return Err(invalid_data(failure.clone()));
        }
        Ok(self.peer_closed)
    }

    /// Returns how many bytes of `records` are done with: all, or not those of a handshake message with an end still
    /// to come.
    fn process(&mut self, records: &mut [u8], mut take: impl FnMut(&[u8])) -> Result<usize, rustls::Error> {
        let mut done = 0;
        loop {
            let UnbufferedStatus { discard, state, .. } = self.connection.process_tls_records(&mut records[done..]);
            done += discard;
            match state? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        done += record.discard;
                        take(record.payload);
                    }
                    if done == records.len() {
                        // The usual record of application data; a second look would find nothing.
                        return Ok(done);
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => encode(&mut data, &mut self.made),
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::PeerClosed => self.peer_closed = true,
                _ => return Ok(done),
            }
        }
    }

    /// Has what rustls wants to send encoded.
    fn collect(&mut self) {
        // Anything to be sent comes before anything else: rustls does not look at records here.
        while self.connection.wants_write() {
            match self.connection.process_tls_records(&mut []).state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => encode(&mut data, &mut self.made),
                _ => return,
            }
        }
    }

    /// Encrypts a beginning of `bytes` that fits one record, behind what is in `records`. Returns its length.
    pub(super) fn encrypt(&mut self, bytes: &[u8], records: &mut Buffer) -> io::Result<usize> {
        let payload = &bytes[..bytes.len().min(PAYLOAD_SIZE)];
        self.write(payload.len(), records, |traffic, space| traffic.encrypt(payload, space))?;
        Ok(payload.len())
    }

    /// Says that no more comes, unless an alert has said so.
    pub(super) fn close(&mut self, records: &mut Buffer) -> io::Result<()> {
        self.write(ALERT_SIZE, records, |traffic, space| traffic.queue_close_notify(space))
    }

    /// Has one record with a payload of `size` bytes made, behind all that goes before it.
    fn write(
        &mut self,
        size: usize,
        records: &mut Buffer,
        mut make: impl FnMut(&mut WriteTraffic<'_, ClientConnectionData>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> io::Result<()> {
        self.take_made(records);
        if let Some(failure) = &self.failure {
            return Err(invalid_data(failure.clone()));
        }
        let mut traffic = loop {
            match self.connection.process_tls_records(&mut self.fragment).state.map_err(invalid_data)? {
                ConnectionState::WriteTraffic(traffic) => break traffic,
                ConnectionState::EncodeTlsData(mut data) => encode(&mut data, records),
                ConnectionState::TransmitTlsData(data) => data.done(),
                _ => return Err(io::ErrorKind::NotConnected.into()),
            }
        };
        let mut space = size + OVERHEAD;
        loop {
            match make(&mut traffic, records.space(space)) {
                Ok(count) => {
                    records.filled(count);
                    return Ok(());
                }
                // The answer to a KeyUpdate goes first.
                Err(EncryptError::InsufficientSize(error)) => space = error.required_size,
                // TLS 1.2 cannot renew its keys.
                Err(EncryptError::EncryptExhausted) => {
                    return Err(io::Error::other("as much was sent as one TLS 1.2 connection may send"));
                }
            }
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("peer_closed", &self.peer_closed).field("failure", &self.failure).finish()
    }
}

/// The length of the first record in `bytes`, once it is complete. What cannot be the beginning of one counts as a
/// record, to be refused.
pub(super) fn first_record(bytes: &[u8]) -> Option<usize> {
    let &[content_type, _, _, high, low, ..] = bytes else { return None };
    let size = HEADER_SIZE + usize::from(u16::from_be_bytes([high, low]));
    if !(20..=24).contains(&content_type) || size > RECORD_SIZE {
        return Some(bytes.len());
    }
    (size <= bytes.len()).then_some(size)
}

fn encode(data: &mut EncodeTlsData<'_, ClientConnectionData>, records: &mut Buffer) {
    let mut size = 512;
    loop {
        match data.encode(records.space(size)) {
            Ok(count) => return records.filled(count),
            Err(EncodeError::InsufficientSize(error)) => size = error.required_size,
            Err(EncodeError::AlreadyEncoded) => return,
        }
    }
}

fn invalid_data(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
