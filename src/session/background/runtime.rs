//! The runtime that the sessions of a process share. The first use starts it; only [`shut_down`] ends it.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::lock::Mutex;

use super::callback_scope;
use super::dispatch::{self, Dispatch};
use super::new_sessions::NewSessions;
use super::tasks::{Hold, Tasks};
use crate::error::{Error, Kind, Result};
use crate::fork::PerProcess;
use crate::session::deadline::Deadline;
use crate::session::event_count::EventCount;
use crate::session::log::log;
use crate::session::recv::buffer_pool::{BufferPool, free_unneeded};
use crate::session::send::delayed_flush::DelayedFlush;
use crate::transport::{BlockingShare, CancelToken, threads};

const DEFAULT_WORKERS: usize = 2;
const MAX_WORKERS: usize = 1024;

/// How many names are looked up, and how many sessions are opened on threads of the library, at the same time.
const MOST_LOOKUPS: usize = 512;
const MOST_OPENERS: usize = 512;

/// The limit of a shut-down without a timeout, in case a resolver never returns.
const LONGEST_SHUT_DOWN: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Each process has its own, because a child does not have its parent's threads.
static LIBRARY: PerProcess<Library> = PerProcess::new();

struct Library {
    /// The number of worker threads of the next runtime.
    workers: AtomicUsize,
    running: Mutex<Option<Running>>,
    /// The number of runtimes that are being shut down, and of those that did not end in time. Another one may start and end
    /// meanwhile.
    ending: AtomicUsize,
    /// Opened each time one of them has ended.
    ended: EventCount,
}

/// A runtime that is being shut down. The next shut-down waits until this is dropped.
struct Ending(&'static Library);

impl Ending {
    fn begin(library: &'static Library) -> Self {
        library.ending.fetch_add(1, Ordering::SeqCst);
        Self(library)
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.ending.fetch_sub(1, Ordering::SeqCst);
        self.0.ended.open_for_all();
    }
}

struct Running {
    tokio: tokio::runtime::Runtime,
    runtime: Runtime,
}

fn library() -> &'static Library {
    LIBRARY.get(|inherited| Library {
        workers: inherited.map_or(DEFAULT_WORKERS, |library| library.workers.load(Ordering::Relaxed)).into(),
        running: Mutex::new(None),
        ending: AtomicUsize::new(0),
        ended: EventCount::default(),
    })
}

/// The runtime, as sessions use it.
#[derive(Clone)]
pub(crate) struct Runtime(Arc<Shared>);

struct Shared {
    tasks: Tasks,
    dispatch: Arc<Dispatch>,
    new_sessions: Arc<NewSessions>,
    delayed_flush: Arc<DelayedFlush>,
    buffer_pool: Arc<BufferPool>,
    /// Its threads may spend a long time in the system's resolver.
    resolver: BlockingShare,
    openers: BlockingShare,
    /// Cancels the opening of sessions.
    stop: CancelToken,
}

impl Runtime {
    pub(crate) fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }

    pub(crate) fn dispatch(&self) -> &Arc<Dispatch> {
        &self.0.dispatch
    }

    pub(crate) fn new_sessions(&self) -> &Arc<NewSessions> {
        &self.0.new_sessions
    }

    pub(crate) fn delayed_flush(&self) -> &Arc<DelayedFlush> {
        &self.0.delayed_flush
    }

    pub(crate) fn buffer_pool(&self) -> &Arc<BufferPool> {
        &self.0.buffer_pool
    }

    pub(crate) fn resolver(&self) -> &BlockingShare {
        &self.0.resolver
    }

    pub(crate) fn openers(&self) -> &BlockingShare {
        &self.0.openers
    }

    pub(crate) fn stop(&self) -> &CancelToken {
        &self.0.stop
    }
}

/// The runtime for opening a session. Its threads do not end before the lease is dropped.
pub(crate) struct Lease {
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
pub(crate) fn get() -> Result<Lease> {
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
    let hold = runtime.tasks().hold().ok_or_else(|| Error::new(Kind::Internal, "the library's threads have ended"))?;
    drop(running);
    if let Some(workers) = workers {
        log!(Debug, 0, "started {workers} threads");
    }
    Ok(Lease { runtime, _hold: hold })
}

/// Sets the number of worker threads of the next runtime.
pub(crate) fn set_workers(count: u32) -> Result<()> {
    let workers = usize::try_from(count).ok().filter(|count| (1..=MAX_WORKERS).contains(count)).ok_or_else(|| {
        Error::new(Kind::InvalidArgument, format!("{count} worker threads: only 1 to {MAX_WORKERS} are possible"))
    })?;
    let library = library();
    let running = library.running.lock();
    if running.is_some() {
        return Err(Error::new(Kind::State, "the library's threads are running already"));
    }
    library.workers.store(workers, Ordering::Relaxed);
    Ok(())
}

/// Ends all sessions and joins all threads. The next [`get`] starts another runtime.
pub(crate) fn shut_down(timeout: Option<Duration>) -> Result<()> {
    if callback_scope::is_inside_any() {
        return Err(Error::new(Kind::State, "a callback cannot wait for the end of all callbacks"));
    }
    let library = library();
    let timeout = timeout.unwrap_or(LONGEST_SHUT_DOWN);
    let deadline = Instant::now().checked_add(timeout).map_or(Deadline::Never, Deadline::At);
    let taken = {
        let mut running = library.running.lock();
        running.take().map(|running| (running, Ending::begin(library)))
    };
    if let Some((running, ending)) = taken {
        end(running, ending, deadline)?;
    }
    library.wait_for_end(deadline)
}

impl Library {
    /// Waits for the runtimes that are being shut down, if there are any.
    fn wait_for_end(&self, deadline: Deadline) -> Result<()> {
        loop {
            let wait_key = self.ended.wait_key();
            if self.ending.load(Ordering::SeqCst) == 0 {
                return Ok(());
            }
            if deadline.has_passed() {
                return Err(still_ending());
            }
            self.ended.wait(wait_key, deadline);
        }
    }
}

fn still_ending() -> Error {
    Error::new(Kind::Timeout, "threads of the library are still ending")
}

fn end(running: Running, ending: Ending, deadline: Deadline) -> Result<()> {
    let Running { runtime, tokio } = running;
    runtime.0.stop.cancel();
    runtime.0.delayed_flush.stop();
    runtime.0.tasks.cancel().cancel();
    runtime.0.new_sessions.close();
    let in_time = runtime.0.tasks.wait_for_end(deadline);
    if in_time {
        tokio.shutdown_timeout(deadline.left().unwrap_or(LONGEST_SHUT_DOWN));
    } else {
        // Unfinished work goes on until it ends by itself.
        end_later(runtime.0.tasks.clone(), tokio, ending);
    }
    log!(Debug, 0, "shut down");
    if !in_time || (deadline.has_passed() && threads::running() > 0) {
        return Err(still_ending());
    }
    Ok(())
}

fn end_later(tasks: Tasks, tokio: tokio::runtime::Runtime, ending: Ending) {
    let wait = move || {
        while !tasks.wait_for_end(Deadline::Never) {}
        tokio.shutdown_timeout(LONGEST_SHUT_DOWN);
        drop(ending);
    };
    // If no thread can be started for it, the runtime's threads remain.
    drop(threads::spawn(wait));
}

fn start(workers: usize) -> Result<Running> {
    let no_thread = |error: std::io::Error| Error::os(Kind::Internal, "could not start the library's threads", &error);
    let stop =
        CancelToken::new("the library was shut down while connecting").map_err(|error| Error::no_descriptor(&error))?;
    let tokio =
        threads::start(workers, dispatch::MOST_JOBS + workers + MOST_LOOKUPS + MOST_OPENERS).map_err(no_thread)?;
    let tasks = Tasks::new(tokio.handle().clone());
    let runtime = Runtime(Arc::new(Shared {
        dispatch: Arc::new(Dispatch::new(tasks.clone(), workers)),
        new_sessions: Arc::new(NewSessions::new(tasks.clone())),
        delayed_flush: Arc::new(DelayedFlush::new(tasks.clone())),
        tasks,
        buffer_pool: Arc::new(BufferPool::new()),
        resolver: BlockingShare::new(tokio.handle(), MOST_LOOKUPS),
        openers: BlockingShare::new(tokio.handle(), MOST_OPENERS),
        stop,
    }));
    if let Some(hold) = runtime.tasks().hold() {
        let pool = Arc::clone(runtime.buffer_pool());
        runtime.tasks().spawn(hold, |tasks, hold| free_unneeded(pool, tasks, hold));
    }
    Ok(Running { tokio, runtime })
}
