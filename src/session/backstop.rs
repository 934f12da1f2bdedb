//! Sends what sessions hold back for longer than a tick. One thread for all, and only while some session streams.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crate::lock::Mutex;

use super::Session;
use super::deadline::Deadline;
use super::gate::Gate;
use super::outbox::Outbox;
use super::runtime::Runtime;
use crate::transport::threads::{self, Thread};

/// How long a message is held back at most, but for the time that the kernel takes to wake the thread.
const TICK: Duration = Duration::from_micros(100);

/// How exactly the kernel is to wake it.
const TIMER_SLACK: Option<NonZeroU64> = NonZeroU64::new(5_000);

/// After so many ticks without a message the next one goes out at once.
const PAUSE_TICKS: u32 = 2;

/// After so many the session is no longer watched.
const QUIET_TICKS: u32 = 20;

/// How long the thread waits for the next streak.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// The backstop of a runtime.
#[derive(Default)]
pub(super) struct Backstop {
    watched: Mutex<Watched>,
    /// For the thread, when there is nothing to watch.
    changed: Gate,
}

#[derive(Default)]
struct Watched {
    /// Each with the ticks that it was quiet for.
    sessions: Vec<(Arc<Session>, u32)>,
    is_running: bool,
    is_stopped: bool,
    /// The thread of the last shift.
    thread: Option<Thread>,
}

impl Backstop {
    /// Looks after a session until it is quiet. Returns false when the runtime is being shut down.
    pub(super) fn watch(&self, session: Arc<Session>) -> bool {
        let runtime = session.runtime.clone();
        let mut watched = self.watched.lock();
        if watched.is_stopped {
            return false;
        }
        let sleeps = watched.sessions.is_empty();
        watched.sessions.push((session, 0));
        let starts = !std::mem::replace(&mut watched.is_running, true);
        drop(watched);
        if starts {
            let shift = Shift(runtime.clone());
            // In a task: if the system gives no thread, the shift takes a lock that this thread holds. Without a hold the
            // library has been shut down, and the shift ends at once.
            if let Some(hold) = runtime.hold() {
                runtime.spawn(hold, |_, _hold| async move {
                    let _hold = _hold;
                    shift.start();
                });
            }
        } else if sleeps {
            self.changed.open_for_all();
        }
        true
    }

    /// Drops a session in a forked child.
    pub(super) fn forget(&self, session: &Session) {
        if let Some(mut watched) = self.watched.try_lock() {
            watched.sessions.retain(|(watched, _)| !std::ptr::eq(&**watched, session));
        }
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
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

/// The thread's work. Where it ends, whyever, nothing stays behind.
struct Shift(Runtime);

impl Shift {
    fn start(self) {
        let runtime = self.0.clone();
        // Without a thread to be had the shift ends at once.
        let Ok(thread) = threads::spawn(move || self.work()) else { return };
        let mut watched = runtime.backstop().watched.lock();
        if !watched.is_stopped {
            watched.thread = Some(thread);
            return;
        }
        drop(watched);
        thread.join();
    }

    fn work(self) {
        let _ = rustix::thread::set_current_timer_slack(TIMER_SLACK);
        // Two lists change places, and keep their memory.
        let mut sessions = Vec::new();
        while self.wait_for_work() {
            thread::sleep(TICK);
            std::mem::swap(&mut sessions, &mut self.0.backstop().watched.lock().sessions);
            sessions.retain_mut(|(session, quiet)| {
                *quiet = if session.send_held_back() { 0 } else { *quiet + 1 };
                if *quiet == PAUSE_TICKS {
                    session.outbox.lock().coalescing.pause();
                }
                *quiet < QUIET_TICKS || !session.end_streak()
            });
            self.0.backstop().watched.lock().sessions.append(&mut sessions);
        }
    }

    /// Returns false when there is none and the thread is to end.
    fn wait_for_work(&self) -> bool {
        let deadline = Deadline::Within(KEEP_ALIVE).fixed();
        loop {
            let ticket = self.0.backstop().changed.ticket();
            let watched = self.0.backstop().watched.lock();
            if !watched.is_stopped && !watched.sessions.is_empty() {
                return true;
            }
            if watched.is_stopped || deadline.has_passed() {
                return false;
            }
            drop(watched);
            self.0.backstop().changed.wait(ticket, deadline);
        }
    }
}

impl Drop for Shift {
    fn drop(&mut self) {
        let mut watched = self.0.backstop().watched.lock();
        watched.is_running = false;
        let left = std::mem::take(&mut watched.sessions);
        let is_stopped = watched.is_stopped;
        drop(watched);
        if is_stopped {
            // They are aborted. One of them may be locked by this very thread, which then is in `watch`.
            return;
        }
        for (session, _) in left {
            while !session.end_streak() {
                session.send_held_back();
            }
        }
    }
}

impl Session {
    /// Sends what is held back; whether there was something.
    fn send_held_back(&self) -> bool {
        let sends = self.is_held_back(&self.outbox.lock());
        if sends {
            self.flush_or_leave();
        }
        sends
    }

    /// Stops looking after the session, unless something is held back.
    fn end_streak(&self) -> bool {
        let mut outbox = self.outbox.lock();
        let is_over = !self.is_held_back(&outbox);
        if is_over {
            outbox.coalescing.unwatch();
        }
        is_over
    }

    /// Whether something waits that nobody else sends: when the kernel takes no more, the driver does. Without a
    /// transport nobody ever will.
    fn is_held_back(&self, outbox: &Outbox) -> bool {
        outbox.outgoing.waiting_bytes() > 0
            && outbox.failure.is_none()
            && !self.is_blocked.load(Ordering::Relaxed)
            && !self.ending.is_closed()
    }
}
