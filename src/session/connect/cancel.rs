//! Cancelling the opening of a session: interrupts for a blocking connect, and aborting an asynchronous opening.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use std::{fmt, io};

use crate::lock::Mutex;
use rustix::event::PollFd;

use crate::error::{Error, Kind, Phase, Result};
use crate::fork::{self, PerProcess};
use crate::protocol::{Keepalive, Limits};
use crate::session::config::Config;
use crate::session::deadline::Deadline;
use crate::session::event_count::EventCount;
use crate::session::interrupt::{Interrupts, Waiter};
use crate::transport::{Broadcast, Cancel, CancelToken, Subscription};

/// Interrupts of the calls that connect with a configuration. Each process has its own, because a child inherits counts of calls
/// that only its parent makes, and a descriptor that wakes its parent.
#[derive(Default)]
pub(crate) struct ConnectInterrupts {
    calls: PerProcess<Calls>,
    /// The generation of a process that was interrupted before its first call began, else 0.
    interrupted: AtomicU64,
}

/// The calls of a process.
struct Calls {
    interrupts: Interrupts,
    wake: Broadcast,
}

impl ConnectInterrupts {
    /// Interrupts the calls in progress, or else the next one. Safe in a signal handler.
    pub(crate) fn interrupt(&self) {
        if let Some(calls) = self.calls.find() {
            return calls.interrupt();
        }
        self.interrupted.swap(fork::generation(), Ordering::SeqCst);
        // A call that begins meanwhile either sees `interrupted`, or `find` returns its `Calls` here.
        if let Some(calls) = self.calls.find() {
            self.pass_on(calls);
        }
    }

    /// Begins a call. Fails if an interrupt is pending.
    pub(crate) fn begin(&self) -> Result<Interruptible<'_>> {
        let calls = self.calls.try_get(|_| Ok(Calls { interrupts: Interrupts::default(), wake: Broadcast::new()? }));
        let calls = calls.map_err(|error: io::Error| no_descriptor_to_connect(&error))?;
        self.pass_on(calls);
        let waiter = calls.interrupts.begin()?;
        let woken = calls.wake.subscribe().map_err(|error| no_descriptor_to_connect(&error))?;
        Ok(Interruptible { waiter, woken })
    }

    /// Passes on an interrupt that came before the first call.
    fn pass_on(&self, calls: &Calls) {
        let interrupted = self.interrupted.swap(0, Ordering::SeqCst);
        if interrupted != 0 && !fork::is_inherited(interrupted) {
            calls.interrupt();
        }
    }
}

/// The error if the system has no descriptor for the call.
fn no_descriptor_to_connect(error: &io::Error) -> Error {
    Error::os(Kind::Connect, "could not get a descriptor to connect with", error).in_phase(Phase::Connect)
}

impl Calls {
    fn interrupt(&self) {
        self.interrupts.interrupt();
        self.wake.wake();
    }
}

/// A call that connects.
pub(crate) struct Interruptible<'a> {
    waiter: Waiter<'a>,
    /// Each call has its own subscription, so that no other call consumes its wake-up.
    woken: Subscription,
}

impl fmt::Debug for Interruptible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interruptible")
    }
}

impl Cancel for Interruptible<'_> {
    fn check(&self) -> Result<()> {
        self.waiter.check()
    }

    fn poll_fd(&self) -> Option<PollFd<'_>> {
        Some(self.woken.poll_fd())
    }

    fn resume(&self) {
        self.woken.drain();
    }
}

/// The progress of an opening: it is aborted, or the session is attached, whichever comes first.
struct Progress {
    /// Present only during the opening, so that an open session keeps no descriptor for it.
    stop: Option<Arc<CancelToken>>,
    is_aborted: bool,
    is_open: bool,
}

/// The properties that can be read before the session is open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Configured {
    pub(crate) limits: Limits,
    pub(crate) is_masking: bool,
    /// The ping interval and the ping timeout, each None if there is none.
    pub(crate) ping_times: (Option<Duration>, Option<Duration>),
}

/// An asynchronous opening.
pub(crate) struct Opening {
    configured: Configured,
    progress: Mutex<Progress>,
    interrupts: Interrupts,
    outcome: OnceLock<Result<()>>,
    /// The callback for a failed opening, if there is one, has returned.
    is_reported: AtomicBool,
    changed: EventCount,
}

impl Opening {
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let stop = CancelToken::new("the session was aborted while connecting")
            .map_err(|error| Error::no_descriptor(&error))?;
        let progress = Progress { stop: Some(Arc::new(stop)), is_aborted: false, is_open: false };
        let keepalive = Keepalive::new(config.keepalive, Instant::now());
        Ok(Self {
            configured: Configured {
                limits: config.limits,
                is_masking: config.masking,
                ping_times: (keepalive.interval(), keepalive.timeout()),
            },
            progress: Mutex::new(progress),
            interrupts: Interrupts::default(),
            outcome: OnceLock::new(),
            is_reported: AtomicBool::new(false),
            changed: EventCount::default(),
        })
    }

    /// Returns the configured properties.
    pub(crate) fn configured(&self) -> &Configured {
        &self.configured
    }

    /// Cancels the opening if it is not over. Returns false if the session is open; the caller then ends the session.
    pub(crate) fn abort(&self) -> bool {
        let mut progress = self.progress.lock();
        if progress.is_open {
            return false;
        }
        progress.is_aborted = true;
        if let Some(stop) = &progress.stop {
            stop.cancel();
        }
        true
    }

    /// Completes the opening, unless it is aborted. `attach` publishes the session, so that a later abort finds it.
    pub(crate) fn complete(&self, attach: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut progress = self.progress.lock();
        if progress.is_aborted {
            return Err(Error::new(Kind::Aborted, "the session was aborted while connecting"));
        }
        attach()?;
        progress.is_open = true;
        Ok(())
    }

    /// Returns the [`CancelToken`] for the thread that opens the session.
    pub(crate) fn stop(&self) -> Option<Arc<CancelToken>> {
        self.progress.lock().stop.clone()
    }

    /// Interrupts the calls that wait for the outcome, or else the next one. Safe in a signal handler.
    pub(crate) fn interrupt(&self) {
        self.interrupts.interrupt();
        self.changed.open_for_all();
    }

    /// Removes an interrupt that no call has returned. Returns whether there was one.
    pub(crate) fn take_interrupt(&self) -> bool {
        self.interrupts.take_pending()
    }

    /// Records the outcome. A later outcome is ignored.
    pub(crate) fn finish(&self, outcome: Result<()>) {
        // An error means that there is an outcome already.
        let _ = self.outcome.set(outcome);
        self.progress.lock().stop.take();
        self.changed.open_for_all();
    }

    /// Returns the outcome, or None while the session is being opened.
    pub(crate) fn outcome(&self) -> Option<&Result<()>> {
        self.outcome.get()
    }

    /// Records that the callback for a failed opening, if there is one, has returned.
    pub(crate) fn set_reported(&self) {
        self.is_reported.store(true, Ordering::Release);
        self.changed.open_for_all();
    }

    /// Waits for the outcome and returns it.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<()> {
        self.wait_for(deadline, || self.outcome().cloned())?
    }

    /// Waits until a failed opening was reported.
    pub(crate) fn wait_reported(&self, deadline: Deadline) -> Result<()> {
        self.wait_for(deadline, || self.is_reported.load(Ordering::Acquire).then_some(()))
    }

    fn wait_for<T>(&self, deadline: Deadline, look: impl Fn() -> Option<T>) -> Result<T> {
        let deadline = deadline.fixed();
        let mut waiter: Option<Waiter<'_>> = None;
        loop {
            let wait_key = self.changed.wait_key();
            if let Some(found) = look() {
                return Ok(found);
            }
            if deadline.has_passed() {
                return Err(Error::new(Kind::Timeout, "the session is still being opened"));
            }
            match &waiter {
                Some(waiter) => waiter.check()?,
                None => waiter = Some(self.interrupts.begin()?),
            }
            self.changed.wait(wait_key, deadline);
        }
    }
}
