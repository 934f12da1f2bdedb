//! The handle of a session's driver: whether it runs, and how it is woken.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

/// Starts and wakes the driver of a session.
#[derive(Default)]
pub(crate) struct DriverHandle {
    pub(crate) state: AtomicU8,
    pub(crate) wake: Notify,
}

/// There is no driver, and one may start.
pub(crate) const NEW: u8 = 0;
/// The driver was started.
pub(crate) const STARTED: u8 = 1;
/// The driver was prevented from starting.
const UNWANTED: u8 = 2;

impl DriverHandle {
    pub(crate) fn is_started(&self) -> bool {
        self.state.load(Ordering::Acquire) == STARTED
    }

    /// Prevents the driver from starting. Returns false if it was started.
    pub(crate) fn prevent(&self) -> bool {
        self.change(UNWANTED) != STARTED
    }

    /// Waits for the next [`wake`](Self::wake).
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Changes the state from [`NEW`]. Returns what it was.
    pub(crate) fn change(&self, to: u8) -> u8 {
        let (Ok(before) | Err(before)) = self.state.compare_exchange(NEW, to, Ordering::AcqRel, Ordering::Acquire);
        before
    }
}
