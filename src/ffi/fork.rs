//! Notices that the process was forked, at the price of one load for every call on a session, and sees to it that a
//! forked child finds unlocked what it needs for sessions of its own.

use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::session::runtime;

/// Counts the forks between this process and the one that first used the library.
static FORKS: AtomicU32 = AtomicU32::new(0);
static WATCH: Once = Once::new();

/// Starts watching, and returns what [`forks`] will return as long as the process is not forked.
pub(super) fn watch() -> u32 {
    WATCH.call_once(|| {
        // SAFETY: the handlers lock, unlock and count. The library is never unloaded (-z nodelete), so they stay
        // callable. The only error is want of memory; then forks go unnoticed.
        unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    });
    forks()
}

/// How many forks the process has behind it.
pub(super) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Has an inherited descriptor be one of nothing: what it was stays the parent's alone, whoever in this process still
/// owns the number.
pub(super) fn release(descriptor: RawFd) {
    let Ok(nothing) = File::options().read(true).write(true).open("/dev/null") else { return };
    // SAFETY: both are open, and this process has no thread that uses the inherited one.
    unsafe { libc::dup3(nothing.as_raw_fd(), descriptor, libc::O_CLOEXEC) };
}

extern "C" fn before() {
    runtime::hold_for_fork();
}

extern "C" fn in_parent() {
    runtime::let_go_after_fork(false);
}

extern "C" fn in_child() {
    runtime::let_go_after_fork(true);
    FORKS.fetch_add(1, Ordering::Relaxed);
}
