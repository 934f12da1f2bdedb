//! Whether threads of the application receive from a group.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

use crate::lock::Mutex;

/// One thread of the application that receives.
const INSIDE: u64 = 1;
/// The rest of the word counts how often one has left.
const LEFT: u64 = 1 << 32;

/// The presence of the application.
#[derive(Default)]
pub(crate) struct GroupPresence {
    word: AtomicU64,
    /// The standby task checks by itself. Otherwise a thread that leaves wakes it.
    pub(crate) is_watched: AtomicBool,
    /// The runtimes that have a task, by address. There are several only while all but the last one shut down.
    pub(crate) runtimes: Mutex<BTreeSet<usize>>,
    pub(crate) is_closed: AtomicBool,
    pub(crate) wake: Notify,
}

/// A thread of the application that receives.
pub(crate) struct Inside<'a>(&'a GroupPresence);

impl GroupPresence {
    pub(crate) fn enter(&self) -> Inside<'_> {
        self.word.fetch_add(INSIDE, Ordering::SeqCst);
        Inside(self)
    }

    /// Ends the standby task.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    pub(crate) fn left(&self) -> u64 {
        self.word.load(Ordering::SeqCst) / LEFT
    }

    pub(crate) fn is_inside(&self) -> bool {
        !self.word.load(Ordering::SeqCst).is_multiple_of(LEFT)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let presence = self.0;
        presence.word.fetch_add(LEFT - INSIDE, Ordering::SeqCst);
        if !presence.is_watched.load(Ordering::SeqCst) && !presence.is_watched.swap(true, Ordering::SeqCst) {
            presence.wake.notify_one();
        }
    }
}
