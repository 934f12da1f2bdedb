//! Which session's callback a thread is in. Inside a callback, calls fail that would wait for an event that follows the callback.

use std::cell::Cell;

use crate::fork;

thread_local! {
    /// The address of the session whose listener this thread is in.
    static INSIDE: Cell<*const ()> = const { Cell::new(std::ptr::null()) };
}

/// Restores the previous value of `INSIDE`.
pub(crate) struct Inside(*const ());

impl Inside {
    pub(crate) fn of<S>(session: *const S) -> Self {
        Self(INSIDE.replace(session.cast()))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(self.0);
    }
}

/// Calls a function of the application that does not belong to a listener. Inside a listener's call it counts as part of that
/// call.
pub(crate) fn inside<T>(call: impl FnOnce() -> T) -> T {
    let outer = INSIDE.get();
    inside_of(if outer.is_null() { std::ptr::dangling() } else { outer }, call)
}

/// Calls another function of the application, for a session.
pub(crate) fn inside_of<S, T>(session: *const S, call: impl FnOnce() -> T) -> T {
    let inside = Inside::of(session);
    let outcome = call();
    if inside.0.is_null() {
        fork::end_thread_of_child();
    }
    outcome
}

/// Whether the calling thread is in a callback of this session.
pub(crate) fn is_inside<S>(session: &S) -> bool {
    std::ptr::addr_eq(INSIDE.get(), session)
}

/// Whether the calling thread is in a function of the application that the library has called.
pub(crate) fn is_inside_any() -> bool {
    !INSIDE.get().is_null()
}
