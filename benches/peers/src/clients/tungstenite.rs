//! tungstenite: blocking calls on a blocking socket.

use std::net::TcpStream;
use std::sync::Mutex;

use bytes::Bytes;
use rustls::HandshakeKind;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Connector, Message, WebSocket, client_tls_with_config};

use super::version;
use crate::session::{Blocking, Expected, Result, Session};
use crate::target::{Purpose, Target};

pub fn settings() -> String {
    format!(
        "tungstenite {}: blocking TcpStream, nodelay; read and write buffers of 128 KiB (the default), read buffer of \
     4 KiB for connecting and idle sessions (as its documentation advises for many); +batch: write, then flush; threads: a mutex; \
     TLS: rustls {} with aws-lc-rs",
        version("tungstenite"),
        version("rustls")
    )
}

/// What tungstenite and tokio-tungstenite document for each purpose.
pub fn config(purpose: Purpose) -> WebSocketConfig {
    let config = WebSocketConfig::default();
    if purpose == Purpose::ManySessions { config.read_buffer_size(4096) } else { config }
}

pub struct Tungstenite {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
}

impl Session for Tungstenite {
    type Runtime = Blocking;

    async fn connect(target: &Target) -> Result<Self> {
        let stream = TcpStream::connect(target.address)?;
        stream.set_nodelay(true)?;
        let connector = match &target.tls {
            None => Connector::Plain,
            Some(tls) => Connector::Rustls(tls.config.clone()),
        };
        let config = Some(config(target.purpose));
        let (socket, _) = client_tls_with_config(target.url(), stream, config, Some(connector))?;
        Ok(Self { socket })
    }

    fn resumed(&self) -> bool {
        match self.socket.get_ref() {
            MaybeTlsStream::Rustls(stream) => stream.conn.handshake_kind() == Some(HandshakeKind::Resumed),
            _ => false,
        }
    }

    async fn send(&mut self, payload: &Bytes) -> Result<()> {
        Ok(self.socket.send(Message::Binary(payload.clone()))?)
    }

    async fn feed(&mut self, payload: &Bytes) -> Result<()> {
        Ok(self.socket.write(Message::Binary(payload.clone()))?)
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(self.socket.flush()?)
    }

    async fn receive(&mut self, expected: Expected) -> Result<()> {
        let message = self.socket.read()?;
        expected.check(message.is_binary(), &message.into_data())
    }

    fn send_from_threads(&mut self, payload: &Bytes, count: usize) -> Result<()> {
        let socket = Mutex::new(&mut self.socket);
        std::thread::scope(|scope| {
            let send = || -> Result<()> {
                for _ in 0..count / 4 {
                    let mut socket = socket.lock().map_err(|_| "another thread failed")?;
                    socket.send(Message::Binary(payload.clone()))?;
                }
                Ok(())
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(send)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
        })
    }

    async fn close(mut self) -> Result<()> {
        self.socket.close(None)?;
        Ok(self.socket.flush()?)
    }
}
