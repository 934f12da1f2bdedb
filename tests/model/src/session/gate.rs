//! `src/session/gate.rs` on loom: the same word with the same orderings, and the kernel's part of the futex.

use loom::sync::Condvar;
use loom::sync::atomic::{AtomicU32, Ordering};

use super::deadline::Deadline;
use super::sync::Mutex;

pub(crate) struct Gate {
    changes: AtomicU32,
    /// The kernel compares and queues under a lock, and wakes under the same.
    kernel: Mutex<()>,
    woken: Condvar,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket(u32);

impl Default for Gate {
    fn default() -> Self {
        Self { changes: AtomicU32::new(0), kernel: Mutex::new(()), woken: Condvar::new() }
    }
}

impl Gate {
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket(self.changes.load(Ordering::Acquire))
    }

    /// Time stands still in a model: a deadline has either passed or never comes.
    pub(crate) fn wait(&self, ticket: Ticket, deadline: Deadline) {
        let kernel = self.kernel.lock();
        if self.changes.load(Ordering::Relaxed) == ticket.0 && deadline == Deadline::Never {
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
