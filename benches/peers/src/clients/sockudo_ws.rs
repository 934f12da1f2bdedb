//! sockudo-ws, on a current-thread runtime.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use sockudo_ws::client::WebSocketClient;
use sockudo_ws::{Config, Http1, Message, WebSocketStream};

use super::version;
use crate::session::{CurrentThread, Expected, Result, Session};
use crate::target::{Purpose, Target};
use crate::transport::{BATCH_BUFFER, Stream};

pub fn settings() -> String {
    format!(
        "sockudo-ws {}: current-thread runtime, nodelay, features simd, fastrand, aws_lc_rs and \
     permessage-deflate (its defaults: zlib-rs by flate2, level 6, memory level 8); no pings, no idle timeout; \
     connect_raw (no boxed stream); write buffer of 16 KiB (the default); +batch: feed, then flush, write \
     buffer of 64 KiB; duplex: split, a task sends; TLS: tokio-rustls {}, rustls {} with aws-lc-rs",
        version("sockudo-ws"),
        version("tokio-rustls"),
        version("rustls")
    )
}

pub fn config(purpose: Purpose) -> Config {
    let config = Config::builder().auto_ping(false).idle_timeout(0);
    if purpose == Purpose::Batches { config.write_buffer_size(BATCH_BUFFER).build() } else { config.build() }
}

pub struct SockudoWs {
    socket: WebSocketStream<Stream>,
}

impl Session for SockudoWs {
    type Runtime = CurrentThread;

    async fn connect(target: &Target) -> Result<Self> {
        let stream = Stream::connect(target).await?;
        let client = WebSocketClient::<Http1>::new(config(target.purpose));
        let (socket, _) = client.connect_raw(stream, &target.authority(), &target.path, None).await?;
        Ok(Self { socket })
    }

    fn resumed(&self) -> bool {
        self.socket.get_ref().resumed()
    }

    async fn send(&mut self, payload: &Bytes) -> Result<()> {
        Ok(self.socket.send(Message::Binary(payload.clone())).await?)
    }

    async fn send_text(&mut self, text: &Bytes) -> Result<()> {
        Ok(self.socket.send(Message::Text(text.clone())).await?)
    }

    async fn feed(&mut self, payload: &Bytes) -> Result<()> {
        Ok(self.socket.feed(Message::Binary(payload.clone())).await?)
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(self.socket.flush().await?)
    }

    async fn receive(&mut self, expected: Expected) -> Result<()> {
        let message = self.socket.next().await.ok_or("the session ended")??;
        expected.check(message.is_binary(), message.as_bytes())
    }

    async fn duplex(self, payload: &Bytes, count: usize) -> Result<()> {
        let expected = Expected::echo_of(payload);
        let payload = payload.clone();
        let (mut incoming, mut outgoing) = self.socket.split();
        let sender = tokio::spawn(async move {
            for _ in 0..count {
                outgoing.send(Message::Binary(payload.clone())).await?;
            }
            // Dropping the writer would end the session before the last echoes.
            Result::Ok(outgoing)
        });
        for _ in 0..count {
            let message = incoming.next().await.ok_or("the session ended")??;
            expected.check(message.is_binary(), message.as_bytes())?;
        }
        sender.await??;
        Ok(())
    }

    async fn close(mut self) -> Result<()> {
        Ok(self.socket.close(1000, "").await?)
    }
}
