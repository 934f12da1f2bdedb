//! The library's locks. No function of the application runs while the calling thread holds one of them: a debug build
//! counts what each thread holds, and ends the process where it calls out all the same.

#[cfg(debug_assertions)]
pub(crate) use counted::{Held, Mutex, MutexGuard, assert_unlocked};
#[cfg(not(debug_assertions))]
pub(crate) use parking_lot::{Mutex, MutexGuard};
#[cfg(not(debug_assertions))]
pub(crate) use uncounted::{Held, assert_unlocked};

#[cfg(not(debug_assertions))]
mod uncounted {
    /// Stands for a lock that is not a [`Mutex`](super::Mutex), as long as it is held.
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
    use std::ops::{Deref, DerefMut};

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

    /// parking_lot's, counted.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T: ?Sized>(parking_lot::Mutex<T>);

    pub(crate) struct MutexGuard<'a, T: ?Sized> {
        guard: parking_lot::MutexGuard<'a, T>,
        _held: Held,
    }

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(parking_lot::Mutex::new(value))
        }

        pub(crate) fn into_inner(self) -> T {
            self.0.into_inner()
        }
    }

    impl<T: ?Sized> Mutex<T> {
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard { guard: self.0.lock(), _held: Held::new() }
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().map(|guard| MutexGuard { guard, _held: Held::new() })
        }
    }

    impl<T: ?Sized> MutexGuard<'_, T> {
        pub(crate) fn unlocked<R>(guard: &mut Self, call: impl FnOnce() -> R) -> R {
            struct Again;

            impl Drop for Again {
                fn drop(&mut self) {
                    COUNT.set(COUNT.get() + 1);
                }
            }

            COUNT.set(COUNT.get() - 1);
            let _again = Again;
            parking_lot::MutexGuard::unlocked(&mut guard.guard, call)
        }
    }

    impl<T: ?Sized> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.guard
        }
    }

    impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.guard
        }
    }
}
