//! Calls a session's listener: in a dispatch job, one call at a time, with no lock held.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Session;
use super::delivery::Delivery;
use super::inbox::Taken;
use super::receiving::ForListener;
use crate::error::{Error, Kind, Result};
use crate::fork;
use crate::protocol::Frame;

/// How long a dispatch job waits for the next message, on its own thread, before the driver does.
const LINGER: Duration = Duration::from_millis(4);

/// After so many frames other sessions get their turn.
const FRAMES_PER_TURN: usize = 64;

/// The callbacks of a session. Each call may take any time.
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

/// The listener, and which of its calls were made.
#[derive(Default)]
pub(super) struct Listening {
    /// None without callbacks, and after the last call.
    pub(super) listener: Option<Arc<dyn Listener>>,
    told: Told,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Told {
    #[default]
    Nothing,
    /// The first call has not returned.
    Opening,
    Opened,
    Closed,
}

thread_local! {
    /// The session whose listener this thread is in.
    static INSIDE: Cell<*const Session> = const { Cell::new(std::ptr::null()) };
}

/// Restores the previous value of `INSIDE`.
struct Inside(*const Session);

impl Inside {
    fn of(session: *const Session) -> Self {
        Self(INSIDE.replace(session))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(self.0);
    }
}

/// Calls a function of the application that does not belong to a listener. Inside a listener's call it counts as part of that
/// call.
pub(crate) fn inside<T>(call: impl FnOnce() -> T) -> T {
    let outer = INSIDE.get();
    inside_of(if outer.is_null() { std::ptr::dangling() } else { outer }, call)
}

/// Calls another function of the application that concerns a session.
pub(super) fn inside_of<T>(session: *const Session, call: impl FnOnce() -> T) -> T {
    let inside = Inside::of(session);
    let outcome = call();
    if inside.0.is_null() {
        fork::end_thread_of_child();
    }
    outcome
}

/// Whether the calling thread is in a function of the application that the library has called.
pub(super) fn is_inside_any() -> bool {
    !INSIDE.get().is_null()
}

impl Session {
    /// Sets the listener, which is called from [`start_telling`](Self::start_telling) on.
    pub(super) fn listen(&self, listener: Arc<dyn Listener>) {
        self.listening.lock().listener = Some(listener);
    }

    /// Starts calling the listener, if there is one.
    pub(super) fn start_telling(&self) {
        if self.listening.lock().listener.is_some() {
            self.has_listener.store(true, Ordering::Release);
            self.ask_to_tell();
        }
    }

    /// Delivers frames to the listener from now on; `listener` makes one if there is none. `install` is called before the first
    /// frame, and only on success.
    pub(crate) fn tell_frames(
        &self,
        install: impl FnOnce(),
        listener: impl FnOnce() -> Arc<dyn Listener>,
    ) -> Result<()> {
        // With it there are threads that tell until the end is told.
        let Some(_hold) = self.runtime.hold() else {
            return Err(Error::new(Kind::Aborted, "the library was shut down"));
        };
        {
            // `tell_end` decides under the same lock.
            let mut listening = self.listening.lock();
            if listening.told == Told::Closed {
                return Err(Error::new(Kind::State, "the end of the session was told already"));
            }
            self.leave_for(Delivery::Told)?;
            install();
            if listening.listener.is_none() {
                listening.listener = Some(listener());
            }
        }
        self.stop_calls();
        self.start_telling();
        Ok(())
    }

    /// There is something to tell, if anybody listens.
    pub(super) fn ask_to_tell(&self) {
        if !self.has_listener.load(Ordering::Acquire) {
            return;
        }
        if self.telling.ask() {
            if let Some(session) = self.me.upgrade() {
                session.dispatch();
            }
        } else if self.reader.handoff().is_inside() {
            // The dispatch job may wait for the next message.
            self.interrupts.wake_reader();
        }
    }

    /// Queues the calls of the listener. With the runtime ended, the listener knows of the end.
    pub(super) fn dispatch(self: Arc<Self>) {
        if let Some(hold) = self.runtime.hold() {
            let runtime = self.runtime.clone();
            runtime.dispatch().submit(&runtime, hold, self);
        }
    }

    /// Waits for the listener, if there is one, to know that the session is open. For the driver.
    pub(super) async fn told_opening(&self) {
        // The driver is woken then.
        let told = |_: &mut Context<'_>| if self.has_told_opening() { Poll::Ready(()) } else { Poll::Pending };
        std::future::poll_fn(told).await;
    }

    /// Whether the listener, if there is one, knows that the session is open.
    fn has_told_opening(&self) -> bool {
        let listening = self.listening.lock();
        listening.listener.is_none() || listening.told == Told::Opened
    }

    /// The application has freed the session: from now on the listener is only called for the end.
    pub(crate) fn forsake(&self) {
        self.is_forsaken.store(true, Ordering::Release);
        if let Some(socket) = &*self.socket.lock() {
            // What comes from now on makes no descriptor readable.
            self.unwatch_socket(socket);
        }
    }

    /// Fails for a call that would wait for an event that can only follow after the listener has returned.
    pub(crate) fn check_outside(&self) -> Result<()> {
        if std::ptr::eq(INSIDE.get(), self) {
            return Err(Error::new(Kind::State, "a callback of this session cannot wait for what follows it"));
        }
        Ok(())
    }

    /// Tells what there is to tell, as the one thread that does. Returns whether there may be more.
    pub(super) fn tell(&self) -> bool {
        let (listener, told) = {
            let mut listening = self.listening.lock();
            let Some(listener) = listening.listener.clone() else { return false };
            let told = listening.told;
            if told == Told::Nothing {
                listening.told = Told::Opening;
            }
            (listener, told)
        };
        let _inside = Inside::of(self);
        if told == Told::Nothing {
            listener.opened();
            self.listening.lock().told = Told::Opened;
            if self.is_away() {
                // An outage waits for that.
                self.wake_driver();
            }
        }
        let mut frames = 0;
        let mut has_all = false;
        let mut lingering = None;
        loop {
            self.telling.look();
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
                Taken::Nothing if self.is_forsaken.load(Ordering::Acquire) => break,
                Taken::Nothing => {
                    if lingering.is_none() {
                        lingering = self.runtime.dispatch().linger();
                    }
                    if lingering.is_none() {
                        break;
                    }
                    match self.receive_for_listener(LINGER) {
                        ForListener::Frame(frame) => listener.frame(frame),
                        ForListener::Look => {}
                        ForListener::Nothing => break,
                    }
                }
                Taken::Ended => has_all = true,
            }
            frames += 1;
        }
        if self.holds_back.load(Ordering::Relaxed) {
            self.flush_or_leave();
        }
        if self.ending.is_closed() {
            return self.tell_end(listener, has_all);
        }
        false
    }

    /// Calls the listener for the end, unless frames come first. Returns whether they do.
    fn tell_end(&self, listener: Arc<dyn Listener>, has_all: bool) -> bool {
        let last = {
            let mut listening = self.listening.lock();
            if self.delivery() == Delivery::Told && !has_all {
                return true;
            }
            listening.told = Told::Closed;
            listening.listener.take()
        };
        listener.closed(&self.ended_error());
        // Dropping the last owner calls functions of the application: no lock is held here.
        drop((last, listener));
        fork::end_thread_of_child();
        false
    }

    fn take_reconnected(&self) -> Option<Error> {
        let reconnecting = self.reconnect.as_ref()?;
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

    /// Telling has come to an end for now: the driver reads again, and a violation may have waited for that.
    pub(super) fn has_told(&self) {
        if self.delivery() == Delivery::Told || self.is_held.load(Ordering::Acquire) {
            self.wake_driver();
        }
    }
}
