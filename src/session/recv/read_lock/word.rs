//! Who reads the socket: a thread of the application that receives, else the driver, which looks after the socket while
//! the application is away. All of it is one atomic word, so that no wake-up falls between two looks.
//!
//! As long as the application comes back to receive at once, neither wakes the other: the driver has the socket
//! watched only after the application was away for a whole tick.

use crate::session::loom_shim::{AtomicU64, Ordering};

/// Who reads: nobody, the application or the driver.
const OWNER: u64 = 0b11;
const FREE: u64 = 0;
const APPLICATION: u64 = 1;
const DRIVER: u64 = 2;

/// The driver looks by itself; whoever leaves need not wake it.
const WATCHED: u64 = 1 << 2;

/// Another thread waits to become the reader.
const FOLLOWED: u64 = 1 << 3;

/// The driver reads, and sleeps until the socket has something: bytes that the application takes from the socket and
/// does not decode are announced by nobody but by whoever leaves.
const LISTENING: u64 = 1 << 4;

/// The application reads no more: the driver does it all.
const KEPT: u64 = 1 << 5;

/// The rest counts how often the application has left.
const LEFT: u64 = 1 << 6;

/// The hand-off of reading.
#[derive(Debug)]
pub(crate) struct LockWord {
    word: AtomicU64,
}

/// What leaving asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReleaseActions {
    /// The driver has to be woken.
    pub(crate) driver: bool,
    /// One of those who wait to become the reader has to be woken.
    pub(crate) follower: bool,
}

/// What the driver sees of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AppActivity {
    /// It receives again and again: look again after a tick.
    Active,
    /// It was inside for the whole tick. It wakes the driver when it leaves.
    Inside,
    /// It is away.
    Away,
}

impl LockWord {
    /// Nobody reads, and the driver looks by itself.
    pub(crate) fn new() -> Self {
        Self { word: AtomicU64::new(FREE | WATCHED) }
    }

    /// A thread of the application wants to read. Without success it is told when to try again, by whoever leaves;
    /// it then says that it `waited`.
    pub(crate) fn enter(&self, waited: bool) -> bool {
        // Others may wait as well: the one who was woken for all of them passes it on when it leaves.
        let followed = if waited { FOLLOWED } else { 0 };
        let enter = |word| if word & (OWNER | KEPT) == FREE { word | APPLICATION | followed } else { word | FOLLOWED };
        self.update(enter) & (OWNER | KEPT) == FREE
    }

    /// The same for a thread that does not wait.
    pub(crate) fn try_enter(&self) -> bool {
        let enter = |word| if word & (OWNER | KEPT) == FREE { word | APPLICATION } else { word };
        self.update(enter) & (OWNER | KEPT) == FREE
    }

    /// The application stops reading.
    pub(crate) fn leave(&self) -> ReleaseActions {
        let before = self.update(|word| (word - APPLICATION + LEFT) & !(FOLLOWED | LISTENING) | WATCHED);
        debug_assert_eq!(before & OWNER, APPLICATION);
        let driver = before & WATCHED == 0 || before & LISTENING != 0;
        ReleaseActions { driver, follower: before & FOLLOWED != 0 }
    }

    /// The driver wants to read. If it cannot, the application does.
    pub(crate) fn enter_as_driver(&self) -> bool {
        self.update(|word| if word & OWNER == FREE { word | DRIVER } else { word }) & OWNER == FREE
    }

    /// The driver stops reading.
    pub(crate) fn leave_as_driver(&self) -> ReleaseActions {
        let before = self.update(|word| (word - DRIVER) & !FOLLOWED);
        debug_assert_eq!(before & OWNER, DRIVER);
        ReleaseActions { driver: false, follower: before & FOLLOWED != 0 }
    }

    /// The driver looks after the application, a tick after the last time. `seen` is its memory.
    pub(crate) fn look(&self, seen: &mut u64) -> AppActivity {
        let mut presence = AppActivity::Away;
        self.update(|word| {
            presence = match word & OWNER {
                _ if word / LEFT != *seen => AppActivity::Active,
                APPLICATION => AppActivity::Inside,
                _ => AppActivity::Away,
            };
            if presence == AppActivity::Inside { word & !WATCHED } else { word }
        });
        if presence == AppActivity::Active {
            *seen = self.left();
        }
        presence
    }

    /// The driver is about to sleep until the socket has something. Returns whether the application has not left since it
    /// last looked, with `seen`; should it leave from now on, it wakes the driver, once.
    pub(crate) fn listen(&self, seen: u64) -> bool {
        self.update(|word| if word / LEFT == seen { word | LISTENING } else { word }) / LEFT == seen
    }

    /// How often the application has left.
    pub(crate) fn left(&self) -> u64 {
        self.word.load(Ordering::Acquire) / LEFT
    }

    /// Whether the driver has to look by itself.
    pub(crate) fn is_watched(&self) -> bool {
        self.word.load(Ordering::Acquire) & WATCHED != 0
    }

    /// Whether the application reads.
    pub(crate) fn is_inside(&self) -> bool {
        self.word.load(Ordering::Acquire) & OWNER == APPLICATION
    }

    /// Whether the driver reads at this moment.
    pub(crate) fn is_driver_inside(&self) -> bool {
        self.word.load(Ordering::Acquire) & OWNER == DRIVER
    }

    /// From now on only the driver reads, as soon as a thread of the application that does has left.
    pub(crate) fn keep(&self) {
        self.update(|word| word | KEPT);
    }

    /// The application may read again.
    pub(crate) fn give_back(&self) {
        self.update(|word| word & !KEPT);
    }

    /// Whether only the driver reads.
    pub(crate) fn is_kept(&self) -> bool {
        self.word.load(Ordering::Acquire) & KEPT != 0
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
