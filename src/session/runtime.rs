//! What runs behind the sessions of a process: started at first use, ended by [`shut_down`] only.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::lock::Mutex;

use super::backstop::Backstop;
use super::deadline::Deadline;
use super::gate::Gate;
use super::logging::log;
use super::reactor::{Hold, Reactor};
use super::telling;
use crate::error::{Error, Kind, Result};
use crate::fork::PerProcess;
use crate::transport::{CancelToken, Pool, PoolHandle, threads};

const DEFAULT_WORKERS: usize = 2;
const MAX_WORKERS: usize = 1024;

/// With no limit asked for, a shut-down still does not outwait a resolver that hangs for good.
const LONGEST_SHUT_DOWN: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Each process has its own, because a child does not have its parent's threads.
static LIBRARY: PerProcess<Library> = PerProcess::new();

struct Library {
    /// How many the next runtime has.
    workers: AtomicUsize,
    running: Mutex<Option<Running>>,
    /// Runtimes that are being shut down: another one may start and end meanwhile.
    ending: AtomicUsize,
    /// Opens each time one of them has ended.
    ended: Gate,
}

struct Running {
    /// Its threads may stay long in the system's resolver.
    resolver: Pool,
    openers: Pool,
    runtime: Runtime,
}

fn library() -> &'static Library {
    LIBRARY.get(|inherited| {
        // If the inherited lock was held at the fork, the descriptors stay as they are.
        if let Some(running) = inherited.and_then(|library| library.running.try_lock())
            && let Some(running) = &*running
        {
            running.runtime.reactor.release();
        }
        Library {
            workers: inherited.map_or(DEFAULT_WORKERS, |library| library.workers.load(Ordering::Relaxed)).into(),
            running: Mutex::new(None),
            ending: AtomicUsize::new(0),
            ended: Gate::default(),
        }
    })
}

/// The runtime, as sessions use it.
#[derive(Clone)]
pub(super) struct Runtime {
    pub(super) reactor: Arc<Reactor>,
    pub(super) backstop: Arc<Backstop>,
    pub(super) resolver: PoolHandle,
    pub(super) openers: PoolHandle,
    /// For sessions that are being opened.
    pub(super) stop: Arc<CancelToken>,
}

/// The runtime for opening a session. Its threads do not end before the lease is dropped.
pub(super) struct Lease {
    runtime: Runtime,
    _hold: Hold,
}

impl Deref for Lease {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        &self.runtime
    }
}

/// Returns the runtime, and starts it if there is none.
pub(super) fn get() -> Result<Lease> {
    let library = library();
    let mut running = library.running.lock();
    let (runtime, workers) = match &*running {
        Some(running) => (running.runtime.clone(), None),
        None => {
            let workers = library.workers.load(Ordering::Relaxed);
            (running.insert(start(workers)?).runtime.clone(), Some(workers))
        }
    };
    // No thread shuts it down while `running` is locked.
    let hold = runtime.reactor.hold().ok_or_else(|| Error::new(Kind::Internal, "the library's threads have ended"))?;
    drop(running);
    if let Some(workers) = workers {
        log!(Debug, 0, "started {workers} threads");
    }
    Ok(Lease { runtime, _hold: hold })
}

/// How many worker threads the next runtime has.
pub(crate) fn set_workers(count: u32) -> Result<()> {
    let workers = usize::try_from(count).ok().filter(|count| (1..=MAX_WORKERS).contains(count)).ok_or_else(|| {
        Error::new(Kind::InvalidArgument, format!("{count} worker threads, 1 to {MAX_WORKERS} are possible"))
    })?;
    let library = library();
    let running = library.running.lock();
    if running.is_some() {
        return Err(Error::new(Kind::State, "the library's threads are running already"));
    }
    library.workers.store(workers, Ordering::Relaxed);
    Ok(())
}

/// Ends all sessions and joins all threads. The next [`get`] starts anew.
pub(crate) fn shut_down(timeout: Option<Duration>) -> Result<()> {
    if telling::is_inside_any() {
        return Err(Error::new(Kind::State, "a callback cannot wait for the end of all callbacks"));
    }
    let library = library();
    let timeout = timeout.unwrap_or(LONGEST_SHUT_DOWN);
    let deadline = Instant::now().checked_add(timeout).map_or(Deadline::Never, Deadline::At);
    let taken = {
        let mut running = library.running.lock();
        let taken = running.take();
        if taken.is_some() {
            library.ending.fetch_add(1, Ordering::SeqCst);
        }
        taken
    };
    let Some(running) = taken else { return library.wait_for_end(deadline) };
    let ended = end(running, deadline);
    library.ending.fetch_sub(1, Ordering::SeqCst);
    library.ended.open_for_all();
    ended
}

impl Library {
    /// Waits for the threads that are shutting runtimes down, if there are any.
    fn wait_for_end(&self, deadline: Deadline) -> Result<()> {
        loop {
            let ticket = self.ended.ticket();
            if self.ending.load(Ordering::SeqCst) == 0 {
                return Ok(());
            }
            if deadline.has_passed() {
                return Err(still_ending());
            }
            self.ended.wait(ticket, deadline);
        }
    }
}

fn still_ending() -> Error {
    Error::new(Kind::Timeout, "threads of the library are still ending")
}

fn end(running: Running, deadline: Deadline) -> Result<()> {
    running.runtime.stop.cancel();
    running.runtime.backstop.stop();
    let in_time = running.runtime.reactor.stop(deadline);
    running.openers.end(deadline.left().unwrap_or(LONGEST_SHUT_DOWN));
    running.resolver.end(deadline.left().unwrap_or(LONGEST_SHUT_DOWN));
    log!(Debug, 0, "shut down");
    if !in_time || (deadline.has_passed() && threads::running() > 0) {
        return Err(still_ending());
    }
    Ok(())
}

fn start(workers: usize) -> Result<Running> {
    let no_descriptor =
        |error: std::io::Error| Error::os(Kind::Internal, "the system gives no descriptor to wait with", &error);
    let stop = CancelToken::new("the library was shut down while connecting").map_err(no_descriptor)?;
    let reactor = Reactor::start(workers)?;
    let pools = Pool::new().and_then(|resolver| Ok((resolver, Pool::new()?)));
    let (resolver, openers) = pools.map_err(|error| {
        reactor.stop(Deadline::Never);
        Error::os(Kind::Internal, "could not start the library's threads", &error)
    })?;
    let runtime = Runtime {
        backstop: Arc::new(Backstop::new(Arc::clone(&reactor))),
        reactor,
        resolver: resolver.handle(),
        openers: openers.handle(),
        stop: Arc::new(stop),
    };
    Ok(Running { resolver, openers, runtime })
}
