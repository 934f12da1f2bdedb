//! Receives for a listener, in its dispatch job, and for a group.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use super::group::session::{ForGroup, GroupSession};
use super::queue::Taken;
use super::recv::LeaderOutcome;
use super::wait::{Caller, Sleep};
use crate::error::Error;
use crate::protocol::Frame;
use crate::session::Session;
use crate::session::deadline::{Deadline, MOMENT};
use crate::session::log::Later;
use crate::session::upcalls::HandleHooks;

/// What a dispatch job has received.
pub(crate) enum ForListener {
    Frame(Frame),
    /// There may be other callbacks to call.
    Recheck,
    /// No message arrived in time.
    Nothing,
}

impl Session {
    /// Receives for the listener, on the thread of its dispatch job, as a call would.
    pub(crate) fn receive_for_listener(&self, wait: Duration) -> ForListener {
        let (mut deadline, mut waiter) = (Deadline::Within(wait).fixed(), None);
        let sleep = Sleep::new(self, &mut deadline, &mut waiter).of(Caller::Dispatch);
        let later = Later::begin();
        let led = self
            .recv
            .reader
            .try_enter(|reader| self.lead(reader, sleep, &mut &*self.recv.buffer_pool, &mut |_| Ok(())));
        let Some((led, actions)) = led else { return ForListener::Nothing };
        self.released(actions);
        drop(later);
        match led {
            Ok(LeaderOutcome::Frame(frame)) => ForListener::Frame(frame),
            Ok(LeaderOutcome::Recheck | LeaderOutcome::Yield) => ForListener::Recheck,
            Err(_) => ForListener::Nothing,
        }
    }
}

impl GroupSession for Session {
    fn queue_state(&self) -> &AtomicU8 {
        &self.delivery.group_state
    }

    fn is_detached(&self) -> bool {
        self.delivery.is_app_detached()
    }

    fn hooks(&self) -> Option<Arc<dyn HandleHooks>> {
        self.identity.hooks()
    }

    fn receive_for_group(&self) -> ForGroup {
        loop {
            if self.recv.queue.is_ready() {
                match self.take_oldest() {
                    // The socket may have something as well.
                    Taken::Message(frame) => return ForGroup::Frame(frame, true),
                    Taken::Ended => return ForGroup::Ended,
                    Taken::Nothing => {}
                }
            }
            let wait_key = self.recv.queue.wait_key();
            let (mut deadline, mut waiter, mut has_more) = (Deadline::Now, None, false);
            let sleep = Sleep::new(self, &mut deadline, &mut waiter).of(Caller::Group);
            let later = Later::begin();
            let led = self.recv.reader.enter(false, |reader| {
                let led = self.lead(reader, sleep, &mut &*self.recv.buffer_pool, &mut |_| Ok(()));
                if let Some(reader) = reader {
                    has_more = reader.may_have_more() && !self.send.control_backlogged();
                    if !has_more {
                        reader.incoming.release();
                        reader.receiver.release();
                    }
                }
                led
            });
            let Some((led, actions)) = led else {
                if self.recv.reader.word().is_driver_inside() {
                    // The driver does not wait, and leaves soon. The wake-up may go to another thread.
                    self.recv.queue.wait(wait_key, Deadline::Within(MOMENT).fixed());
                    continue;
                }
                // The reading thread queues the session again when it leaves.
                return ForGroup::Nothing;
            };
            self.released(actions);
            drop(later);
            match led {
                Ok(LeaderOutcome::Frame(frame)) => {
                    return ForGroup::Frame(frame, has_more || self.recv.queue.is_ready());
                }
                Ok(LeaderOutcome::Recheck | LeaderOutcome::Yield) => {}
                Err(_) if has_more => return ForGroup::Unfinished,
                Err(_) => return ForGroup::Nothing,
            }
        }
    }

    fn leave_group(&self) -> Error {
        if let (Some(member), Some(socket)) = (self.delivery.group.get(), &*self.socket.lock()) {
            member.group.unwatch(socket);
        }
        self.ended_error()
    }

    fn read_in_background(&self) {
        self.delivery.reads_in_background.store(true, Ordering::Release);
        self.wake_driver();
    }
}
