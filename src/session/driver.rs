//! The task behind a session: it reads, sends what the kernel did not take at once, and watches the clock.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use tokio::io::unix::AsyncFd;
use tokio::time::sleep_until;

use super::{Initiator, Reader, Session, Verdict};
use crate::error::{Error, Kind, Phase};
use crate::frame::CloseCode;
use crate::protocol::connection::{close_timed_out, unannounced_end};
use crate::protocol::outgoing;
use crate::protocol::{Close, Received};
use crate::transport::{Socket, tls};

/// How many reads before other sessions get their turn.
const READS_PER_TURN: usize = 16;

/// With more than this many bytes of pongs waiting, the peer's pings are no longer read.
const MAX_PENDING_CONTROL: usize = 64 * 1024;

/// Why a turn of reading ended.
enum Turn {
    /// The socket has nothing more.
    Drained,
    /// It may have more.
    Unfinished,
    /// There is no room for what would come.
    Full,
    /// The stream is over.
    Over(Option<io::Error>),
}

/// Drives a session until its transport is gone.
pub(super) async fn drive(session: Arc<Session>, ready: AsyncFd<Arc<Socket>>) {
    let mut driver = Driver { session, ready: Some(ready), last_received: Instant::now() };
    driver.run().await;
}

struct Driver {
    session: Arc<Session>,
    /// The registration; it goes before the socket does.
    ready: Option<AsyncFd<Arc<Socket>>>,
    last_received: Instant,
}

impl Drop for Driver {
    /// Also when the runtime is shut down under the task.
    fn drop(&mut self) {
        self.session.abort();
        self.ready = None;
        self.session.drop_transport();
    }
}

impl Driver {
    async fn run(&mut self) {
        // What came with the handshake's response is not announced by the socket.
        let mut turn = Turn::Unfinished;
        loop {
            turn = match turn {
                Turn::Over(error) => return self.over(error),
                Turn::Unfinished => {
                    tokio::task::yield_now().await;
                    self.read()
                }
                Turn::Full if self.session.may_read() => self.read(),
                Turn::Full => self.wait(false).await,
                Turn::Drained => self.wait(true).await,
            };
            if self.session.is_aborted() {
                return;
            }
            let now = Instant::now();
            if self.session.deadline(self.last_received).is_some_and(|deadline| deadline <= now) {
                return self.session.time_out(self.last_received, now);
            }
            if self.session.has_send_failure() && matches!(turn, Turn::Drained) {
                // Whatever the peer had sent before it went away is read by now.
                turn = self.read();
                if matches!(turn, Turn::Drained) {
                    return self.session.end_with_send_failure();
                }
            }
        }
    }

    /// Waits until there is something to do, and does it.
    async fn wait(&mut self, reading: bool) -> Turn {
        let idle = if reading { Turn::Drained } else { Turn::Full };
        let Some(ready) = &self.ready else { return Turn::Over(None) };
        let session = &self.session;
        let deadline = session.deadline(self.last_received);
        let sending = session.writer.lock().is_waiting();
        tokio::select! {
            guard = ready.readable(), if reading => match guard {
                Ok(mut guard) => {
                    let turn = session.read(&mut self.last_received);
                    if matches!(turn, Turn::Drained) {
                        guard.clear_ready();
                    }
                    turn
                }
                Err(error) => Turn::Over(Some(error)),
            },
            guard = ready.writable(), if sending => match guard {
                Ok(mut guard) => {
                    if session.flush_queued() {
                        guard.clear_ready();
                    }
                    idle
                }
                Err(error) => Turn::Over(Some(error)),
            },
            () = session.wake.notified() => idle,
            () = async { match deadline {
                Some(deadline) => sleep_until(deadline.into()).await,
                None => pending().await,
            } } => idle,
        }
    }

    fn read(&mut self) -> Turn {
        self.session.read(&mut self.last_received)
    }

    fn over(&self, error: Option<io::Error>) {
        let session = &self.session;
        let verdict = match error {
            Some(error) => Some(tls::error("the connection was lost", &error)),
            None => session.reader.lock().as_ref().and_then(|reader| unannounced_end(&reader.incoming).err()),
        };
        session.decide(verdict, None, Initiator::Transport);
    }
}

impl Session {
    /// Reads until the socket is empty, the inbox full or the turn over.
    fn read(&self, last_received: &mut Instant) -> Turn {
        let mut reader = self.reader.lock();
        let Some(Reader { incoming, receiver }) = &mut *reader else { return Turn::Over(None) };
        for _ in 0..READS_PER_TURN {
            loop {
                if !self.may_read() {
                    return Turn::Full;
                }
                let Some(received) = incoming.poll(&self.limits()) else { break };
                self.deliver(received);
            }
            match receiver.receive(incoming.space()) {
                Ok(0) => return Turn::Over(None),
                Ok(count) => {
                    incoming.received(count);
                    *last_received = Instant::now();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Turn::Drained,
                Err(error) => return Turn::Over(Some(error)),
            }
        }
        Turn::Unfinished
    }

    /// Whether there is room for what would come: messages in the inbox, pongs in the send queue.
    fn may_read(&self) -> bool {
        self.writer.lock().outgoing.pending_control() <= MAX_PENDING_CONTROL && self.inbox.has_room()
    }

    fn deliver(&self, received: Received) {
        if let Received::Message(message) = received {
            self.inbox.push(message);
            return;
        }
        let mut writer = self.writer.lock();
        writer.outgoing.answer(&received, Instant::now());
        writer.flush();
        drop(writer);
        match received {
            Received::Close(close) => self.decide(None, Some(close), Initiator::Remote),
            Received::Violation(error) => self.decide(Some(error), None, Initiator::Protocol),
            Received::Message(_) | Received::Ping(_) | Received::Pong(_) => {}
        }
    }

    /// Sends what waits. Returns whether the kernel takes no more for now.
    fn flush_queued(&self) -> bool {
        let mut writer = self.writer.lock();
        writer.flush();
        let waiting = writer.is_waiting();
        drop(writer);
        self.writable.notify_all();
        waiting
    }

    fn has_send_failure(&self) -> bool {
        self.writer.lock().failure().is_some()
    }

    fn end_with_send_failure(&self) {
        let failure = self.writer.lock().failure().cloned();
        self.decide(failure, None, Initiator::Transport);
    }

    /// When something is due: the end of the closing handshake, or of the patience with a silent peer.
    fn deadline(&self, last_received: Instant) -> Option<Instant> {
        let closing = self.writer.lock().outgoing.close_deadline();
        let idle = self.idle_timeout.and_then(|timeout| last_received.checked_add(timeout));
        [closing, idle].into_iter().flatten().min()
    }

    fn time_out(&self, last_received: Instant, now: Instant) {
        let mut writer = self.writer.lock();
        if writer.outgoing.close_deadline().is_some_and(|deadline| deadline <= now) {
            drop(writer);
            self.decide(Some(close_timed_out()), None, Initiator::Transport);
            return;
        }
        writer.outgoing.fail(CloseCode::GOING_AWAY, "Idle timeout", now);
        writer.flush();
        drop(writer);
        let silence = now.saturating_duration_since(last_received).as_millis();
        let error = Error::new(Kind::ClosedAbnormally, format!("nothing came from the server for {silence} ms"));
        self.decide(Some(error), None, Initiator::Local);
    }

    /// Ends the session at once, dropping the connection.
    pub(crate) fn abort(&self) {
        let error = Error::new(Kind::Aborted, "the session was aborted");
        self.decide(Some(error), None, Initiator::Local);
    }

    fn is_aborted(&self) -> bool {
        matches!(self.ending.verdict(), Some(Verdict { error: Some(Error { kind: Kind::Aborted, .. }), .. }))
    }

    /// The verdict, once it is there.
    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        self.ending.verdict()
    }

    /// Decides how the session ended, unless that is decided, and wakes everyone who waits for it. A session that is
    /// closing already was begun to be ended by whoever sent the first Close.
    fn decide(&self, error: Option<Error>, remote: Option<Close>, initiator: Initiator) {
        let writer = self.writer.lock();
        let (local, initiator) = match writer.outgoing.closing() {
            Some((close, outgoing::Initiator::Local)) if initiator == Initiator::Remote => {
                (Some(close.clone()), Initiator::Local)
            }
            Some((close, _)) => (Some(close.clone()), initiator),
            None => (None, initiator),
        };
        let error = error.map(|error| error.in_phase(Phase::Open));
        let first = self.ending.decide(Verdict { error, local, remote, initiator });
        // A sender between its look at the verdict and its wait holds the lock: none is missed.
        drop(writer);
        if first {
            self.writable.notify_all();
            self.inbox.end();
            self.wake.notify_one();
        }
    }

    /// The last step of the end.
    fn drop_transport(&self) {
        self.reader.lock().take();
        self.writer.lock().drop_transport();
        self.ending.set_closed();
    }
}
