//! Starts, wakes and runs the driver of a session.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

use super::{Driver, Next};
use crate::protocol::deflate;
use crate::session::Session;
use crate::session::runtime::{Hold, Runtime};

/// Starts and wakes the driver of a session.
#[derive(Default)]
pub(in crate::session) struct DriverHandle {
    state: AtomicU8,
    wake: Notify,
}

/// There is no driver, and one may start.
const NEW: u8 = 0;
/// The driver was started.
const STARTED: u8 = 1;
/// No driver starts any more.
const UNWANTED: u8 = 2;

impl DriverHandle {
    pub(in crate::session) fn is_started(&self) -> bool {
        self.state.load(Ordering::Acquire) == STARTED
    }

    /// Has no driver start any more. Returns false if one was started.
    pub(in crate::session) fn prevent(&self) -> bool {
        self.change(UNWANTED) != STARTED
    }

    /// Waits for the next [`Session::wake_driver`].
    pub(in crate::session) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Changes the state from [`NEW`]. Returns what it was.
    fn change(&self, to: u8) -> u8 {
        let (Ok(before) | Err(before)) = self.state.compare_exchange(NEW, to, Ordering::AcqRel, Ordering::Acquire);
        before
    }
}

/// Ends the session with its driver, also where that panics or the runtime drops it.
struct Driving {
    session: Arc<Session>,
    _hold: Hold,
}

impl Drop for Driving {
    fn drop(&mut self) {
        self.session.abort();
        self.session.drop_transport();
        self.session.ask_to_tell();
    }
}

async fn drive(session: Arc<Session>, hold: Hold) {
    let driving = Driving { session, _hold: hold };
    let session = &driving.session;
    let mut driver = Driver::new(session.since);
    // Functions of the application may take long.
    let may_block = session.extensions.iter().any(|extension| extension.name != deflate::NAME);
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
    /// Starts the driver, unless that is done or not wanted any more.
    pub(in crate::session) fn start_driver(self: &Arc<Self>) {
        if self.driver.change(STARTED) == NEW
            && let Some(hold) = self.runtime.hold()
        {
            let session = Arc::clone(self);
            self.runtime.spawn(hold, |_: Runtime, hold| drive(session, hold));
        }
    }

    /// Has the driver make a step, and start if need be.
    pub(in crate::session) fn wake_driver(&self) {
        match self.driver.state.load(Ordering::Acquire) {
            NEW => {
                if let Some(session) = self.me.upgrade() {
                    session.start_driver();
                }
            }
            _ => self.driver.wake.notify_one(),
        }
    }

    /// The same for what the driver sees in time when it starts.
    pub(in crate::session) fn wake_started_driver(&self) {
        if self.driver.is_started() {
            self.wake_driver();
        }
    }
}
