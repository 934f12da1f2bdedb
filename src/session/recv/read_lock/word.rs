//! Who reads the socket: a thread of the application that receives, or else the driver, which reads while the application is
//! away. The state is one atomic word, so that no wake-up is lost between two checks.
//!
//! While the application keeps receiving, neither wakes the other: the driver registers the socket only after the application was
//! away for a whole tick.

use crate::session::loom_shim::{AtomicU64, Ordering};

/// Who reads: no thread, the application or the driver.
const OWNER: u64 = 0b11;
const FREE: u64 = 0;
const APPLICATION: u64 = 1;
const DRIVER: u64 = 2;

/// The driver checks by itself, so a thread that leaves need not wake it.
const WATCHED: u64 = 1 << 2;

/// Another thread waits to become the reader.
const FOLLOWED: u64 = 1 << 3;

/// The driver sleeps until the socket is readable. A thread of the application that leaves must wake it for bytes that the thread
/// has read and not decoded, because the socket does not report them.
const ARMED: u64 = 1 << 4;

/// Only the driver may read.
const RESERVED: u64 = 1 << 5;

/// The remaining bits count how often the application has left.
const LEFT: u64 = 1 << 6;

/// The state of the read lock.
#[derive(Debug)]
pub(crate) struct LockWord {
    word: AtomicU64,
}

/// What a thread has to do after it has released the lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReleaseActions {
    /// The driver has to be woken.
    pub(crate) driver: bool,
    /// One of the threads that wait to become the reader has to be woken.
    pub(crate) follower: bool,
}

/// The activity of the application, as the driver sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AppActivity {
    /// It has left since the last check: check again after a tick.
    Active,
    /// It has been reading for the whole tick. It wakes the driver when it leaves.
    Inside,
    /// It does not read.
    Away,
}

impl LockWord {
    /// Creates the state in which no thread reads and the driver checks by itself.
    pub(crate) fn new() -> Self {
        Self { word: AtomicU64::new(FREE | WATCHED) }
    }

    /// Tries to make a thread of the application the reader. On failure, the reader wakes a waiting thread when it leaves, and
    /// that thread tries again with `waited`.
    pub(crate) fn enter(&self, waited: bool) -> bool {
        // Others may wait as well: the one thread that was woken wakes the next one when it leaves.
        let followed = if waited { FOLLOWED } else { 0 };
        let enter =
            |word| if word & (OWNER | RESERVED) == FREE { word | APPLICATION | followed } else { word | FOLLOWED };
        self.update(enter) & (OWNER | RESERVED) == FREE
    }

    /// Like [`enter`](Self::enter), for a thread that does not wait.
    pub(crate) fn try_enter(&self) -> bool {
        let enter = |word| if word & (OWNER | RESERVED) == FREE { word | APPLICATION } else { word };
        self.update(enter) & (OWNER | RESERVED) == FREE
    }

    /// Releases the lock as the application.
    pub(crate) fn leave(&self) -> ReleaseActions {
        let before = self.update(|word| (word - APPLICATION + LEFT) & !(FOLLOWED | ARMED) | WATCHED);
        debug_assert_eq!(before & OWNER, APPLICATION);
        let driver = before & WATCHED == 0 || before & ARMED != 0;
        ReleaseActions { driver, follower: before & FOLLOWED != 0 }
    }

    /// Tries to make the driver the reader. Fails while another thread reads.
    pub(crate) fn enter_as_driver(&self) -> bool {
        self.update(|word| if word & OWNER == FREE { word | DRIVER } else { word }) & OWNER == FREE
    }

    /// Releases the lock as the driver.
    pub(crate) fn leave_as_driver(&self) -> ReleaseActions {
        let before = self.update(|word| (word - DRIVER) & !FOLLOWED);
        debug_assert_eq!(before & OWNER, DRIVER);
        ReleaseActions { driver: false, follower: before & FOLLOWED != 0 }
    }

    /// Returns the activity of the application since the last call, a tick ago. `seen` is the state between calls.
    pub(crate) fn observe_app(&self, seen: &mut u64) -> AppActivity {
        let mut activity = AppActivity::Away;
        self.update(|word| {
            activity = match word & OWNER {
                _ if word / LEFT != *seen => AppActivity::Active,
                APPLICATION => AppActivity::Inside,
                _ => AppActivity::Away,
            };
            if activity == AppActivity::Inside { word & !WATCHED } else { word }
        });
        if activity == AppActivity::Active {
            *seen = self.left();
        }
        activity
    }

    /// Called before the driver sleeps until the socket is readable. Returns false if the application has left since `seen`.
    /// Otherwise the application wakes the driver when it next leaves.
    pub(crate) fn arm(&self, seen: u64) -> bool {
        self.update(|word| if word / LEFT == seen { word | ARMED } else { word }) / LEFT == seen
    }

    /// Returns how often the application has left.
    pub(crate) fn left(&self) -> u64 {
        self.word.load(Ordering::Acquire) / LEFT
    }

    /// Whether the driver has to check by itself.
    pub(crate) fn is_watched(&self) -> bool {
        self.word.load(Ordering::Acquire) & WATCHED != 0
    }

    /// Whether the application reads.
    pub(crate) fn is_inside(&self) -> bool {
        self.word.load(Ordering::Acquire) & OWNER == APPLICATION
    }

    /// Whether the driver reads.
    pub(crate) fn is_driver_inside(&self) -> bool {
        self.word.load(Ordering::Acquire) & OWNER == DRIVER
    }

    /// Permits only the driver to read, as soon as a thread of the application that reads has left.
    pub(crate) fn reserve(&self) {
        self.update(|word| word | RESERVED);
    }

    /// Permits the application to read again.
    pub(crate) fn unreserve(&self) {
        self.update(|word| word & !RESERVED);
    }

    /// Whether only the driver may read.
    pub(crate) fn is_reserved(&self) -> bool {
        self.word.load(Ordering::Acquire) & RESERVED != 0
    }

    /// Changes the word and returns what it was.
    fn update(&self, mut change: impl FnMut(u64) -> u64) -> u64 {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            match self.word.compare_exchange_weak(word, change(word), Ordering::AcqRel, Ordering::Acquire) {
                Ok(before) => return before,
                Err(now) => word = now,
            }
        }
    }
}
