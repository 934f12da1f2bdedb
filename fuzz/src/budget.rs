//! What a stream may cost: memory at a time, and memory in all, which something has to fill.
#![allow(unsafe_code, reason = "an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use ktorws::protocol::Event;

/// What a connection has whatever comes: an inflater, a compressor, and what is read at a time.
const BASE: usize = 2 << 20;

/// For each byte of the stream: a message of none takes two, and an event, an allocation and its place in the list here.
const FOR_EACH_BYTE: usize = 512;

/// For each byte of a message: it grows by doubling, and is made larger by four than what it is inflated from.
const FOR_EACH_BYTE_OF_PAYLOAD: usize = 16;

/// For each byte of the stream, what decoding may read, write and copy.
const WORK: u64 = 6 * 1024;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

struct Counting;

fn count(size: usize) {
    ALLOCATED.fetch_add(size, Ordering::Relaxed);
    PEAK.fetch_max(IN_USE.fetch_add(size, Ordering::Relaxed) + size, Ordering::Relaxed);
}

// SAFETY: the system's allocator does it all.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Calls `run` on a stream of so many bytes, and looks what that took. `payload`: the most that a message of the stream may
/// have inflated to without coming out.
pub fn within<T>(stream: usize, payload: usize, run: impl FnOnce() -> T, events: impl Fn(&T) -> &[Event]) -> T {
    let before = IN_USE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    ALLOCATED.store(0, Ordering::Relaxed);
    let outcome = run();
    let (peak, allocated) = (PEAK.load(Ordering::Relaxed) - before, ALLOCATED.load(Ordering::Relaxed));
    let payload = payload + sum(events(&outcome));
    let most = BASE + FOR_EACH_BYTE * stream + FOR_EACH_BYTE_OF_PAYLOAD * payload;
    assert!(allocated <= most, "{allocated} bytes allocated for {stream} bytes, {payload} bytes of messages");
    let most = BASE + FOR_EACH_BYTE * stream + 4 * payload;
    assert!(peak <= most, "{peak} bytes in use for {stream} bytes, {payload} bytes of messages");
    outcome
}

/// Looks at what decoding has cost, with so many bytes received.
pub fn check_work(work: u64, received: usize, events: &[Event]) {
    let most = (BASE as u64) + WORK * received as u64 + 8 * sum(events) as u64;
    assert!(work <= most, "decoding has cost {work}, with {received} bytes");
}

fn sum(events: &[Event]) -> usize {
    events.iter().map(|event| if let Event::Frame(frame) = event { frame.payload.len() } else { 0 }).sum()
}
