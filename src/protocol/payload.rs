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

    /// Frees memory that far exceeds the complete payload, which may be kept for long.
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
    fn a_small_payload_takes_memory_that_is_larger() {
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
    fn room_is_at_most_twice_what_has_arrived() {
        assert_eq!(reserved(0, 0).capacity(), LEAST);
        assert_eq!(reserved(100, 0).capacity(), LEAST);
        assert_eq!(reserved(100, 1000).capacity(), 202);
        assert_eq!(reserved(1000, 100).capacity(), 1101);
        assert_eq!(reserved(1000, u64::MAX).capacity(), 2002);
        let mut payload = reserved(1000, 0);
        payload.push(&[1; 1000]);
        // Nothing more is needed for what fits.
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
    fn memory_is_made_in_one_step_and_is_exact() {
        for (now, later) in [(0, 0), (1000, 100), (PLACED_FROM, 0), (100_000, 100_000)] {
            let payload = reserved(now, later);
            assert_eq!(payload.memory.capacity(), payload.memory.len(), "{now}");
        }
    }

    #[test]
    fn payloads_compare_by_their_bytes() {
        let payload = Payload::small(vec![7; 500], b"abc");
        assert_eq!(payload, Payload::from(&b"abc"[..]));
        assert_ne!(payload, Payload::from(&b"abd"[..]));
        assert_ne!(payload, Payload::from(&b"ab"[..]));
    }

    #[test]
    fn a_large_payload_lies_where_the_kernel_copies_fast() {
        for now in [0, 1, 5000, PLACED_FROM] {
            let payload = reserved(now, PLACED_FROM as u64);
            let room = (now + 1 + PLACED_FROM).min(2 * (now + 1)).max(LEAST);
            let slack = if room < PLACED_FROM { 0 } else { PAGE };
            assert_eq!(payload.capacity(), room + slack, "{now}");
            assert_eq!(slack > 0, is_placed(&payload, now) && payload.start < PAGE, "{now}");
        }
        assert_eq!(reserved(PLACED_FROM - 2, 0).capacity(), PLACED_FROM - 1);
        assert_eq!(reserved(PLACED_FROM - 1, 0).capacity(), PLACED_FROM + PAGE);
        // What has arrived moves along.
        let mut payload = reserved(1000, 0);
        payload.push(&[1; 1000]);
        payload.reserve(PLACED_FROM, 0).expect("memory");
        assert_eq!(payload.capacity(), 1000 + PLACED_FROM + 1 + PAGE);
        assert!(is_placed(&payload, 1000 + PLACED_FROM));
        assert_eq!(&*payload, [1; 1000]);
    }

    #[test]
    fn memory_that_is_used_again_is_placed_where_there_is_room() {
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
        // Small ones are not, nor do they lie where a large one did.
        let mut payload = Payload::in_memory(vec![0; 2 * PLACED_FROM]);
        payload.reserve(100, (PLACED_FROM - 102) as u64).expect("memory");
        assert_eq!((payload.start, payload.capacity()), (0, 2 * PLACED_FROM));
    }

    #[test]
    fn memory_to_read_to_is_placed_from_32_kib_on() {
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
    fn excess_memory_is_freed() {
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
