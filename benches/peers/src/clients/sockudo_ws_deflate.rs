//! sockudo-ws with permessage-deflate: its client does not offer it, so the handshake is made of its parts.

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use sockudo_ws::deflate::parse_deflate_offer;
use sockudo_ws::handshake::{build_request, generate_key, parse_response, validate_accept_key};
use sockudo_ws::{CompressedWebSocketStream, DeflateConfig, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::sockudo_ws::config;
use crate::session::{CurrentThread, Expected, Result, Session};
use crate::target::Target;
use crate::transport::Stream;

const OFFER: &str = "permessage-deflate; client_max_window_bits";
const OFFER_ALONE: &str =
    "permessage-deflate; client_max_window_bits; client_no_context_takeover; server_no_context_takeover";

pub struct SockudoWsDeflate {
    socket: CompressedWebSocketStream<Stream>,
}

impl Session for SockudoWsDeflate {
    type Runtime = CurrentThread;

    async fn connect(target: &Target) -> Result<Self> {
        let mut stream = Stream::connect(target).await?;
        let key = generate_key();
        let offer = if target.no_context_takeover { OFFER_ALONE } else { OFFER };
        stream.write_all(&build_request(&target.authority(), &target.path, &key, None, Some(offer))).await?;
        let mut head = BytesMut::new();
        let (deflate, size) = loop {
            if stream.read_buf(&mut head).await? == 0 {
                return Err("the connection ended".into());
            }
            if let Some((response, size)) = parse_response(&head)? {
                if !response.accept.is_some_and(|accept| validate_accept_key(&key, accept)) {
                    return Err("not the right Sec-WebSocket-Accept".into());
                }
                let accepted = response.extensions.and_then(parse_deflate_offer).ok_or("no permessage-deflate")?;
                break (DeflateConfig::from_params(&accepted)?, size);
            }
        };
        let rest = head.split_off(size).freeze();
        let socket =
            CompressedWebSocketStream::client_with_leftover(stream, config(target.purpose), deflate, Some(rest));
        Ok(Self { socket })
    }

    fn codec() -> &'static str {
        "zlib-rs 6/8"
    }

    fn resumed(&self) -> bool {
        false
    }

    async fn send(&mut self, payload: &Bytes) -> Result<()> {
        Ok(self.socket.send(Message::Binary(payload.clone())).await?)
    }

    async fn send_text(&mut self, text: &Bytes) -> Result<()> {
        Ok(self.socket.send(Message::Text(text.clone())).await?)
    }

    async fn receive(&mut self, expected: Expected) -> Result<()> {
        let message = self.socket.next().await.ok_or("the session ended")??;
        expected.check(message.is_binary(), message.as_bytes())
    }

    async fn close(mut self) -> Result<()> {
        Ok(self.socket.close(1000, "").await?)
    }
}
