//! `src/session/event_count.rs` on loom: the same word with the same orderings, and the kernel's part of the futex.

use loom::sync::Condvar;
use loom::sync::atomic::{AtomicU32, Ordering};

use super::deadline::Deadline;
use super::loom_shim::Mutex;

pub(crate) struct EventCount {
    changes: AtomicU32,
    /// The kernel compares and queues under a lock, and wakes under the same.
    kernel: Mutex<()>,
    woken: Condvar,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct WaitKey(u32);

impl Default for EventCount {
    fn default() -> Self {
        Self { changes: AtomicU32::new(0), kernel: Mutex::new(()), woken: Condvar::new() }
    }
}

impl EventCount {
    pub(crate) fn wait_key(&self) -> WaitKey {
        WaitKey(self.changes.load(Ordering::Acquire))
    }

    /// Time stands still in a model: a deadline has either passed or never comes.
    pub(crate) fn wait(&self, wait_key: WaitKey, deadline: Deadline) {
        let kernel = self.kernel.lock();
        if self.changes.load(Ordering::Relaxed) == wait_key.0 && deadline == Deadline::Never {
            drop(self.woken.wait(kernel).unwrap());
        }
    }

    pub(crate) fn open_for_one(&self) {
        self.changes.fetch_add(1, Ordering::Release);
        drop(self.kernel.lock());
        self.woken.notify_one();
    }

    pub(crate) fn open_for_all(&self) {
        self.changes.fetch_add(1, Ordering::Release);
        drop(self.kernel.lock());
        self.woken.notify_all();
    }
}
