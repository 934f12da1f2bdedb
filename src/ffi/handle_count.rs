//! Counts the handles of an object that the application has not freed.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A count that stays 0 once it is 0. The memory of the object can live longer.
pub(super) struct HandleCount(AtomicUsize);

impl HandleCount {
    /// Starts with one handle.
    pub(super) fn new() -> Self {
        Self(AtomicUsize::new(1))
    }

    /// Adds a handle. Returns false if the last one was freed.
    pub(super) fn add(&self) -> bool {
        self.change(|handles| if handles == 0 { None } else { handles.checked_add(1) }).is_some()
    }

    /// Removes a handle. Returns true for the last one, once.
    pub(super) fn remove(&self) -> bool {
        self.change(|handles| handles.checked_sub(1)) == Some(1)
    }

    /// The application has freed all handles.
    pub(super) fn is_zero(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }

    /// Returns the previous count, or None if it did not change.
    fn change(&self, to: impl Fn(usize) -> Option<usize>) -> Option<usize> {
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, to).ok()
    }
}
