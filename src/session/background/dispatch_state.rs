//! Whether a session waits for a dispatch job: one job at a time calls its callbacks, and calls them once more if there was
//! something new meanwhile.

use crate::session::loom_shim::{AtomicU32, Ordering};

const IDLE: u32 = 0;
/// In a queue.
const QUEUED: u32 = 1;
const RUNNING: u32 = 2;
/// Running, and asked for since.
const ASKED: u32 = 3;

/// The state.
#[derive(Debug)]
pub(crate) struct DispatchState {
    state: AtomicU32,
}

impl DispatchState {
    /// Nothing is to be called.
    pub(crate) fn new() -> Self {
        Self { state: AtomicU32::new(IDLE) }
    }

    /// Asks for it. Returns whether it is for the caller to queue it.
    pub(crate) fn ask(&self) -> bool {
        self.update(|state| match state {
            IDLE => QUEUED,
            RUNNING => ASKED,
            other => other,
        }) == IDLE
    }

    /// Begins it, out of the queue.
    pub(crate) fn begin(&self) {
        let before = self.state.swap(RUNNING, Ordering::AcqRel);
        debug_assert_eq!(before, QUEUED);
    }

    /// Looks anew at what there is to call, during a run.
    pub(crate) fn look(&self) {
        self.update(|state| if state == ASKED { RUNNING } else { state });
    }

    /// Whether it was asked for since the run began, or looked anew.
    pub(crate) fn is_asked(&self) -> bool {
        self.state.load(Ordering::Acquire) == ASKED
    }

    /// Ends a run. Returns whether it was asked for meanwhile: then it is for the caller to queue it.
    pub(crate) fn end(&self) -> bool {
        self.update(|state| if state == ASKED { QUEUED } else { IDLE }) == ASKED
    }

    /// Whether it runs, or is about to.
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
