//! What runs behind the sessions of a process: started at first use, ended by [`shut_down`] only.

use std::cell::RefCell;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crate::lock::{Mutex, MutexGuard};

use super::backstop::Backstop;
use super::deadline::Deadline;
use super::gate::Gate;
use super::logging::{self, log};
use super::reactor::{Hold, Reactor};
use super::telling;
use crate::error::{Error, Kind, Result};
use crate::transport::{Pool, PoolHandle, Stop, threads};

const DEFAULT_WORKERS: usize = 2;
const MAX_WORKERS: usize = 1024;

/// With no limit asked for, a shut-down still does not outwait a resolver that hangs for good.
const LONGEST_SHUT_DOWN: Duration = Duration::from_secs(365 * 24 * 60 * 60);

static RUNTIME: Mutex<Slot> = Mutex::new(Slot { workers: DEFAULT_WORKERS, running: None });

thread_local! {
    /// The lock, while the thread forks: in the child nobody else could give it back.
    static HELD: RefCell<Option<MutexGuard<'static, Slot>>> = const { RefCell::new(None) };
}

/// The process in which a runtime is being shut down, 0 for none, and for whoever waits until it is.
static ENDING: AtomicU32 = AtomicU32::new(0);
static ENDED: LazyLock<Gate> = LazyLock::new(Gate::default);

struct Slot {
    workers: usize,
    running: Option<Running>,
}

struct Running {
    /// Its threads may stay long in the system's resolver.
    resolver: Pool,
    openers: Pool,
    runtime: Runtime,
    /// The process that has its threads; in a forked child they are gone.
    process: u32,
}

/// The runtime, as sessions use it.
#[derive(Clone)]
pub(super) struct Runtime {
    pub(super) reactor: Arc<Reactor>,
    pub(super) backstop: Arc<Backstop>,
    pub(super) resolver: PoolHandle,
    pub(super) openers: PoolHandle,
    /// For sessions that are being opened.
    pub(super) stop: Arc<Stop>,
}

/// The runtime for opening a session: it does not end before that is over.
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

/// The runtime, which it starts when there is none.
pub(super) fn get() -> Result<Lease> {
    let _later = logging::Later::begin();
    let mut slot = RUNTIME.lock();
    let workers = slot.workers;
    let process = std::process::id();
    if let Some(inherited) = slot.running.take_if(|running| running.process != process) {
        // Dropping it would wait for threads that this process does not have.
        std::mem::forget(inherited);
        threads::forget();
    }
    let running = match &mut slot.running {
        Some(running) => running,
        none => none.insert(start(workers)?),
    };
    let runtime = running.runtime.clone();
    // Nobody ends it while the slot is locked.
    let hold = runtime.reactor.hold().ok_or_else(|| Error::new(Kind::Internal, "the library's threads have ended"))?;
    Ok(Lease { runtime, _hold: hold })
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

/// The process is about to be forked by this thread.
pub(crate) fn hold_for_fork() {
    logging::hold_for_fork();
    HELD.set(Some(RUNTIME.lock()));
}

/// It was, in both processes.
pub(crate) fn let_go_after_fork(is_child: bool) {
    drop(HELD.take());
    logging::let_go_after_fork(is_child);
}

/// Ends all sessions and joins all threads. The next [`get`] starts anew.
pub(crate) fn shut_down(timeout: Option<Duration>) -> Result<()> {
    if telling::is_inside_any() {
        return Err(Error::new(Kind::State, "a callback cannot wait for the end of all callbacks"));
    }
    let process = std::process::id();
    let timeout = timeout.unwrap_or(LONGEST_SHUT_DOWN);
    let deadline = Instant::now().checked_add(timeout).map_or(Deadline::Never, Deadline::At);
    let taken = {
        let mut slot = RUNTIME.lock();
        let taken = slot.running.take_if(|running| running.process == process);
        if taken.is_some() {
            ENDING.store(process, Ordering::SeqCst);
        }
        taken
    };
    let Some(running) = taken else { return wait_for_end(process, deadline) };
    let ended = end(running, deadline);
    ENDING.store(0, Ordering::SeqCst);
    ENDED.open_for_all();
    ended
}

/// Another thread is at it, or nobody has to be.
fn wait_for_end(process: u32, deadline: Deadline) -> Result<()> {
    loop {
        let ticket = ENDED.ticket();
        if ENDING.load(Ordering::SeqCst) != process {
            return Ok(());
        }
        if deadline.has_passed() {
            return Err(still_ending());
        }
        ENDED.wait(ticket, deadline);
    }
}

fn still_ending() -> Error {
    Error::new(Kind::Timeout, "threads of the library are still ending")
}

fn end(running: Running, deadline: Deadline) -> Result<()> {
    running.runtime.stop.stop();
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
    let stop = Stop::new("the library was shut down while connecting").map_err(no_descriptor)?;
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
    log!(Debug, 0, "started {workers} threads");
    Ok(Running { resolver, openers, runtime, process: std::process::id() })
}
