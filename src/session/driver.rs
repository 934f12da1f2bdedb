//! The task behind a session: it reads, sends what the kernel did not take at once, and watches the clock.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::unix::AsyncFd;
use tokio::time::sleep_until;

use super::{Session, Verdict};
use crate::error::{Error, Kind, Phase};
use crate::frame::CloseCode;
use crate::protocol::connection::{close_timed_out, unannounced_end};
use crate::protocol::{Close, Initiator, Received};
use crate::transport::{Socket, tls};

/// How many reads before other sessions get their turn.
const READS_PER_TURN: usize = 16;

/// How long a violation waits for its turn where the close timeout sets no limit.
const LONGEST_HOLD: Duration = Duration::from_secs(5);

/// Why a turn of reading ended.
enum Turn {
    /// The socket has nothing more.
    Drained,
    /// It may have more.
    Unfinished,
    /// The application has to receive first, or the peer to take what is sent.
    Stalled,
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
                Turn::Over(error) => return self.session.end_with_stream(error.as_ref()),
                Turn::Drained => self.wait(true).await,
                Turn::Stalled => match self.wait(false).await {
                    Turn::Over(error) => Turn::Over(error),
                    _ => {
                        // The peer was not silent: it was not listened to.
                        self.last_received = Instant::now();
                        self.read()
                    }
                },
                Turn::Unfinished => {
                    tokio::task::yield_now().await;
                    // Reading must not keep the session from sending.
                    self.session.flush_queued();
                    self.read()
                }
            };
            if self.session.ending.is_aborted() || self.time_out(&turn) {
                return;
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
        let idle = if reading { Turn::Drained } else { Turn::Stalled };
        let Some(ready) = &self.ready else { return Turn::Over(None) };
        let session = &self.session;
        let deadline = session.deadline(reading.then_some(self.last_received));
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

    /// Does what is due. Returns whether that ended the session.
    fn time_out(&mut self, turn: &Turn) -> bool {
        let now = Instant::now();
        self.session.stop_holding(now);
        if self.session.time_out_closing(now) {
            return true;
        }
        let is_silent = |session: &Session, last_received| {
            session.idle_deadline(last_received).is_some_and(|deadline| deadline <= now)
        };
        if !matches!(turn, Turn::Drained) || !is_silent(&self.session, self.last_received) {
            return false;
        }
        // This process may have been stopped for longer than the timeout: only an empty socket is silence.
        if matches!(self.read(), Turn::Drained) && is_silent(&self.session, self.last_received) {
            self.session.end_silence(now.saturating_duration_since(self.last_received), now);
            return true;
        }
        false
    }
}

impl Session {
    /// Reads until the socket is empty, the inbox full or the turn over.
    fn read(&self, last_received: &mut Instant) -> Turn {
        let mut guard = self.reader.lock();
        let Some(reader) = &mut *guard else { return Turn::Over(None) };
        if let Some((violation, _)) = reader.held.take_if(|_| self.may_fail()) {
            self.deliver(Received::Violation(violation));
        }
        if reader.held.is_some() {
            return Turn::Stalled;
        }
        for _ in 0..READS_PER_TURN {
            loop {
                if !self.may_read() {
                    return Turn::Stalled;
                }
                let Some(received) = reader.incoming.poll(&self.limits()) else { break };
                match received {
                    Received::Violation(error) if !self.may_fail() => {
                        let until = Instant::now() + self.close_timeout.unwrap_or(LONGEST_HOLD).min(LONGEST_HOLD);
                        reader.held = Some((error, until));
                        return Turn::Stalled;
                    }
                    received => self.deliver(received),
                }
            }
            match reader.receiver.receive(reader.incoming.space()) {
                Ok(0) => return Turn::Over(None),
                Ok(count) => {
                    reader.incoming.received(count);
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
        !self.writer.lock().is_clogged() && self.inbox.has_room()
    }

    /// Whether a violation may take effect: after the application has had its turn with the messages before it, so
    /// that it can still answer them.
    fn may_fail(&self) -> bool {
        self.writer.lock().outgoing.closing().is_some() || self.inbox.is_caught_up()
    }

    fn deliver(&self, received: Received) {
        if let Received::Message(message) = received {
            self.inbox.push(message);
            return;
        }
        let mut writer = self.writer.lock();
        writer.answer(&received);
        self.flush(writer);
        match received {
            Received::Close(close) => self.decide(None, Some(close), Initiator::Remote),
            Received::Violation(error) => self.decide(Some(error), None, Initiator::Protocol),
            Received::Message(_) | Received::Ping(_) | Received::Pong(_) => {}
        }
    }

    /// Sends what waits. Returns whether the kernel takes no more for now.
    fn flush_queued(&self) -> bool {
        let writer = self.writer.lock();
        if !writer.is_waiting() {
            return false;
        }
        self.flush(writer);
        self.writer.lock().is_waiting()
    }

    fn has_send_failure(&self) -> bool {
        self.writer.lock().failure().is_some()
    }

    fn end_with_send_failure(&self) {
        let failure = self.writer.lock().failure().cloned();
        self.decide(failure, None, Initiator::Transport);
    }

    /// The byte stream is over, by its end or by an error.
    fn end_with_stream(&self, error: Option<&io::Error>) {
        let verdict = match error {
            Some(error) => Some(tls::error("the connection was lost", error)),
            None => {
                let end = self.reader.lock().as_ref().and_then(|reader| unannounced_end(&reader.incoming).err());
                // A reset that sending has met is an end for receiving.
                end.map(|end| self.writer.lock().failure().cloned().unwrap_or(end))
            }
        };
        self.decide(verdict, None, Initiator::Transport);
    }

    /// When something is due: the end of the closing handshake, of the patience with a silent peer, or of a
    /// violation's wait. `last_received` is none while nobody listens to the peer.
    fn deadline(&self, last_received: Option<Instant>) -> Option<Instant> {
        let closing = self.writer.lock().outgoing.close_deadline();
        let held = self.reader.lock().as_ref().and_then(|reader| Some(reader.held.as_ref()?.1));
        let idle = last_received.and_then(|last_received| self.idle_deadline(last_received));
        [closing, idle, held].into_iter().flatten().min()
    }

    fn idle_deadline(&self, last_received: Instant) -> Option<Instant> {
        self.idle_timeout.and_then(|timeout| last_received.checked_add(timeout))
    }

    /// Lets a violation take effect that has waited for its turn long enough.
    fn stop_holding(&self, now: Instant) {
        let held = self.reader.lock().as_mut().and_then(|reader| reader.held.take_if(|(_, until)| *until <= now));
        if let Some((violation, _)) = held {
            self.deliver(Received::Violation(violation));
        }
    }

    /// Ends the session where the closing handshake has taken too long.
    fn time_out_closing(&self, now: Instant) -> bool {
        let is_late = self.writer.lock().outgoing.close_deadline().is_some_and(|deadline| deadline <= now);
        if is_late {
            self.decide(Some(close_timed_out()), None, Initiator::Transport);
        }
        is_late
    }

    fn end_silence(&self, silence: Duration, now: Instant) {
        let mut writer = self.writer.lock();
        writer.outgoing.fail(CloseCode::GOING_AWAY, "Idle timeout", now);
        self.flush(writer);
        let silence = silence.as_millis();
        let error = Error::new(Kind::ClosedAbnormally, format!("nothing came from the server for {silence} ms"));
        self.decide(Some(error), None, Initiator::Local);
    }

    /// Drops the connection at once, and ends the session unless it has ended.
    pub(crate) fn abort(&self) {
        self.ending.abort();
        let error = Error::new(Kind::Aborted, "the session was aborted");
        self.decide(Some(error), None, Initiator::Local);
        self.wake.notify_one();
    }

    /// The verdict, once it is there.
    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        self.ending.verdict()
    }

    /// Our Close, once it is sent.
    pub(crate) fn sent_close(&self) -> Option<Close> {
        self.writer.lock().sent_close().cloned()
    }

    /// Decides how the session ended, unless that is decided, and wakes everyone who waits for it. Where our own Close
    /// had begun the end, whatever completes it, this side is the initiator.
    fn decide(&self, error: Option<Error>, remote: Option<Close>, initiator: Initiator) {
        let writer = self.writer.lock();
        let began = matches!(writer.outgoing.closing(), Some((_, Initiator::Local)));
        let initiator = if began { Initiator::Local } else { initiator };
        let error = error.map(|error| error.in_phase(Phase::Open));
        let first = self.ending.decide(Verdict { error, remote, initiator });
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
