//! How many handles of an object the application has not freed.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A count that ends at 0: no handle comes after the last one, whatever is called on the memory, which may live longer.
pub(super) struct HandleCount(AtomicUsize);

impl HandleCount {
    /// One handle.
    pub(super) fn new() -> Self {
        Self(AtomicUsize::new(1))
    }

    /// Another handle. Returns whether there is one: not after the last one was freed.
    pub(super) fn add(&self) -> bool {
        self.change(|handles| if handles == 0 { None } else { handles.checked_add(1) }).is_some()
    }

    /// Frees a handle. Returns whether it was the last, which happens once.
    pub(super) fn remove(&self) -> bool {
        self.change(|handles| handles.checked_sub(1)) == Some(1)
    }

    pub(super) fn is_none(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }

    /// Returns the count before, none where it does not change.
    fn change(&self, to: impl Fn(usize) -> Option<usize>) -> Option<usize> {
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, to).ok()
    }
}
