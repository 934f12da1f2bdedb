//! Where threads wait for something to change. Unlike a condition variable it can be opened in a signal handler.

use std::sync::atomic::{AtomicU32, Ordering};

use rustix::io::Errno;
use rustix::thread::futex;

use super::deadline::Deadline;

/// Take a [`wait_key`](Self::key), look whether what is waited for has come, [`wait`](Self::wait) if not: a change
/// in between is not missed. Waits end early now and then.
#[derive(Debug, Default)]
pub(crate) struct EventCount {
    changes: AtomicU32,
    /// Threads in [`wait`](Self::wait). Without any, opening is no system call.
    waiting: AtomicU32,
}

/// A moment at a event count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaitKey(u32);

impl EventCount {
    pub(crate) fn wait_key(&self) -> WaitKey {
        WaitKey(self.changes.load(Ordering::Acquire))
    }

    /// Sleeps until something has changed since the key, or the deadline. The latter is for the caller to notice.
    pub(crate) fn wait(&self, wait_key: WaitKey, deadline: Deadline) {
        debug_assert!(!matches!(deadline, Deadline::Within(_)), "it would begin anew with each wait");
        let timeout = deadline.left().and_then(|left| futex::Timespec::try_from(left).ok());
        // Before the kernel looks at `changes`: whoever opens sees it, or is seen.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let outcome = futex::wait(&self.changes, futex::Flags::PRIVATE, wait_key.0, timeout.as_ref());
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        debug_assert!(matches!(outcome, Ok(()) | Err(Errno::AGAIN | Errno::TIMEDOUT | Errno::INTR)), "{outcome:?}");
    }

    /// Something has changed, for one of those who wait.
    pub(crate) fn open_for_one(&self) {
        self.open(1);
    }

    /// Something has changed, for all who wait.
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
