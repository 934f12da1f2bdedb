//! The tasks and the blocking work of a runtime. They are counted, so that a shut-down waits for them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::fork;
use crate::lock::Mutex;
use crate::session::deadline::Deadline;
use crate::session::event_count::EventCount;

/// Starts tasks and blocking work.
#[derive(Clone)]
pub(crate) struct Tasks(Arc<Shared>);

struct Shared {
    handle: Handle,
    /// The tasks, the dispatch jobs and the holds.
    tracker: TaskTracker,
    /// Cancelled when the library is shut down.
    cancel: CancellationToken,
    /// All tasks have ended, and no more start.
    has_ended: Mutex<bool>,
}

/// Keeps the runtime running, also while the library is being shut down.
pub(crate) struct Hold {
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

impl Tasks {
    pub(crate) fn new(handle: Handle) -> Self {
        Self(Arc::new(Shared {
            handle,
            tracker: TaskTracker::new(),
            cancel: CancellationToken::new(),
            has_ended: Mutex::new(false),
        }))
    }

    /// Keeps the runtime running. Returns None once it has ended.
    pub(crate) fn hold(&self) -> Option<Hold> {
        let has_ended = self.0.has_ended.lock();
        (!*has_ended).then(|| Hold { token: Some(self.0.tracker.token()), generation: fork::generation() })
    }

    /// Starts a task, which runs until it ends by itself.
    pub(crate) fn spawn<F>(&self, hold: Hold, task: impl FnOnce(Self, Hold) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.handle.spawn(task(self.clone(), hold));
    }

    /// Runs a function that may block. If the system has no thread for it, it waits until a later call starts one.
    pub(crate) fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) {
        let handle = self.0.handle.clone();
        // tokio panics if it cannot start a thread, and keeps the work.
        let spawn = move || catch_unwind(AssertUnwindSafe(|| drop(handle.spawn_blocking(work))));
        if fork::is_library_thread() {
            let _ = spawn();
        } else {
            // In a task: a new thread inherits the signal mask of the thread that starts it.
            self.0.handle.spawn(async move { drop(spawn()) });
        }
    }

    /// Differs from that of every other runtime that has not ended.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Returns the token that is cancelled when the library is shut down.
    pub(crate) fn cancel(&self) -> &CancellationToken {
        &self.0.cancel
    }

    /// Waits until all tasks, jobs and holds have ended; then none starts any more. Returns false if the deadline comes first.
    pub(crate) fn wait_for_end(&self, deadline: Deadline) -> bool {
        self.0.tracker.close();
        loop {
            let done = Arc::new((AtomicBool::new(false), EventCount::default()));
            let (tracker, there) = (self.0.tracker.clone(), Arc::clone(&done));
            self.0.handle.spawn(async move {
                tracker.wait().await;
                there.0.store(true, Ordering::Release);
                there.1.open_for_all();
            });
            loop {
                let wait_key = done.1.wait_key();
                if done.0.load(Ordering::Acquire) {
                    break;
                }
                if deadline.has_passed() {
                    return false;
                }
                done.1.wait(wait_key, deadline);
            }
            let mut has_ended = self.0.has_ended.lock();
            if self.0.tracker.is_empty() {
                *has_ended = true;
                return true;
            }
        }
    }
}
