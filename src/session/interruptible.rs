//! Opening a session so that it can be ended early: a call that connects, or the opening that goes on behind a call.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::lock::Mutex;

use super::deadline::Deadline;
use super::gate::Gate;
use super::interrupts::{Interrupts, Waiter};
use crate::error::{Error, Kind, Result};
use crate::transport::{Stop, Stopping, Wake};

/// The interrupts of calls that connect.
#[derive(Default)]
pub(crate) struct ConnectInterrupts(Interrupts);

impl ConnectInterrupts {
    /// Interrupts the calls under way, else the next one. Safe in a signal handler.
    pub(crate) fn interrupt(&self) {
        self.0.interrupt();
    }

    /// A call begins, or is interrupted.
    pub(super) fn begin(&self) -> Result<Interruptible<'_>> {
        Ok(Interruptible { interrupts: &self.0, waiter: self.0.begin()? })
    }
}

/// A call that connects.
pub(super) struct Interruptible<'a> {
    interrupts: &'a Interrupts,
    waiter: Waiter<'a>,
}

impl fmt::Debug for Interruptible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interruptible")
    }
}

impl Stopping for Interruptible<'_> {
    fn check(&self) -> Result<()> {
        self.waiter.check()
    }

    fn wake(&self) -> Option<&Wake> {
        // Without a descriptor to be had it cannot be woken from its sleep.
        self.interrupts.wake().ok()
    }

    fn resume(&self) {
        self.interrupts.resume();
    }
}

/// An opening that no call waits for by itself.
pub(crate) struct Opening {
    /// While it goes on: a descriptor for every session would be too many.
    stop: Mutex<Option<Arc<Stop>>>,
    is_aborted: AtomicBool,
    interrupts: Interrupts,
    outcome: OnceLock<Result<()>>,
    changed: Gate,
}

impl Opening {
    pub(crate) fn new() -> Result<Self> {
        let stop = Stop::new("the session was aborted while connecting")
            .map_err(|error| Error::os(Kind::Internal, "the system gives no descriptor to wait with", &error))?;
        let stop = Mutex::new(Some(Arc::new(stop)));
        let is_aborted = AtomicBool::new(false);
        Ok(Self {
            stop,
            is_aborted,
            interrupts: Interrupts::default(),
            outcome: OnceLock::new(),
            changed: Gate::default(),
        })
    }

    /// Ends it, if it is not over.
    pub(crate) fn abort(&self) {
        self.is_aborted.store(true, Ordering::SeqCst);
        if let Some(stop) = &*self.stop.lock() {
            stop.stop();
        }
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.is_aborted.load(Ordering::SeqCst)
    }

    /// What ends it early, for the thread that does it.
    pub(super) fn stop(&self) -> Option<Arc<Stop>> {
        self.stop.lock().clone()
    }

    /// Interrupts the calls that wait for it, else the next one. Safe in a signal handler.
    pub(crate) fn interrupt(&self) {
        self.interrupts.interrupt();
        self.changed.open_for_all();
    }

    /// It is over. The first outcome stands.
    pub(crate) fn finish(&self, outcome: Result<()>) {
        // It is over once.
        let _ = self.outcome.set(outcome);
        self.stop.lock().take();
        self.changed.open_for_all();
    }

    /// How it has ended, once it has.
    pub(crate) fn outcome(&self) -> Option<&Result<()>> {
        self.outcome.get()
    }

    /// Waits until it is over, and returns how it has ended.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<()> {
        let deadline = deadline.fixed();
        let mut waiter: Option<Waiter<'_>> = None;
        loop {
            let ticket = self.changed.ticket();
            if let Some(outcome) = self.outcome() {
                return outcome.clone();
            }
            if deadline.has_passed() {
                return Err(Error::new(Kind::Timeout, "the session is still being opened"));
            }
            match &waiter {
                Some(waiter) => waiter.check()?,
                None => waiter = Some(self.interrupts.begin()?),
            }
            self.changed.wait(ticket, deadline);
        }
    }
}
