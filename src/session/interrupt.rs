//! Interrupts waiting calls, from any thread and from signal handlers.

use std::cell::Cell;

use super::loom_shim::{AtomicU64, OnceLock, Ordering, fence};
use crate::error::{Error, Kind, Result};
use crate::transport::EventFd;

/// The number of waiting calls.
const WAITING: u64 = 0xffff_ffff;
/// The last interrupt found no waiting call; the next call that would wait returns it.
const PENDING: u64 = 1 << 32;
/// The other bits count interrupts that woke a call.
const WOKEN: u64 = 1 << 33;

/// The interrupts of a session.
#[derive(Default)]
pub(super) struct Interrupts {
    word: AtomicU64,
    /// Wakes the thread that sleeps on the socket. Created by the first thread that does.
    wake: OnceLock<EventFd>,
}

/// Registers a call as waiting until it is dropped.
pub(crate) struct Waiter<'a> {
    interrupts: &'a Interrupts,
    woken: u64,
    is_reported: Cell<bool>,
}

impl Interrupts {
    /// Registers a call as waiting. Fails if an interrupt is pending.
    pub(super) fn begin(&self) -> Result<Waiter<'_>> {
        let update = |word| Some(if word & PENDING == 0 { word + 1 } else { word & !PENDING });
        let (Ok(before) | Err(before)) = self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, update);
        if before & PENDING == 0 {
            Ok(Waiter { interrupts: self, woken: before / WOKEN, is_reported: Cell::new(false) })
        } else {
            Err(interrupted())
        }
    }

    /// Interrupts all waiting calls, or else the next one. Safe in a signal handler.
    pub(super) fn interrupt(&self) {
        let update = |word| Some(if word & WAITING == 0 { word | PENDING } else { word + WOKEN });
        let _ = self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, update);
        self.wake_reader();
    }

    /// Whether an interrupt has ever woken a waiting call.
    pub(super) fn has_woken(&self) -> bool {
        self.word.load(Ordering::Relaxed) >= WOKEN
    }

    /// Wakes the thread that sleeps on the socket, which then checks its conditions. Safe in a signal handler.
    pub(super) fn wake_reader(&self) {
        fence(Ordering::SeqCst);
        if let Some(wake) = self.wake.get() {
            wake.wake();
        }
    }

    /// Removes a pending interrupt. Returns whether there was one.
    pub(super) fn take_pending(&self) -> bool {
        self.word.fetch_and(!PENDING, Ordering::AcqRel) & PENDING != 0
    }

    /// Returns the descriptor that wakes a thread that sleeps on the socket.
    pub(super) fn wake(&self) -> Result<&EventFd> {
        if let Some(wake) = self.wake.get() {
            return Ok(wake);
        }
        let wake = EventFd::new().map_err(|error| Error::no_descriptor(&error))?;
        let wake = self.wake.get_or_init(|| wake);
        // Either a thread that interrupts now sees the descriptor, or a `check` from now on sees the interrupt.
        fence(Ordering::SeqCst);
        Ok(wake)
    }
}

impl Waiter<'_> {
    /// Fails if the call was interrupted.
    pub(super) fn check(&self) -> Result<()> {
        if self.interrupts.word.load(Ordering::Acquire) / WOKEN == self.woken {
            return Ok(());
        }
        self.is_reported.set(true);
        Err(interrupted())
    }
}

impl Drop for Waiter<'_> {
    /// Keeps an interrupt that this call has not returned for the next call.
    fn drop(&mut self) {
        let update = |word| {
            let missed = word / WOKEN != self.woken && !self.is_reported.get();
            Some((word - 1) | if missed { PENDING } else { 0 })
        };
        let _ = self.interrupts.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, update);
    }
}

fn interrupted() -> Error {
    Error::new(Kind::Interrupted, "the call was interrupted")
}
