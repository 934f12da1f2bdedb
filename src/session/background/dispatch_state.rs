//! The dispatch state of a session: one job at a time calls its callbacks, and runs once more if that was requested meanwhile.

use crate::session::loom_shim::{AtomicU32, Ordering};

const IDLE: u32 = 0;
/// In the dispatch queue.
const QUEUED: u32 = 1;
const RUNNING: u32 = 2;
/// Running, and requested since.
const REQUESTED: u32 = 3;

/// The dispatch state of a session.
#[derive(Debug)]
pub(crate) struct DispatchState {
    state: AtomicU32,
}

impl DispatchState {
    pub(crate) fn new() -> Self {
        Self { state: AtomicU32::new(IDLE) }
    }

    /// Requests a run. Returns whether the caller has to queue the session.
    pub(crate) fn request(&self) -> bool {
        self.update(|state| match state {
            IDLE => QUEUED,
            RUNNING => REQUESTED,
            other => other,
        }) == IDLE
    }

    /// Begins a run, after the session was taken from the queue.
    pub(crate) fn begin(&self) {
        let before = self.state.swap(RUNNING, Ordering::AcqRel);
        debug_assert_eq!(before, QUEUED);
    }

    /// Clears a request during a run, before the run checks again what to call.
    pub(crate) fn clear_request(&self) {
        self.update(|state| if state == REQUESTED { RUNNING } else { state });
    }

    /// Whether a run was requested since this one began or cleared the request.
    pub(crate) fn is_requested(&self) -> bool {
        self.state.load(Ordering::Acquire) == REQUESTED
    }

    /// Ends a run. Returns whether another one was requested, for which the caller has to queue the session.
    pub(crate) fn end(&self) -> bool {
        self.update(|state| if state == REQUESTED { QUEUED } else { IDLE }) == REQUESTED
    }

    /// Whether the session is queued or running.
    pub(crate) fn is_busy(&self) -> bool {
        self.state.load(Ordering::Acquire) >= QUEUED
    }

    /// Changes the state and returns what it was.
    fn update(&self, change: impl Fn(u32) -> u32) -> u32 {
        let update = |state| Some(change(state));
        let (Ok(before) | Err(before)) = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, update);
        before
    }
}
