//! How many threads a reactor has: a few, and one more whenever all of them are in calls that do not return. So a listener
//! that sleeps keeps nobody but its own session waiting.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::lock::Mutex;

use super::deadline::Deadline;
use super::gate::Gate;
use super::logging::log;
use super::reactor::Reactor;
use crate::transport::threads::{Thread, spawn};

/// How long all threads may be in calls before there is another one.
const STUCK: Duration = Duration::from_millis(2);

/// After so many looks without need nobody looks any more.
const QUIET_LOOKS: u32 = 50;

/// How long a thread beyond the usual number waits for work.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(1);

const MOST: usize = 4096;

/// The threads of a reactor.
pub(super) struct Crew {
    usual: usize,
    running: AtomicUsize,
    /// Those in calls of listeners, and how many calls have returned.
    calling: AtomicUsize,
    returned: AtomicUsize,
    /// A thread looks whether all are stuck.
    is_watched: AtomicBool,
    is_stopping: AtomicBool,
    handles: Mutex<HashMap<ThreadId, Thread>>,
    /// Who looks, or has looked last.
    watcher: Mutex<Option<Thread>>,
    /// For whoever waits until all have ended.
    ended: Gate,
}

impl Crew {
    pub(super) fn new(usual: usize) -> Self {
        Self {
            usual,
            running: AtomicUsize::new(0),
            calling: AtomicUsize::new(0),
            returned: AtomicUsize::new(0),
            is_watched: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            handles: Mutex::default(),
            watcher: Mutex::default(),
            ended: Gate::default(),
        }
    }

    /// Starts a thread, unless all are to end.
    pub(super) fn start(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        // Locked, so that it is there before it is taken away.
        let mut handles = self.handles.lock();
        if self.is_stopping() {
            return Ok(());
        }
        // It counts before it can leave.
        self.running.fetch_add(1, Ordering::AcqRel);
        let thread = spawn(work).inspect_err(|_| {
            self.running.fetch_sub(1, Ordering::AcqRel);
        })?;
        handles.insert(thread.id(), thread);
        Ok(())
    }

    /// Whether the calling thread, one of them that has had nothing to do for a while, may end: it does not count any
    /// more then. Another one has to be left that waits for work.
    pub(super) fn may_leave(&self, reactor: &Arc<Reactor>) -> bool {
        let mut handles = self.handles.lock();
        let running = self.running.load(Ordering::Acquire);
        if running <= self.usual || self.calling.load(Ordering::SeqCst) + 1 >= running || self.is_stopping() {
            return false;
        }
        // Nobody joins it.
        handles.remove(&thread::current().id());
        self.running.fetch_sub(1, Ordering::SeqCst);
        drop(handles);
        if self.are_all_calling() {
            self.watch(reactor);
        }
        true
    }

    /// The calling thread, one of them, ends because all do. Returns whether it is the last.
    pub(super) fn leave(&self) -> bool {
        let running = self.running.fetch_sub(1, Ordering::AcqRel);
        self.ended.open_for_all();
        running == 1
    }

    /// From now on threads are to end, and are waited for.
    pub(super) fn stop(&self) {
        let _handles = self.handles.lock();
        self.is_stopping.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    /// Waits until all have ended. Returns whether they have in time.
    pub(super) fn join(&self, deadline: Deadline, wake_one: impl Fn()) -> bool {
        loop {
            let ticket = self.ended.ticket();
            if self.running.load(Ordering::Acquire) == 0 {
                break;
            }
            if deadline.has_passed() {
                return false;
            }
            wake_one();
            self.ended.wait(ticket, deadline);
        }
        let handles = std::mem::take(&mut *self.handles.lock());
        let watcher = self.watcher.lock().take();
        for thread in handles.into_values().chain(watcher) {
            thread.join();
        }
        true
    }

    /// Whether there are more threads than usual.
    pub(super) fn is_enlarged(&self) -> bool {
        self.running.load(Ordering::Relaxed) > self.usual
    }

    /// The calling thread, one of them, makes a call that may take long.
    pub(super) fn call<T>(&self, reactor: &Arc<Reactor>, call: impl FnOnce() -> T) -> T {
        let calling = Calling(self);
        if self.calling.fetch_add(1, Ordering::SeqCst) + 1 >= self.running.load(Ordering::SeqCst) {
            self.watch(reactor);
        }
        let outcome = call();
        drop(calling);
        outcome
    }

    fn are_all_calling(&self) -> bool {
        self.calling.load(Ordering::SeqCst) >= self.running.load(Ordering::SeqCst)
    }

    fn watch(&self, reactor: &Arc<Reactor>) {
        if self.is_watched.swap(true, Ordering::AcqRel) {
            return;
        }
        let watched = Arc::clone(reactor);
        let mut watcher = self.watcher.lock();
        match spawn(move || look(&watched)) {
            // The one before has ended, or is about to.
            Ok(thread) => *watcher = Some(thread),
            // The next one tries again.
            Err(_) => self.is_watched.store(false, Ordering::Release),
        }
    }
}

struct Calling<'a>(&'a Crew);

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.0.returned.fetch_add(1, Ordering::AcqRel);
        self.0.calling.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Looks now and then whether all threads are stuck.
fn look(reactor: &Arc<Reactor>) {
    let crew = &reactor.crew;
    let mut quiet = 0;
    while !crew.is_stopping() {
        let returned = crew.returned.load(Ordering::Acquire);
        thread::sleep(STUCK);
        if !crew.are_all_calling() {
            quiet += 1;
            if quiet < QUIET_LOOKS {
                continue;
            }
            crew.is_watched.store(false, Ordering::SeqCst);
            // Whoever saw that somebody looks relies on this one.
            if !crew.are_all_calling() || crew.is_watched.swap(true, Ordering::SeqCst) {
                return;
            }
        } else if crew.returned.load(Ordering::Acquire) == returned && crew.running.load(Ordering::Acquire) < MOST {
            // Where the system gives none, it may a moment later.
            match reactor.start_thread() {
                Ok(()) => log!(Debug, 0, "all threads are in callbacks: started another one"),
                Err(error) => log!(Error, 0, "all threads are in callbacks, and another one cannot be had: {error}"),
            }
        }
        quiet = 0;
    }
}
