//! The task behind a session: it reads, sends what the kernel did not take at once, and watches the clock.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::unix::AsyncFd;
use tokio::time::sleep_until;

use super::Session;
use super::reading::Turn;
use crate::error::{Error, Kind};
use crate::frame::CloseCode;
use crate::protocol::Initiator;
use crate::protocol::connection::{close_timed_out, unannounced_end};
use crate::transport::{Socket, tls};

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
            if self.session.ending.is_aborted() || self.time_out(&mut turn) {
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

    /// Does what is due. Returns whether that ended the session. This process may have been stopped for longer than a
    /// timeout: what the socket holds is read before the peer is found late.
    fn time_out(&mut self, turn: &mut Turn) -> bool {
        let now = Instant::now();
        let session = Arc::clone(&self.session);
        session.stop_holding(now);
        if session.is_late_to_close(now) {
            self.read();
            session.decide(Some(close_timed_out()), None, Initiator::Transport);
            return true;
        }
        if matches!(turn, Turn::Drained) && session.is_silent_since(self.last_received, now) {
            *turn = self.read();
            if matches!(turn, Turn::Drained) && session.is_silent_since(self.last_received, now) {
                session.end_silence(now.saturating_duration_since(self.last_received), now);
                return true;
            }
        }
        false
    }
}

impl Session {
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

    fn is_silent_since(&self, last_received: Instant, now: Instant) -> bool {
        self.idle_deadline(last_received).is_some_and(|deadline| deadline <= now)
    }

    fn is_late_to_close(&self, now: Instant) -> bool {
        self.writer.lock().outgoing.close_deadline().is_some_and(|deadline| deadline <= now)
    }

    fn end_silence(&self, silence: Duration, now: Instant) {
        let mut writer = self.writer.lock();
        writer.outgoing.fail(CloseCode::GOING_AWAY, "Idle timeout", now);
        self.flush(writer);
        let silence = silence.as_millis();
        let error = Error::new(Kind::ClosedAbnormally, format!("nothing came from the server for {silence} ms"));
        self.decide(Some(error), None, Initiator::Local);
    }
}
