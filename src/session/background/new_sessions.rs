//! Sessions that were just opened. A driver would have nothing to do until its first tick, so one task starts the drivers of all
//! sessions that were opened within a tick.

use std::sync::{Arc, Weak};

use super::TICK;
use super::tasks::{Hold, Tasks};
use crate::lock::Mutex;

/// A session that has no driver yet.
pub(crate) trait NewSession: Send + Sync {
    fn start(self: Arc<Self>);

    fn abort(&self);
}

/// The sessions without a driver.
pub(crate) struct NewSessions {
    tasks: Tasks,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Weak, because dropping a session before its first tick ends it.
    sessions: Vec<Weak<dyn NewSession>>,
    is_closed: bool,
}

impl NewSessions {
    pub(crate) fn new(tasks: Tasks) -> Self {
        Self { tasks, state: Mutex::default() }
    }

    /// Starts the session's driver a tick later. Returns false when the library is being shut down.
    pub(crate) fn add(self: &Arc<Self>, session: Weak<dyn NewSession>) -> bool {
        let Some(hold) = self.tasks.hold() else { return false };
        let mut state = self.state.lock();
        if state.is_closed {
            return false;
        }
        let is_first = state.sessions.is_empty();
        state.sessions.push(session);
        drop(state);
        if is_first {
            self.tasks.spawn(hold, |_, hold| start_drivers(Arc::clone(self), hold));
        }
        true
    }

    /// Aborts the sessions, and accepts no more.
    pub(crate) fn close(&self) {
        let sessions = {
            let mut state = self.state.lock();
            state.is_closed = true;
            std::mem::take(&mut state.sessions)
        };
        for session in sessions.iter().filter_map(Weak::upgrade) {
            session.abort();
        }
    }
}

async fn start_drivers(new: Arc<NewSessions>, _hold: Hold) {
    tokio::time::sleep(TICK).await;
    let sessions = std::mem::take(&mut new.state.lock().sessions);
    for session in sessions.iter().filter_map(Weak::upgrade) {
        session.start();
    }
}
