//! The task behind a session: it reads while the application is away, sends what the kernel did not take at once, and
//! watches the clock.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::sleep_until;

use super::Session;
use super::handoff::Presence;
use super::reading::Turned;
use crate::error::{Error, Kind};
use crate::frame::CloseCode;
use crate::protocol::Initiator;
use crate::protocol::connection::close_timed_out;
use crate::transport::Socket;

/// How long the application may be away before the driver reads in its place; at most twice this.
pub(super) const TICK: Duration = Duration::from_millis(4);

/// How long a violation waits for its turn at most.
const LONGEST_HOLD: Duration = Duration::from_secs(5);

/// Drives a session until its transport is gone, and ends it when it is dropped, also before it has run.
pub(super) struct Driver {
    session: Arc<Session>,
    reading: Reading,
    /// What [`Handoff::look`](super::handoff::Handoff::look) remembers.
    seen: u64,
    /// There may be something to read that the socket does not announce.
    is_unfinished: bool,
    /// While reading is held: until when.
    held_until: Instant,
    /// The peer is late, but the socket has something from it.
    in_overtime: bool,
    /// The registration for what is waited for; it goes before the socket does.
    registered: Option<(Interest, AsyncFd<Arc<Socket>>)>,
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

/// What a wait has found.
#[derive(Default)]
struct Found {
    readable: bool,
    writable: bool,
}

impl Drop for Driver {
    /// Also when the runtime is shut down under the task.
    fn drop(&mut self) {
        self.registered = None;
        self.session.abort();
        self.session.drop_transport();
    }
}

impl Driver {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self {
            reading: Reading::Watching { since: session.since },
            session,
            seen: 0,
            is_unfinished: false,
            held_until: Instant::now(),
            in_overtime: false,
            registered: None,
        }
    }

    pub(super) async fn run(mut self) {
        self.work().await;
        // A thread that reads finds the end of the stream, and wakes the driver when it has left.
        self.session.abort();
        loop {
            match self.session.reader.handoff().look(&mut self.seen) {
                Presence::Active => {}
                Presence::Inside => poll_fn(|context| self.session.wake.poll_notified(context)).await,
                Presence::Away => return,
            }
        }
    }

    async fn work(&mut self) {
        loop {
            if self.session.ending.is_aborted() || self.time_out() {
                return;
            }
            self.watch();
            if self.session.has_send_failure() && self.end_with_send_failure() {
                return;
            }
            let found = match self.wait().await {
                Ok(found) => found,
                Err(error) => {
                    let error = Error::os(Kind::Internal, "could not wait for the socket", &error);
                    self.session.decide(Some(error), None, Initiator::Transport);
                    return;
                }
            };
            if found.writable || self.session.has_waiting_senders() {
                self.session.flush();
            }
            if found.readable && self.reading == Reading::On && self.read() == Turned::Over {
                return;
            }
        }
    }

    /// Finds out whether to read.
    fn watch(&mut self) {
        let session = &self.session;
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
                session.keepalive.lock().excuse(now);
                self.reading = Reading::On;
            }
            Reading::Held if self.held_until <= now || session.may_fail() => self.reading = Reading::On,
            _ => {}
        }
        // Somebody waits for what only reading brings, or it decides whether the peer is late.
        let is_urgent = session.ending.verdict().is_some()
            || session.inbox.is_leaving()
            || session.has_waiting_senders()
            || session.keepalive.lock().awaits_pong()
            || self.in_overtime;
        if is_urgent
            && matches!(self.reading, Reading::Off | Reading::Watching { .. })
            && !session.reader.handoff().is_inside()
        {
            self.seen = session.reader.handoff().left();
            self.reading = Reading::On;
        }
        self.is_unfinished |= self.reading == Reading::On && before != Reading::On;
        if self.reading == Reading::On && !session.reader.handoff().listen(self.seen) {
            // It has come back, and may have taken from the socket what it does not decode.
            self.stand_back();
        }
    }

    /// Reads, unless the application does again.
    fn read(&mut self) -> Turned {
        let session = Arc::clone(&self.session);
        self.is_unfinished = false;
        let came_back = session.reader.handoff().left() != self.seen;
        let impatient = self.held_until <= Instant::now();
        let turned = session.reader.enter_as_driver(|reader| {
            let Some(reader) = reader else { return Turned::Over };
            let turned = session.read(reader, impatient);
            if turned == Turned::Drained {
                reader.incoming.release();
                reader.receiver.release();
            }
            turned
        });
        let Some((turned, left)) = turned else {
            self.stand_back();
            return Turned::Unfinished;
        };
        session.left(left);
        match turned {
            Turned::Drained => {
                session.release_sending();
                session.spares.release();
            }
            Turned::Unfinished => self.is_unfinished = true,
            Turned::Stalled => self.reading = Reading::Stalled,
            Turned::Held => {
                if self.reading != Reading::Held {
                    let patience = session.close_timeout.unwrap_or(LONGEST_HOLD).min(LONGEST_HOLD);
                    self.held_until = Instant::now() + patience;
                }
                self.reading = Reading::Held;
            }
            Turned::Over => {}
        }
        if came_back && self.reading == Reading::On {
            self.stand_back();
        }
        turned
    }

    /// The application reads again.
    fn stand_back(&mut self) {
        self.seen = self.session.reader.handoff().left();
        self.reading = Reading::Watching { since: Instant::now() };
    }

    /// Waits until there is something to do, or to look at.
    async fn wait(&mut self) -> io::Result<Found> {
        if self.is_unfinished && self.reading == Reading::On {
            tokio::task::yield_now().await;
            return Ok(Found { readable: true, writable: false });
        }
        self.register()?;
        // In a box: most of the time most sessions have none.
        let mut deadline = self.deadline().map(|deadline| Box::pin(sleep_until(deadline.into())));
        poll_fn(|context| {
            let mut found = Found::default();
            let mut is_due = deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(context).is_ready());
            is_due |= self.session.wake.poll_notified(context).is_ready();
            if let Some((interest, socket)) = &self.registered {
                // What comes from now on is announced again.
                if interest.is_readable()
                    && let Poll::Ready(guard) = socket.poll_read_ready(context)
                {
                    guard?.clear_ready();
                    found.readable = true;
                }
                if interest.is_writable()
                    && let Poll::Ready(guard) = socket.poll_write_ready(context)
                {
                    guard?.clear_ready();
                    found.writable = true;
                }
            }
            if is_due || found.readable || found.writable { Poll::Ready(Ok(found)) } else { Poll::Pending }
        })
        .await
    }

    /// Registers the socket for what is to be waited for; for nothing, not at all: a registered socket wakes the runtime
    /// for every packet.
    fn register(&mut self) -> io::Result<()> {
        let reads = (self.reading == Reading::On).then_some(Interest::READABLE);
        let writes = self.session.is_blocked.load(Ordering::Relaxed).then_some(Interest::WRITABLE);
        let interest = match (reads, writes) {
            (Some(reads), Some(writes)) => Some(reads | writes),
            (reads, writes) => reads.or(writes),
        };
        if self.registered.as_ref().map(|(interest, _)| *interest) == interest {
            return Ok(());
        }
        self.registered = None;
        if let Some(interest) = interest
            && let Some(socket) = &*self.session.socket.lock()
        {
            self.registered = Some((interest, socket.register(interest)?));
        }
        Ok(())
    }

    /// When something is due.
    fn deadline(&self) -> Option<Instant> {
        let now = Instant::now();
        let tick = match self.reading {
            Reading::Watching { since } => Some(since + TICK),
            Reading::Held => Some(self.held_until),
            _ => None,
        };
        let peer =
            [self.session.close_deadline(), self.idle_deadline(), self.ping_deadline()].into_iter().flatten().min();
        let peer = if self.in_overtime { peer.map(|_| now + TICK) } else { peer };
        [tick, peer].into_iter().flatten().min()
    }

    /// Whether what the peer sends is noticed.
    fn listens(&self) -> bool {
        !matches!(self.reading, Reading::Stalled | Reading::Held)
    }

    /// When a ping is to be sent, or answered at the latest.
    fn ping_deadline(&self) -> Option<Instant> {
        let keepalive = self.session.keepalive.lock();
        keepalive.deadline().filter(|_| self.listens() || !keepalive.awaits_pong())
    }

    fn idle_deadline(&self) -> Option<Instant> {
        self.session
            .idle_timeout
            .filter(|_| self.listens())
            .and_then(|timeout| self.session.last_received().checked_add(timeout))
    }

    /// Ends the session if the peer is late. Returns whether it did. This process may have been stopped for longer than
    /// a timeout: what the socket holds is read before the peer is found late.
    fn time_out(&mut self) -> bool {
        let now = Instant::now();
        let is_due = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        let (closing, silent) = (is_due(self.session.close_deadline()), is_due(self.idle_deadline()));
        let unanswered = is_due(self.ping_deadline()) && self.session.keep_alive(now);
        if !closing && !silent && !unanswered {
            self.in_overtime = false;
            return false;
        }
        let has_input = self.session.socket.lock().as_ref().is_some_and(|socket| socket.has_input());
        if !std::mem::replace(&mut self.in_overtime, true) && has_input {
            self.is_unfinished = true;
            return false;
        }
        if closing {
            self.session.decide(Some(close_timed_out()), None, Initiator::Transport);
        } else if unanswered {
            self.session.end_unanswered(now);
        } else {
            self.session.end_silence(now.saturating_duration_since(self.session.last_received()), now);
        }
        true
    }

    /// Nothing can be sent any more. Whatever the peer had sent before it went away is read first. Returns whether the
    /// session has ended.
    fn end_with_send_failure(&mut self) -> bool {
        if self.session.reader.handoff().is_inside() {
            self.session.stop_reading();
            return false;
        }
        match self.read() {
            Turned::Over => true,
            Turned::Drained => {
                let failure = self.session.outbox.lock().failure.clone();
                self.session.decide(failure, None, Initiator::Transport);
                true
            }
            _ => false,
        }
    }
}

impl Session {
    fn has_send_failure(&self) -> bool {
        self.outbox.lock().failure.is_some()
    }

    fn has_waiting_senders(&self) -> bool {
        self.outbox.lock().waiting > 0
    }

    fn close_deadline(&self) -> Option<Instant> {
        self.outbox.lock().outgoing.close_deadline()
    }

    /// Gives back memory for sending that nothing waits in.
    fn release_sending(&self) {
        if let Some(mut wire) = self.wire.try_lock() {
            self.outbox.lock().outgoing.release(&mut wire.flight);
            wire.release();
        }
        if let Some(mut encoders) = self.encoders.as_ref().and_then(|encoders| encoders.try_lock()) {
            encoders.release();
        }
    }

    fn end_silence(&self, silence: Duration, now: Instant) {
        let silence = silence.as_millis();
        let error = Error::new(Kind::ClosedAbnormally, format!("nothing came from the server for {silence} ms"));
        self.give_up(error, CloseCode::GOING_AWAY, "Idle timeout", now);
    }
}
