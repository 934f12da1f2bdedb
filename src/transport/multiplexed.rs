//! A byte stream that shares its connection with others and lives on the runtime, such as a stream of an HTTP/2 or HTTP/3
//! connection. A call never waits: a stream that is not ready returns `WouldBlock`, and its [`StreamReadiness`] tells when it is.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// What a multiplexed stream has become ready for since the last look.
#[derive(Debug, Default)]
pub(crate) struct StreamReadiness {
    receive: AtomicBool,
    send: AtomicBool,
    changed: Notify,
}

impl StreamReadiness {
    /// Waits until the stream is ready to receive, to send, or both. One task waits at a time.
    pub(crate) async fn ready(&self) -> (bool, bool) {
        loop {
            let ready = (self.receive.swap(false, Ordering::AcqRel), self.send.swap(false, Ordering::AcqRel));
            if ready != (false, false) {
                return ready;
            }
            self.changed.notified().await;
        }
    }
}

struct ReceiveWaker(Arc<StreamReadiness>);

impl Wake for ReceiveWaker {
    fn wake(self: Arc<Self>) {
        self.0.receive.store(true, Ordering::Release);
        self.0.changed.notify_one();
    }
}

struct SendWaker(Arc<StreamReadiness>);

impl Wake for SendWaker {
    fn wake(self: Arc<Self>) {
        self.0.send.store(true, Ordering::Release);
        self.0.changed.notify_one();
    }
}

/// The receiving half.
pub(crate) struct MuxedRecv {
    stream: Box<dyn AsyncRead + Send + Unpin>,
    waker: Waker,
}

impl MuxedRecv {
    pub(super) fn new(stream: Box<dyn AsyncRead + Send + Unpin>, readiness: &Arc<StreamReadiness>) -> Self {
        Self { stream, waker: Arc::new(ReceiveWaker(Arc::clone(readiness))).into() }
    }

    /// Reads available bytes. Returns 0 at the end of the stream.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        let received = Pin::new(&mut self.stream).poll_read(&mut Context::from_waker(&self.waker), &mut buffer);
        now(received).map(|()| buffer.filled().len())
    }
}

/// The sending half.
pub(crate) struct MuxedSend {
    /// None once both directions are shut down.
    stream: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    waker: Waker,
    /// Accepted bytes may wait for a flush.
    is_flushing: bool,
}

impl MuxedSend {
    pub(super) fn new(stream: Box<dyn AsyncWrite + Send + Unpin>, readiness: &Arc<StreamReadiness>) -> Self {
        let waker = Arc::new(SendWaker(Arc::clone(readiness))).into();
        Self { stream: Some(stream), waker, is_flushing: false }
    }

    /// Sends bytes and returns their number.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.poll(|stream, context| stream.poll_write(context, bytes))?;
        self.is_flushing = true;
        Ok(count)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.is_flushing {
            self.poll(|stream, context| stream.poll_flush(context))?;
            self.is_flushing = false;
        }
        Ok(())
    }

    /// Ends the sending direction.
    pub(super) fn finish(&mut self) {
        // The stream ends it when it can; nothing waits for that.
        let _ = self.poll(|stream, context| stream.poll_shutdown(context));
    }

    /// Shuts down both directions.
    pub(super) fn shut_down(&mut self) {
        self.finish();
        self.stream = None;
    }

    fn poll<T>(
        &mut self,
        poll: impl FnOnce(Pin<&mut (dyn AsyncWrite + Send + Unpin)>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        now(poll(Pin::new(&mut **stream), &mut Context::from_waker(&self.waker)))
    }
}

fn now<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
