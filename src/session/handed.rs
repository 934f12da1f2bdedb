//! What only the reader may touch: the value goes with the [`Handoff`].
#![allow(unsafe_code, reason = "the hand-off is the lock")]

use std::cell::UnsafeCell;

use super::handoff::{Handoff, Left};
use crate::lock::Held;

/// A value for whoever is the reader.
pub(super) struct Handed<T> {
    handoff: Handoff,
    value: UnsafeCell<T>,
}

// SAFETY: the value is only reached through `Owned`, of which the hand-off allows one at a time.
unsafe impl<T: Send> Sync for Handed<T> {}

/// The reader's rights, given back when it is dropped, also by a panic.
struct Owned<'a, T> {
    handed: &'a Handed<T>,
    is_driver: bool,
    left: &'a mut Left,
    _held: Held,
}

impl<T> Handed<T> {
    pub(super) fn new(value: T) -> Self {
        Self { handoff: Handoff::new(), value: UnsafeCell::new(value) }
    }

    pub(super) fn handoff(&self) -> &Handoff {
        &self.handoff
    }

    /// Reads as the application, if it can become the reader, and tells what leaving asks for. See [`Handoff::enter`].
    #[inline]
    pub(super) fn enter<R>(&self, waited: bool, read: impl FnOnce(&mut T) -> R) -> Option<(R, Left)> {
        self.handoff.enter(waited).then(|| self.read(false, read))
    }

    /// See [`Handoff::try_enter`].
    #[inline]
    pub(super) fn try_enter<R>(&self, read: impl FnOnce(&mut T) -> R) -> Option<(R, Left)> {
        self.handoff.try_enter().then(|| self.read(false, read))
    }

    /// See [`Handoff::enter_as_driver`].
    pub(super) fn enter_as_driver<R>(&self, read: impl FnOnce(&mut T) -> R) -> Option<(R, Left)> {
        self.handoff.enter_as_driver().then(|| self.read(true, read))
    }

    /// The calling thread has just become the reader.
    #[inline]
    fn read<R>(&self, is_driver: bool, read: impl FnOnce(&mut T) -> R) -> (R, Left) {
        let mut left = Left::default();
        let owned = Owned { handed: self, is_driver, left: &mut left, _held: Held::new() };
        // SAFETY: this thread is the reader until `owned` is dropped, and nobody else reaches the value.
        let outcome = read(unsafe { &mut *self.value.get() });
        drop(owned);
        (outcome, left)
    }
}

impl<T> Drop for Owned<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let handoff = &self.handed.handoff;
        *self.left = if self.is_driver { handoff.leave_as_driver() } else { handoff.leave() };
    }
}
