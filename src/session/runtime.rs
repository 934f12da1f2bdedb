//! What runs behind the sessions of a process: started at first use, ended by [`shut_down`] only.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::lock::Mutex;

use super::backstop::Backstop;
use super::deadline::Deadline;
use super::dispatch::{self, Dispatch};
use super::gate::Gate;
use super::logging::log;
use super::newcomers::Newcomers;
use super::telling;
use crate::error::{Error, Kind, Result};
use crate::fork::{self, PerProcess};
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
    tokio: tokio::runtime::Runtime,
    runtime: Runtime,
}

fn library() -> &'static Library {
    LIBRARY.get(|inherited| Library {
        workers: inherited.map_or(DEFAULT_WORKERS, |library| library.workers.load(Ordering::Relaxed)).into(),
        running: Mutex::new(None),
        ending: AtomicUsize::new(0),
        ended: Gate::default(),
    })
}

/// The runtime, as sessions use it.
#[derive(Clone)]
pub(super) struct Runtime(Arc<Shared>);

struct Shared {
    handle: Handle,
    /// The tasks, the dispatch jobs and the holds.
    tracker: TaskTracker,
    /// Cancelled when the library is shut down.
    cancel: CancellationToken,
    /// Nothing runs any more.
    has_ended: Mutex<bool>,
    dispatch: Dispatch,
    newcomers: Newcomers,
    backstop: Backstop,
    resolver: PoolHandle,
    openers: PoolHandle,
    /// For sessions that are being opened.
    stop: CancelToken,
}

/// Keeps the runtime running, also while the library is being shut down.
pub(super) struct Hold {
    token: Option<TaskTrackerToken>,
    generation: u64,
}

impl Clone for Hold {
    fn clone(&self) -> Self {
        Self { token: self.token.clone(), generation: self.generation }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // In a forked child, a thread that only the parent has may hold the tracker's lock.
        if fork::is_inherited(self.generation) {
            std::mem::forget(self.token.take());
        }
    }
}

impl Runtime {
    /// Keeps the runtime running. Returns None once it has ended.
    pub(super) fn hold(&self) -> Option<Hold> {
        let has_ended = self.0.has_ended.lock();
        (!*has_ended).then(|| Hold { token: Some(self.0.tracker.token()), generation: fork::generation() })
    }

    /// Starts a task, which runs until it ends by itself.
    pub(super) fn spawn<F>(&self, hold: Hold, task: impl FnOnce(Self, Hold) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.handle.spawn(task(self.clone(), hold));
    }

    /// Runs a function that may block. Where the system gives no thread for it, it waits for one of a later call.
    pub(super) fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) {
        let handle = self.0.handle.clone();
        // tokio panics where there is no thread, and keeps the work.
        let spawn = move || catch_unwind(AssertUnwindSafe(|| drop(handle.spawn_blocking(work))));
        if fork::is_library_thread() {
            let _ = spawn();
        } else {
            // In a task: a new thread inherits the signal mask of the thread that starts it.
            self.0.handle.spawn(async move { drop(spawn()) });
        }
    }

    /// Differs from that of every other runtime that has not ended.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Becomes cancelled when the library is shut down.
    pub(super) fn cancel(&self) -> &CancellationToken {
        &self.0.cancel
    }

    pub(super) fn dispatch(&self) -> &Dispatch {
        &self.0.dispatch
    }

    pub(super) fn newcomers(&self) -> &Newcomers {
        &self.0.newcomers
    }

    pub(super) fn backstop(&self) -> &Backstop {
        &self.0.backstop
    }

    pub(super) fn resolver(&self) -> &PoolHandle {
        &self.0.resolver
    }

    pub(super) fn openers(&self) -> &PoolHandle {
        &self.0.openers
    }

    pub(super) fn stop(&self) -> &CancelToken {
        &self.0.stop
    }
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
    let hold = runtime.hold().ok_or_else(|| Error::new(Kind::Internal, "the library's threads have ended"))?;
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
    let Running { runtime, tokio, openers, resolver } = running;
    runtime.0.stop.cancel();
    runtime.0.backstop.stop();
    runtime.0.cancel.cancel();
    runtime.0.newcomers.close();
    let in_time = runtime.wait_for_tasks(deadline);
    openers.end(deadline.left().unwrap_or(LONGEST_SHUT_DOWN));
    resolver.end(deadline.left().unwrap_or(LONGEST_SHUT_DOWN));
    if in_time {
        tokio.shutdown_timeout(deadline.left().unwrap_or(LONGEST_SHUT_DOWN));
    } else {
        // What is under way goes on until it ends by itself.
        runtime.end_later(tokio);
    }
    log!(Debug, 0, "shut down");
    if !in_time || (deadline.has_passed() && threads::running() > 0) {
        return Err(still_ending());
    }
    Ok(())
}

impl Runtime {
    /// Waits until all tasks, jobs and holds are gone. Returns whether they are in time.
    fn wait_for_tasks(&self, deadline: Deadline) -> bool {
        self.0.tracker.close();
        loop {
            let done = Arc::new((AtomicBool::new(false), Gate::default()));
            let (tracker, there) = (self.0.tracker.clone(), Arc::clone(&done));
            self.0.handle.spawn(async move {
                tracker.wait().await;
                there.0.store(true, Ordering::Release);
                there.1.open_for_all();
            });
            loop {
                let ticket = done.1.ticket();
                if done.0.load(Ordering::Acquire) {
                    break;
                }
                if deadline.has_passed() {
                    return false;
                }
                done.1.wait(ticket, deadline);
            }
            let mut has_ended = self.0.has_ended.lock();
            if self.0.tracker.is_empty() {
                *has_ended = true;
                return true;
            }
        }
    }

    fn end_later(self, tokio: tokio::runtime::Runtime) {
        let wait = move || {
            while !self.wait_for_tasks(Deadline::Never) {}
            tokio.shutdown_timeout(LONGEST_SHUT_DOWN);
        };
        // Without a thread for it, the threads stay.
        drop(threads::spawn(wait));
    }
}

fn start(workers: usize) -> Result<Running> {
    let no_descriptor =
        |error: std::io::Error| Error::os(Kind::Internal, "the system gives no descriptor to wait with", &error);
    let no_thread = |error: std::io::Error| Error::os(Kind::Internal, "could not start the library's threads", &error);
    let stop = CancelToken::new("the library was shut down while connecting").map_err(no_descriptor)?;
    let tokio = threads::start(workers, dispatch::MOST_JOBS + workers).map_err(no_thread)?;
    let pools = Pool::new().and_then(|resolver| Ok((resolver, Pool::new()?)));
    let (resolver, openers) = match pools {
        Ok(pools) => pools,
        Err(error) => {
            tokio.shutdown_background();
            return Err(no_thread(error));
        }
    };
    let runtime = Runtime(Arc::new(Shared {
        handle: tokio.handle().clone(),
        tracker: TaskTracker::new(),
        cancel: CancellationToken::new(),
        has_ended: Mutex::new(false),
        dispatch: Dispatch::new(workers),
        newcomers: Newcomers::default(),
        backstop: Backstop::default(),
        resolver: resolver.handle(),
        openers: openers.handle(),
        stop,
    }));
    Ok(Running { resolver, openers, tokio, runtime })
}
