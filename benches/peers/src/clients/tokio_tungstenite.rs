//! tokio-tungstenite, on a current-thread runtime.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use super::tungstenite::config;
use super::version;
use crate::session::{CurrentThread, Expected, Result, Session};
use crate::target::Target;
use crate::transport::{connect_tcp, is_resumed};

pub fn settings() -> String {
    format!(
        "tokio-tungstenite {}: current-thread runtime, nodelay; read and write buffers of 128 KiB (the default), read \
     buffer of 4 KiB for connecting and idle sessions; +batch: feed, then flush; duplex: split, a task sends; \
     TLS: rustls {} with aws-lc-rs",
        version("tokio-tungstenite"),
        version("rustls")
    )
}

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub async fn connect(target: &Target) -> Result<Socket> {
    let stream = connect_tcp(target).await?;
    let connector = match &target.tls {
        None => Connector::Plain,
        Some(tls) => Connector::Rustls(tls.config.clone()),
    };
    let config = Some(config(target.purpose));
    let (socket, _) = client_async_tls_with_config(target.url(), stream, config, Some(connector)).await?;
    Ok(socket)
}

pub struct TokioTungstenite {
    socket: Socket,
}

impl Session for TokioTungstenite {
    type Runtime = CurrentThread;

    async fn connect(target: &Target) -> Result<Self> {
        Ok(Self { socket: connect(target).await? })
    }

    fn resumed(&self) -> bool {
        match self.socket.get_ref() {
            MaybeTlsStream::Rustls(stream) => is_resumed(stream),
            _ => false,
        }
    }

    async fn send(&mut self, payload: &Bytes) -> Result<()> {
        Ok(self.socket.send(Message::Binary(payload.clone())).await?)
    }

    async fn feed(&mut self, payload: &Bytes) -> Result<()> {
        Ok(self.socket.feed(Message::Binary(payload.clone())).await?)
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(self.socket.flush().await?)
    }

    async fn receive(&mut self, expected: Expected) -> Result<()> {
        let message = self.socket.next().await.ok_or("the session ended")??;
        expected.check(message.is_binary(), &message.into_data())
    }

    async fn duplex(self, payload: &Bytes, count: usize) -> Result<()> {
        let expected = Expected::echo_of(payload);
        let payload = payload.clone();
        let (mut outgoing, mut incoming) = self.socket.split();
        let sender = tokio::spawn(async move {
            for _ in 0..count {
                outgoing.send(Message::Binary(payload.clone())).await?;
            }
            Result::Ok(())
        });
        for _ in 0..count {
            let message = incoming.next().await.ok_or("the session ended")??;
            expected.check(message.is_binary(), &message.into_data())?;
        }
        sender.await?
    }

    async fn close(mut self) -> Result<()> {
        Ok(self.socket.close(None).await?)
    }
}
