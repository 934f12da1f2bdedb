//! How a session ends: first the outcome, after which nothing more is received, then the end of the transport.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::deadline::Deadline;
use super::event_count::EventCount;
use crate::error::{Error, Result};
use crate::protocol::{Close, Initiator};

/// The end of a session, as it is told to the application.
#[derive(Clone, Debug)]
pub(crate) struct CloseOutcome {
    /// None where the peer ended it with a Close.
    pub(crate) error: Option<Error>,
    /// The peer's Close, where one came.
    pub(crate) remote: Option<Close>,
    pub(crate) initiator: Initiator,
}

/// The two moments of the end.
#[derive(Default)]
pub(super) struct CloseState {
    close_outcome: OnceLock<Box<CloseOutcome>>,
    /// The peer's Close that the application of a raw session has not answered.
    unanswered: OnceLock<Box<Close>>,
    aborted: AtomicBool,
    closed: AtomicBool,
    changed: EventCount,
}

impl CloseState {
    pub(super) fn close_outcome(&self) -> Option<&CloseOutcome> {
        self.close_outcome.get().map(|close_outcome| &**close_outcome)
    }

    /// The first outcome stands. Returns whether it is this one.
    pub(super) fn set(&self, close_outcome: CloseOutcome) -> bool {
        self.close_outcome.set(Box::new(close_outcome)).is_ok()
    }

    /// The peer's Close has come and waits for the application to answer it.
    pub(super) fn record_unanswered(&self, close: Close) {
        // Nothing is received behind the first one.
        let _ = self.unanswered.set(Box::new(close));
    }

    pub(super) fn unanswered(&self) -> Option<&Close> {
        self.unanswered.get().map(|close| &**close)
    }

    /// The transport is to go at once, whatever the outcome.
    pub(super) fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
    }

    pub(super) fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Acquire)
    }

    pub(super) fn set_closed(&self) {
        self.closed.store(true, Ordering::Release);
        self.changed.open_for_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Waits for the end of the transport, the deadline, or an error of `check`.
    pub(super) fn wait_closed(&self, deadline: Deadline, check: impl Fn() -> Result<()>) -> Result<bool> {
        loop {
            let wait_key = self.changed.wait_key();
            if self.is_closed() {
                return Ok(true);
            }
            if deadline.has_passed() {
                return Ok(false);
            }
            check()?;
            self.changed.wait(wait_key, deadline);
        }
    }

    /// Has those who wait look around. Safe in a signal handler.
    pub(super) fn wake_all(&self) {
        self.changed.open_for_all();
    }
}
