//! What the works need of a client, and the two ways to drive one.

use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;

use crate::target::Target;

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The size and the ends of a message that comes back.
#[derive(Clone, Copy)]
pub enum Expected {
    Echo {
        size: usize,
        first: u8,
        last: u8,
    },
    /// one byte, whichever
    Answer,
    /// all of a text
    Text(&'static [u8]),
}

impl Expected {
    pub fn echo_of(payload: &[u8]) -> Self {
        Self::Echo { size: payload.len(), first: payload[0], last: payload[payload.len() - 1] }
    }

    pub fn check(self, binary: bool, message: &[u8]) -> Result<()> {
        let right_type = binary != matches!(self, Self::Text(_));
        let right = match self {
            Self::Echo { size, first, last } => {
                message.len() == size && message[0] == first && message[size - 1] == last
            }
            Self::Answer => message.len() == 1,
            Self::Text(text) => message == text,
        };
        if right_type && right { Ok(()) } else { Err("not the message that was expected came back".into()) }
    }
}

/// One WebSocket session, by the library's plain calls. A client that blocks has futures that are always ready.
#[allow(async_fn_in_trait)]
pub trait Session: Sized {
    type Runtime: Runtime;

    /// TCP, TLS if asked for, opening handshake.
    async fn connect(target: &Target) -> Result<Self>;

    /// Whether the TLS session was resumed.
    fn resumed(&self) -> bool;

    /// Sends one binary message, flushed.
    async fn send(&mut self, payload: &Bytes) -> Result<()>;

    /// Sends one message of text, flushed.
    async fn send_text(&mut self, _text: &Bytes) -> Result<()> {
        Err("cannot send text here".into())
    }

    /// With permessage-deflate: the codec, its level and its memory level.
    fn codec() -> &'static str {
        "none"
    }

    /// Writes one binary message that a later flush sends.
    async fn feed(&mut self, _payload: &Bytes) -> Result<()> {
        Err("cannot write without a flush".into())
    }

    async fn flush(&mut self) -> Result<()> {
        Err("cannot write without a flush".into())
    }

    async fn receive(&mut self, expected: Expected) -> Result<()>;

    /// Sends `count` messages while their echoes are received. By default on one thread, `WINDOW` under way.
    async fn duplex(mut self, payload: &Bytes, count: usize) -> Result<()> {
        let expected = Expected::echo_of(payload);
        let mut sent = 0;
        for received in 0..count {
            while sent < count && sent - received < WINDOW {
                self.send(payload).await?;
                sent += 1;
            }
            self.receive(expected).await?;
        }
        Ok(())
    }

    /// Sends `count` messages from four threads at once.
    fn send_from_threads(&mut self, _payload: &Bytes, _count: usize) -> Result<()> {
        Err("not to be used by several threads".into())
    }

    /// A close frame, then the end of the connection; the peer's answer is not waited for.
    async fn close(self) -> Result<()>;
}

/// How many messages a client that cannot send while it receives has under way.
pub const WINDOW: usize = 256;

pub trait Runtime {
    fn block_on<F: Future>(future: F) -> F::Output;

    /// Lets the library do what it has left to do.
    async fn rest(time: Duration);
}

/// A tokio runtime on this thread, with the settings of `#[tokio::main(flavor = "current_thread")]`.
pub struct CurrentThread;

impl Runtime for CurrentThread {
    fn block_on<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a tokio runtime").block_on(future)
    }

    async fn rest(time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// No runtime: the calls block.
pub struct Blocking;

impl Runtime for Blocking {
    fn block_on<F: Future>(future: F) -> F::Output {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => unreachable!("a blocking client's futures are ready"),
        }
    }

    async fn rest(time: Duration) {
        std::thread::sleep(time);
    }
}
