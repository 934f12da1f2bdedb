//! Starts, wakes and runs the driver of a session.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::handle::{NEW, STARTED};
use super::{Driver, Next};
use crate::protocol::deflate;
use crate::session::Session;
use crate::session::background::new_sessions::NewSession;
use crate::session::background::tasks::Hold;

/// Ends the session when its driver ends, also if the driver panics or the runtime drops it.
struct Driving {
    session: Arc<Session>,
    _hold: Hold,
}

impl Drop for Driving {
    fn drop(&mut self) {
        self.session.abort();
        self.session.drop_transport();
        self.session.request_callbacks();
    }
}

async fn drive(session: Arc<Session>, hold: Hold) {
    let driving = Driving { session, _hold: hold };
    let session = &driving.session;
    let mut driver = Driver::new(session.keepalive.since);
    // Extensions of the application may take a long time.
    let may_block = session.identity.extensions.iter().any(|extension| extension.name != deflate::NAME);
    loop {
        let next = if may_block { tokio::task::block_in_place(|| driver.step(session)) } else { driver.step(session) };
        match next {
            Next::Wait => driver.wait(session).await,
            Next::Again => tokio::task::yield_now().await,
            Next::Reconnect => driver.is_over = !driver.reconnect(session).await,
            Next::Over => return,
        }
    }
}

impl Session {
    /// Starts the driver, unless it was started or prevented from starting.
    pub(crate) fn start_driver(self: &Arc<Self>) {
        if self.driver.change(STARTED) == NEW
            && let Some(hold) = self.runtime.tasks().hold()
        {
            let session = Arc::clone(self);
            self.runtime.tasks().spawn(hold, |_, hold| drive(session, hold));
        }
    }

    /// Makes the driver do a step. Starts it if necessary.
    pub(crate) fn wake_driver(&self) {
        match self.driver.state.load(Ordering::Acquire) {
            NEW => {
                if let Some(session) = self.me.upgrade() {
                    session.start_driver();
                }
            }
            _ => self.driver.wake.notify_one(),
        }
    }

    /// Like [`wake_driver`](Self::wake_driver), but does not start the driver, which sees the change when it starts.
    pub(crate) fn wake_started_driver(&self) {
        if self.driver.is_started() {
            self.wake_driver();
        }
    }
}

impl NewSession for Session {
    fn start(self: Arc<Self>) {
        self.start_driver();
    }

    fn abort(&self) {
        Self::abort(self);
    }
}
