//! The buffer for received bytes that are not yet decoded.

use crate::frame::header::MAX_HEADER_SIZE;
use crate::protocol::payload;

/// The size of the first read.
const FIRST_READ: usize = 4 * 1024;

/// The maximum size of a read. The size grows when a read fills the buffer.
const LARGEST_READ: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct ReadBuffer {
    /// The undecoded bytes are `memory[start..end]`. No memory is held while nothing arrives.
    memory: Vec<u8>,
    /// The first used index of `memory`. See [`payload::placed`].
    base: usize,
    start: usize,
    end: usize,
    /// Whether the last read filled the buffer.
    was_filled: bool,
}

impl ReadBuffer {
    pub(super) fn new(early: &[u8]) -> Self {
        Self { memory: early.to_vec(), base: 0, start: 0, end: early.len(), was_filled: false }
    }

    /// The undecoded bytes.
    #[inline]
    pub(super) fn unread(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Removes the first `count` undecoded bytes.
    #[inline]
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
    }

    /// Removes the first `count` undecoded bytes and returns them.
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> &[u8] {
        let start = self.start;
        self.start += count;
        &self.memory[start..self.start]
    }

    /// Discards all undecoded bytes.
    pub(super) fn clear(&mut self) {
        self.start = self.end;
    }

    /// The space for the next read.
    pub(super) fn space(&mut self) -> &mut [u8] {
        let left = self.end - self.start;
        let wanted = if self.was_filled { (self.memory.len() - self.base) * 4 } else { FIRST_READ };
        // The rest is an incomplete header, or bytes received together with the handshake response.
        let wanted = wanted.min(LARGEST_READ).max(left + MAX_HEADER_SIZE);
        if self.memory.len() - self.base < wanted {
            let (memory, base) = payload::placed(wanted);
            let before = std::mem::replace(&mut self.memory, memory);
            self.memory[base..base + left].copy_from_slice(&before[self.start..self.end]);
            self.base = base;
        } else {
            self.memory.copy_within(self.start..self.end, self.base);
        }
        (self.start, self.end) = (self.base, self.base + left);
        &mut self.memory[self.end..]
    }

    /// Records that the first `count` bytes of [`space`](Self::space) were written.
    pub(super) fn filled(&mut self, count: usize) {
        self.end += count;
        self.was_filled = self.end == self.memory.len();
        debug_assert!(self.end <= self.memory.len());
    }

    /// Whether the buffer is larger than the first read needs.
    pub(super) fn is_grown(&self) -> bool {
        self.memory.len() - self.base > FIRST_READ
    }

    /// Frees the memory if the buffer is empty.
    pub(super) fn release(&mut self) {
        if self.is_empty() {
            *self = Self::new(&[]);
        }
    }
}
