//! The two steps of a session's end: first the outcome, after which nothing more is received, then the end of the transport.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::deadline::Deadline;
use super::event_count::EventCount;
use crate::error::{Error, Result};
use crate::protocol::{Close, Initiator};

/// How a session ended, as reported to the application.
#[derive(Clone, Debug)]
pub(crate) struct CloseOutcome {
    /// None if the peer ended the session with a Close.
    pub(crate) error: Option<Error>,
    /// The peer's Close, if one was received.
    pub(crate) remote: Option<Close>,
    pub(crate) initiator: Initiator,
}

/// The state of a session's end.
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

    /// Sets the outcome, unless one is set. Returns whether it did.
    pub(super) fn set(&self, close_outcome: CloseOutcome) -> bool {
        self.close_outcome.set(Box::new(close_outcome)).is_ok()
    }

    /// Records the peer's Close, which the application has to answer.
    pub(super) fn record_unanswered(&self, close: Close) {
        // Nothing is received after the first one.
        let _ = self.unanswered.set(Box::new(close));
    }

    pub(super) fn unanswered(&self) -> Option<&Close> {
        self.unanswered.get().map(|close| &**close)
    }

    /// Records that the transport has to be dropped at once, whatever the outcome is.
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

    /// Waits until the end `is_over`. Returns false at the deadline, and an error of `check`.
    pub(super) fn wait(
        &self,
        deadline: Deadline,
        is_over: impl Fn() -> bool,
        check: impl Fn() -> Result<()>,
    ) -> Result<bool> {
        loop {
            let wait_key = self.changed.wait_key();
            if is_over() {
                return Ok(true);
            }
            if deadline.has_passed() {
                return Ok(false);
            }
            check()?;
            self.changed.wait(wait_key, deadline);
        }
    }

    /// Wakes all waiting threads, which then check their conditions. Safe in a signal handler.
    pub(super) fn wake_all(&self) {
        self.changed.open_for_all();
    }
}
