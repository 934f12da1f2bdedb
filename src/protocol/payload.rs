//! The payload of a message, in memory that later messages reuse.

use std::ops::Deref;

use crate::error::{Error, Kind};

/// The minimum allocation, so that the memory fits the next small message too.
const LEAST: usize = 128;

/// How much unused memory a complete small message may keep.
const SLACK: usize = 1024;

/// Memory of at least this size is placed in its page. See [`PLACE`].
const PLACED_FROM: usize = 32 * 1024;

const PAGE: usize = 4096;

/// The offset in a page where the next byte from the kernel is placed. The kernel copies from near the start of a page with
/// `rep movsb`. On current processors this is several times slower if the target is a few bytes further into its page.
const PLACE: usize = 512;

/// A payload that grows as bytes arrive. A complete payload is followed by a NUL.
#[derive(Clone, Default)]
pub struct Payload {
    /// All bytes are initialised. `memory[start..][..size]` is the payload.
    memory: Vec<u8>,
    start: usize,
    size: usize,
}

impl Payload {
    /// An empty payload in memory from [`into_memory`](Self::into_memory), or in an empty vector.
    pub fn in_memory(memory: Vec<u8>) -> Self {
        Self { memory, start: 0, size: 0 }
    }

    /// A small payload, in `memory` if that is larger, else in new memory.
    #[inline]
    pub(super) fn small(mut memory: Vec<u8>, bytes: &[u8]) -> Self {
        if memory.len() <= bytes.len() {
            memory = vec![0; LEAST.max(bytes.len() + 1)];
        }
        memory[..bytes.len()].copy_from_slice(bytes);
        memory[bytes.len()] = 0;
        Self { memory, start: 0, size: bytes.len() }
    }

    /// The memory, for reuse.
    pub fn into_memory(self) -> Vec<u8> {
        self.memory
    }

    /// The size of the memory.
    pub fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// The payload and the NUL after it.
    pub fn with_nul(&self) -> &[u8] {
        if self.memory.is_empty() { b"\0" } else { &self.memory[self.start..=self.start + self.size] }
    }

    /// Reserves memory for `now` bytes, and for the `later` bytes that are announced after them, if that is at most twice the
    /// memory for the received bytes.
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

    /// Appends bytes. The caller has reserved memory for them.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.space()[..bytes.len()].copy_from_slice(bytes);
        self.size += bytes.len();
    }

    /// The reserved memory after the payload.
    pub(super) fn space(&mut self) -> &mut [u8] {
        let end = self.memory.len().saturating_sub(1);
        &mut self.memory[(self.start + self.size).min(end)..end]
    }

    /// Records that the first `count` bytes of [`space`](Self::space) were written.
    pub(super) fn filled(&mut self, count: usize) {
        self.size += count;
        debug_assert!(self.start + self.size < self.memory.len());
    }

    /// Shrinks memory that far exceeds the complete payload, because the application may keep the payload.
    pub(super) fn fit(&mut self) {
        let used = self.size + 1;
        let slack = if used >= PLACED_FROM { PAGE } else { SLACK };
        if self.memory.len() <= 2 * used + slack {
            return;
        }
        let mut memory = Vec::new();
        // If the smaller allocation fails, the payload keeps its memory.
        if memory.try_reserve_exact(used.max(LEAST)).is_ok() {
            memory.extend_from_slice(self);
            memory.resize(used.max(LEAST), 0);
            (self.memory, self.start) = (memory, 0);
        }
    }

    /// Removes the first `count` bytes.
    pub(super) fn remove_front(&mut self, count: usize) {
        self.start += count;
        self.size -= count;
    }

    /// Writes the NUL after the payload.
    pub(super) fn terminate(&mut self) {
        if let Some(behind) = self.memory.get_mut(self.start + self.size) {
            *behind = 0;
        }
    }
}

/// Allocates memory to read `size` bytes into. Returns the memory and the offset to read to.
pub(super) fn placed(size: usize) -> (Vec<u8>, usize) {
    if size < PLACED_FROM {
        return (vec![0; size], 0);
    }
    let mut memory = vec![0; size + PAGE];
    let start = place(&memory, 0);
    memory.truncate(start + size);
    (memory, start)
}

/// The offset in `memory` at which a payload starts if the byte after its first `size` bytes is at [`PLACE`] in its page.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn is_placed(payload: &Payload, byte: usize) -> bool {
        (payload.memory.as_ptr().addr() + payload.start + byte) % PAGE == PLACE
    }

    fn reserved(now: usize, later: u64) -> Payload {
        let mut payload = Payload::default();
        payload.reserve(now, later).expect("memory");
        payload
    }

    #[test]
    fn small_reuses_memory_that_is_larger() {
        for (room, reused) in [(0, false), (3, false), (4, true), (500, true)] {
            let memory = vec![7; room];
            let address = memory.as_ptr();
            let payload = Payload::small(memory, b"abc");
            assert_eq!((&*payload, payload.with_nul()), (&b"abc"[..], &b"abc\0"[..]));
            assert_eq!(payload.memory.as_ptr() == address, reused, "{room}");
            assert_eq!(payload.capacity(), if reused { room } else { LEAST });
        }
        assert_eq!(Payload::small(Vec::new(), &[1; LEAST]).capacity(), LEAST + 1);
        assert_eq!(Payload::in_memory(vec![7; 5]).into_memory(), [7; 5]);
        assert_eq!(Payload::default().with_nul(), b"\0");
    }

    #[test]
    fn reserve_at_most_doubles_the_received_bytes() {
        assert_eq!(reserved(0, 0).capacity(), LEAST);
        assert_eq!(reserved(100, 0).capacity(), LEAST);
        assert_eq!(reserved(100, 1000).capacity(), 202);
        assert_eq!(reserved(1000, 100).capacity(), 1101);
        assert_eq!(reserved(1000, u64::MAX).capacity(), 2002);
        let mut payload = reserved(1000, 0);
        payload.push(&[1; 1000]);
        // No allocation if the bytes fit.
        payload.reserve(0, 5000).expect("memory");
        assert_eq!(payload.capacity(), 1001);
        payload.reserve(1, 5000).expect("memory");
        assert_eq!(payload.capacity(), 2004);
        assert_eq!(payload.space().len(), 1003);
        assert_eq!(&*payload, [1; 1000]);
        payload.reserve(2000, 0).expect("memory");
        assert_eq!(payload.capacity(), 3001);
        assert_eq!(&*payload, [1; 1000]);
    }

    #[test]
    fn reserve_allocates_exactly() {
        for (now, later) in [(0, 0), (1000, 100), (PLACED_FROM, 0), (100_000, 100_000)] {
            let payload = reserved(now, later);
            assert_eq!(payload.memory.capacity(), payload.memory.len(), "{now}");
        }
    }

    #[test]
    fn payloads_compare_by_bytes() {
        let payload = Payload::small(vec![7; 500], b"abc");
        assert_eq!(payload, Payload::from(&b"abc"[..]));
        assert_ne!(payload, Payload::from(&b"abd"[..]));
        assert_ne!(payload, Payload::from(&b"ab"[..]));
    }

    #[test]
    fn a_large_payload_is_placed_in_its_page() {
        for now in [0, 1, 5000, PLACED_FROM] {
            let payload = reserved(now, PLACED_FROM as u64);
            let room = (now + 1 + PLACED_FROM).min(2 * (now + 1)).max(LEAST);
            let slack = if room < PLACED_FROM { 0 } else { PAGE };
            assert_eq!(payload.capacity(), room + slack, "{now}");
            assert_eq!(slack > 0, is_placed(&payload, now) && payload.start < PAGE, "{now}");
        }
        assert_eq!(reserved(PLACED_FROM - 2, 0).capacity(), PLACED_FROM - 1);
        assert_eq!(reserved(PLACED_FROM - 1, 0).capacity(), PLACED_FROM + PAGE);
        // Received bytes are copied.
        let mut payload = reserved(1000, 0);
        payload.push(&[1; 1000]);
        payload.reserve(PLACED_FROM, 0).expect("memory");
        assert_eq!(payload.capacity(), 1000 + PLACED_FROM + 1 + PAGE);
        assert!(is_placed(&payload, 1000 + PLACED_FROM));
        assert_eq!(&*payload, [1; 1000]);
    }

    #[test]
    fn reused_memory_is_placed_if_it_is_large_enough() {
        for (room, is_enough) in [(PLACED_FROM + 1, false), (PLACED_FROM + 1 + PAGE, true)] {
            for now in [0, 100] {
                let memory = vec![0; room];
                let address = memory.as_ptr();
                let mut payload = Payload::in_memory(memory);
                payload.reserve(now, (PLACED_FROM - now) as u64).expect("memory");
                assert_eq!(payload.memory.as_ptr(), address);
                assert!(is_placed(&payload, now) || (!is_enough && payload.start == 0));
                let rest = room - 1 - payload.start;
                assert_eq!(payload.space().len(), rest);
                assert!(rest >= PLACED_FROM);
            }
        }
        // A small payload starts at 0, also in memory that a large payload used.
        let mut payload = Payload::in_memory(vec![0; 2 * PLACED_FROM]);
        payload.reserve(100, (PLACED_FROM - 102) as u64).expect("memory");
        assert_eq!((payload.start, payload.capacity()), (0, 2 * PLACED_FROM));
    }

    #[test]
    fn read_memory_is_placed_from_32_kib() {
        for size in [0, 1, 100, PLACED_FROM - 1] {
            let (memory, start) = placed(size);
            assert_eq!((memory.len(), start), (size, 0));
        }
        for size in [PLACED_FROM, PLACED_FROM + 1, 100_000] {
            let (memory, start) = placed(size);
            assert_eq!(memory.len(), start + size);
            assert_eq!((memory.as_ptr().addr() + start) % PAGE, PLACE);
        }
    }

    #[test]
    fn fit_frees_excess_memory() {
        let fitted = |size: usize, room: usize| {
            let mut payload = Payload::in_memory(vec![9; room]);
            payload.push(&vec![1; size]);
            payload.fit();
            payload.terminate();
            assert_eq!(payload.with_nul(), [&vec![1; size][..], b"\0"].concat());
            payload.capacity()
        };
        assert_eq!(fitted(10, 2 * 11 + SLACK), 2 * 11 + SLACK);
        assert_eq!(fitted(10, 2 * 11 + SLACK + 1), LEAST);
        assert_eq!(fitted(1000, 2 * 1001 + SLACK), 2 * 1001 + SLACK);
        assert_eq!(fitted(1000, 2 * 1001 + SLACK + 1), 1001);
        assert_eq!(fitted(PLACED_FROM - 2, 2 * (PLACED_FROM - 1) + SLACK + 1), PLACED_FROM - 1);
        assert_eq!(fitted(PLACED_FROM - 1, 2 * PLACED_FROM + PAGE), 2 * PLACED_FROM + PAGE);
        assert_eq!(fitted(PLACED_FROM - 1, 2 * PLACED_FROM + PAGE + 1), PLACED_FROM);
    }
}
