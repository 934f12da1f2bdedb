//! Decides when the peer is late: it does not answer a ping or our Close in time, or sends nothing for the idle timeout. This
//! process may have been stopped for longer than that, and the peer may still be receiving a long upload. Therefore a reader
//! first reads all bytes that have arrived, and a peer that acknowledges sent bytes is not late.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::TICK;
use crate::protocol::keepalive::NO_LIMIT;
use crate::session::Session;

/// How long reading the bytes that have arrived may take.
const LONGEST_OVERTIME: Duration = Duration::from_secs(10);

/// The last part of a timeout, as a divisor, during which the driver checks whether the peer acknowledges bytes.
const PROBE: u32 = 2;

/// The events that the peer may be late with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    Close,
    Pong,
    Bytes,
}

const ALL: [Late; 3] = [Late::Close, Late::Pong, Late::Bytes];

/// Whether the peer is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    InTime,
    /// Its time is over, but bytes that have arrived are not read yet.
    Unread,
    Late(Late),
}

/// The driver's state for these checks.
#[derive(Debug, Default)]
pub(crate) struct Lateness {
    /// Set while the peer's time is over and bytes that have arrived are being read.
    overtime: Option<Overtime>,
    /// One for each event.
    probes: [Option<Probe>; 3],
    /// When the peer last acknowledged bytes while it sent none.
    took: Option<Instant>,
}

/// The state of reading when the peer's time was over.
#[derive(Debug)]
struct Overtime {
    /// The limits that were exceeded. Other limits begin another overtime.
    limits: [Option<Instant>; 3],
    found_empty: u64,
    received: u64,
    /// The unread bytes of the socket.
    available: u64,
    until: Instant,
}

/// The peer's progress in the middle of its time, or at the first check after that.
#[derive(Debug)]
struct Probe {
    /// The end of the peer's time. Another limit begins another probe.
    limit: Instant,
    progress: Progress,
    is_amid_frame: bool,
    until: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Progress {
    /// The sent bytes that the peer has acknowledged.
    acknowledged: u64,
    /// Whether it has yet to acknowledge bytes, or those of the ping for a pong.
    is_sending: bool,
    received: u64,
}

impl Lateness {
    /// Whether the driver waits for a reader to read the bytes that have arrived.
    pub(crate) fn is_overtime(&self) -> bool {
        self.overtime.is_some()
    }

    /// When to call [`check`](Self::check) next. `is_receiving`: a reader receives what the peer sends.
    pub(crate) fn deadline(&self, session: &Session, is_receiving: bool) -> Option<Instant> {
        if self.is_overtime() {
            return Some(Instant::now() + TICK);
        }
        ALL.into_iter().filter_map(|late| self.due(late, session, is_receiving)).min()
    }

    /// Checks whether the peer is late, and sends a ping that is due.
    pub(crate) fn check(&mut self, session: &Session, is_receiving: bool) -> Standing {
        let now = Instant::now();
        for late in ALL {
            self.probe(late, session, is_receiving, now);
        }
        let is_due = |late: Late| {
            let is_over = self.due(late, session, is_receiving).is_some_and(|due| due <= now);
            is_over && (late != Late::Pong || session.keep_alive(now))
        };
        let due = ALL.map(|late| is_due(late).then_some(late));
        if due.iter().all(Option::is_none) {
            self.overtime = None;
            return Standing::InTime;
        }
        let limits = due.map(|late| self.limit(late?, session, is_receiving));
        if is_receiving && !self.has_read(session, limits, now) {
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
    fn limit(&self, late: Late, session: &Session, is_receiving: bool) -> Option<Instant> {
        match late {
            Late::Close => session.close_deadline(),
            Late::Pong => {
                let keepalive = session.keepalive.state.lock();
                keepalive.deadline().filter(|_| is_receiving || !keepalive.awaits_pong())
            }
            Late::Bytes => {
                let timeout = session.shared_options.idle_timeout.filter(|_| is_receiving)?;
                let since = session.keepalive.last_received();
                self.took.map_or(since, |took| took.max(since)).checked_add(timeout)
            }
        }
    }

    /// The time of the next check: the probe before the limit, or the limit.
    fn due(&self, late: Late, session: &Session, is_receiving: bool) -> Option<Instant> {
        let limit = self.limit(late, session, is_receiving)?;
        Some(match &self.probes[late as usize] {
            Some(probe) if probe.limit == limit => probe.until,
            _ => session.probe_time(late).and_then(|time| limit.checked_sub(time)).unwrap_or(limit),
        })
    }

    /// Records the peer's progress, if the time of the probe has come.
    fn probe(&mut self, late: Late, session: &Session, is_receiving: bool, now: Instant) {
        let Some(limit) = self.limit(late, session, is_receiving) else {
            self.probes[late as usize] = None;
            return;
        };
        let is_probed = self.probes[late as usize].as_ref().is_some_and(|probe| probe.limit == limit);
        let Some(time) = session.probe_time(late).filter(|_| !is_probed) else { return };
        if limit > now + time {
            return;
        }
        let progress = session.progress(late);
        let is_amid_frame = late == Late::Pong && session.recv.is_amid_frame.load(Ordering::Relaxed);
        // The probe is late if this process was stopped.
        let until = if progress.is_sending || is_amid_frame { limit.max(now + time) } else { limit };
        self.probes[late as usize] = Some(Probe { limit, progress, is_amid_frame, until });
    }

    /// Whether all bytes are read that had arrived when the peer's time was over: since then a reader has found the socket empty,
    /// or has read that many bytes.
    fn has_read(&mut self, session: &Session, limits: [Option<Instant>; 3], now: Instant) -> bool {
        let found_empty = session.recv.found_empty();
        let received = session.recv.counts.bytes();
        let Some(overtime) = self.overtime.as_ref().filter(|overtime| overtime.limits == limits) else {
            let available = session.socket.lock().as_ref().map_or(0, |socket| socket.available());
            let until = now + LONGEST_OVERTIME;
            self.overtime = Some(Overtime { limits, found_empty, received, available, until });
            // A sleeping reader wakes and reads the socket.
            session.interrupts.wake_reader();
            return false;
        };
        let read = received.saturating_sub(overtime.received);
        found_empty != overtime.found_empty || (1..=read).contains(&overtime.available) || now >= overtime.until
    }

    /// Whether the peer has acknowledged bytes since the probe, or has sent more of a frame. Its time then begins anew.
    fn is_excused(&mut self, late: Late, session: &Session, now: Instant) -> bool {
        let Some(Probe { progress: before, is_amid_frame, .. }) = self.probes[late as usize].take() else {
            return false;
        };
        let progress = session.progress(late);
        let takes = before.is_sending && progress.acknowledged > before.acknowledged;
        let sends = is_amid_frame && progress.received > before.received;
        if takes || sends {
            match late {
                Late::Close => session.send.queue.lock().outgoing.renew_close_deadline(now),
                Late::Pong => session.keepalive.state.lock().restart_timeout(now),
                Late::Bytes => self.took = Some(now),
            }
        }
        takes || sends
    }
}

impl Session {
    /// How long before the limit the probe takes place. None while no ping is in flight.
    fn probe_time(&self, late: Late) -> Option<Duration> {
        let timeout = match late {
            Late::Close => self.shared_options.close_timeout,
            Late::Pong => {
                let keepalive = self.keepalive.state.lock();
                keepalive.timeout().filter(|timeout| keepalive.awaits_pong() && *timeout != NO_LIMIT)
            }
            Late::Bytes => self.shared_options.idle_timeout,
        };
        timeout.map(|timeout| timeout / PROBE)
    }

    /// The peer's progress.
    fn progress(&self, late: Late) -> Progress {
        let writer = self.send.writer.lock();
        let send_queue = self.send.queue.lock();
        let unacknowledged = self.socket.lock().as_ref().map_or(0, |socket| socket.unacknowledged());
        let unacknowledged = unacknowledged + writer.held() as u64;
        let acknowledged = send_queue.sent().saturating_sub(unacknowledged);
        let is_sending = match (late, &send_queue.ping) {
            // Bytes after the ping do not matter.
            (Late::Pong, Some(ping)) => ping.is_under_way(acknowledged),
            _ => unacknowledged > 0 || send_queue.outgoing.pending() > 0,
        };
        Progress { acknowledged, is_sending, received: self.recv.counts.bytes() }
    }
}
