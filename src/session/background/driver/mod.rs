//! The driver: the background task of a session. It reads while the application is away, sends what the kernel did not accept at
//! once, watches the deadlines, and reconnects. It starts when it is first needed.

pub(crate) mod handle;
mod read_mode;
mod task;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::time::{Sleep, sleep_until};

use super::GRACE;
use super::TICK;
use super::lateness::{Late, Lateness, Standing};
use super::reconnect::Outcome;
use super::watch::{Found, StreamWatch, Watch};
use crate::error::{Error, Kind};
use crate::frame::CloseCode;
use crate::protocol::Initiator;
use crate::protocol::close::close_timed_out;
use crate::session::CloseOutcome;
use crate::session::Session;
use crate::session::log::Later;
use crate::session::recv::read::ReadOutcome;
use crate::session::recv::read_lock::word::AppActivity;

/// The longest time that a protocol error is deferred.
const LONGEST_DEFERRAL: Duration = Duration::from_secs(5);

/// The state of the driver between its steps.
struct Driver {
    reading: ReadMode,
    /// The state of [`LockWord::observe_app`](crate::session::recv::read_lock::word::LockWord::observe_app).
    seen: u64,
    /// There may be something to read that the socket does not report.
    is_unfinished: bool,
    /// The application has read since the driver did.
    gives_grace: bool,
    /// The socket has become ready for these since the last step.
    found: Found,
    /// The stream ends after the bytes that have arrived. The socket reports this only once.
    has_end: bool,
    /// The time until which a protocol error is deferred.
    deferred_until: Instant,
    lateness: Lateness,
    /// The library is being shut down, and the session is aborted.
    is_cancelled: bool,
    /// The session has ended. Its transport is dropped as soon as no thread of the application reads.
    is_over: bool,
    watch: Option<StreamWatch>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// What comes after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Wait until there is something to do.
    Wait,
    /// Make another step after other tasks have run.
    Again,
    /// Reconnect, because the connection is lost.
    Reconnect,
    /// End the driver.
    Over,
}

/// Whether the driver reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadMode {
    /// The application reads, and wakes the driver when it leaves.
    ByApp,
    /// The application has read a moment ago. The driver checks again a tick later.
    Watching { since: Instant },
    /// The descriptor is readable, and the driver waits for the application to read.
    Grace { until: Instant },
    /// The driver reads.
    Armed,
    /// The driver would read, but the receive queue is full, or too many pongs wait to be sent.
    Backpressured { room_since: Option<Instant> },
    /// The driver would read, but a protocol error is deferred.
    DeferredError,
}

impl Driver {
    fn new(since: Instant) -> Self {
        Self {
            reading: ReadMode::Watching { since },
            seen: 0,
            is_unfinished: false,
            gives_grace: true,
            found: Found::default(),
            has_end: false,
            deferred_until: since,
            lateness: Lateness::default(),
            is_cancelled: false,
            is_over: false,
            watch: None,
            timer: None,
        }
    }

    /// Does the pending work.
    fn step(&mut self, session: &Arc<Session>) -> Next {
        let _later = Later::begin();
        self.is_cancelled = session.runtime.tasks().cancel().is_cancelled();
        if self.is_cancelled {
            session.abort();
        }
        if !self.is_over && !session.is_away() {
            self.is_over = !self.work(session);
        }
        if session.is_away() {
            return Next::Reconnect;
        }
        if self.is_over {
            return self.leave(session);
        }
        if self.is_unfinished && self.reading == ReadMode::Armed {
            self.found.receive = true;
            return Next::Again;
        }
        if let Err(error) = self.watch_socket(session) {
            let error = Error::os(Kind::Internal, "could not wait for the socket", &error);
            session.set_outcome(Some(error), None, Initiator::Transport);
            if session.is_away() {
                return Next::Reconnect;
            }
            self.is_over = true;
            return self.leave(session);
        }
        Next::Wait
    }

    /// Waits until there may be something to do.
    async fn wait(&mut self, session: &Session) {
        let due = if self.is_over { None } else { self.deadline(session) };
        self.set_timer(due);
        let cancel = session.runtime.tasks().cancel();
        let (watch, timer) = (&self.watch, &mut self.timer);
        let found = tokio::select! {
            () = session.driver.woken() => None,
            found = async {
                match watch {
                    Some(watch) => watch.ready().await,
                    None => std::future::pending().await,
                }
            } => Some(found),
            () = async {
                match timer {
                    Some(timer) => timer.as_mut().await,
                    None => std::future::pending().await,
                }
            } => None,
            () = cancel.cancelled(), if !self.is_cancelled => None,
        };
        match found {
            Some(Ok(found)) => {
                self.found.receive |= found.receive;
                self.found.send |= found.send;
                self.has_end |= found.end;
            }
            // The runtime ends, which drops this task.
            Some(Err(_)) => self.watch = None,
            None => {}
        }
    }

    fn set_timer(&mut self, due: Option<Instant>) {
        match (due, &mut self.timer) {
            (None, timer) => *timer = None,
            (Some(due), Some(timer)) if timer.deadline() == due.into() && !timer.is_elapsed() => {}
            (Some(due), Some(timer)) => timer.as_mut().reset(due.into()),
            (Some(due), timer) => *timer = Some(Box::pin(sleep_until(due.into()))),
        }
    }

    /// Replaces the lost connection. Returns whether there is a new one.
    async fn reconnect(&mut self, session: &Arc<Session>) -> bool {
        self.watch = None;
        self.timer = None;
        session.detach();
        let close_outcome = match session.reconnect().await {
            Outcome::Connected(_) if session.has_ended() => return false,
            Outcome::Connected(established) => match session.attach(*established) {
                // The session may have ended meanwhile.
                Ok(()) if session.has_ended() => return false,
                Ok(()) => {
                    *self = Self::new(Instant::now());
                    self.seen = session.recv.reader.word().left();
                    (self.reading, self.is_unfinished) = (ReadMode::Armed, true);
                    self.found.receive = true;
                    return true;
                }
                Err(error) => CloseOutcome { error: Some(error), remote: None, initiator: Initiator::Local },
            },
            Outcome::GaveUp(close_outcome) => close_outcome,
            Outcome::Ended => return false,
        };
        session.set_final_outcome(&close_outcome);
        false
    }

    /// Handles events and deadlines. Returns whether the session goes on.
    fn work(&mut self, session: &Session) -> bool {
        let found = std::mem::take(&mut self.found);
        if found.send || session.send.has_waiting_threads() {
            session.flush();
        }
        if found.receive
            && self.reading == ReadMode::Armed
            && self.gives_grace
            && session.delivery.is_signalled()
            && !session.recv.reader.word().is_reserved()
            && !self.has_end
        {
            self.reading = ReadMode::Grace { until: Instant::now() + GRACE };
        }
        if found.receive && self.reading == ReadMode::Armed && self.read(session) == ReadOutcome::Over {
            return false;
        }
        if session.close_state.is_aborted() || self.time_out(session) {
            return false;
        }
        self.update_read_mode(session);
        !session.send.has_failure() || !self.end_with_send_failure(session)
    }

    /// Ends the driver once no thread of the application reads. A thread that reads finds the end of the stream, and wakes the
    /// driver when it leaves.
    fn leave(&mut self, session: &Session) -> Next {
        self.watch = None;
        session.abort();
        loop {
            match session.recv.reader.word().observe_app(&mut self.seen) {
                AppActivity::Active => {}
                AppActivity::Inside => return Next::Wait,
                AppActivity::Away => return Next::Over,
            }
        }
    }

    /// Registers the socket for the events to wait for. Registering reports events that are already there.
    fn watch_socket(&mut self, session: &Session) -> io::Result<()> {
        if let Some(readiness) = &*session.muxed.lock() {
            self.watch.get_or_insert_with(|| StreamWatch::Muxed(Arc::clone(readiness)));
            return Ok(());
        }
        let (receive, send) = (self.reading == ReadMode::Armed, session.send.is_blocked.load(Ordering::Relaxed));
        let wanted = match (receive, send) {
            (false, false) => None,
            (true, false) => Some(Interest::READABLE),
            (false, true) => Some(Interest::WRITABLE),
            (true, true) => Some(Interest::READABLE | Interest::WRITABLE),
        };
        if wanted != self.watch.as_ref().and_then(StreamWatch::interest) {
            self.watch = None;
            let socket = session.socket.lock().clone();
            if let (Some(interest), Some(socket)) = (wanted, socket) {
                self.watch = Some(StreamWatch::Socket(Watch::new(socket, interest)?));
            }
        }
        Ok(())
    }

    /// Returns the next deadline.
    fn deadline(&self, session: &Session) -> Option<Instant> {
        let tick = match self.reading {
            ReadMode::Watching { since } => Some(since + TICK),
            ReadMode::DeferredError => Some(self.deferred_until),
            ReadMode::Grace { until } => Some(until),
            ReadMode::Backpressured { room_since } => room_since.map(|since| since + TICK),
            _ => None,
        };
        let peer = self.lateness.deadline(session, self.is_receiving());
        [tick, peer].into_iter().flatten().min()
    }

    /// Whether some thread reads what the peer sends.
    fn is_receiving(&self) -> bool {
        !matches!(self.reading, ReadMode::Backpressured { .. } | ReadMode::DeferredError)
    }

    /// Ends the session if the peer is late. Returns whether it did.
    fn time_out(&mut self, session: &Session) -> bool {
        match self.lateness.check(session, self.is_receiving()) {
            Standing::InTime => return false,
            Standing::Unread => {
                self.is_unfinished = true;
                return false;
            }
            Standing::Late(Late::Close) => session.set_outcome(Some(close_timed_out()), None, Initiator::Transport),
            Standing::Late(Late::Pong) => session.end_unanswered(Instant::now()),
            Standing::Late(Late::Bytes) => session.end_silence(),
        }
        true
    }

    /// Ends the session after a failure to send. Everything that the peer had sent before is read first. Returns whether the
    /// session has ended.
    fn end_with_send_failure(&mut self, session: &Session) -> bool {
        if session.recv.reader.word().is_inside() {
            session.stop_reading();
            return false;
        }
        match self.read(session) {
            ReadOutcome::Over => true,
            ReadOutcome::Drained => {
                let failure = session.send.queue.lock().failure.as_deref().cloned();
                session.set_outcome(failure, None, Initiator::Transport);
                true
            }
            _ => false,
        }
    }
}

impl Session {
    pub(crate) fn close_deadline(&self) -> Option<Instant> {
        self.send.queue.lock().outgoing.close_deadline()
    }

    fn end_silence(&self) {
        let now = Instant::now();
        let silence = now.saturating_duration_since(self.keepalive.last_received()).as_millis();
        let error = Error::new(Kind::IdleTimeout, format!("the server has sent nothing for {silence} ms"));
        self.fail_connection(error, CloseCode::GOING_AWAY, "Idle timeout", now);
    }
}
