//! The pool of the buffers that large messages are received in. All sessions of a runtime share it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::fork;
use crate::lock::Mutex;
use crate::session::background::tasks::{Hold, Tasks};
use crate::session::upcalls::BufferSource;

/// The maximum size of all buffers in the pool together.
const MAX_SIZE: usize = 8 * 1024 * 1024;

/// The maximum number of buffers in the pool. There is room for them from the beginning, so giving one back never allocates.
const MAX_COUNT: usize = 64;

/// A buffer that no message has needed for this long is freed, at the latest after twice this time.
const UNUSED_FOR: Duration = Duration::from_millis(100);

/// How much larger than twice its message a buffer may be. A payload in a larger one would be copied into memory that fits.
const SLACK: u64 = 1024;

/// The unused buffers. Each has its full length, so a message is read into it without clearing it first.
#[derive(Debug)]
pub(crate) struct BufferPool {
    unused: Mutex<Unused>,
    /// Wakes [`free_unneeded`], which waits while the pool is empty.
    filled: Notify,
    /// The process whose pool it is. In a forked child the lock may be held for good.
    generation: u64,
}

#[derive(Debug)]
struct Unused {
    buffers: Vec<Buffer>,
    /// The size of all buffers.
    size: usize,
    is_closed: bool,
}

#[derive(Debug)]
struct Buffer {
    memory: Vec<u8>,
    /// It was in the pool already at the last [`BufferPool::age`].
    is_old: bool,
}

impl BufferPool {
    /// Smaller buffers are not kept: the allocator has them at hand.
    pub(crate) const SMALLEST: usize = 16 * 1024;

    pub(crate) fn new() -> Self {
        let unused = Unused { buffers: Vec::with_capacity(MAX_COUNT), size: 0, is_closed: false };
        Self { unused: Mutex::new(unused), filled: Notify::new(), generation: fork::generation() }
    }

    /// Gives a buffer back. Frees it if the pool is full.
    pub(crate) fn give(&self, memory: Vec<u8>) {
        let size = memory.capacity();
        if size < Self::SMALLEST || fork::is_inherited(self.generation) {
            return;
        }
        let mut unused = self.unused.lock();
        if unused.is_closed || unused.buffers.len() == MAX_COUNT || unused.size + size > MAX_SIZE {
            return;
        }
        unused.size += size;
        unused.buffers.push(Buffer { memory, is_old: false });
        let is_first = unused.buffers.len() == 1;
        drop(unused);
        if is_first {
            self.filled.notify_one();
        }
    }

    /// Takes a buffer for a large message: the smallest one that is large enough, or else the largest one, but none that is far
    /// too large.
    pub(crate) fn take(&self, size: u64) -> Vec<u8> {
        if size < Self::SMALLEST as u64 {
            return Vec::new();
        }
        let mut unused = self.unused.lock();
        let sizes = unused.buffers.iter().map(|buffer| buffer.memory.len() as u64).enumerate();
        let best = sizes
            .rev()
            .filter(|(_, room)| *room <= size.saturating_mul(2).saturating_add(SLACK))
            .min_by_key(|(_, room)| (*room <= size, room.abs_diff(size)));
        let Some((index, _)) = best else { return Vec::new() };
        let memory = unused.buffers.remove(index).memory;
        unused.size -= memory.capacity();
        memory
    }

    /// Frees the buffers that have been in the pool since the last call. Returns whether there are others.
    fn age(&self) -> bool {
        let mut unused = self.unused.lock();
        unused.buffers.retain(|buffer| !buffer.is_old);
        unused.buffers.iter_mut().for_each(|buffer| buffer.is_old = true);
        unused.size = unused.buffers.iter().map(|buffer| buffer.memory.capacity()).sum();
        !unused.buffers.is_empty()
    }

    /// Frees all buffers. From now on the pool keeps none.
    fn close(&self) {
        *self.unused.lock() = Unused { buffers: Vec::new(), size: 0, is_closed: true };
    }
}

impl BufferSource for &BufferPool {
    fn take(&mut self, size: u64) -> Vec<u8> {
        BufferPool::take(self, size)
    }
}

/// Frees the buffers that are not needed any more, until the library is shut down.
pub(crate) async fn free_unneeded(pool: Arc<BufferPool>, tasks: Tasks, _hold: Hold) {
    let aging = async {
        loop {
            pool.filled.notified().await;
            while {
                tokio::time::sleep(UNUSED_FOR).await;
                pool.age()
            } {}
        }
    };
    let _: Option<()> = tasks.cancel().run_until_cancelled(aging).await;
    pool.close();
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn pool_of(sizes: &[usize]) -> BufferPool {
        let pool = BufferPool::new();
        sizes.iter().for_each(|size| pool.give(vec![7; *size]));
        pool
    }

    /// The sizes of the buffers for messages of `size` bytes each.
    fn taken(pool: &BufferPool, size: usize, count: usize) -> Vec<usize> {
        (0..count).map(|_| pool.take(size as u64).len()).collect()
    }

    #[test]
    fn the_best_buffer_is_taken_first() {
        let pool = pool_of(&[40_000, 300_000, 100_001, 100_000, 200_000, 201_025]);
        assert_eq!(taken(&pool, 100_000, 6), [100_001, 200_000, 100_000, 40_000, 0, 0]);
        assert_eq!(taken(&pool, 100_001, 1), [201_025]);
        assert_eq!(taken(&pool, usize::MAX, 2), [300_000, 0]);
    }

    #[test]
    fn a_buffer_keeps_its_contents_and_its_length() {
        let pool = pool_of(&[MIB]);
        assert_eq!(pool.take(MIB as u64 - 1), vec![7; MIB]);
    }

    #[test]
    fn small_buffers_are_neither_kept_nor_given() {
        let smallest = BufferPool::SMALLEST;
        let pool = pool_of(&[smallest - 1]);
        assert_eq!(taken(&pool, smallest - 1, 1), [0]);
        pool.give(vec![0; smallest]);
        assert!(pool.take(smallest as u64 - 1).is_empty());
        assert_eq!(pool.take(smallest as u64).len(), smallest);
    }

    #[test]
    fn the_pool_is_bounded_by_the_capacity_of_its_buffers() {
        let pool = pool_of(&[5 * MIB, 4 * MIB, 2 * MIB, MAX_SIZE + 1]);
        pool.give(Vec::with_capacity(MIB + 1));
        pool.give(Vec::with_capacity(MIB));
        pool.give(vec![7; BufferPool::SMALLEST]);
        assert_eq!(pool.unused.lock().buffers.len(), 3);
        // What was taken makes room.
        assert_eq!(taken(&pool, 5 * MIB, 1), [5 * MIB]);
        pool.give(vec![7; 4 * MIB]);
        assert_eq!(taken(&pool, 4 * MIB, 1), [4 * MIB]);

        let pool = pool_of(&[BufferPool::SMALLEST; MAX_COUNT + 1]);
        assert_eq!(pool.unused.lock().buffers.len(), MAX_COUNT);
    }

    #[test]
    fn buffers_that_are_not_needed_are_freed() {
        let pool = pool_of(&[MIB, 2 * MIB]);
        assert!(pool.age());
        let used = pool.take(MIB as u64 - 1);
        pool.give(used);
        assert!(pool.age());
        let unused = pool.unused.lock();
        assert_eq!((unused.buffers.len(), unused.size), (1, MIB));
        drop(unused);
        assert!(!pool.age());
        assert_eq!(pool.unused.lock().size, 0);
    }

    #[test]
    fn a_closed_pool_keeps_nothing() {
        let pool = pool_of(&[MIB]);
        pool.close();
        pool.give(vec![7; MIB]);
        assert_eq!(taken(&pool, MIB, 1), [0]);
        assert_eq!(pool.unused.lock().size, 0);
    }
}
