//! The TLS stream against rustls' server, over a socket pair whose bytes the tests hold in their hands.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{AlertDescription, ClientConfig, HandshakeKind, ServerConfig, ServerConnection, SupportedProtocolVersion};
use url::Host;

use crate::transport::{Socket, Stream, TlsOptions, Waiting};

static TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
static TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

static CERTIFICATE: LazyLock<rcgen::CertifiedKey<rcgen::KeyPair>> =
    LazyLock::new(|| rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap());

fn server_config(versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(CERTIFICATE.signing_key.serialize_der()));
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CERTIFICATE.cert.der().clone()], key)
        .unwrap()
}

fn client_config() -> (TlsOptions, Arc<ClientConfig>) {
    let mut options = TlsOptions::default();
    options.set_verify(false, false);
    let config = options.build().unwrap();
    (options, config)
}

/// The stream under test, its server, and the server's end of the socket.
struct Pair {
    stream: Stream,
    server: ServerConnection,
    socket: UnixStream,
}

impl Pair {
    fn new(server: ServerConfig) -> Self {
        Self::between(&client_config(), server)
    }

    fn between((options, config): &(TlsOptions, Arc<ClientConfig>), server: ServerConfig) -> Self {
        let (near, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        let connection = options.connection(config, &Host::Domain("localhost".to_owned())).unwrap();
        let stream = Stream::tls(Arc::new(Socket::new(near.into())), connection);
        Self { stream, server: ServerConnection::new(Arc::new(server)).unwrap(), socket: far }
    }

    /// With the handshake done, and all that the server says of itself received.
    fn open(server: ServerConfig) -> Self {
        let mut pair = Self::new(server);
        pair.shake_hands(usize::MAX);
        pair.stays_silent();
        pair
    }

    /// The server's bytes come in pieces.
    fn shake_hands(&mut self, piece: usize) {
        loop {
            self.stream.sender.flush().unwrap();
            self.server_reads();
            if !self.stream.is_tls_handshaking() {
                return;
            }
            for bytes in self.server_bytes().chunks(piece) {
                self.socket.write_all(bytes).unwrap();
                self.stream.receiver.receive_handshake().unwrap();
            }
        }
    }

    /// What the server has for the socket.
    fn server_bytes(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.server.wants_write() {
            self.server.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    fn server_sends(&mut self, plaintext: &[u8]) {
        self.server.writer().write_all(plaintext).unwrap();
        let bytes = self.server_bytes();
        self.socket.write_all(&bytes).unwrap();
    }

    /// What the server gets of what is in the socket.
    fn server_reads(&mut self) -> Vec<u8> {
        let mut plaintext = Vec::new();
        while self.server.read_tls(&mut self.socket).is_ok_and(|count| count > 0) {
            self.server.process_new_packets().unwrap();
            let _ = self.server.reader().read_to_end(&mut plaintext);
        }
        plaintext
    }

    fn receive(&mut self, size: usize) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; size];
        let count = self.stream.receiver.receive(&mut buffer, Waiting::No)?;
        buffer.truncate(count);
        Ok(buffer)
    }

    /// Receives until nothing is there.
    fn receive_all(&mut self, size: usize) -> Vec<u8> {
        let mut received = Vec::new();
        loop {
            match self.receive(size) {
                Ok(bytes) => {
                    assert!(!bytes.is_empty(), "the end of the stream");
                    received.extend_from_slice(&bytes);
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                    assert!(!self.stream.receiver.holds_bytes());
                    return received;
                }
            }
        }
    }

    fn stays_silent(&mut self) {
        let bytes = self.server_bytes();
        self.socket.write_all(&bytes).unwrap();
        assert_eq!(self.receive_all(100), b"");
    }

    /// Both directions work.
    fn echoes(&mut self) {
        self.server_sends(b"to the client");
        assert_eq!(self.receive_all(100), b"to the client");
        assert_eq!(self.stream.sender.send(b"to the server").unwrap(), 13);
        assert_eq!(self.server_reads(), b"to the server");
    }
}

/// What is inside of an error for bad records.
fn tls_error(error: &io::Error) -> &rustls::Error {
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    error.get_ref().and_then(|inner| inner.downcast_ref()).unwrap()
}

/// Bytes that tell when one is missing.
fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|index| u8::try_from(index % 251).unwrap()).collect()
}

#[test]
fn records_split_at_any_byte() {
    for versions in [TLS12, TLS13] {
        let mut pair = Pair::new(server_config(versions));
        pair.shake_hands(1);
        pair.stays_silent();
        pair.server.writer().write_all(b"first").unwrap();
        let mut bytes = pair.server_bytes();
        pair.server.writer().write_all(b"second").unwrap();
        let first = bytes.len();
        bytes.extend_from_slice(&pair.server_bytes());
        for (index, byte) in bytes.iter().enumerate() {
            pair.socket.write_all(&[*byte]).unwrap();
            let expected: &[u8] = match index + 1 {
                complete if complete == first => b"first",
                complete if complete == bytes.len() => b"second",
                _ => b"",
            };
            assert_eq!(pair.receive_all(100), expected);
        }
        pair.echoes();
    }
}

#[test]
fn many_records_in_one_segment_and_buffers_of_any_size() {
    for size in [1, 7, 100, 4096, 1 << 20] {
        let mut pair = Pair::open(server_config(TLS13));
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for index in 0..100 {
            let message = pattern(index * 11 + 1);
            pair.server.writer().write_all(&message).unwrap();
            bytes.extend_from_slice(&pair.server_bytes());
            expected.extend_from_slice(&message);
        }
        pair.socket.write_all(&bytes).unwrap();
        let first = pair.receive(size).unwrap();
        assert!(first == expected[..first.len()] && first.len() >= size.min(16_000), "{}", first.len());
        assert!(pair.stream.receiver.holds_bytes() || size > 4096);
        pair.stream.receiver.release();
        assert!(pair.receive_all(size) == expected[first.len()..]);
        pair.stream.receiver.release();
        pair.echoes();
    }
}

#[test]
fn much_in_both_directions() {
    for versions in [TLS12, TLS13] {
        let mut pair = Pair::open(server_config(versions));
        let message = pattern(1 << 20);
        let (mut sent, mut at_server) = (0, Vec::new());
        while sent < message.len() || pair.stream.sender.is_flushing() {
            match pair.stream.sender.send(&message[sent..]) {
                Ok(count) => sent += count,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            pair.stream.sender.release();
            let read = pair.server_reads();
            at_server.extend_from_slice(&read);
            if sent == message.len() {
                let _ = pair.stream.sender.flush();
            }
        }
        at_server.extend_from_slice(&pair.server_reads());
        assert!(at_server == message);
        let mut at_client = Vec::new();
        for piece in message.chunks(50_000) {
            pair.server_sends(piece);
            at_client.extend_from_slice(&pair.receive_all(30_000));
        }
        assert!(at_client == message);
        pair.stream.sender.release();
        pair.stream.receiver.release();
        pair.echoes();
    }
}

#[test]
fn application_data_behind_the_handshake() {
    let mut config = server_config(TLS13);
    config.send_half_rtt_data = true;
    let mut pair = Pair::new(config);
    pair.stream.sender.flush().unwrap();
    pair.server_reads();
    pair.server_sends(b"early bird");
    pair.stream.receiver.receive_handshake().unwrap();
    assert!(!pair.stream.is_tls_handshaking() && pair.stream.receiver.holds_bytes());
    assert_eq!(pair.receive_all(5), b"early bird");
    pair.stream.sender.flush().unwrap();
    pair.server_reads();
    pair.echoes();
}

/// A handshake message in several records, and sending while one of them is still to come.
#[test]
fn handshake_messages_in_small_records() {
    for versions in [TLS12, TLS13] {
        let mut config = server_config(versions);
        config.max_fragment_size = Some(40);
        let mut pair = Pair::new(config);
        pair.shake_hands(3);
        let tickets = pair.server_bytes();
        for bytes in tickets.chunks(10) {
            pair.socket.write_all(bytes).unwrap();
            assert_eq!(pair.receive_all(100), b"");
            assert_eq!(pair.stream.sender.send(b"in between").unwrap(), 10);
            assert_eq!(pair.server_reads(), b"in between");
        }
        pair.echoes();
    }
}

#[test]
fn key_updates_are_followed_and_answered() {
    let mut pair = Pair::open(server_config(TLS13));
    for _ in 0..3 {
        pair.server.refresh_traffic_keys().unwrap();
        pair.echoes();
        // Without a word between them.
        pair.server.refresh_traffic_keys().unwrap();
        pair.server.refresh_traffic_keys().unwrap();
        pair.server_sends(b"new keys");
        assert_eq!(pair.receive_all(100), b"new keys");
    }
    pair.echoes();
    pair.server.refresh_traffic_keys().unwrap();
    pair.stays_silent();
    pair.stream.sender.finish();
    pair.server_reads();
    assert!(pair.server.process_new_packets().unwrap().peer_has_closed());
}

#[test]
fn tickets_resume() {
    for versions in [TLS12, TLS13] {
        let shared = client_config();
        let mut server = server_config(versions);
        server.ticketer = rustls::crypto::ring::Ticketer::new().unwrap();
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
            let mut pair = Pair::between(&shared, server.clone());
            pair.shake_hands(usize::MAX);
            pair.stays_silent();
            pair.echoes();
            assert_eq!(pair.server.handshake_kind(), Some(expected));
        }
    }
}

#[test]
fn close_notify_ends_the_stream_behind_its_data() {
    for versions in [TLS12, TLS13] {
        let mut pair = Pair::open(server_config(versions));
        pair.server.writer().write_all(b"last words").unwrap();
        pair.server.send_close_notify();
        let mut bytes = pair.server_bytes();
        bytes.extend_from_slice(b"ignored");
        pair.socket.write_all(&bytes).unwrap();
        assert_eq!(pair.receive(100).unwrap(), b"last words");
        assert!(pair.stream.receiver.holds_bytes());
        assert_eq!(pair.receive(100).unwrap(), b"");
        assert_eq!(pair.receive(100).unwrap(), b"");
        // The other direction is still open.
        assert_eq!(pair.stream.sender.send(b"answer").unwrap(), 6);
        assert_eq!(pair.server_reads(), b"answer");
        pair.stream.sender.finish();
        pair.server_reads();
        assert!(pair.server.process_new_packets().unwrap().peer_has_closed());
    }
}

#[test]
fn the_end_of_the_socket_is_an_end() {
    let mut pair = Pair::open(server_config(TLS13));
    pair.server_sends(b"half a rec");
    pair.server.writer().write_all(b"ord").unwrap();
    let bytes = pair.server_bytes();
    pair.socket.write_all(&bytes[..9]).unwrap();
    pair.socket.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(pair.receive(100).unwrap(), b"half a rec");
    assert!(!pair.stream.receiver.holds_bytes());
    assert_eq!(pair.receive(100).unwrap(), b"");
}

#[test]
fn a_bad_record_is_answered_with_an_alert() {
    for versions in [TLS12, TLS13] {
        let mut pair = Pair::open(server_config(versions));
        pair.server.writer().write_all(b"good").unwrap();
        let mut bytes = pair.server_bytes();
        pair.server.writer().write_all(b"bad").unwrap();
        bytes.extend_from_slice(&pair.server_bytes());
        *bytes.last_mut().unwrap() ^= 1;
        pair.socket.write_all(&bytes).unwrap();
        assert_eq!(pair.receive(100).unwrap(), b"good");
        assert!(pair.stream.receiver.holds_bytes());
        for _ in 0..2 {
            assert_eq!(tls_error(&pair.receive(100).unwrap_err()), &rustls::Error::DecryptError);
        }
        assert!(pair.stream.receiver.wants_flush() && pair.stream.sender.is_flushing());
        pair.stream.sender.flush().unwrap();
        assert!(!pair.stream.receiver.wants_flush() && !pair.stream.sender.is_flushing());
        pair.server.read_tls(&mut pair.socket).unwrap();
        let error = pair.server.process_new_packets().unwrap_err();
        assert_eq!(error, rustls::Error::AlertReceived(AlertDescription::BadRecordMac));
        assert_eq!(tls_error(&pair.stream.sender.send(b"too late").unwrap_err()), &rustls::Error::DecryptError);
        pair.stream.sender.finish();
        assert_eq!(pair.socket.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn an_alert_of_the_peer_is_an_error() {
    for versions in [TLS12, TLS13] {
        let mut pair = Pair::open(server_config(versions));
        pair.stream.sender.send(b"hello").unwrap();
        let mut record = [0; 100];
        let size = pair.socket.read(&mut record).unwrap();
        record[size - 1] ^= 1;
        pair.server.read_tls(&mut &record[..size]).unwrap();
        pair.server.process_new_packets().unwrap_err();
        let bytes = pair.server_bytes();
        pair.socket.write_all(&bytes).unwrap();
        let error = pair.receive(100).unwrap_err();
        assert_eq!(tls_error(&error), &rustls::Error::AlertReceived(AlertDescription::BadRecordMac));
    }
}

#[test]
fn what_is_not_tls_is_refused_at_its_first_bytes() {
    for greeting in ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 400 Bad Request\r\n", "\x16\x03\x03\u{7f}\u{7f}"] {
        let mut pair = Pair::new(server_config(TLS13));
        pair.stream.sender.flush().unwrap();
        pair.server_reads();
        pair.socket.write_all(greeting.as_bytes()).unwrap();
        let error = pair.stream.receiver.receive_handshake().unwrap_err();
        assert!(matches!(tls_error(&error), rustls::Error::InvalidMessage(_)), "{error}");
        pair.stream.sender.flush().unwrap();
        pair.server.read_tls(&mut pair.socket).unwrap();
        let error = pair.server.process_new_packets().unwrap_err();
        assert_eq!(error, rustls::Error::AlertReceived(AlertDescription::DecodeError));
    }
}

#[test]
fn a_handshake_message_in_endless_records_is_refused() {
    let mut pair = Pair::new(server_config(TLS13));
    pair.stream.sender.flush().unwrap();
    // A ServerHello of 60000 bytes, one in each record.
    let mut records = [[0x16, 3, 3, 0, 1, 0]; 1000];
    for (record, byte) in records.iter_mut().zip([2, 0, 0xea, 0x60]) {
        record[5] = byte;
    }
    let refused = (0..60).any(|_| {
        pair.socket.write_all(records.as_flattened()).unwrap();
        // What follows is all zeros.
        records = [[0x16, 3, 3, 0, 1, 0]; 1000];
        pair.stream.receiver.receive_handshake().is_err()
    });
    assert!(refused);
}

#[test]
fn waiting_in_the_kernel_lasts_until_a_record_is_complete() {
    let mut pair = Pair::open(server_config(TLS13));
    pair.server.writer().write_all(b"in two parts").unwrap();
    let bytes = pair.server_bytes();
    let (first, second) = bytes.split_at(20);
    pair.socket.write_all(first).unwrap();
    let Pair { mut stream, mut socket, .. } = pair;
    std::thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            let mut buffer = [0; 100];
            let count = stream.receiver.receive(&mut buffer, Waiting::Kernel).unwrap();
            assert_eq!(&buffer[..count], b"in two parts");
        });
        socket.write_all(second).unwrap();
        receiver.join().unwrap();
    });
}

#[test]
fn waiting_in_the_kernel_ends_with_the_sockets_timeout() {
    let shared = client_config();
    let (near, _far) = UnixStream::pair().unwrap();
    near.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let connection = shared.0.connection(&shared.1, &Host::Domain("localhost".to_owned())).unwrap();
    let mut stream = Stream::tls(Arc::new(Socket::new(near.into())), connection);
    let error = stream.receiver.receive(&mut [0; 100], Waiting::Kernel).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

/// Both halves at work in two threads, with new keys all the time.
#[test]
fn two_threads() {
    const ROUNDS: usize = 200;
    let Pair { stream, mut server, mut socket } = Pair::open(server_config(TLS13));
    socket.set_nonblocking(false).unwrap();
    let Stream { mut receiver, mut sender } = stream;
    let message = pattern(20_000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                let mut rest = &message[..];
                while !rest.is_empty() || sender.is_flushing() {
                    match sender.send(rest) {
                        Ok(count) => rest = &rest[count..],
                        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                    }
                    std::thread::yield_now();
                }
            }
        });
        scope.spawn(|| {
            let (mut received, mut buffer) = (0, [0; 5000]);
            while received < ROUNDS * message.len() {
                let count = receiver.receive(&mut buffer, Waiting::Kernel).unwrap();
                for (index, byte) in buffer[..count].iter().enumerate() {
                    assert_eq!(*byte, message[(received + index) % message.len()]);
                }
                received += count;
            }
        });
        let mut echoed = 0;
        while echoed < ROUNDS * message.len() {
            server.read_tls(&mut socket).unwrap();
            server.process_new_packets().unwrap();
            let mut plaintext = Vec::new();
            let _ = server.reader().read_to_end(&mut plaintext);
            echoed += plaintext.len();
            server.writer().write_all(&plaintext).unwrap();
            while server.wants_write() {
                server.write_tls(&mut socket).unwrap();
            }
            // Many without application data between them would be refused.
            if !plaintext.is_empty() {
                server.refresh_traffic_keys().unwrap();
            }
        }
    });
}
