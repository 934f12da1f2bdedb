//! Turns a raw session into a default one (Ktor's `DefaultWebSocketSession(session, …)`).

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::session::Session;
use crate::session::recv::delivery::ReceiveMode;

impl Session {
    /// Turns a raw session into a default one, from the next frame on. Fails if it is not raw, or in the middle of a message.
    pub(crate) fn start_default(&self, interval: Option<Duration>, timeout: Option<Duration>) -> Result<()> {
        let wrong = |message| Err(Error::new(Kind::State, message));
        let (switched, actions) = loop {
            let entered = self.recv.reader.enter_as_driver(|reader| {
                let Some(reader) = reader else { return wrong("the session has ended") };
                if !self.recv.is_raw.load(Ordering::Relaxed) {
                    return wrong("the session is not raw");
                }
                if self.close_state.unanswered().is_some() || reader.deferred_error.is_some() {
                    return wrong("the session is ending");
                }
                if !reader.incoming.start_default() {
                    return wrong("a message of the server is not complete");
                }
                self.recv.is_raw.store(false, Ordering::Relaxed);
                self.send.queue.lock().outgoing.set_auto_reply(self.recv.auto_pong, true);
                Ok(())
            });
            match entered {
                Some(entered) => break entered,
                None if self.delivery.mode() == ReceiveMode::Calls && self.recv.reader.word().is_inside() => {
                    return wrong("another thread receives");
                }
                // The driver, or a thread that decodes for a callback or a group, leaves soon.
                None => std::thread::yield_now(),
            }
        };
        self.released(actions);
        switched?;
        if timeout.is_some() {
            self.set_ping_timeout(timeout);
        }
        self.set_ping_interval(interval);
        Ok(())
    }
}
