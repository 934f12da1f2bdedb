//! The buffer of a connection: filled from the front, echoed from where it is.

use crate::pages::Pages;

/// What one receive takes at most.
pub const RECEIVE_SIZE: usize = 256 * 1024;

/// Holds any frame of the benchmarks, and a receive behind it.
const CAPACITY: usize = 4 * 1024 * 1024;

pub struct Inbox {
    memory: Pages,
    pub start: usize,
    pub end: usize,
}

impl Inbox {
    pub fn new() -> Self {
        Self { memory: Pages::new(CAPACITY), start: 0, end: 0 }
    }

    pub fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// Where to receive to: `None` when the frame under way is too big.
    pub fn space(&mut self) -> Option<&mut [u8]> {
        if self.start == self.end {
            self.clear();
        } else if self.start > 0 {
            self.memory.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        self.memory.get_mut(self.end..self.end + RECEIVE_SIZE)
    }

    pub fn received(&mut self, size: usize) {
        self.end += size;
    }

    /// What was received and not yet taken.
    pub fn data(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    pub fn memory(&mut self) -> &mut [u8] {
        &mut self.memory
    }
}
