//! The send token: one thread at a time sends. It also sends what other threads queue meanwhile, so they need not wait.

use crate::session::loom_shim::{AtomicU32, Ordering};

const FREE: u32 = 0;
const TAKEN: u32 = 1;
/// Taken, and another thread has asked for it since.
const REQUESTED: u32 = 2;

/// The send token.
#[derive(Debug)]
pub(crate) struct SendToken {
    state: AtomicU32,
}

impl SendToken {
    pub(crate) fn new() -> Self {
        Self { state: AtomicU32::new(FREE) }
    }

    /// Takes the token, and returns whether it did. If another thread has it, that thread checks the send queue again before it
    /// gives the token back.
    pub(crate) fn take(&self) -> bool {
        self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| Some((state + 1).min(REQUESTED)))
            == Ok(FREE)
    }

    /// Gives the token back, unless another thread has asked for it: then returns false, and the caller keeps the token.
    pub(crate) fn give_back(&self) -> bool {
        self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| Some(state - 1)) == Ok(TAKEN)
    }

    /// Whether a thread has the token.
    pub(crate) fn is_taken(&self) -> bool {
        self.state.load(Ordering::Acquire) != FREE
    }
}
