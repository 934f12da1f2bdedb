//! Keepalive (Ktor's pinger): when to send a ping, which pong answers it, and when the peer has timed out.

use std::time::{Duration, Instant};

/// The payload of a ping: a counter and a random number.
type PingPayload = [u8; 8];

/// What proves that the peer is alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Liveness {
    /// The pong that answers the ping.
    #[default]
    Pong,
    /// Any byte received after the ping.
    Any,
}

/// The timeout of pings that need not be answered.
pub const NO_LIMIT: Duration = Duration::MAX;

/// Options for pings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepaliveOptions {
    /// The time from one ping to the next; `None` for no pings.
    pub interval: Option<Duration>,
    /// The time limit for the answer; `None` for twice the interval, [`NO_LIMIT`] for none.
    pub timeout: Option<Duration>,
    /// What counts as an answer to a ping.
    pub liveness: Liveness,
}

/// The keepalive of a session. Takes no memory in a session without pings.
#[derive(Debug)]
pub struct Keepalive(Option<Box<Pinger>>);

#[derive(Debug)]
struct Pinger {
    options: KeepaliveOptions,
    /// `None` without pings, and while a ping is outstanding.
    next_ping: Option<Instant>,
    outstanding: Option<OutstandingPing>,
    count: u32,
    last_rtt: Option<Duration>,
}

#[derive(Debug)]
struct OutstandingPing {
    payload: PingPayload,
    /// When the ping was sent; until that is known, when it was due.
    sent: Instant,
    deadline: Option<Instant>,
}

/// What the caller has to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepaliveAction {
    /// Send a ping with this payload.
    Ping(PingPayload),
    /// The peer did not answer in time. Fail the connection.
    Timeout,
}

impl Keepalive {
    /// Starts keepalive. The first ping is due after one interval.
    pub fn new(options: KeepaliveOptions, now: Instant) -> Self {
        let is_needed = options != KeepaliveOptions::default();
        Self(is_needed.then(|| Box::new(Pinger::new(options, now))))
    }

    fn pinger(&mut self, now: Instant) -> &mut Pinger {
        self.0.get_or_insert_with(|| Box::new(Pinger::new(KeepaliveOptions::default(), now)))
    }

    /// The ping interval; `None` without pings.
    pub fn interval(&self) -> Option<Duration> {
        self.0.as_ref()?.options.interval
    }

    /// The time limit for a pong; `None` without pings.
    pub fn timeout(&self) -> Option<Duration> {
        self.0.as_ref()?.timeout()
    }

    /// Changes the interval. Abandons an outstanding ping; the next ping is due after one interval.
    pub fn set_interval(&mut self, interval: Option<Duration>, now: Instant) {
        self.pinger(now).set_interval(interval, now);
    }

    /// Changes the timeout, also for an outstanding ping.
    pub fn set_timeout(&mut self, timeout: Option<Duration>, now: Instant) {
        self.pinger(now).set_timeout(timeout);
    }

    /// Stops pings. For a session that is closing.
    pub fn stop(&mut self) {
        if let Some(pinger) = &mut self.0 {
            pinger.stop();
        }
    }

    /// When to call [`poll`](Self::poll).
    pub fn deadline(&self) -> Option<Instant> {
        self.0.as_ref()?.deadline()
    }

    /// Whether a ping is outstanding.
    pub fn awaits_pong(&self) -> bool {
        self.0.as_ref().is_some_and(|pinger| pinger.outstanding.is_some())
    }

    /// Returns what to do now. `random` must be new for each call.
    pub fn poll(&mut self, random: [u8; 4], now: Instant) -> Option<KeepaliveAction> {
        self.0.as_mut()?.poll(random, now)
    }

    /// Records that the outstanding ping was sent. Its timeout starts now.
    pub fn ping_sent(&mut self, now: Instant) {
        if let Some(pinger) = &mut self.0 {
            pinger.ping_sent(now);
        }
    }

    /// Handles a pong. Returns whether it answers the outstanding ping; the [`deadline`](Self::deadline) has then changed.
    /// Other pongs are ignored.
    pub fn pong_received(&mut self, payload: &[u8], now: Instant) -> bool {
        self.0.as_mut().is_some_and(|pinger| pinger.pong_received(payload, now))
    }

    /// Records that bytes were received. Returns whether that answers the outstanding ping.
    pub fn bytes_received(&mut self, now: Instant) -> bool {
        self.0.as_mut().is_some_and(|pinger| pinger.bytes_received(now))
    }

    /// Restarts the timeout of the outstanding ping. For a session that did not read for a while, or whose peer is known to
    /// be alive.
    pub fn restart_timeout(&mut self, now: Instant) {
        if let Some(pinger) = &mut self.0 {
            pinger.restart_timeout(now);
        }
    }

    /// The round-trip time of the last answered ping.
    pub fn last_rtt(&self) -> Option<Duration> {
        self.0.as_ref()?.last_rtt
    }
}

impl Pinger {
    fn new(options: KeepaliveOptions, now: Instant) -> Self {
        let mut pinger = Self { options, next_ping: None, outstanding: None, count: 0, last_rtt: None };
        pinger.schedule_ping(now);
        pinger
    }

    fn timeout(&self) -> Option<Duration> {
        let KeepaliveOptions { interval, timeout, .. } = self.options;
        timeout.or_else(|| interval.map(|interval| interval.saturating_mul(2)))
    }

    fn set_interval(&mut self, interval: Option<Duration>, now: Instant) {
        self.options.interval = interval;
        self.schedule_ping(now);
    }

    fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.options.timeout = timeout;
        let timeout = self.patience();
        if let Some(outstanding) = &mut self.outstanding {
            outstanding.deadline = timeout.and_then(|timeout| outstanding.sent.checked_add(timeout));
        }
    }

    /// How long to wait for an answer: until the timeout, or without one until the next ping.
    fn patience(&self) -> Option<Duration> {
        self.timeout().filter(|timeout| *timeout != NO_LIMIT).or(self.options.interval)
    }

    fn stop(&mut self) {
        (self.next_ping, self.outstanding) = (None, None);
    }

    fn schedule_ping(&mut self, now: Instant) {
        self.outstanding = None;
        self.next_ping = self.options.interval.and_then(|interval| now.checked_add(interval));
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.outstanding {
            Some(outstanding) => outstanding.deadline,
            None => self.next_ping,
        }
    }

    fn poll(&mut self, random: [u8; 4], now: Instant) -> Option<KeepaliveAction> {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return None;
        }
        if self.outstanding.is_some() && self.timeout() != Some(NO_LIMIT) {
            return Some(KeepaliveAction::Timeout);
        }
        self.next_ping = None;
        self.count = self.count.wrapping_add(1);
        let [a, b, c, d] = self.count.to_be_bytes();
        let [e, f, g, h] = random;
        let payload = [a, b, c, d, e, f, g, h];
        let deadline = self.patience().and_then(|timeout| now.checked_add(timeout));
        self.outstanding = Some(OutstandingPing { payload, sent: now, deadline });
        Some(KeepaliveAction::Ping(payload))
    }

    fn ping_sent(&mut self, now: Instant) {
        if let Some(outstanding) = &mut self.outstanding {
            outstanding.sent = now;
        }
        self.restart_timeout(now);
    }

    fn pong_received(&mut self, payload: &[u8], now: Instant) -> bool {
        let Some(outstanding) = self.outstanding.as_ref().filter(|outstanding| outstanding.payload == payload) else {
            return false;
        };
        self.last_rtt = Some(now.saturating_duration_since(outstanding.sent));
        self.ping_answered(now);
        true
    }

    fn bytes_received(&mut self, now: Instant) -> bool {
        let counts = self.options.liveness == Liveness::Any && self.outstanding.is_some();
        if counts {
            self.ping_answered(now);
        }
        counts
    }

    fn restart_timeout(&mut self, now: Instant) {
        let timeout = self.patience();
        if let Some(outstanding) = &mut self.outstanding {
            outstanding.deadline = timeout.and_then(|timeout| now.checked_add(timeout));
        }
    }

    /// Schedules the next ping one interval after the answered one, or now if that time has passed.
    fn ping_answered(&mut self, now: Instant) {
        let sent = self.outstanding.take().map_or(now, |outstanding| outstanding.sent);
        self.next_ping =
            self.options.interval.and_then(|interval| sent.checked_add(interval)).map(|next| next.max(now));
    }
}
