//! Our own pings: when one is due, which pong answers it, and when the peer is taken for gone (Ktor's pinger).

use std::time::{Duration, Instant};

/// The payload of a ping: its number and something the peer cannot know.
type PingPayload = [u8; 8];

/// What counts as a sign of life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Liveness {
    /// The pong that answers the ping.
    #[default]
    Pong,
    /// Any byte that came since the ping.
    Any,
}

/// When to ping and how long to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepaliveOptions {
    /// From one ping to the next; none for no pings.
    pub interval: Option<Duration>,
    /// How long the answer may take; none for twice the interval.
    pub timeout: Option<Duration>,
    /// What counts as an answer.
    pub liveness: Liveness,
}

/// The pinger of a session. Most sessions have no pings: theirs takes no room.
#[derive(Debug)]
pub struct Keepalive(Option<Box<Pinging>>);

#[derive(Debug)]
struct Pinging {
    options: KeepaliveOptions,
    /// None while there are no pings, and while one is under way.
    next_ping: Option<Instant>,
    awaited: Option<Awaited>,
    count: u32,
    last_rtt: Option<Duration>,
}

#[derive(Debug)]
struct Awaited {
    payload: PingPayload,
    /// When it was sent; until that is known, when it was due.
    sent: Instant,
    deadline: Option<Instant>,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A ping with this payload is to be sent.
    Ping(PingPayload),
    /// The peer has given no sign of life in time.
    Timeout,
}

impl Keepalive {
    /// The first ping comes after a whole interval.
    pub fn new(options: KeepaliveOptions, now: Instant) -> Self {
        let is_needed = options != KeepaliveOptions::default();
        Self(is_needed.then(|| Box::new(Pinging::new(options, now))))
    }

    fn pinging(&mut self, now: Instant) -> &mut Pinging {
        self.0.get_or_insert_with(|| Box::new(Pinging::new(KeepaliveOptions::default(), now)))
    }

    /// How often it pings; none for not at all.
    pub fn interval(&self) -> Option<Duration> {
        self.0.as_ref()?.options.interval
    }

    /// How long a pong may take with these options; none where there are no pings.
    pub fn timeout(&self) -> Option<Duration> {
        self.0.as_ref()?.timeout()
    }

    /// Changes the interval: a ping under way is forgotten, the next one comes after a whole interval.
    pub fn set_interval(&mut self, interval: Option<Duration>, now: Instant) {
        self.pinging(now).set_interval(interval, now);
    }

    /// Changes the timeout, also that of a ping under way.
    pub fn set_timeout(&mut self, timeout: Option<Duration>, now: Instant) {
        self.pinging(now).set_timeout(timeout);
    }

    /// No more pings: the session is closing.
    pub fn stop(&mut self) {
        if let Some(pinging) = &mut self.0 {
            pinging.stop();
        }
    }

    /// When to [`poll`](Self::poll).
    pub fn deadline(&self) -> Option<Instant> {
        self.0.as_ref()?.deadline()
    }

    /// Whether a ping is under way.
    pub fn awaits_pong(&self) -> bool {
        self.0.as_ref().is_some_and(|pinging| pinging.awaited.is_some())
    }

    /// What is due. `random` must be new each time.
    pub fn poll(&mut self, random: [u8; 4], now: Instant) -> Option<Due> {
        self.0.as_mut()?.poll(random, now)
    }

    /// The ping under way went out: its time counts from now, and not from when it was queued.
    pub fn sent(&mut self, now: Instant) {
        if let Some(pinging) = &mut self.0 {
            pinging.sent(now);
        }
    }

    /// A pong came. Any other than that of the ping under way has no meaning. Returns whether it is that one: then the
    /// [`deadline`](Self::deadline) has changed.
    pub fn pong(&mut self, payload: &[u8], now: Instant) -> bool {
        self.0.as_mut().is_some_and(|pinging| pinging.pong(payload, now))
    }

    /// Bytes came. Returns whether that counts as an answer.
    pub fn heard(&mut self, now: Instant) -> bool {
        self.0.as_mut().is_some_and(|pinging| pinging.heard(now))
    }

    /// This side did not read for a while, or the peer has shown in another way that it is alive: the ping under
    /// way gets its time anew.
    pub fn excuse(&mut self, now: Instant) {
        if let Some(pinging) = &mut self.0 {
            pinging.excuse(now);
        }
    }

    /// How long the last answered ping took.
    pub fn last_rtt(&self) -> Option<Duration> {
        self.0.as_ref()?.last_rtt
    }
}

impl Pinging {
    fn new(options: KeepaliveOptions, now: Instant) -> Self {
        let mut pinging = Self { options, next_ping: None, awaited: None, count: 0, last_rtt: None };
        pinging.begin(now);
        pinging
    }

    fn timeout(&self) -> Option<Duration> {
        let KeepaliveOptions { interval, timeout, .. } = self.options;
        timeout.or_else(|| interval.map(|interval| interval.saturating_mul(2)))
    }

    fn set_interval(&mut self, interval: Option<Duration>, now: Instant) {
        self.options.interval = interval;
        self.begin(now);
    }

    fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.options.timeout = timeout;
        let timeout = self.timeout();
        if let Some(awaited) = &mut self.awaited {
            awaited.deadline = timeout.and_then(|timeout| awaited.sent.checked_add(timeout));
        }
    }

    fn stop(&mut self) {
        (self.next_ping, self.awaited) = (None, None);
    }

    fn begin(&mut self, now: Instant) {
        self.awaited = None;
        self.next_ping = self.options.interval.and_then(|interval| now.checked_add(interval));
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.awaited {
            Some(awaited) => awaited.deadline,
            None => self.next_ping,
        }
    }

    fn poll(&mut self, random: [u8; 4], now: Instant) -> Option<Due> {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return None;
        }
        if self.awaited.is_some() {
            return Some(Due::Timeout);
        }
        self.next_ping = None;
        self.count = self.count.wrapping_add(1);
        let [a, b, c, d] = self.count.to_be_bytes();
        let [e, f, g, h] = random;
        let payload = [a, b, c, d, e, f, g, h];
        let deadline = self.timeout().and_then(|timeout| now.checked_add(timeout));
        self.awaited = Some(Awaited { payload, sent: now, deadline });
        Some(Due::Ping(payload))
    }

    fn sent(&mut self, now: Instant) {
        if let Some(awaited) = &mut self.awaited {
            awaited.sent = now;
        }
        self.excuse(now);
    }

    fn pong(&mut self, payload: &[u8], now: Instant) -> bool {
        let Some(awaited) = self.awaited.as_ref().filter(|awaited| awaited.payload == payload) else { return false };
        self.last_rtt = Some(now.saturating_duration_since(awaited.sent));
        self.answered(now);
        true
    }

    fn heard(&mut self, now: Instant) -> bool {
        let counts = self.options.liveness == Liveness::Any && self.awaited.is_some();
        if counts {
            self.answered(now);
        }
        counts
    }

    fn excuse(&mut self, now: Instant) {
        let timeout = self.timeout();
        if let Some(awaited) = &mut self.awaited {
            awaited.deadline = timeout.and_then(|timeout| now.checked_add(timeout));
        }
    }

    /// The next ping is due an interval after the one that was answered, or now if that has passed.
    fn answered(&mut self, now: Instant) {
        let sent = self.awaited.take().map_or(now, |awaited| awaited.sent);
        self.next_ping =
            self.options.interval.and_then(|interval| sent.checked_add(interval)).map(|next| next.max(now));
    }
}
