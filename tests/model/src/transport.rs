//! The event descriptor, as the kernel keeps it: a counter behind a lock.

use loom::sync::{Condvar, Mutex};

#[derive(Debug)]
pub(crate) struct EventFd {
    is_woken: Mutex<bool>,
    changed: Condvar,
}

impl EventFd {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self { is_woken: Mutex::new(false), changed: Condvar::new() })
    }

    pub(crate) fn wake(&self) {
        *self.is_woken.lock().unwrap() = true;
        self.changed.notify_all();
    }

    pub(crate) fn drain(&self) {
        *self.is_woken.lock().unwrap() = false;
    }

    /// poll(2) on it alone, without waiting.
    pub(crate) fn is_readable(&self) -> bool {
        *self.is_woken.lock().unwrap()
    }

    /// poll(2) on it alone, without a timeout.
    pub(crate) fn sleep(&self) {
        let mut is_woken = self.is_woken.lock().unwrap();
        while !*is_woken {
            is_woken = self.changed.wait(is_woken).unwrap();
        }
    }
}
