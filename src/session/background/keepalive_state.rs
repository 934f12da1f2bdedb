//! The keepalive part of a session: pings, and when bytes were last received.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::lock::Mutex;
use crate::protocol::Keepalive;
use crate::protocol::keepalive::Liveness;
use crate::session::config::Config;

/// The keepalive part.
pub(crate) struct KeepaliveState {
    pub(crate) state: Mutex<Keepalive>,
    /// A timeout depends on when bytes are received.
    pub(crate) records_bytes: bool,
    /// When the last bytes were received, in milliseconds since `since`.
    last_received: AtomicU64,
    /// When the session was opened.
    pub(crate) since: Instant,
}

impl KeepaliveState {
    pub(crate) fn new(config: &Config, now: Instant) -> Self {
        Self {
            state: Mutex::new(Keepalive::new(config.keepalive, now)),
            records_bytes: config.shared_options.idle_timeout.is_some() || config.keepalive.liveness == Liveness::Any,
            last_received: AtomicU64::new(0),
            since: now,
        }
    }

    /// Records that bytes were received. Returns whether that changes a deadline.
    pub(crate) fn record_received(&self) -> bool {
        let changes = self.state.lock().bytes_received(Instant::now());
        let passed = self.since.elapsed().as_millis();
        self.last_received.store(u64::try_from(passed).unwrap_or(u64::MAX), Ordering::Relaxed);
        changes
    }

    pub(crate) fn last_received(&self) -> Instant {
        self.since + Duration::from_millis(self.last_received.load(Ordering::Relaxed))
    }
}
