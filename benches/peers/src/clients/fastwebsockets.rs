//! fastwebsockets, on a current-thread runtime.

use bytes::Bytes;
use fastwebsockets::{Frame, OpCode, Payload, Role, WebSocket, WebSocketError, handshake};
use http_body_util::Empty;
use hyper::Request;
use hyper::header::{CONNECTION, HOST, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::version;
use crate::session::{CurrentThread, Expected, Result, Session};
use crate::target::Target;
use crate::transport::{Stream, Transport};

pub fn settings() -> String {
    format!(
        "fastwebsockets {}: current-thread runtime, nodelay, simd, writev; opening handshake by hyper, whose stream is \
     then taken out; frames as they come (no FragmentCollector), payloads masked in place; +batch: tokio's BufWriter \
     around the stream, flushed; duplex: split, a task sends; TLS: tokio-rustls {}, rustls {} with aws-lc-rs",
        version("fastwebsockets"),
        version("tokio-rustls"),
        version("rustls")
    )
}

pub struct FastWebSockets<T> {
    socket: WebSocket<T>,
    resumed: bool,
    // Masking spoils what is sent.
    outgoing: Vec<u8>,
}

impl<T: Transport> FastWebSockets<T> {
    async fn write(&mut self, payload: &Bytes) -> Result<()> {
        self.outgoing.clear();
        self.outgoing.extend_from_slice(payload);
        let frame = Frame::binary(Payload::BorrowedMut(&mut self.outgoing));
        Ok(self.socket.write_frame(frame).await?)
    }
}

fn check(frame: &Frame<'_>, expected: Expected) -> Result<()> {
    expected.check(frame.fin && frame.opcode == OpCode::Binary, &frame.payload)
}

impl<T: Transport> Session for FastWebSockets<T> {
    type Runtime = CurrentThread;

    async fn connect(target: &Target) -> Result<Self> {
        let stream = Stream::connect(target).await?;
        let resumed = stream.resumed();
        let request = Request::get(&target.path)
            .header(HOST, target.authority())
            .header(UPGRADE, "websocket")
            .header(CONNECTION, "upgrade")
            .header(SEC_WEBSOCKET_KEY, handshake::generate_key())
            .header(SEC_WEBSOCKET_VERSION, "13")
            .body(Empty::<Bytes>::new())?;
        let (socket, _) = handshake::client(&TokioExecutor::new(), request, stream).await?;
        let upgraded = socket.into_inner().into_inner();
        let parts = upgraded.downcast::<TokioIo<Stream>>().map_err(|_| "hyper gave back another stream")?;
        if !parts.read_buf.is_empty() {
            return Err("the server spoke first".into());
        }
        let socket = WebSocket::after_handshake(T::over(parts.io.into_inner()), Role::Client);
        Ok(Self { socket, resumed, outgoing: Vec::new() })
    }

    fn resumed(&self) -> bool {
        self.resumed
    }

    async fn send(&mut self, payload: &Bytes) -> Result<()> {
        self.write(payload).await?;
        Ok(self.socket.flush().await?)
    }

    async fn feed(&mut self, payload: &Bytes) -> Result<()> {
        self.write(payload).await
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(self.socket.flush().await?)
    }

    async fn receive(&mut self, expected: Expected) -> Result<()> {
        check(&self.socket.read_frame().await?, expected)
    }

    async fn duplex(self, payload: &Bytes, count: usize) -> Result<()> {
        let expected = Expected::echo_of(payload);
        let payload = payload.clone();
        let (mut incoming, mut outgoing) = self.socket.split(tokio::io::split);
        let sender = tokio::spawn(async move {
            let mut buffer = Vec::with_capacity(payload.len());
            for _ in 0..count {
                buffer.clear();
                buffer.extend_from_slice(&payload);
                outgoing.write_frame(Frame::binary(Payload::BorrowedMut(&mut buffer))).await?;
                outgoing.flush().await?;
            }
            Result::Ok(())
        });
        // The echo server sends no pings and no close frames, to which an answer would be due.
        let mut answer = async |_: Frame<'_>| Err::<(), _>(WebSocketError::ConnectionClosed);
        for _ in 0..count {
            check(&incoming.read_frame(&mut answer).await?, expected)?;
        }
        sender.await?
    }

    async fn close(mut self) -> Result<()> {
        self.socket.write_frame(Frame::close(1000, b"")).await?;
        Ok(self.socket.flush().await?)
    }
}
