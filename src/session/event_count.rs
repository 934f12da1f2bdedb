//! An event count: threads wait at it for a change. Unlike a condition variable, it can be opened in a signal handler.

use std::sync::atomic::{AtomicU32, Ordering};

use rustix::io::Errno;
use rustix::thread::futex;

use super::deadline::Deadline;

/// To wait, take a [`wait_key`](Self::wait_key), check the condition, and [`wait`](Self::wait) if it does not hold: a change in
/// between is not missed. Spurious wake-ups occur.
#[derive(Debug, Default)]
pub(crate) struct EventCount {
    changes: AtomicU32,
    /// The number of threads in [`wait`](Self::wait). While it is 0, opening makes no system call.
    waiting: AtomicU32,
}

/// A point in the sequence of changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaitKey(u32);

impl EventCount {
    pub(crate) fn wait_key(&self) -> WaitKey {
        WaitKey(self.changes.load(Ordering::Acquire))
    }

    /// Sleeps until a change after `wait_key`, or until the deadline, which the caller checks itself.
    pub(crate) fn wait(&self, wait_key: WaitKey, deadline: Deadline) {
        debug_assert!(!matches!(deadline, Deadline::Within(_)), "`Within` would restart with each wait");
        let timeout = deadline.left().and_then(|left| futex::Timespec::try_from(left).ok());
        // Before the kernel checks `changes`: either `open` sees this thread, or the kernel sees the change.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let outcome = futex::wait(&self.changes, futex::Flags::PRIVATE, wait_key.0, timeout.as_ref());
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        debug_assert!(matches!(outcome, Ok(()) | Err(Errno::AGAIN | Errno::TIMEDOUT | Errno::INTR)), "{outcome:?}");
    }

    /// Records a change and wakes one waiting thread.
    pub(crate) fn open_for_one(&self) {
        self.open(1);
    }

    /// Records a change and wakes all waiting threads.
    pub(crate) fn open_for_all(&self) {
        self.open(i32::MAX.unsigned_abs());
    }

    fn open(&self, count: u32) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            // It fails only for an address that is not mapped.
            let _ = futex::wake(&self.changes, futex::Flags::PRIVATE, count);
        }
    }
}
