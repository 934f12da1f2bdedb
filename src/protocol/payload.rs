//! The bytes of a message, in memory that messages use one after the other.

use std::ops::Deref;

use crate::error::{Error, Kind};

/// The least memory that is made, so that it serves the next small message as well.
const LEAST: usize = 128;

/// How much unused memory a small message may keep.
const SLACK: usize = 1024;

/// From this size on it matters where in a page the kernel copies to.
const PLACED_FROM: usize = 32 * 1024;

const PAGE: usize = 4096;

/// Where in a page the next byte from the kernel goes. It copies from near the start of a page with `rep movsb`, which
/// on current processors is several times slower when the target lies a few bytes further into its page.
const PLACE: usize = 512;

/// A payload that grows as bytes arrive. One NUL stands behind it.
#[derive(Clone, Default)]
pub struct Payload {
    /// All of it initialised; only `memory[start..][..size]` is the payload.
    memory: Vec<u8>,
    start: usize,
    size: usize,
}

impl Payload {
    /// An empty payload in memory from [`into_memory`](Self::into_memory), or in none.
    pub fn in_memory(memory: Vec<u8>) -> Self {
        Self { memory, start: 0, size: 0 }
    }

    /// A small payload, in memory that is larger, or in new memory.
    #[inline]
    pub(super) fn small(mut memory: Vec<u8>, bytes: &[u8]) -> Self {
        if memory.len() <= bytes.len() {
            memory = vec![0; LEAST.max(bytes.len() + 1)];
        }
        memory[..bytes.len()].copy_from_slice(bytes);
        memory[bytes.len()] = 0;
        Self { memory, start: 0, size: bytes.len() }
    }

    /// The memory, to be used again.
    pub fn into_memory(self) -> Vec<u8> {
        self.memory
    }

    /// How much memory it has.
    pub fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// The payload and the NUL behind it.
    pub fn with_nul(&self) -> &[u8] {
        if self.memory.is_empty() { b"\0" } else { &self.memory[self.start..=self.start + self.size] }
    }

    /// Makes room for `now` bytes, knowing that `later` more are announced. The room at most doubles what has arrived,
    /// whatever was announced.
    pub(super) fn reserve(&mut self, now: usize, later: u64) -> Result<(), Error> {
        let needed = self.size + now + 1;
        let whole = usize::try_from(later).map_or(usize::MAX, |later| needed.saturating_add(later));
        if self.size == 0 && whole >= PLACED_FROM {
            let start = place(&self.memory, now);
            self.start = if whole.saturating_add(start) <= self.memory.len() { start } else { 0 };
        }
        if self.start + needed <= self.memory.len() {
            return Ok(());
        }
        let room = whole.min(needed * 2).max(LEAST);
        let mut memory = Vec::new();
        let slack = if room >= PLACED_FROM { PAGE } else { 0 };
        memory
            .try_reserve_exact(room + slack)
            .map_err(|_| Error::new(Kind::NoMemory, format!("no memory for a message of {} bytes", needed - 1)))?;
        memory.resize(room + slack, 0);
        let start = if slack > 0 { place(&memory, self.size + now) } else { 0 };
        memory[start..start + self.size].copy_from_slice(self);
        self.memory = memory;
        self.start = start;
        Ok(())
    }

    /// Appends bytes, for which there is room.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.space()[..bytes.len()].copy_from_slice(bytes);
        self.size += bytes.len();
    }

    /// The room behind the payload.
    pub(super) fn space(&mut self) -> &mut [u8] {
        let end = self.memory.len().saturating_sub(1);
        &mut self.memory[(self.start + self.size).min(end)..end]
    }

    /// `count` bytes were put into [`space`](Self::space).
    pub(super) fn filled(&mut self, count: usize) {
        self.size += count;
        debug_assert!(self.start + self.size < self.memory.len());
    }

    /// Gives back memory that is far larger than the payload, which is complete: it may be kept for long.
    pub(super) fn fit(&mut self) {
        let used = self.size + 1;
        let slack = if used >= PLACED_FROM { PAGE } else { SLACK };
        if self.memory.len() <= 2 * used + slack {
            return;
        }
        let mut memory = Vec::new();
        // Without memory for a smaller one it stays.
        if memory.try_reserve_exact(used.max(LEAST)).is_ok() {
            memory.extend_from_slice(self);
            memory.resize(used.max(LEAST), 0);
            (self.memory, self.start) = (memory, 0);
        }
    }

    /// Puts the NUL behind the payload.
    pub(super) fn terminate(&mut self) {
        if let Some(behind) = self.memory.get_mut(self.start + self.size) {
            *behind = 0;
        }
    }
}

/// Memory for reading `size` bytes to, and where in it.
pub(super) fn placed(size: usize) -> (Vec<u8>, usize) {
    if size < PLACED_FROM {
        return (vec![0; size], 0);
    }
    let mut memory = vec![0; size + PAGE];
    let start = place(&memory, 0);
    memory.truncate(start + size);
    (memory, start)
}

/// Where in `memory` a payload has to start for the byte after its first `size` ones to lie well in its page.
fn place(memory: &[u8], size: usize) -> usize {
    let next = memory.as_ptr().addr().wrapping_add(size);
    PLACE.wrapping_sub(next) % PAGE
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.memory.is_empty() { &[] } else { &self.memory[self.start..self.start + self.size] }
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        Self { memory: [bytes, b"\0"].concat(), start: 0, size: bytes.len() }
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Payload {}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", &**self)
    }
}
