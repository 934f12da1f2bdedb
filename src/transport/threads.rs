//! The library's threads: named, with all signals blocked, counted.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::lock::Mutex;
use nix::sys::signal::{SigSet, SigmaskHow};
use rustix::io::Errno;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::fork::{self, PerProcess};

/// The name of every thread of the library, as `ps -L` and `/proc` show it.
const NAME: &str = "ktorws";

/// What programs in C expect of a thread that runs their callbacks. The system gives what is used of it.
const STACK: usize = 8 * 1024 * 1024;

/// How long a blocking thread waits for its next work.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// How long a worker waits for the others to start. It is over only where they cannot start.
const LONGEST_START: Duration = Duration::from_secs(10);

/// How many run. In a forked child there are none.
static RUNNING: PerProcess<AtomicUsize> = PerProcess::new();

/// A thread to join. In a forked child it is dropped without a look at the thread, which only the parent has: what knows it
/// there is memory that the child's own threads use.
#[derive(Debug)]
pub(crate) struct Thread {
    handle: Option<JoinHandle<()>>,
    generation: u64,
}

impl Thread {
    /// Waits until it has ended. A panic of it is a bug that has had its message.
    pub(crate) fn join(mut self) {
        if let Some(handle) = self.handle.take() {
            let _ = handle.join();
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if fork::is_inherited(self.generation) {
            std::mem::forget(self.handle.take());
        }
    }
}

/// Starts a thread.
pub(crate) fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<Thread> {
    let handle = without_signals(|| {
        thread::Builder::new().name(NAME.to_owned()).stack_size(STACK).spawn(move || {
            fork::mark_library_thread();
            let _counted = Counted::new();
            work();
        })
    })??;
    Ok(Thread { handle: Some(handle), generation: fork::generation() })
}

/// How many threads of the library run.
pub(crate) fn running() -> usize {
    count().load(Ordering::Acquire)
}

fn count() -> &'static AtomicUsize {
    RUNNING.get(|_| AtomicUsize::new(0))
}

/// A thread that runs, in the count of the process that has started it.
struct Counted(&'static AtomicUsize);

impl Counted {
    fn new() -> Self {
        let count = count();
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// New threads inherit the mask of the one that starts them: no signal of the host's is ever delivered to one of ours.
fn without_signals<T>(work: impl FnOnce() -> T) -> io::Result<T> {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let outcome = work();
    before.thread_set_mask()?;
    Ok(outcome)
}

/// Starts the runtime of the library: so many workers, and so many blocking threads at most.
pub(crate) fn start(workers: usize, blocking: usize) -> io::Result<Runtime> {
    // tokio cannot tell that there are too few.
    probe(workers + 1)?;
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(workers).max_blocking_threads(blocking).enable_io().enable_time();
    build(builder)
}

/// Builds a runtime. Elsewhere: tokio asks the thread who it is, and the host's threads would keep the answer.
fn build(mut builder: Builder) -> io::Result<Runtime> {
    let built = Arc::new(Mutex::new(None));
    let there = Arc::clone(&built);
    let (complete, wait_complete) = latch();
    let count = count();
    builder
        .thread_name(NAME)
        .thread_stack_size(STACK)
        .thread_keep_alive(KEEP_ALIVE)
        .on_thread_start(move || {
            fork::mark_library_thread();
            if !wait_complete() {
                // A worker of a runtime that another worker has no thread for: tokio waits for this one to end.
                resume_unwind(Box::new(()));
            }
            count.fetch_add(1, Ordering::AcqRel);
        })
        .on_thread_stop(|| {
            count.fetch_sub(1, Ordering::AcqRel);
        });
    let build = move || {
        // tokio panics where the system gives too few threads.
        let runtime = catch_unwind(AssertUnwindSafe(|| builder.build()));
        complete();
        *there.lock() = Some(runtime.unwrap_or_else(|_| Err(Errno::AGAIN.into())));
    };
    spawn(build)?.join();
    let built = built.lock().take();
    built.unwrap_or_else(|| Err(io::ErrorKind::Other.into()))
}

/// Two functions: one opens the latch, the other waits for that, and returns false if it takes too long.
fn latch() -> (impl Fn() + Send + 'static, impl Fn() -> bool + Send + Sync + 'static) {
    let latch = Arc::new((std::sync::Mutex::new(false), std::sync::Condvar::new()));
    let waited = Arc::clone(&latch);
    let open = move || {
        *latch.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        latch.1.notify_all();
    };
    let wait = move || {
        let is_open = waited.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = waited.1.wait_timeout_while(is_open, LONGEST_START, |is_open| !*is_open);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    };
    (open, wait)
}

/// Fails if the system gives fewer threads than that.
fn probe(threads: usize) -> io::Result<()> {
    let (release, wait) = latch();
    let wait = Arc::new(wait);
    let probes: io::Result<Vec<_>> = (0..threads)
        .map(|_| {
            let wait = Arc::clone(&wait);
            spawn(move || _ = wait())
        })
        .collect();
    release();
    probes.map(|probes| probes.into_iter().for_each(Thread::join))
}

/// A share of the runtime's blocking threads, for work that waits in calls which cannot be made to end. What is beyond the share
/// queues, so that one kind of work leaves threads to the others.
#[derive(Clone, Debug)]
pub(crate) struct BlockingShare {
    handle: Handle,
    permits: Arc<Semaphore>,
}

impl BlockingShare {
    pub(crate) fn new(handle: &Handle, threads: usize) -> Self {
        Self { handle: handle.clone(), permits: Arc::new(Semaphore::new(threads)) }
    }

    /// Has work done. It is dropped undone where the system gives no thread for it, and when the runtime ends.
    pub(crate) fn run(&self, work: impl FnOnce() + Send + 'static) {
        match Arc::clone(&self.permits).try_acquire_owned() {
            // Fails only if the signals cannot be blocked.
            Ok(permit) => drop(without_signals(|| self.start(permit, work))),
            Err(_) => {
                let share = self.clone();
                self.handle.spawn(async move {
                    // It is never closed.
                    if let Ok(permit) = Arc::clone(&share.permits).acquire_owned().await {
                        share.start(permit, work);
                    }
                });
            }
        }
    }

    fn start(&self, permit: OwnedSemaphorePermit, work: impl FnOnce() + Send + 'static) {
        let work = Arc::new(Mutex::new(Some((work, permit))));
        let there = Arc::clone(&work);
        let spawn = || {
            self.handle.spawn_blocking(move || {
                let work = there.lock().take();
                if let Some((work, _permit)) = work {
                    work();
                }
            });
        };
        // tokio panics where the system gives it no thread, and keeps the work.
        if catch_unwind(AssertUnwindSafe(spawn)).is_err() {
            drop(work.lock().take());
        }
    }
}
