//! What a blocking API on top of a runtime costs: every message hops through a channel, to or from a task.

use std::sync::LazyLock;
use std::sync::mpsc as blocking;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::runtime;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::tokio_tungstenite::{Socket, connect};
use super::version;
use crate::session::{Blocking, Expected, Result, Session};
use crate::target::Target;

pub fn settings() -> String {
    format!(
        "hop: tokio-tungstenite {} split on a multi-thread runtime of 2 workers; sends go through a tokio channel of \
     4096 messages to a task, which writes all there are, then flushes; a task reads into a std channel",
        version("tokio-tungstenite")
    )
}

const OUTGOING: usize = 4096;

static RUNTIME: LazyLock<runtime::Runtime> = LazyLock::new(|| {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a tokio runtime")
});

pub struct Hop {
    outgoing: mpsc::Sender<Bytes>,
    incoming: blocking::Receiver<Result<Message>>,
}

async fn write(mut socket: SplitSink<Socket, Message>, mut queue: mpsc::Receiver<Bytes>) -> Result<()> {
    while let Some(payload) = queue.recv().await {
        socket.feed(Message::Binary(payload)).await?;
        while let Ok(payload) = queue.try_recv() {
            socket.feed(Message::Binary(payload)).await?;
        }
        socket.flush().await?;
    }
    Ok(())
}

async fn read(mut socket: SplitStream<Socket>, queue: blocking::Sender<Result<Message>>) {
    while let Some(message) = socket.next().await {
        if queue.send(message.map_err(Into::into)).is_err() {
            break;
        }
    }
}

impl Session for Hop {
    type Runtime = Blocking;

    async fn connect(target: &Target) -> Result<Self> {
        let (sink, stream) = RUNTIME.block_on(connect(target))?.split();
        let (outgoing, from_threads) = mpsc::channel(OUTGOING);
        let (to_threads, incoming) = blocking::channel();
        RUNTIME.spawn(write(sink, from_threads));
        RUNTIME.spawn(read(stream, to_threads));
        Ok(Self { outgoing, incoming })
    }

    fn resumed(&self) -> bool {
        false
    }

    async fn send(&mut self, payload: &Bytes) -> Result<()> {
        Ok(self.outgoing.blocking_send(payload.clone())?)
    }

    async fn receive(&mut self, expected: Expected) -> Result<()> {
        let message = self.incoming.recv()??;
        expected.check(message.is_binary(), &message.into_data())
    }

    fn send_from_threads(&mut self, payload: &Bytes, count: usize) -> Result<()> {
        let outgoing = &self.outgoing;
        std::thread::scope(|scope| {
            let send =
                || -> Result<()> { (0..count / 4).try_for_each(|_| Ok(outgoing.blocking_send(payload.clone())?)) };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(send)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
        })
    }

    async fn close(self) -> Result<()> {
        Ok(())
    }
}
