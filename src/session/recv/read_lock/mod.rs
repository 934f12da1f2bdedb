//! A value that only the reader may access. Its lock is a [`LockWord`].
#![allow(unsafe_code, reason = "`LockWord` is the lock")]

pub(crate) mod word;

use std::cell::UnsafeCell;

use crate::lock::Held;
use word::{LockWord, ReleaseActions};

/// A value that only the reader may access.
pub(crate) struct ReadLock<T> {
    word: LockWord,
    value: UnsafeCell<T>,
}

// SAFETY: the value is only accessed while a `ReadGuard` exists, and the `LockWord` allows one at a time.
unsafe impl<T: Send> Sync for ReadLock<T> {}

/// Holds the lock. Releases it on drop, also after a panic.
struct ReadGuard<'a, T> {
    lock: &'a ReadLock<T>,
    is_driver: bool,
    actions: &'a mut ReleaseActions,
    _held: Held,
}

impl<T> ReadLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { word: LockWord::new(), value: UnsafeCell::new(value) }
    }

    pub(crate) fn word(&self) -> &LockWord {
        &self.word
    }

    /// Reads as the application, if it can become the reader. Also returns what releasing requires. See [`LockWord::enter`].
    #[inline]
    pub(crate) fn enter<R>(&self, waited: bool, read: impl FnOnce(&mut T) -> R) -> Option<(R, ReleaseActions)> {
        self.word.enter(waited).then(|| self.read(false, read))
    }

    /// See [`LockWord::try_enter`].
    #[inline]
    pub(crate) fn try_enter<R>(&self, read: impl FnOnce(&mut T) -> R) -> Option<(R, ReleaseActions)> {
        self.word.try_enter().then(|| self.read(false, read))
    }

    /// See [`LockWord::enter_as_driver`].
    pub(crate) fn enter_as_driver<R>(&self, read: impl FnOnce(&mut T) -> R) -> Option<(R, ReleaseActions)> {
        self.word.enter_as_driver().then(|| self.read(true, read))
    }

    /// Calls `read` and then releases the lock. The calling thread has just become the reader.
    #[inline]
    fn read<R>(&self, is_driver: bool, read: impl FnOnce(&mut T) -> R) -> (R, ReleaseActions) {
        let mut actions = ReleaseActions::default();
        let guard = ReadGuard { lock: self, is_driver, actions: &mut actions, _held: Held::new() };
        // SAFETY: this thread is the reader until `guard` is dropped, and no other thread accesses the value.
        let outcome = read(unsafe { &mut *self.value.get() });
        drop(guard);
        (outcome, actions)
    }
}

impl<T> Drop for ReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let word = &self.lock.word;
        *self.actions = if self.is_driver { word.leave_as_driver() } else { word.leave() };
    }
}
