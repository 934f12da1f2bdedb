//! Memory of large messages that the application has freed, for the next ones.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::lock::Mutex;

/// Keeps the memory of one message, as long as messages flow.
#[derive(Debug, Default)]
pub(crate) struct BufferPool {
    memory: Mutex<Vec<u8>>,
    has_memory: AtomicBool,
}

/// More than this is given back to the system at once.
const LARGEST: usize = 8 * 1024 * 1024;

impl BufferPool {
    /// Keeps it if it is larger than what is kept.
    pub(crate) fn give(&self, mut memory: Vec<u8>) {
        if memory.len() > LARGEST {
            return;
        }
        let mut kept = self.memory.lock();
        if kept.len() < memory.len() {
            // What was kept is freed with the lock released.
            std::mem::swap(&mut *kept, &mut memory);
            self.has_memory.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn take(&self) -> Option<Vec<u8>> {
        if !self.has_memory.load(Ordering::Relaxed) {
            return None;
        }
        let mut kept = self.memory.lock();
        // With the lock held: what is given next is not forgotten.
        self.has_memory.store(false, Ordering::Relaxed);
        let memory = std::mem::take(&mut *kept);
        drop(kept);
        Some(memory).filter(|memory| !memory.is_empty())
    }

    /// Gives it back to the system.
    pub(crate) fn release(&self) {
        drop(self.take());
    }
}
