//! The library's locks: those of the standard library without poisoning. Each lock contains all of its state, so that in a
//! forked child all locks work that were not locked at the fork. (Locks that keep waiting threads in a global table, as
//! parking_lot does, could leave a part of that table locked.)
//!
//! A thread holds none of these locks while it calls a function of the application. A debug build counts the locks that each
//! thread holds, and aborts the process if it calls out with one.

use std::ops::{Deref, DerefMut};
use std::sync::{PoisonError, TryLockError};

#[cfg(debug_assertions)]
pub(crate) use counted::{Held, assert_unlocked};
#[cfg(not(debug_assertions))]
pub(crate) use uncounted::{Held, assert_unlocked};

#[derive(Debug, Default)]
pub(crate) struct Mutex<T: ?Sized>(std::sync::Mutex<T>);

/// A guard of a [`Mutex`]. `guard` is None inside [`unlocked`](MutexGuard::unlocked).
pub(crate) struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    guard: Option<Guard<std::sync::MutexGuard<'a, T>>>,
}

#[derive(Debug, Default)]
pub(crate) struct RwLock<T: ?Sized>(std::sync::RwLock<T>);

/// A guard of the standard library, counted among the locks that the thread holds.
pub(crate) struct Guard<G> {
    guard: G,
    _held: Held,
}

impl<G> Guard<G> {
    fn new(guard: G) -> Self {
        Self { guard, _held: Held::new() }
    }

    fn tried(guard: Result<G, TryLockError<G>>) -> Option<Self> {
        match guard {
            Ok(guard) => Some(Self::new(guard)),
            Err(TryLockError::Poisoned(poisoned)) => Some(Self::new(poisoned.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized> Mutex<T> {
    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let guard = Guard::new(self.0.lock().unwrap_or_else(PoisonError::into_inner));
        MutexGuard { mutex: self, guard: Some(guard) }
    }

    #[inline]
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        Guard::tried(self.0.try_lock()).map(|guard| MutexGuard { mutex: self, guard: Some(guard) })
    }
}

impl<T: ?Sized> MutexGuard<'_, T> {
    /// Makes a call with the mutex unlocked.
    pub(crate) fn unlocked<R>(guard: &mut Self, call: impl FnOnce() -> R) -> R {
        struct Again<'g, 'a, T: ?Sized>(&'g mut MutexGuard<'a, T>);

        impl<T: ?Sized> Drop for Again<'_, '_, T> {
            fn drop(&mut self) {
                self.0.guard = self.0.mutex.lock().guard;
            }
        }

        guard.guard = None;
        let _again = Again(guard);
        call()
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match &self.guard {
            Some(locked) => &locked.guard,
            None => unreachable!("the guard is borrowed while the mutex is unlocked"),
        }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.guard {
            Some(locked) => &mut locked.guard,
            None => unreachable!("the guard is borrowed while the mutex is unlocked"),
        }
    }
}

impl<T> RwLock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::RwLock::new(value))
    }
}

impl<T: ?Sized> RwLock<T> {
    pub(crate) fn read(&self) -> Guard<std::sync::RwLockReadGuard<'_, T>> {
        Guard::new(self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn try_read(&self) -> Option<Guard<std::sync::RwLockReadGuard<'_, T>>> {
        Guard::tried(self.0.try_read())
    }

    pub(crate) fn write(&self) -> Guard<std::sync::RwLockWriteGuard<'_, T>> {
        Guard::new(self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<G: Deref> Deref for Guard<G> {
    type Target = G::Target;

    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Guard<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

#[cfg(not(debug_assertions))]
mod uncounted {
    /// Stands for a lock, as long as it is held.
    pub(crate) struct Held;

    impl Held {
        #[inline]
        pub(crate) fn new() -> Self {
            Self
        }
    }

    /// Called before each function of the application.
    #[inline]
    pub(crate) fn assert_unlocked() {}
}

#[cfg(debug_assertions)]
mod counted {
    use std::cell::Cell;

    thread_local! {
        static COUNT: Cell<usize> = const { Cell::new(0) };
    }

    /// Stands for a lock that is held: each guard has one, and so has what is locked in another way.
    pub(crate) struct Held;

    impl Held {
        pub(crate) fn new() -> Self {
            COUNT.set(COUNT.get() + 1);
            Self
        }
    }

    impl Drop for Held {
        fn drop(&mut self) {
            COUNT.set(COUNT.get() - 1);
        }
    }

    /// Called before each function of the application.
    pub(crate) fn assert_unlocked() {
        let count = COUNT.get();
        if count > 0 {
            // A panic would end at the C interface.
            let trace = std::backtrace::Backtrace::force_capture();
            eprintln!("libktorws: a function of the application is called with {count} locks held\n{trace}");
            std::process::abort();
        }
    }
}
