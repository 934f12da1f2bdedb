//! When the peer is taken for gone: it does not answer a ping or our Close in time, or nothing comes from it. This process
//! may have been stopped for longer than that, and the peer may have our upload before it, so two things come first:
//! what has arrived is read, whoever reads, and a peer that takes what was sent is alive.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Session;
use super::driver::TICK;

/// How long what has arrived may take to be read.
const LONGEST_OVERTIME: Duration = Duration::from_secs(10);

/// The part of a timeout, its last one, in which it is looked whether the peer takes something.
const PROBE: u32 = 2;

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
    /// What the peer seemed late with: another limit is another overtime.
    limits: [Option<Instant>; 3],
    found_empty: u64,
    received: u64,
    /// What the socket had.
    available: u64,
    until: Instant,
}

/// How far the peer was in the middle of its time, or when that was first looked at.
#[derive(Debug)]
struct Probe {
    /// When the peer's time is over: another limit is another probe.
    limit: Instant,
    progress: Progress,
    is_amid_frame: bool,
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
            self.probe(late, session, listens, now);
        }
        let is_due = |late: Late| {
            let is_over = self.due(late, session, listens).is_some_and(|due| due <= now);
            is_over && (late != Late::Pong || session.keep_alive(now))
        };
        let due = ALL.map(|late| is_due(late).then_some(late));
        if due.iter().all(Option::is_none) {
            self.overtime = None;
            return Standing::InTime;
        }
        let limits = due.map(|late| self.limit(late?, session, listens));
        if listens && !self.has_read(session, limits, now) {
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

    /// The same, or when the peer is to be looked at before.
    fn due(&self, late: Late, session: &Session, listens: bool) -> Option<Instant> {
        let limit = self.limit(late, session, listens)?;
        Some(match &self.probes[late as usize] {
            Some(probe) if probe.limit == limit => probe.until,
            _ => session.probe_time(late).and_then(|time| limit.checked_sub(time)).unwrap_or(limit),
        })
    }

    /// Looks how far the peer is, where it is time for that.
    fn probe(&mut self, late: Late, session: &Session, listens: bool, now: Instant) {
        let Some(limit) = self.limit(late, session, listens) else {
            self.probes[late as usize] = None;
            return;
        };
        let is_probed = self.probes[late as usize].as_ref().is_some_and(|probe| probe.limit == limit);
        let Some(time) = session.probe_time(late).filter(|_| !is_probed) else { return };
        if limit > now + time {
            return;
        }
        let progress = session.progress(late);
        let is_amid_frame = late == Late::Pong && session.is_amid_frame.load(Ordering::Relaxed);
        // It is late to look where this process was stopped.
        let until = if progress.is_sending || is_amid_frame { limit.max(now + time) } else { limit };
        self.probes[late as usize] = Some(Probe { limit, progress, is_amid_frame, until });
    }

    /// Whether all is read that had arrived when the peer first seemed late: whoever reads has found the socket empty since,
    /// or read as much.
    fn has_read(&mut self, session: &Session, limits: [Option<Instant>; 3], now: Instant) -> bool {
        let found_empty = session.found_empty.load(Ordering::Acquire);
        let received = session.counts.bytes();
        let Some(overtime) = self.overtime.as_ref().filter(|overtime| overtime.limits == limits) else {
            let available = session.socket.lock().as_ref().map_or(0, |socket| socket.available());
            let until = now + LONGEST_OVERTIME;
            self.overtime = Some(Overtime { limits, found_empty, received, available, until });
            // A thread that sleeps looks at the socket.
            session.interrupts.wake_reader();
            return false;
        };
        let read = received.saturating_sub(overtime.received);
        found_empty != overtime.found_empty || (1..=read).contains(&overtime.available) || now >= overtime.until
    }

    /// Whether a peer that is late has been seen to take what was sent, or in the middle of a frame to send: then its time
    /// begins anew.
    fn is_excused(&mut self, late: Late, session: &Session, now: Instant) -> bool {
        let Some(Probe { progress: before, is_amid_frame, .. }) = self.probes[late as usize].take() else {
            return false;
        };
        let progress = session.progress(late);
        let takes = before.is_sending && progress.acknowledged > before.acknowledged;
        let sends = is_amid_frame && progress.received > before.received;
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

impl Session {
    /// For how long before its limit the peer is looked at. None while a ping is only to be sent.
    fn probe_time(&self, late: Late) -> Option<Duration> {
        let timeout = match late {
            Late::Close => self.terms.close_timeout,
            Late::Pong => {
                let keepalive = self.keepalive.lock();
                keepalive.timeout().filter(|_| keepalive.awaits_pong())
            }
            Late::Bytes => self.terms.idle_timeout,
        };
        timeout.map(|timeout| timeout / PROBE)
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
