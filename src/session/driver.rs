//! What looks after a session in the background: it reads while the application is away, sends what the kernel did not
//! take at once, and watches the clock. A thread of the reactor makes a step of it whenever there may be something to do.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Session;
use super::Verdict;
use super::handoff::Presence;
use super::lateness::{Late, Lateness, Standing};
use super::logging::{Later, log};
use super::reading::Turned;
use super::reconnecting::Next as Advance;
use crate::error::{Error, Kind};
use crate::frame::CloseCode;
use crate::protocol::Initiator;
use crate::protocol::close::close_timed_out;
use crate::transport::{Interest, ready};

/// How long the application may be away before the driver reads in its place; at most twice this.
pub(super) const TICK: Duration = Duration::from_millis(4);

/// How long a violation waits for its turn at most.
const LONGEST_HOLD: Duration = Duration::from_secs(5);

/// What a session's driver remembers from step to step.
pub(super) struct Driver {
    reading: Reading,
    /// What [`Handoff::look`](super::handoff::Handoff::look) remembers.
    seen: u64,
    /// There may be something to read that the socket does not announce.
    is_unfinished: bool,
    /// The peer sends no more behind what is there: the socket says so once.
    has_end: bool,
    /// While reading is held: until when.
    held_until: Instant,
    lateness: Lateness,
    /// The session has ended; its transport goes as soon as the application has let go of it.
    is_over: bool,
    /// What the socket is watched for.
    watched: Interest,
    /// It has let go of the connection that is lost.
    is_away: bool,
    /// When the reactor's timer is to make a step.
    due: Option<Instant>,
    /// The reactor's, from the first step on.
    key: Option<usize>,
}

/// What comes after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A step when there is something to do.
    Wait,
    /// Another step, when others have had theirs.
    Again,
    /// Nothing.
    Over,
}

/// How the driver stands to reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// The application reads, and wakes the driver when it leaves.
    Off,
    /// The application was there a moment ago: looks again a tick later.
    Watching { since: Instant },
    /// The driver reads.
    On,
    /// It would, but the application has to receive first, or the peer to take what is sent.
    Stalled,
    /// It would, but a violation waits for its turn.
    Held,
}

impl Driver {
    pub(super) fn new(since: Instant) -> Self {
        Self {
            reading: Reading::Watching { since },
            seen: 0,
            is_unfinished: false,
            has_end: false,
            held_until: since,
            lateness: Lateness::default(),
            is_over: false,
            is_away: false,
            watched: Interest::default(),
            due: None,
            key: None,
        }
    }

    /// Does what there is to do, with what the socket is ready for.
    fn step(&mut self, session: &Arc<Session>, found: u32) -> Next {
        let key = *self.key.get_or_insert_with(|| session.reactor.enter(Arc::clone(session)));
        if session.reactor.crew.is_stopping() {
            // Whoever stops the reactor may have looked before this one was there.
            session.abort();
        }
        if session.is_away() {
            return self.stay_away(session, key);
        }
        if !self.is_over {
            self.is_over = !self.work(session, found);
            if session.is_away() {
                return self.stay_away(session, key);
            }
        }
        if self.is_over {
            return self.leave(session);
        }
        if self.is_unfinished && self.reading == Reading::On {
            session.note_ready(ready::RECEIVE);
            return Next::Again;
        }
        if let Err(error) = self.watch_socket(session, key) {
            let error = Error::os(Kind::Internal, "could not wait for the socket", &error);
            session.decide(Some(error), None, Initiator::Transport);
            self.is_over = true;
            return self.leave(session);
        }
        let due = self.deadline(session);
        session.reactor.set_deadline(key, self.due, due);
        self.due = due;
        Next::Wait
    }

    /// A step while the connection is lost.
    fn stay_away(&mut self, session: &Arc<Session>, key: usize) -> Next {
        // What happens next to the session while it is away is its end.
        self.is_over = true;
        if !std::mem::replace(&mut self.is_away, true) {
            if let Some(socket) = &*session.socket.lock() {
                // It fails only for one that is not watched.
                let _ = session.reactor.watch(socket, key, self.watched, Interest::default());
            }
            self.watched = Interest::default();
            session.let_go();
        }
        let Some(reconnecting) = &session.reconnecting else { return Next::Over };
        let due = match reconnecting.advance(session) {
            Advance::Sleep(due) => due,
            Advance::Connected(established) => match session.take_up(*established) {
                Ok(()) => {
                    (self.is_over, self.is_away) = (false, false);
                    self.lateness = Lateness::default();
                    self.has_end = false;
                    self.seen = session.reader.handoff().left();
                    (self.reading, self.is_unfinished) = (Reading::On, true);
                    session.note_ready(ready::RECEIVE);
                    return Next::Again;
                }
                Err(error) => {
                    session.decide_finally(&Verdict { error: Some(error), remote: None, initiator: Initiator::Local });
                    return self.leave(session);
                }
            },
            Advance::GiveUp(verdict) => {
                session.decide_finally(&verdict);
                return self.leave(session);
            }
        };
        session.reactor.set_deadline(key, self.due, due);
        self.due = due;
        Next::Wait
    }

    /// Returns whether the session goes on.
    fn work(&mut self, session: &Session, found: u32) -> bool {
        if found & ready::SEND != 0 || session.has_waiting_senders() {
            session.flush();
        }
        self.has_end |= found & ready::END != 0;
        let to_end = self.has_end;
        if found & ready::RECEIVE != 0 && self.reading == Reading::On && self.read(session, to_end) == Turned::Over {
            return false;
        }
        if session.ending.is_aborted() || self.time_out(session) {
            return false;
        }
        self.look_around(session);
        !session.has_send_failure() || !self.end_with_send_failure(session)
    }

    /// A thread of the application that reads finds the end of the stream, and asks for a step when it has left.
    fn leave(&mut self, session: &Session) -> Next {
        session.abort();
        loop {
            match session.reader.handoff().look(&mut self.seen) {
                Presence::Active => {}
                Presence::Inside => return Next::Wait,
                Presence::Away => return Next::Over,
            }
        }
    }

    /// Finds out whether to read.
    fn look_around(&mut self, session: &Session) {
        let now = Instant::now();
        let before = self.reading;
        match self.reading {
            Reading::Off if session.reader.handoff().is_watched() => self.reading = Reading::Watching { since: now },
            Reading::Watching { since } if now.saturating_duration_since(since) >= TICK => {
                self.reading = match session.reader.handoff().look(&mut self.seen) {
                    Presence::Active => Reading::Watching { since: now },
                    Presence::Inside => Reading::Off,
                    Presence::Away => Reading::On,
                };
                if self.reading == Reading::Off {
                    session.release_sending();
                }
            }
            Reading::Stalled if session.may_read() => {
                // The peer was not silent: it was not listened to.
                session.note_received();
                session.keepalive.lock().restart_timeout(now);
                self.reading = Reading::On;
            }
            Reading::Held if self.held_until <= now || session.may_fail() => {
                session.is_held.store(false, Ordering::Release);
                self.reading = Reading::On;
            }
            _ => {}
        }
        // Somebody waits for what only reading brings, or it decides whether the peer is late.
        let is_urgent = session.reader.handoff().is_kept()
            || session.ending.verdict().is_some()
            || session.inbox.is_leaving()
            || session.has_waiting_senders()
            || session.keepalive.lock().awaits_pong()
            || self.lateness.is_overtime();
        if is_urgent
            && matches!(self.reading, Reading::Off | Reading::Watching { .. })
            && !session.reader.handoff().is_inside()
        {
            self.seen = session.reader.handoff().left();
            self.reading = Reading::On;
        }
        if self.reading == Reading::On && before != Reading::On {
            self.is_unfinished = true;
            log!(Debug, session.id, "the library reads");
        }
        if self.reading == Reading::On && !session.reader.handoff().listen(self.seen) {
            // It has come back, and may have taken from the socket what it does not decode.
            self.stand_back(session);
        }
    }

    /// Reads, unless the application does again.
    fn read(&mut self, session: &Session, to_end: bool) -> Turned {
        self.is_unfinished = false;
        let came_back = session.reader.handoff().left() != self.seen;
        let impatient = self.held_until <= Instant::now();
        let turned = session.reader.enter_as_driver(|reader| {
            let Some(reader) = reader else { return Turned::Over };
            let turned = session.read(reader, impatient, to_end);
            if turned == Turned::Drained {
                reader.incoming.release();
                reader.receiver.release();
            }
            turned
        });
        let Some((turned, left)) = turned else {
            self.stand_back(session);
            return Turned::Unfinished;
        };
        session.left(left);
        match turned {
            Turned::Drained => {
                session.release_sending();
                session.spares.release();
                if let Some(owner) = session.owner() {
                    owner.rest();
                }
            }
            Turned::Unfinished => self.is_unfinished = true,
            Turned::Stalled => {
                log!(Debug, session.id, "the library stops reading: a queue is full");
                self.reading = Reading::Stalled;
            }
            Turned::Held => {
                if self.reading != Reading::Held {
                    let patience = session.terms.close_timeout.unwrap_or(LONGEST_HOLD).min(LONGEST_HOLD);
                    self.held_until = Instant::now() + patience;
                }
                self.reading = Reading::Held;
                session.is_held.store(true, Ordering::Release);
            }
            Turned::Over => {}
        }
        if came_back && self.reading == Reading::On {
            self.stand_back(session);
        }
        turned
    }

    /// The application reads again.
    fn stand_back(&mut self, session: &Session) {
        self.seen = session.reader.handoff().left();
        self.reading = Reading::Watching { since: Instant::now() };
    }

    /// Has the socket watched for what there is to wait for.
    fn watch_socket(&mut self, session: &Session, key: usize) -> io::Result<()> {
        let receive = self.reading == Reading::On;
        let wanted = Interest { receive, send: session.is_blocked.load(Ordering::Relaxed) };
        if wanted != self.watched
            && let Some(socket) = &*session.socket.lock()
        {
            session.reactor.watch(socket, key, self.watched, wanted)?;
            self.watched = wanted;
        }
        Ok(())
    }

    /// The reactor's key, for whoever takes the session from it.
    pub(super) fn take_key(&mut self) -> Option<usize> {
        self.key.take()
    }

    /// Lets go of the reactor.
    fn end(&mut self, session: &Session) {
        let Some(key) = self.key.take() else { return };
        if let Some(socket) = &*session.socket.lock() {
            // It fails only for one that is not watched.
            let _ = session.reactor.watch(socket, key, self.watched, Interest::default());
        }
        session.reactor.set_deadline(key, self.due.take(), None);
        session.reactor.exit(key);
    }

    /// When something is due.
    fn deadline(&self, session: &Session) -> Option<Instant> {
        let tick = match self.reading {
            Reading::Watching { since } => Some(since + TICK),
            Reading::Held => Some(self.held_until),
            _ => None,
        };
        let peer = self.lateness.deadline(session, self.listens());
        [tick, peer].into_iter().flatten().min()
    }

    /// Whether what the peer sends is noticed.
    fn listens(&self) -> bool {
        !matches!(self.reading, Reading::Stalled | Reading::Held)
    }

    /// Ends the session if the peer is late. Returns whether it did.
    fn time_out(&mut self, session: &Session) -> bool {
        match self.lateness.look(session, self.listens()) {
            Standing::InTime => return false,
            Standing::Unread => {
                self.is_unfinished = true;
                return false;
            }
            Standing::Late(Late::Close) => session.decide(Some(close_timed_out()), None, Initiator::Transport),
            Standing::Late(Late::Pong) => session.end_unanswered(Instant::now()),
            Standing::Late(Late::Bytes) => session.end_silence(),
        }
        true
    }

    /// Nothing can be sent any more. Whatever the peer had sent before it went away is read first. Returns whether the
    /// session has ended.
    fn end_with_send_failure(&mut self, session: &Session) -> bool {
        if session.reader.handoff().is_inside() {
            session.stop_reading();
            return false;
        }
        match self.read(session, true) {
            Turned::Over => true,
            Turned::Drained => {
                let failure = session.outbox.lock().failure.as_deref().cloned();
                session.decide(failure, None, Initiator::Transport);
                true
            }
            _ => false,
        }
    }
}

/// A driver that makes a step. It is outside of its lock: a step may call the application.
struct Stepping<'a> {
    session: &'a Session,
    driver: Option<Driver>,
}

impl Drop for Stepping<'_> {
    fn drop(&mut self) {
        *self.session.driver.lock() = self.driver.take();
    }
}

impl Session {
    /// A step of the driver, by the thread that has begun its task.
    pub(super) fn step(self: &Arc<Self>) -> Next {
        let _later = Later::begin();
        let found = self.ready.swap(0, Ordering::AcqRel);
        let mut stepping = Stepping { session: self, driver: self.driver.lock().take() };
        stepping.driver.as_mut().map_or(Next::Over, |driver| driver.step(self, found))
    }

    /// The last step.
    pub(super) fn end_driving(&self) {
        self.abort();
        let driver = self.driver.lock().take();
        if let Some(mut driver) = driver {
            driver.end(self);
        }
        self.drop_transport();
        self.ask_to_tell();
    }

    /// The socket has become ready for something. Returns whether it is for the caller to queue a step.
    pub(super) fn note_ready(&self, bits: u32) -> bool {
        self.ready.fetch_or(bits, Ordering::AcqRel);
        self.task.ask()
    }

    /// Has the driver make a step, and begin if need be.
    pub(super) fn wake_driver(&self) {
        if self.task.ask()
            && let Some(session) = self.me.upgrade()
        {
            self.reactor.drive(session);
        }
    }

    /// The same for what the driver sees in time when it begins.
    pub(super) fn wake_begun_driver(&self) {
        if self.task.has_begun() {
            self.wake_driver();
        }
    }

    fn has_send_failure(&self) -> bool {
        self.outbox.lock().failure.is_some()
    }

    fn has_waiting_senders(&self) -> bool {
        self.outbox.lock().waiting > 0
    }

    pub(super) fn close_deadline(&self) -> Option<Instant> {
        self.outbox.lock().outgoing.close_deadline()
    }

    /// Gives back memory for sending that nothing waits in.
    fn release_sending(&self) {
        if let Some(mut wire) = self.wire.try_lock() {
            self.outbox.lock().release(&mut wire.flight);
            wire.release();
        }
        // With the outbox locked, no sender finds the encoders locked by this thread.
        let outbox = self.outbox.lock();
        if let Some(mut encoders) = self.encoders.as_ref().and_then(|encoders| encoders.try_lock()) {
            encoders.release();
        }
        drop(outbox);
    }

    fn end_silence(&self) {
        let now = Instant::now();
        let silence = now.saturating_duration_since(self.last_received()).as_millis();
        let error = Error::new(Kind::ClosedAbnormally, format!("nothing came from the server for {silence} ms"));
        self.give_up(error, CloseCode::GOING_AWAY, "Idle timeout", now);
    }
}
