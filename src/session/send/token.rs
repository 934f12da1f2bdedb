//! Whose turn it is to send: one thread at a time, which also sends what others queue meanwhile. They need not wait.

use crate::session::loom_shim::{AtomicU32, Ordering};

const FREE: u32 = 0;
const TAKEN: u32 = 1;
/// Taken, and more was queued since.
const ASKED: u32 = 2;

/// The turn.
#[derive(Debug)]
pub(crate) struct SendToken {
    state: AtomicU32,
}

impl SendToken {
    pub(crate) fn new() -> Self {
        Self { state: AtomicU32::new(FREE) }
    }

    /// Takes the turn. If it is taken, whoever has it looks again at what is queued before giving it back.
    pub(crate) fn take(&self) -> bool {
        self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| Some((state + 1).min(ASKED))) == Ok(FREE)
    }

    /// Gives the turn back, unless somebody asked for it since it was taken: then it is taken anew.
    pub(crate) fn give_back(&self) -> bool {
        self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| Some(state - 1)) == Ok(TAKEN)
    }
}
