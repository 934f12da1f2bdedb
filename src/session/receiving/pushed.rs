//! Receiving for a listener, in its dispatch job, and for a group, in the turn of the session.

use std::time::Duration;

use super::{Led, MOMENT, Memory};
use crate::protocol::Frame;
use crate::session::Session;
use crate::session::deadline::Deadline;
use crate::session::inbox::Taken;
use crate::session::logging::Later;
use crate::session::receive_wait::{Caller, Sleep};

/// Small messages get memory of their own.
struct NoMemory;

impl Memory for NoMemory {
    fn small(&mut self) -> Vec<u8> {
        Vec::new()
    }
}

/// What a dispatch job has received.
pub(in crate::session) enum ForListener {
    Frame(Frame),
    /// There may be something else to call.
    Look,
    /// Nothing came in time.
    Nothing,
}

/// What a group has received from a session.
pub(in crate::session) enum ForGroup {
    /// A frame, and whether there may be more.
    Frame(Frame, bool),
    /// There may be more, in another turn.
    Unfinished,
    /// What comes next makes the socket ready, or gives the session a turn.
    Nothing,
    Ended,
}

impl Session {
    /// Receives for the listener, on the thread of its dispatch job, as a call would.
    pub(in crate::session) fn receive_for_listener(&self, wait: Duration) -> ForListener {
        let (mut deadline, mut waiter) = (Deadline::Within(wait).fixed(), None);
        let sleep = Sleep::new(self, &mut deadline, &mut waiter).of(Caller::Dispatch);
        let later = Later::begin();
        let led = self.reader.try_enter(|reader| self.lead(reader, sleep, &mut NoMemory, &mut |_| Ok(())));
        let Some((led, left)) = led else { return ForListener::Nothing };
        self.left(left);
        drop(later);
        match led {
            Ok(Led::Frame(frame)) => ForListener::Frame(frame),
            Ok(Led::Look | Led::Yield) => ForListener::Look,
            Err(_) => ForListener::Nothing,
        }
    }

    /// Receives for the group, in the turn of the session.
    pub(in crate::session) fn receive_for_group(&self) -> ForGroup {
        loop {
            if self.inbox.has_news() {
                match self.take_oldest() {
                    // The socket may have something as well.
                    Taken::Message(frame) => return ForGroup::Frame(frame, true),
                    Taken::Ended => return ForGroup::Ended,
                    Taken::Nothing => {}
                }
            }
            let ticket = self.inbox.ticket();
            let (mut deadline, mut waiter, mut has_more) = (Deadline::Now, None, false);
            let sleep = Sleep::new(self, &mut deadline, &mut waiter).of(Caller::Group);
            let later = Later::begin();
            let led = self.reader.enter(false, |reader| {
                let led = self.lead(reader, sleep, &mut NoMemory, &mut |_| Ok(()));
                if let Some(reader) = reader {
                    has_more = reader.may_have_more() && !self.is_clogged();
                    if !has_more {
                        reader.incoming.release();
                        reader.receiver.release();
                    }
                }
                led
            });
            let Some((led, left)) = led else {
                if self.reader.handoff().is_driver_inside() {
                    // It does not wait, and leaves soon. Another thread may be woken for that.
                    self.inbox.wait(ticket, Deadline::Within(MOMENT).fixed());
                    continue;
                }
                // The thread that reads now gives the session another turn when it leaves.
                return ForGroup::Nothing;
            };
            self.left(left);
            drop(later);
            match led {
                Ok(Led::Frame(frame)) => return ForGroup::Frame(frame, has_more || self.inbox.has_news()),
                Ok(Led::Look | Led::Yield) => {}
                Err(_) if has_more => return ForGroup::Unfinished,
                Err(_) => return ForGroup::Nothing,
            }
        }
    }
}
