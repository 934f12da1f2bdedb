//! Telling a listener what becomes of a session: on a thread of the reactor, one thing at a time, with no lock held.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Session;
use super::delivery::Delivery;
use super::inbox::Taken;
use crate::error::{Error, Kind, Result};
use crate::protocol::Frame;

/// After so many frames other sessions get their turn.
const FRAMES_PER_TURN: usize = 64;

/// Who wants to know. Each call may take as long as it likes.
pub(crate) trait Listener: Send + Sync {
    /// The session is open.
    fn opened(&self);

    /// A frame was received, if the session tells frames.
    fn frame(&self, frame: Frame);

    /// There is room to send again, after there was none.
    fn writable(&self);

    /// There is another connection in place of the one that was lost this way.
    fn reconnected(&self, lost: &Error);

    /// The session has ended, with this error. The last call.
    fn closed(&self, error: &Error);
}

/// What the listener has been told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Told {
    #[default]
    Nothing,
    Opened,
    Closed,
}

thread_local! {
    /// The session whose listener this thread is in.
    static INSIDE: Cell<*const Session> = const { Cell::new(std::ptr::null()) };
}

struct Inside;

impl Inside {
    fn of(session: &Session) -> Self {
        INSIDE.set(session);
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(std::ptr::null());
    }
}

/// Makes a call of a listener of which there is no session.
pub(crate) fn inside<T>(call: impl FnOnce() -> T) -> T {
    INSIDE.set(std::ptr::dangling());
    let _inside = Inside;
    call()
}

/// Makes another call of the application's that concerns a session.
pub(super) fn inside_of<T>(session: &Session, call: impl FnOnce() -> T) -> T {
    let _inside = Inside::of(session);
    call()
}

/// Whether the calling thread is in the listener of some session.
pub(super) fn is_inside_any() -> bool {
    !INSIDE.get().is_null()
}

impl Session {
    /// Whoever is to be told, before the session is driven or tells frames.
    pub(crate) fn listen(&self, listener: Arc<dyn Listener>) {
        let before = self.listener.lock().replace(listener);
        drop(before);
        self.has_listener.store(true, Ordering::Release);
    }

    /// There is something to tell, if anybody listens.
    pub(super) fn ask_to_tell(&self) {
        if self.has_listener.load(Ordering::Acquire)
            && self.telling.ask()
            && let Some(session) = self.me.upgrade()
        {
            self.reactor.tell(session);
        }
    }

    /// Nobody wants to know any more, but that it has ended.
    pub(crate) fn forsake(&self) {
        self.is_forsaken.store(true, Ordering::Release);
    }

    /// An error for a call that would wait for what only comes when the listener has returned.
    pub(crate) fn check_outside(&self) -> Result<()> {
        if std::ptr::eq(INSIDE.get(), self) {
            return Err(Error::new(Kind::State, "a callback of this session cannot wait for what follows it"));
        }
        Ok(())
    }

    /// Tells what there is to tell, as the one thread that does. Returns whether there may be more.
    pub(super) fn tell(&self) -> bool {
        let Some(listener) = self.listener.lock().clone() else { return false };
        let _inside = Inside::of(self);
        let mut told = *self.told.lock();
        // One that is closed already was open all the same, unless opening it failed in the end.
        if told == Told::Nothing && (self.is_started.load(Ordering::Acquire) || !self.ending.is_closed()) {
            told = Told::Opened;
            *self.told.lock() = told;
            listener.opened();
        }
        let mut frames = 0;
        let mut has_all = self.delivery() != Delivery::Told;
        loop {
            if self.is_forsaken.load(Ordering::Acquire) && self.delivery() == Delivery::Told {
                self.inbox.clear();
                has_all = true;
            }
            if let Some(lost) = self.take_reconnected() {
                listener.reconnected(&lost);
            }
            if self.is_writable.swap(false, Ordering::AcqRel) && !self.is_forsaken.load(Ordering::Acquire) {
                listener.writable();
            }
            if has_all || self.delivery() != Delivery::Told {
                break;
            }
            if frames == FRAMES_PER_TURN {
                return true;
            }
            match self.take_oldest() {
                Taken::Message(frame) => listener.frame(frame),
                Taken::Nothing => break,
                Taken::Ended => has_all = true,
            }
            frames += 1;
        }
        if self.holds_back.load(Ordering::Relaxed) {
            self.flush_or_leave();
        }
        if has_all && self.ending.is_closed() && told != Told::Closed {
            *self.told.lock() = Told::Closed;
            listener.closed(&self.ended_error());
            let last = self.listener.lock().take();
            // Whoever listens may be told by that that it is over: no lock is held, and it is a call like the others.
            drop((last, listener));
        }
        false
    }

    fn take_reconnected(&self) -> Option<Error> {
        let reconnecting = self.reconnecting.as_ref()?;
        reconnecting.over.lock().take().filter(|_| !self.is_forsaken.load(Ordering::Acquire))
    }

    /// The oldest message, without waiting.
    pub(super) fn take_oldest(&self) -> Taken<Frame> {
        let taken = self.inbox.take(|_| Ok::<(), std::convert::Infallible>(()), || self.wake_driver());
        match taken {
            Ok(taken) => {
                self.note_taken();
                taken
            }
            Err(never) => match never {},
        }
    }

    /// Telling has come to an end for now: a violation may have waited for that.
    pub(super) fn has_told(&self) {
        if self.is_held.load(Ordering::Acquire) {
            self.wake_driver();
        }
    }
}
