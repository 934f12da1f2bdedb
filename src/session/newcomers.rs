//! Sessions that were just opened. Until its first tick a driver would have nothing to do, so that one task starts the drivers
//! of all sessions that were opened within a tick.

use std::sync::{Arc, Weak};

use super::Session;
use super::driver::TICK;
use super::runtime::{Hold, Runtime};
use crate::lock::Mutex;

/// The sessions without a driver.
#[derive(Default)]
pub(super) struct Newcomers(Mutex<State>);

#[derive(Default)]
struct State {
    /// Weak, because dropping a session before its first tick ends it.
    sessions: Vec<Weak<Session>>,
    is_closed: bool,
}

impl Newcomers {
    /// Starts the session's driver a tick later. Returns false when the library is being shut down.
    pub(super) fn add(&self, runtime: &Runtime, session: &Arc<Session>) -> bool {
        let Some(hold) = runtime.hold() else { return false };
        let mut state = self.0.lock();
        if state.is_closed {
            return false;
        }
        let is_first = state.sessions.is_empty();
        state.sessions.push(Arc::downgrade(session));
        drop(state);
        if is_first {
            runtime.spawn(hold, start_drivers);
        }
        true
    }

    /// Aborts the sessions, and takes no more.
    pub(super) fn close(&self) {
        let sessions = {
            let mut state = self.0.lock();
            state.is_closed = true;
            std::mem::take(&mut state.sessions)
        };
        for session in sessions.iter().filter_map(Weak::upgrade) {
            session.abort();
        }
    }
}

async fn start_drivers(runtime: Runtime, _hold: Hold) {
    tokio::time::sleep(TICK).await;
    let sessions = std::mem::take(&mut runtime.newcomers().0.lock().sessions);
    for session in sessions.iter().filter_map(Weak::upgrade) {
        session.start_driver();
    }
}
