//! tokio-websockets, on a current-thread runtime.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_websockets::{ClientBuilder, Config, Connector, MaybeTlsStream, Message, WebSocketStream};

use super::version;
use crate::session::{CurrentThread, Expected, Result, Session};
use crate::target::{Purpose, Target};
use crate::transport::{BATCH_BUFFER, connect_tcp, is_resumed};

pub fn settings() -> String {
    format!(
        "tokio-websockets {}: current-thread runtime, nodelay, features aws_lc_rs and fastrand, SIMD (its default); \
     +batch: feed, then flush, flush threshold of 64 KiB; duplex: split, a task sends; \
     TLS: tokio-rustls {}, rustls {} with aws-lc-rs",
        version("tokio-websockets"),
        version("tokio-rustls"),
        version("rustls")
    )
}

pub struct TokioWebSockets {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Session for TokioWebSockets {
    type Runtime = CurrentThread;

    async fn connect(target: &Target) -> Result<Self> {
        let stream = connect_tcp(target).await?;
        let connector = match &target.tls {
            None => Connector::Plain,
            Some(tls) => Connector::Rustls(TlsConnector::from(tls.config.clone())),
        };
        let stream = connector.wrap(&target.name, stream).await?;
        let mut config = Config::default();
        if target.purpose == Purpose::Batches {
            config = config.flush_threshold(BATCH_BUFFER);
        }
        let (socket, _) = ClientBuilder::new().uri(&target.url())?.config(config).connect_on(stream).await?;
        Ok(Self { socket })
    }

    fn resumed(&self) -> bool {
        match self.socket.get_ref() {
            MaybeTlsStream::Rustls(stream) => is_resumed(stream),
            MaybeTlsStream::Plain(_) => false,
        }
    }

    async fn send(&mut self, payload: &Bytes) -> Result<()> {
        Ok(self.socket.send(Message::binary(payload.clone())).await?)
    }

    async fn feed(&mut self, payload: &Bytes) -> Result<()> {
        Ok(self.socket.feed(Message::binary(payload.clone())).await?)
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(self.socket.flush().await?)
    }

    async fn receive(&mut self, expected: Expected) -> Result<()> {
        let message = self.socket.next().await.ok_or("the session ended")??;
        expected.check(message.is_binary(), message.as_payload())
    }

    async fn duplex(self, payload: &Bytes, count: usize) -> Result<()> {
        let expected = Expected::echo_of(payload);
        let payload = payload.clone();
        let (mut outgoing, mut incoming) = self.socket.split();
        let sender = tokio::spawn(async move {
            for _ in 0..count {
                outgoing.send(Message::binary(payload.clone())).await?;
            }
            Result::Ok(())
        });
        for _ in 0..count {
            let message = incoming.next().await.ok_or("the session ended")??;
            expected.check(message.is_binary(), message.as_payload())?;
        }
        sender.await?
    }

    // Its close() waits for the peer.
    async fn close(mut self) -> Result<()> {
        Ok(self.socket.send(Message::close(None, "")).await?)
    }
}
