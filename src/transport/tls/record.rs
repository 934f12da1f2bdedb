//! The TLS record layer: the rustls state of a connection, with the data that must be kept between calls.

use std::io;

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic};

use crate::transport::tls::buffer::Buffer;

/// The size of the largest payload of a record.
pub(super) const PAYLOAD_SIZE: usize = 16 * 1024;

/// The size of the largest record: the header, the payload and the overhead of encryption.
pub(super) const RECORD_SIZE: usize = PAYLOAD_SIZE + 2048 + HEADER_SIZE;

const HEADER_SIZE: usize = 5;

/// The maximum overhead of a record: the header, the nonce of TLS 1.2, the content type of TLS 1.3 and the tag.
const OVERHEAD: usize = HEADER_SIZE + 8 + 1 + 16;

const ALERT_SIZE: usize = 2;

/// The size limit of a handshake message that arrives in several records. The buffered API of rustls has the same limit.
const MAX_FRAGMENT: usize = 0xffff;

/// The TLS state of a connection, for both directions.
pub(super) struct RecordLayer {
    connection: UnbufferedClientConnection,
    /// The records of an incomplete handshake message. rustls decrypts them in place, and every call must pass them in front of
    /// the next record.
    fragment: Vec<u8>,
    /// Records that TLS itself sends: the handshake, alerts and key updates.
    output: Buffer,
    /// The peer has sent close_notify.
    peer_closed: bool,
    /// The error of the peer's records. rustls gets no records after it.
    failure: Option<rustls::Error>,
}

impl RecordLayer {
    pub(super) fn new(connection: UnbufferedClientConnection) -> Self {
        let (fragment, output) = (Vec::new(), Buffer::default());
        let mut layer = Self { connection, fragment, output, peer_closed: false, failure: None };
        layer.collect();
        layer
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    pub(super) fn connection(&self) -> &UnbufferedClientConnection {
        &self.connection
    }

    /// Whether TLS itself has records to send.
    pub(super) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Moves the records that TLS itself sends to `records`.
    pub(super) fn take_output(&mut self, records: &mut Buffer) {
        if self.has_output() {
            records.append(self.output.bytes());
            self.output = Buffer::default();
        }
    }

    /// Decrypts one record in place and passes its plaintext to `take`. Returns whether the peer has ended the stream; no record
    /// may follow then.
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
            // Includes the alert for a failure.
            self.collect();
        }
        if let Some(failure) = &self.failure {
            return Err(invalid_data(failure.clone()));
        }
        Ok(self.peer_closed)
    }

    /// Returns the number of processed bytes of `records`: all, or all except those of an incomplete handshake message.
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
                        // Usual for application data. Another call would find nothing.
                        return Ok(done);
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => encode(&mut data, &mut self.output),
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::PeerClosed => self.peer_closed = true,
                _ => return Ok(done),
            }
        }
    }

    /// Encodes the records that rustls has to send.
    fn collect(&mut self) {
        // rustls returns records to send before it processes received ones.
        while self.connection.wants_write() {
            match self.connection.process_tls_records(&mut []).state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => encode(&mut data, &mut self.output),
                _ => return,
            }
        }
    }

    /// Encrypts the first bytes of `bytes` into one record and appends it to `records`. Returns the number of encrypted bytes.
    pub(super) fn encrypt(&mut self, bytes: &[u8], records: &mut Buffer) -> io::Result<usize> {
        let payload = &bytes[..bytes.len().min(PAYLOAD_SIZE)];
        self.write(payload.len(), records, |traffic, space| traffic.encrypt(payload, space))?;
        Ok(payload.len())
    }

    /// Appends close_notify to `records`, unless an alert was sent.
    pub(super) fn close(&mut self, records: &mut Buffer) -> io::Result<()> {
        self.write(ALERT_SIZE, records, |traffic, space| traffic.queue_close_notify(space))
    }

    /// Appends a record with a payload of `size` bytes to `records`, after the records that TLS itself sends.
    fn write(
        &mut self,
        size: usize,
        records: &mut Buffer,
        mut make: impl FnMut(&mut WriteTraffic<'_, ClientConnectionData>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> io::Result<()> {
        self.take_output(records);
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
                // The reply to a KeyUpdate precedes the record.
                Err(EncryptError::InsufficientSize(error)) => space = error.required_size,
                // TLS 1.2 has no key update.
                Err(EncryptError::EncryptExhausted) => {
                    return Err(io::Error::other("as much was sent as one TLS 1.2 connection may send"));
                }
            }
        }
    }
}

impl std::fmt::Debug for RecordLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordLayer").field("peer_closed", &self.peer_closed).field("failure", &self.failure).finish()
    }
}

/// Returns the length of the first record in `bytes`, or `None` while it is incomplete. Invalid bytes count as one record, which
/// rustls refuses.
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
