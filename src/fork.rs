//! Detects forked children. A forked child has a copy of the parent's memory but only the thread that forked: locks that
//! other threads held at the fork are never released, and descriptors are shared with the parent.
//!
//! Each process has a generation. It is stored in a page that the kernel wipes in every child, including children of
//! clone(2). If the kernel cannot do that (before Linux 4.14), or there is no memory for the page, `pthread_atfork` has the
//! same effect for fork(2) only.
#![allow(unsafe_code, reason = "maps a page, registers a handler, replaces what locks guard in another process")]

use std::cell::Cell;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering, fence};

use rustix::event::{EventfdFlags, eventfd};

/// Where the generation is: in the page, or in [`FALLBACK`]. NULL until the first use of the library.
static PLACE: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());
static FALLBACK: AtomicU64 = AtomicU64::new(0);

/// The latest generation. A child continues the count of its parent.
static LATEST: AtomicU64 = AtomicU64::new(0);

const PAGE: usize = 4096;

/// The generation of this process. It differs from those of all its ancestors and is never 0. Safe in a signal handler after
/// the first call.
#[inline]
pub(crate) fn generation() -> u64 {
    let place = PLACE.load(Ordering::Acquire);
    // SAFETY: it points to a page that is never unmapped, or to a static.
    let place = unsafe { place.as_ref() }.unwrap_or_else(|| find_place());
    match place.load(Ordering::Acquire) {
        0 => begin(place),
        generation => generation,
    }
}

/// Whether a generation is that of an ancestor.
#[inline]
pub(crate) fn is_inherited(from: u64) -> bool {
    from != generation()
}

/// Chooses the generation of this process. Threads that do so at the same time agree on one.
#[cold]
fn begin(place: &AtomicU64) -> u64 {
    let next = LATEST.fetch_add(1, Ordering::AcqRel) + 1;
    match place.compare_exchange(0, next, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => next,
        Err(agreed) => agreed,
    }
}

/// Finds the place of the generation. It never waits for another thread, because the process may fork at any point.
#[cold]
fn find_place() -> &'static AtomicU64 {
    // SAFETY: the handler only stores. The library is never unloaded (-z nodelete), so it stays callable. The only error is
    // no memory.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    let page = wiped_page().unwrap_or(ptr::null_mut());
    let place = if page.is_null() { ptr::from_ref(&FALLBACK).cast_mut() } else { page };
    match PLACE.compare_exchange(ptr::null_mut(), place, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: it points to a page that is never unmapped, or to a static.
        Ok(_) => unsafe { &*place },
        Err(agreed) => {
            if !page.is_null() {
                // SAFETY: it was mapped by this call, which alone knows it.
                unsafe { libc::munmap(page.cast(), PAGE) };
            }
            // SAFETY: as above.
            unsafe { &*agreed }
        }
    }
}

/// Maps a page of zeros that the kernel zeroes in each child.
fn wiped_page() -> io::Result<*mut AtomicU64> {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, anywhere.
    let page = unsafe { libc::mmap(ptr::null_mut(), PAGE, access, kind, -1, 0) };
    if page == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the mapping of this call, which nobody uses yet.
    if unsafe { libc::madvise(page, PAGE, libc::MADV_WIPEONFORK) } == 0 {
        return Ok(page.cast());
    }
    let error = io::Error::last_os_error();
    // SAFETY: as above.
    unsafe { libc::munmap(page, PAGE) };
    Err(error)
}

/// For kernels that do not wipe the page, and emulators that do not implement MADV_WIPEONFORK.
extern "C" fn in_child() {
    let place = PLACE.load(Ordering::Acquire);
    // SAFETY: it points to a page that is never unmapped, or to a static.
    if let Some(place) = unsafe { place.as_ref() } {
        place.store(0, Ordering::Release);
    }
}

/// Replaces an inherited descriptor with an unused eventfd, so that the child no longer refers to the parent's file. The number
/// stays open, because inherited memory may own it.
pub(crate) fn release(descriptor: RawFd) {
    let Ok(nothing) = eventfd(0, EventfdFlags::CLOEXEC) else { return };
    // SAFETY: both are open, and this process has no thread that uses the inherited one.
    unsafe { libc::dup3(nothing.as_raw_fd(), descriptor, libc::O_CLOEXEC) };
}

thread_local! {
    /// The generation of the process whose library started the thread; 0 for a thread of the application.
    static STARTED_BY: Cell<u64> = const { Cell::new(0) };
}

/// Marks the calling thread as one that the library has started. Called before anything else in it.
pub(crate) fn mark_library_thread() {
    STARTED_BY.set(generation());
    forget_lookups();
}

/// Whether the library has started the calling thread.
pub(crate) fn is_library_thread() -> bool {
    STARTED_BY.get() == generation()
}

/// To be called after a function of the application has returned. If that function forked and returned in the child too, and
/// the calling thread is the child's copy of a thread of the library, this ends the thread: its work belongs to the parent.
/// The child ends with it unless it has started other threads.
pub(crate) fn end_thread_of_child() {
    let from = STARTED_BY.get();
    if from != 0 && is_inherited(from) {
        // SAFETY: it ends the thread without running any other code in it and without accessing memory.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
}

/// In a forked child a new thread may get the stack of a thread of the parent that looked up names, and with it what glibc
/// kept there for lookups. The end of the thread would release that under a lock, which a lookup in the parent may have held
/// at the fork.
fn forget_lookups() {
    #[cfg(target_env = "gnu")]
    {
        /// The beginning of `struct __res_state` (resolv.h).
        #[repr(C)]
        struct LookupState {
            retransmission: libc::c_int,
            retries: libc::c_int,
            options: libc::c_ulong,
            servers: libc::c_int,
        }

        unsafe extern "C" {
            fn __res_state() -> *mut LookupState;
        }

        // SAFETY: it is the calling thread's, which has made no lookup. Without options it is initialized by the first;
        // without servers there is nothing to close at the end.
        unsafe {
            let state = &mut *__res_state();
            (state.options, state.servers) = (0, 0);
        }
    }
}

/// A value that each process has for itself. A child neither uses nor frees the inherited value, because another thread of the
/// parent may have been changing it at the fork.
#[derive(Debug)]
pub(crate) struct PerProcess<T>(AtomicPtr<Owned<T>>);

#[derive(Debug)]
struct Owned<T> {
    generation: u64,
    value: T,
}

impl<T: Send + Sync> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Send + Sync> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// The value of this process, if it has one. Safe in a signal handler.
    pub(crate) fn find(&self) -> Option<&T> {
        let current = self.0.load(Ordering::SeqCst);
        // SAFETY: what it points to is freed by `drop` only.
        let owned = unsafe { current.as_ref() }?;
        (!is_inherited(owned.generation)).then_some(&owned.value)
    }

    /// The value of this process. If there is none, `make` makes it from the parent's value. Threads that do so at the same time
    /// agree on one and do not wait for each other; `make` must not wait for locks of the parent's value.
    pub(crate) fn get(&self, make: impl FnOnce(Option<&T>) -> T) -> &T {
        let made = self.try_get(|inherited| Ok::<_, std::convert::Infallible>(make(inherited)));
        match made {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// The same if making it can fail.
    pub(crate) fn try_get<E>(&self, make: impl FnOnce(Option<&T>) -> Result<T, E>) -> Result<&T, E> {
        let before = self.0.load(Ordering::Acquire);
        let generation = generation();
        // SAFETY: what it points to is freed by `drop` only.
        let inherited = match unsafe { before.as_ref() } {
            Some(owned) if owned.generation == generation => return Ok(&owned.value),
            other => other.map(|owned| &owned.value),
        };
        let made = Box::into_raw(Box::new(Owned { generation, value: make(inherited)? }));
        match self.0.compare_exchange(before, made, Ordering::SeqCst, Ordering::Acquire) {
            Ok(_) => {
                fence(Ordering::SeqCst);
                // SAFETY: made by Box::into_raw, and freed by `drop` only.
                Ok(unsafe { &(*made).value })
            }
            Err(agreed) => {
                // SAFETY: made by Box::into_raw, and nobody else knows it.
                drop(unsafe { Box::from_raw(made) });
                // SAFETY: what it points to is freed by `drop` only.
                Ok(unsafe { &(*agreed).value })
            }
        }
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let current = *self.0.get_mut();
        // SAFETY: NULL, or made by Box::into_raw and freed here only.
        if unsafe { current.as_ref() }.is_some_and(|owned| !is_inherited(owned.generation)) {
            // SAFETY: as above; no reference to it is left.
            drop(unsafe { Box::from_raw(current) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_keeps_its_generation_and_its_value() {
        let value = PerProcess::<u32>::new();
        assert_eq!(value.find(), None);
        assert_eq!(*value.get(|inherited| inherited.copied().unwrap_or(1)), 1);
        assert_eq!(*value.get(|_| 2), 1);
        assert_eq!(value.find(), Some(&1));
        assert_eq!(generation(), generation());
        assert!(!is_inherited(generation()));
    }

    #[test]
    fn the_kernel_wipes_the_page() {
        assert!(wiped_page().is_ok());
    }
}
