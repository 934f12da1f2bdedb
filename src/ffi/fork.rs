//! Notices that the process was forked, at the price of one load for every call on a session.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

/// Counts the forks between this process and the one that first used the library.
static FORKS: AtomicU32 = AtomicU32::new(0);
static WATCH: Once = Once::new();

/// Starts watching, and returns what [`forks`] will return as long as the process is not forked.
pub(super) fn watch() -> u32 {
    WATCH.call_once(|| {
        // SAFETY: the handler only touches an atomic. The library is never unloaded (-z nodelete), so it stays
        // callable. The only error is want of memory; then forks go unnoticed.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
    forks()
}

/// How many forks the process has behind it.
pub(super) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}
