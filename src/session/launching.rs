//! When a session's driver starts: a tick after opening, with those of other sessions, or when there is something for
//! it to do. A session that is aborted before has none: whoever aborts it ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::Session;
use super::driver::{Driver, TICK};

/// Starts the drivers of a runtime.
pub(super) struct Launcher {
    runtime: Handle,
    waiting: Mutex<Waiting>,
    hurry: Notify,
}

#[derive(Default)]
struct Waiting {
    sessions: Vec<Arc<Session>>,
    is_stopped: bool,
}

impl Launcher {
    pub(super) fn new(runtime: Handle) -> Self {
        Self { runtime, waiting: Mutex::default(), hurry: Notify::new() }
    }

    /// Has a driver started for a session. Returns false when the runtime is being shut down.
    pub(super) fn add(self: &Arc<Self>, session: Arc<Session>) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.is_stopped {
            return false;
        }
        waiting.sessions.push(session);
        let is_first = waiting.sessions.len() == 1;
        drop(waiting);
        if is_first {
            self.runtime.spawn(Arc::clone(self).launch());
        }
        true
    }

    async fn launch(self: Arc<Self>) {
        // Early, or in time: until its first tick a driver would have nothing to do.
        let _ = timeout(TICK, self.hurry.notified()).await;
        let sessions = std::mem::take(&mut self.waiting.lock().sessions);
        for session in sessions {
            if session.wake.claim() {
                tokio::spawn(Driver::new(session).run());
            }
        }
    }

    /// Aborts the sessions without a driver. From now on none is started.
    pub(super) fn stop(&self) {
        let mut waiting = self.waiting.lock();
        waiting.is_stopped = true;
        let sessions = std::mem::take(&mut waiting.sessions);
        drop(waiting);
        for session in sessions {
            session.abort();
        }
    }
}

/// Wakes the driver of a session.
pub(super) struct DriverWake {
    state: Mutex<WakeState>,
    /// The driver is started, or never will be.
    is_claimed: AtomicBool,
    launcher: Arc<Launcher>,
}

#[derive(Default)]
struct WakeState {
    is_notified: bool,
    /// The driver, while it waits.
    waker: Option<Waker>,
}

impl DriverWake {
    pub(super) fn new(launcher: Arc<Launcher>) -> Self {
        Self { state: Mutex::default(), is_claimed: AtomicBool::new(false), launcher }
    }

    /// Wakes the driver, and has it started if need be. It stays woken until it looks.
    pub(super) fn notify_one(&self) {
        let waker = {
            let mut state = self.state.lock();
            state.is_notified = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        if !self.is_claimed.load(Ordering::Acquire) {
            self.launcher.hurry.notify_one();
        }
    }

    /// The same for what the driver sees in time when it starts.
    pub(super) fn notify_started(&self) {
        if self.is_claimed.load(Ordering::Acquire) {
            self.notify_one();
        }
    }

    /// Whether the driver was woken since it last asked.
    pub(super) fn poll_notified(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.is_notified) {
            return Poll::Ready(());
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Whether it is for the caller to start the driver, or to end the session without one.
    pub(super) fn claim(&self) -> bool {
        !self.is_claimed.swap(true, Ordering::AcqRel)
    }
}
