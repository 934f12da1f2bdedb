//! A buffer for bytes between the socket and TLS.

/// A queue of bytes in contiguous memory. Keeps its memory until [`release`](Self::release).
#[derive(Debug, Default)]
pub(super) struct Buffer {
    memory: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.end]
    }

    /// Removes the first `count` bytes.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        debug_assert!(self.start <= self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Returns free memory for at least `size` bytes at the end.
    pub(super) fn space(&mut self, size: usize) -> &mut [u8] {
        if self.memory.len() - self.end < size {
            self.memory.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.memory.len() - self.end < size {
                self.memory.resize(self.end + size, 0);
            }
        }
        &mut self.memory[self.end..]
    }

    /// Appends the first `count` bytes of [`space`](Self::space).
    pub(super) fn filled(&mut self, count: usize) {
        self.end += count;
        debug_assert!(self.end <= self.memory.len());
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.space(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.filled(bytes.len());
    }

    /// Frees the unused memory.
    pub(super) fn release(&mut self) {
        if self.is_empty() {
            self.memory = Vec::new();
        } else {
            self.memory = self.bytes().to_vec();
            (self.start, self.end) = (0, self.memory.len());
        }
    }
}
