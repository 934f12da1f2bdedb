//! Tests of the TLS stream with a rustls server, over a socket pair whose bytes the tests control.

mod closing;
mod handshake;
mod records;

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, LazyLock};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, ServerConfig, ServerConnection, SupportedProtocolVersion};
use url::Host;

use crate::transport::tls::{self, SystemStore, TlsOptions};
use crate::transport::{DirectStream, Endpoint, Socket, Waiting};

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

fn client_config() -> Arc<ClientConfig> {
    let mut options = TlsOptions::default();
    options.set_verify(false, false);
    options.build(&SystemStore::default()).unwrap()
}

/// Returns a stream before its handshake.
fn stream(socket: UnixStream, config: &Arc<ClientConfig>) -> DirectStream {
    let peer = Endpoint { host: Host::Domain("localhost".to_owned()), zone: None, port: 443 };
    let mut stream = DirectStream::plain(Arc::new(Socket::new(socket.into())));
    stream.start_tls(tls::connection(config, &peer, None).unwrap(), &[]);
    stream
}

/// The stream under test, its server, and the server's end of the socket.
struct Pair {
    stream: DirectStream,
    server: ServerConnection,
    socket: UnixStream,
}

impl Pair {
    fn new(server: ServerConfig) -> Self {
        Self::between(&client_config(), server)
    }

    fn between(config: &Arc<ClientConfig>, server: ServerConfig) -> Self {
        let (near, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        let stream = stream(near, config);
        Self { stream, server: ServerConnection::new(Arc::new(server)).unwrap(), socket: far }
    }

    /// Performs the handshake and receives everything that the server sends by itself.
    fn open(server: ServerConfig) -> Self {
        let mut pair = Self::new(server);
        pair.shake_hands(usize::MAX);
        pair.stays_silent();
        pair
    }

    /// Performs the handshake. The server's bytes arrive in pieces.
    fn shake_hands(&mut self, piece: usize) {
        loop {
            self.stream.sender.flush().unwrap();
            self.server_reads();
            if !self.stream.is_tls_handshaking() {
                return;
            }
            for bytes in self.server_bytes().chunks(piece) {
                self.socket.write_all(bytes).unwrap();
                self.stream.receive_tls_handshake().unwrap();
            }
        }
    }

    /// Returns the bytes that the server has to send.
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

    /// Returns the plaintext that the server receives from the socket.
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

    /// Receives until there are no more bytes.
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

    /// Checks that both directions work.
    fn echoes(&mut self) {
        self.server_sends(b"to the client");
        assert_eq!(self.receive_all(100), b"to the client");
        assert_eq!(self.stream.sender.send(b"to the server").unwrap(), 13);
        assert_eq!(self.server_reads(), b"to the server");
    }
}

/// Returns the rustls error inside an error.
fn tls_error(error: &io::Error) -> &rustls::Error {
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    error.get_ref().and_then(|inner| inner.downcast_ref()).unwrap()
}

/// Returns bytes in which a missing byte is noticed.
fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|index| u8::try_from(index % 251).unwrap()).collect()
}
