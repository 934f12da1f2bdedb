//! Sends messages that sessions have held back for longer than a tick. One thread does so for all sessions, and exists only while
//! a session streams.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::lock::Mutex;

use crate::session::background::tasks::Tasks;
use crate::session::deadline::Deadline;
use crate::session::event_count::EventCount;
use crate::transport::threads::{self, Thread};

/// The longest time that a message is held back, without the time that the kernel takes to wake the thread.
const TICK: Duration = Duration::from_micros(100);

/// The timer slack of the thread in nanoseconds.
const TIMER_SLACK: Option<NonZeroU64> = NonZeroU64::new(5_000);

/// After this many ticks without a message, the next message is sent at once.
const PAUSE_TICKS: u32 = 2;

/// After this many ticks without a message, the session is no longer watched.
const QUIET_TICKS: u32 = 20;

/// How long the thread waits for the next streak.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// A session that holds messages back.
pub(crate) trait HoldsBack: Send + Sync {
    /// Sends what is held back. Returns whether there was something.
    fn send_held_back(&self) -> bool;

    /// Called after some ticks without a message.
    fn pause_streak(&self);

    /// Stops watching the session, unless something is held back. Returns whether it did.
    fn end_streak(&self) -> bool;
}

/// The delayed flush of a runtime.
pub(crate) struct DelayedFlush {
    tasks: Tasks,
    watched: Mutex<Watched>,
    /// The thread waits here while there is nothing to watch.
    changed: EventCount,
}

#[derive(Default)]
struct Watched {
    /// The sessions, each with the number of ticks without a message.
    sessions: Vec<(Arc<dyn HoldsBack>, u32)>,
    is_running: bool,
    is_stopped: bool,
    /// The thread that runs now or ran last.
    thread: Option<Thread>,
}

impl DelayedFlush {
    pub(crate) fn new(tasks: Tasks) -> Self {
        Self { tasks, watched: Mutex::default(), changed: EventCount::default() }
    }

    /// Watches a session until it is quiet. Returns false when the runtime is being shut down.
    pub(crate) fn watch(self: &Arc<Self>, session: Arc<dyn HoldsBack>) -> bool {
        let mut watched = self.watched.lock();
        if watched.is_stopped {
            return false;
        }
        let sleeps = watched.sessions.is_empty();
        watched.sessions.push((session, 0));
        let starts = !std::mem::replace(&mut watched.is_running, true);
        drop(watched);
        if starts {
            let flush_loop = FlushLoop(Arc::clone(self));
            // In a task: if the system has no thread, the loop takes a lock that this thread holds. Without a hold, the library
            // has been shut down, and the loop ends at once.
            if let Some(hold) = self.tasks.hold() {
                self.tasks.spawn(hold, |_, _hold| async move {
                    let _hold = _hold;
                    flush_loop.start();
                });
            }
        } else if sleeps {
            self.changed.open_for_all();
        }
        true
    }

    /// Drops a session in a forked child.
    pub(crate) fn forget(&self, session: *const ()) {
        if let Some(mut watched) = self.watched.try_lock() {
            watched.sessions.retain(|(watched, _)| !std::ptr::addr_eq(&raw const **watched, session));
        }
    }

    /// Ends the thread.
    pub(crate) fn stop(&self) {
        let mut watched = self.watched.lock();
        watched.is_stopped = true;
        let thread = watched.thread.take();
        drop(watched);
        self.changed.open_for_all();
        if let Some(thread) = thread {
            thread.join();
        }
    }
}

/// The work of the thread. On exit, sends what remains.
struct FlushLoop(Arc<DelayedFlush>);

impl FlushLoop {
    fn start(self) {
        let delayed = Arc::clone(&self.0);
        // If the system has no thread, the loop ends at once.
        let Ok(thread) = threads::spawn(move || self.work()) else { return };
        let mut watched = delayed.watched.lock();
        if !watched.is_stopped {
            watched.thread = Some(thread);
            return;
        }
        drop(watched);
        thread.join();
    }

    fn work(self) {
        let _ = rustix::thread::set_current_timer_slack(TIMER_SLACK);
        // The two lists are swapped, so that both keep their memory.
        let mut sessions = Vec::new();
        while self.wait_for_work() {
            thread::sleep(TICK);
            std::mem::swap(&mut sessions, &mut self.0.watched.lock().sessions);
            sessions.retain_mut(|(session, quiet)| {
                *quiet = if session.send_held_back() { 0 } else { *quiet + 1 };
                if *quiet == PAUSE_TICKS {
                    session.pause_streak();
                }
                *quiet < QUIET_TICKS || !session.end_streak()
            });
            self.0.watched.lock().sessions.append(&mut sessions);
        }
    }

    /// Waits until there are sessions to watch. Returns false if the thread has to end.
    fn wait_for_work(&self) -> bool {
        let deadline = Deadline::Within(KEEP_ALIVE).fixed();
        loop {
            let wait_key = self.0.changed.wait_key();
            let watched = self.0.watched.lock();
            if !watched.is_stopped && !watched.sessions.is_empty() {
                return true;
            }
            if watched.is_stopped || deadline.has_passed() {
                return false;
            }
            drop(watched);
            self.0.changed.wait(wait_key, deadline);
        }
    }
}

impl Drop for FlushLoop {
    fn drop(&mut self) {
        let mut watched = self.0.watched.lock();
        watched.is_running = false;
        let left = std::mem::take(&mut watched.sessions);
        let is_stopped = watched.is_stopped;
        drop(watched);
        if is_stopped {
            // The sessions are aborted. This thread may be in `watch`, and hold a lock of one of them.
            return;
        }
        for (session, _) in left {
            while !session.end_streak() {
                session.send_held_back();
            }
        }
    }
}
