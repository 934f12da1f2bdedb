//! When the peer is taken for gone: it does not answer a ping or our Close in time, or nothing comes from it. This process
//! may have been stopped for longer than that, and the peer may have our upload before it, so two things come first:
//! what has arrived is read, whoever reads, and a peer that takes what was sent is alive.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Session;
use super::driver::TICK;

/// How long what has arrived may take to be read.
const LONGEST_OVERTIME: Duration = Duration::from_secs(10);

/// For how much of a timeout it is looked whether the peer takes something.
const PROBE: u32 = 4;

/// What the peer may be late with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    Close,
    Pong,
    Bytes,
}

const ALL: [Late; 3] = [Late::Close, Late::Pong, Late::Bytes];

/// How the peer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    InTime,
    /// It seems late, but not all that has arrived is read.
    Unread,
    Late(Late),
}

/// What the driver remembers of the peer.
#[derive(Debug, Default)]
pub(super) struct Lateness {
    /// The peer seems late.
    overtime: Option<Overtime>,
    /// One for each of what it may be late with.
    probes: [Option<Probe>; 3],
    /// When the peer was last seen to take something while nothing came from it.
    took: Option<Instant>,
}

/// How reading stood when the peer seemed late.
#[derive(Debug)]
struct Overtime {
    found_empty: u64,
    received: u64,
    /// What the socket had.
    available: u64,
    until: Instant,
}

/// How far the peer was when it seemed late with something.
#[derive(Debug)]
struct Probe {
    progress: Progress,
    until: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Progress {
    /// What the peer has of what was sent.
    acknowledged: u64,
    /// Whether it has not all of it, or not what it is to answer.
    is_sending: bool,
    received: u64,
}

impl Lateness {
    /// Whether it is waited for what has arrived to be read.
    pub(super) fn is_overtime(&self) -> bool {
        self.overtime.is_some()
    }

    /// When to [`look`](Self::look). `listens`: what the peer sends is noticed.
    pub(super) fn deadline(&self, session: &Session, listens: bool) -> Option<Instant> {
        if self.is_overtime() {
            return Some(Instant::now() + TICK);
        }
        ALL.into_iter().filter_map(|late| self.due(late, session, listens)).min()
    }

    /// Looks whether the peer is late, and sends a ping that is due.
    pub(super) fn look(&mut self, session: &Session, listens: bool) -> Standing {
        let now = Instant::now();
        for late in ALL {
            if self.limit(late, session, listens).is_none_or(|limit| limit > now) {
                self.probes[late as usize] = None;
            }
        }
        let mut due = [None; 3];
        for late in ALL {
            let is_due = self.due(late, session, listens).is_some_and(|due| due <= now);
            due[late as usize] = Some(late).filter(|_| is_due && (late != Late::Pong || session.keep_alive(now)));
        }
        if due.iter().all(Option::is_none) {
            self.overtime = None;
            return Standing::InTime;
        }
        if listens && !self.has_read(session, now) {
            return Standing::Unread;
        }
        match due.into_iter().flatten().find(|late| !self.is_excused(*late, session, now)) {
            Some(late) => Standing::Late(late),
            None => {
                self.overtime = None;
                Standing::InTime
            }
        }
    }

    /// When the peer's time is over.
    fn limit(&self, late: Late, session: &Session, listens: bool) -> Option<Instant> {
        match late {
            Late::Close => session.close_deadline(),
            Late::Pong => {
                let keepalive = session.keepalive.lock();
                keepalive.deadline().filter(|_| listens || !keepalive.awaits_pong())
            }
            Late::Bytes => {
                let timeout = session.terms.idle_timeout.filter(|_| listens)?;
                let since = session.last_received();
                self.took.map_or(since, |took| took.max(since)).checked_add(timeout)
            }
        }
    }

    /// The same, or when it is known whether the peer takes something.
    fn due(&self, late: Late, session: &Session, listens: bool) -> Option<Instant> {
        let limit = self.limit(late, session, listens)?;
        Some(self.probes[late as usize].as_ref().map_or(limit, |probe| probe.until.max(limit)))
    }

    /// Whether all is read that had arrived when the peer first seemed late: whoever reads has found the socket empty since,
    /// or read as much.
    fn has_read(&mut self, session: &Session, now: Instant) -> bool {
        let found_empty = session.found_empty.load(Ordering::Acquire);
        let received = session.counts.bytes();
        let Some(overtime) = &self.overtime else {
            let available = session.socket.lock().as_ref().map_or(0, |socket| socket.available());
            self.overtime = Some(Overtime { found_empty, received, available, until: now + LONGEST_OVERTIME });
            // A thread that sleeps looks at the socket.
            session.interrupts.wake_reader();
            return false;
        };
        let read = received.saturating_sub(overtime.received);
        found_empty != overtime.found_empty || (1..=read).contains(&overtime.available) || now >= overtime.until
    }

    /// Whether a peer that is late is seen to take what was sent, or in the middle of a frame to send: then its time begins
    /// anew. That takes a while to find out.
    fn is_excused(&mut self, late: Late, session: &Session, now: Instant) -> bool {
        let progress = session.progress(late);
        match self.probes[late as usize].take() {
            None => {
                let is_amid_frame = late == Late::Pong && session.is_amid_frame.load(Ordering::Relaxed);
                let timeout = session.timeout_of(late).filter(|_| progress.is_sending || is_amid_frame);
                let Some(timeout) = timeout else { return false };
                let until = now + (timeout / PROBE).max(TICK);
                self.probes[late as usize] = Some(Probe { progress, until });
                true
            }
            Some(Probe { progress: before, .. }) => {
                let takes = before.is_sending && progress.acknowledged > before.acknowledged;
                let sends = late == Late::Pong && progress.received > before.received;
                if takes || sends {
                    match late {
                        Late::Close => session.outbox.lock().outgoing.renew_close_deadline(now),
                        Late::Pong => session.keepalive.lock().excuse(now),
                        Late::Bytes => self.took = Some(now),
                    }
                }
                takes || sends
            }
        }
    }
}

impl Session {
    fn timeout_of(&self, late: Late) -> Option<Duration> {
        match late {
            Late::Close => self.terms.close_timeout,
            Late::Pong => self.keepalive.lock().timeout(),
            Late::Bytes => self.terms.idle_timeout,
        }
    }

    /// How far the peer is.
    fn progress(&self, late: Late) -> Progress {
        let wire = self.wire.lock();
        let outbox = self.outbox.lock();
        let unacknowledged = self.socket.lock().as_ref().map_or(0, |socket| socket.unacknowledged());
        let unacknowledged = unacknowledged + wire.held() as u64;
        let acknowledged = outbox.sent().saturating_sub(unacknowledged);
        let is_sending = match (late, &outbox.ping) {
            // What follows the ping says nothing.
            (Late::Pong, Some(ping)) => ping.is_under_way(acknowledged),
            _ => unacknowledged > 0 || outbox.outgoing.pending() > 0,
        };
        Progress { acknowledged, is_sending, received: self.counts.bytes() }
    }
}
