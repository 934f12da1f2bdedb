//! How a session ends: first the verdict, after which nothing more is received, then the end of the transport.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex};

use super::inbox::Deadline;
use crate::error::Error;
use crate::protocol::{Close, Initiator};

/// The end of a session, as it is told to the application.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// None where the peer ended it with a Close.
    pub(crate) error: Option<Error>,
    /// The peer's Close, where one came.
    pub(crate) remote: Option<Close>,
    pub(crate) initiator: Initiator,
}

/// The two moments of the end.
#[derive(Default)]
pub(super) struct Ending {
    verdict: OnceLock<Verdict>,
    aborted: AtomicBool,
    closed: Mutex<bool>,
    changed: Condvar,
}

impl Ending {
    pub(super) fn verdict(&self) -> Option<&Verdict> {
        self.verdict.get()
    }

    /// The first verdict stands. Returns whether it is this one.
    pub(super) fn decide(&self, verdict: Verdict) -> bool {
        self.verdict.set(verdict).is_ok()
    }

    /// The transport is to go at once, whatever the verdict.
    pub(super) fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
    }

    pub(super) fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Acquire)
    }

    pub(super) fn set_closed(&self) {
        *self.closed.lock() = true;
        self.changed.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        *self.closed.lock()
    }

    /// Waits for the end of the transport; false when the deadline came first.
    pub(super) fn wait_closed(&self, deadline: Deadline) -> bool {
        let mut closed = self.closed.lock();
        while !*closed {
            match deadline {
                Deadline::Now => return false,
                Deadline::At(at) => {
                    if self.changed.wait_until(&mut closed, at).timed_out() {
                        return *closed;
                    }
                }
                Deadline::Never => self.changed.wait(&mut closed),
            }
        }
        true
    }
}
