//! The private runtime: one for the process, started at first use, ended by [`shut_down`] only.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, SigmaskHow};
use parking_lot::Mutex;

use super::backstop::Backstop;
use super::launching::Launcher;
use crate::error::{Error, Kind, Result};
use crate::transport::Stop;

/// The name of every thread of the library, as `ps -L` and `/proc` show it.
pub(super) const THREAD_NAME: &str = "ktorws";

/// How long a thread that resolved a name waits for the next one.
const RESOLVER_KEEP_ALIVE: Duration = Duration::from_secs(1);

const DEFAULT_WORKERS: usize = 2;
const MAX_WORKERS: usize = 1024;

/// With no limit asked for, a shut-down still does not outwait a resolver that hangs for good.
const LONGEST_SHUT_DOWN: Duration = Duration::from_secs(365 * 24 * 60 * 60);

static RUNTIME: Mutex<Slot> = Mutex::new(Slot { workers: DEFAULT_WORKERS, running: None });

/// Threads of runtimes, this one's and those that are being shut down.
static THREADS: AtomicUsize = AtomicUsize::new(0);

struct Slot {
    workers: usize,
    running: Option<Running>,
}

struct Running {
    tokio: tokio::runtime::Runtime,
    runtime: Runtime,
    /// The process that has its threads; in a forked child they are gone.
    process: u32,
}

/// The runtime, as sessions use it.
#[derive(Clone)]
pub(super) struct Runtime {
    pub(super) handle: tokio::runtime::Handle,
    pub(super) backstop: Arc<Backstop>,
    pub(super) launcher: Arc<Launcher>,
    /// For sessions that are being opened.
    pub(super) stop: Arc<Stop>,
}

/// The runtime, which it starts when there is none.
pub(super) fn get() -> Result<Runtime> {
    let mut slot = RUNTIME.lock();
    let workers = slot.workers;
    let process = std::process::id();
    if let Some(inherited) = slot.running.take_if(|running| running.process != process) {
        // Dropping it would wait for threads that this process does not have.
        std::mem::forget(inherited);
        THREADS.store(0, Ordering::Relaxed);
    }
    let running = match &mut slot.running {
        Some(running) => running,
        none => none.insert(start(workers)?),
    };
    Ok(running.runtime.clone())
}

/// How many worker threads the next runtime has.
pub(crate) fn set_workers(count: u32) -> Result<()> {
    let workers = usize::try_from(count).ok().filter(|count| (1..=MAX_WORKERS).contains(count)).ok_or_else(|| {
        Error::new(Kind::InvalidArgument, format!("{count} worker threads, 1 to {MAX_WORKERS} are possible"))
    })?;
    let mut slot = RUNTIME.lock();
    if slot.running.as_ref().is_some_and(|running| running.process == std::process::id()) {
        return Err(Error::new(Kind::State, "the library's threads are running already"));
    }
    slot.workers = workers;
    Ok(())
}

/// Ends all sessions and joins all threads. The next [`get`] starts anew.
pub(crate) fn shut_down(timeout: Option<Duration>) -> Result<()> {
    let process = std::process::id();
    let Some(running) = RUNTIME.lock().running.take_if(|running| running.process == process) else { return Ok(()) };
    let timeout = timeout.unwrap_or(LONGEST_SHUT_DOWN);
    let deadline = Instant::now().checked_add(timeout);
    running.runtime.stop.stop();
    running.runtime.backstop.stop();
    running.runtime.launcher.stop();
    // Its tasks are dropped; each ends its session as it goes.
    running.tokio.shutdown_timeout(timeout);
    let left = THREADS.load(Ordering::Acquire);
    if left > 0 && deadline.is_some_and(|deadline| deadline <= Instant::now()) {
        return Err(Error::new(Kind::Timeout, format!("{left} threads of the library are still ending")));
    }
    Ok(())
}

fn start(workers: usize) -> Result<Running> {
    let stop = Stop::new()
        .map_err(|error| Error::os(Kind::Internal, "the system gives no descriptor to wait with", &error))?;
    let tokio = start_threads(workers)?;
    let handle = tokio.handle().clone();
    let runtime = Runtime {
        backstop: Arc::new(Backstop::new(handle.clone())),
        launcher: Arc::new(Launcher::new(handle.clone())),
        stop: Arc::new(stop),
        handle,
    };
    Ok(Running { tokio, runtime, process: std::process::id() })
}

fn start_threads(workers: usize) -> Result<tokio::runtime::Runtime> {
    let failed = |error: std::io::Error| Error::os(Kind::Internal, "could not start the library's threads", &error);
    // Threads inherit the mask: no signal of the host's is ever delivered to one of ours.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK).map_err(|errno| failed(errno.into()))?;
    // tokio panics where the system gives it no thread, and never returns where it gives it some but not all.
    let started = catch_unwind(|| {
        check_threads(workers)?;
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(workers)
            .thread_name(THREAD_NAME)
            .thread_keep_alive(RESOLVER_KEEP_ALIVE)
            .on_thread_start(|| {
                THREADS.fetch_add(1, Ordering::AcqRel);
            })
            .on_thread_stop(|| {
                THREADS.fetch_sub(1, Ordering::AcqRel);
            })
            .enable_io()
            .enable_time()
            .build()
    });
    before.thread_set_mask().map_err(|errno| failed(errno.into()))?;
    match started {
        Ok(runtime) => runtime.map_err(failed),
        Err(_) => Err(Error::new(Kind::Internal, "could not start the library's threads: the system gives no more")),
    }
}

/// Whether the system gives so many threads: starts them all, and lets them end.
fn check_threads(count: usize) -> std::io::Result<()> {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    let start = |_| {
        let gate = Arc::clone(&gate);
        thread::Builder::new().name(THREAD_NAME.to_owned()).spawn(move || drop(gate.lock()))
    };
    let started: Vec<_> = (0..count).map(start).collect();
    drop(closed);
    // They do nothing that could panic.
    started.into_iter().try_for_each(|thread| thread.map(|thread| drop(thread.join())))
}
