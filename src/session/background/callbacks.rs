//! Calls a session's listener: in a dispatch job, one call at a time, with no lock held.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use super::callback_scope::{self, Inside};
use super::dispatch::Dispatched;
use super::listener_state::Progress;
use crate::error::{Error, Kind, Result};
use crate::fork;
use crate::protocol::Frame;
use crate::session::Session;
use crate::session::recv::delivery::ReceiveMode;
use crate::session::recv::pushed::ForListener;
use crate::session::recv::queue::Taken;
use crate::session::upcalls::Listener;

/// How long a dispatch job waits for the next message, on its own thread, before it leaves that to the driver.
const LINGER: Duration = Duration::from_millis(4);

/// After this many frames, callbacks of other sessions are called.
const FRAMES_PER_TURN: usize = 64;

impl Session {
    /// Sets the listener, which is called from [`start_callbacks`](Self::start_callbacks) on.
    pub(crate) fn set_listener(&self, listener: Arc<dyn Listener>) {
        self.listener.calls.lock().listener = Some(listener);
    }

    /// Starts calling the listener, if there is one.
    pub(crate) fn start_callbacks(&self) {
        if self.listener.calls.lock().listener.is_some() {
            self.listener.is_set.store(true, Ordering::Release);
            self.request_callbacks();
        }
    }

    /// Delivers frames to the listener from now on; `listener` makes one if there is none. `install` is called before the first
    /// frame, and only on success.
    pub(crate) fn deliver_to_listener(
        &self,
        install: impl FnOnce(),
        listener: impl FnOnce() -> Arc<dyn Listener>,
    ) -> Result<()> {
        // With the hold there are threads that call the listener.
        let Some(_hold) = self.runtime.tasks().hold() else {
            return Err(Error::new(Kind::Aborted, "the library was shut down"));
        };
        {
            // `call_closed` checks under the same lock.
            let mut calls = self.listener.calls.lock();
            if matches!(calls.progress, Progress::Closing | Progress::Closed) {
                return Err(Error::new(Kind::State, "the callback for the end of the session was already called"));
            }
            self.leave_for(ReceiveMode::Callbacks)?;
            install();
            if calls.listener.is_none() {
                calls.listener = Some(listener());
            }
        }
        self.stop_calls();
        self.start_callbacks();
        Ok(())
    }

    /// Requests a run of the callbacks, if there is a listener.
    pub(crate) fn request_callbacks(&self) {
        if !self.listener.is_set.load(Ordering::Acquire) {
            return;
        }
        if self.listener.dispatch.request() {
            if let Some(session) = self.me.upgrade() {
                session.dispatch();
            }
        } else if self.recv.reader.word().is_inside() {
            // The dispatch job may wait for the next message.
            self.interrupts.wake_reader();
        }
    }

    /// Queues the session for a dispatch job. If the runtime has ended, the listener was already called for the end.
    pub(crate) fn dispatch(self: Arc<Self>) {
        if let Some(hold) = self.runtime.tasks().hold() {
            let dispatch = Arc::clone(self.runtime.dispatch());
            dispatch.submit(hold, self);
        }
    }

    /// Waits until the listener, if there is one, has returned from `opened`. For the driver.
    pub(crate) async fn opened_returned(&self) {
        // `call_listener` then wakes the driver.
        let poll = |_: &mut Context<'_>| if self.has_opened_returned() { Poll::Ready(()) } else { Poll::Pending };
        std::future::poll_fn(poll).await;
    }

    /// Whether the listener, if there is one, has returned from `opened`.
    fn has_opened_returned(&self) -> bool {
        let calls = self.listener.calls.lock();
        calls.listener.is_none() || calls.progress == Progress::Opened
    }

    /// Whether the listener, if there is one, has returned from `closed`.
    pub(crate) fn has_closed_returned(&self) -> bool {
        !self.listener.is_set.load(Ordering::Acquire) || self.listener.calls.lock().progress == Progress::Closed
    }

    /// Records that the application has freed the session. From now on the listener is only called for the end.
    pub(crate) fn detach_app(&self) {
        self.delivery.is_app_detached.store(true, Ordering::Release);
        if let Some(socket) = &*self.socket.lock() {
            // From now on, received bytes make no descriptor readable.
            self.unwatch_socket(socket);
        }
    }

    /// Fails inside a callback of this session, for a call that would wait for an event that can only follow the callback.
    pub(crate) fn check_outside(&self) -> Result<()> {
        if callback_scope::is_inside(self) {
            return Err(Error::new(Kind::State, "a callback of this session cannot wait for an event that follows it"));
        }
        Ok(())
    }

    /// Makes the pending calls of the listener. Only one thread does so at a time. Returns whether there may be more calls.
    pub(crate) fn call_listener(&self) -> bool {
        let (listener, progress) = {
            let mut calls = self.listener.calls.lock();
            let Some(listener) = calls.listener.clone() else { return false };
            let progress = calls.progress;
            if progress == Progress::Nothing {
                calls.progress = Progress::Opening;
            }
            (listener, progress)
        };
        let _inside = Inside::of(self);
        if progress == Progress::Nothing {
            listener.opened();
            self.listener.calls.lock().progress = Progress::Opened;
            if self.is_away() {
                // Reconnecting waits for that.
                self.wake_driver();
            }
        }
        let mut frames = 0;
        let mut has_all_frames = false;
        let mut lingering = None;
        loop {
            self.listener.dispatch.clear_request();
            if self.delivery.is_app_detached() && self.delivery.mode() == ReceiveMode::Callbacks {
                self.recv.queue.clear();
                has_all_frames = true;
            }
            if self.listener.is_writable.swap(false, Ordering::AcqRel) && !self.delivery.is_app_detached() {
                listener.writable();
            }
            if has_all_frames || self.delivery.mode() != ReceiveMode::Callbacks {
                break;
            }
            if frames == FRAMES_PER_TURN {
                return true;
            }
            match self.take_oldest() {
                Taken::Message(frame) => self.call_frame(&*listener, frame),
                Taken::Nothing if self.delivery.is_app_detached() => break,
                Taken::Nothing => {
                    if lingering.is_none() {
                        lingering = self.runtime.dispatch().linger();
                    }
                    if lingering.is_none() {
                        break;
                    }
                    match self.receive_for_listener(LINGER) {
                        ForListener::Frame(frame) => self.call_frame(&*listener, frame),
                        ForListener::Recheck => {}
                        ForListener::Nothing => break,
                    }
                }
                Taken::Ended => has_all_frames = true,
            }
            frames += 1;
        }
        if self.send.holds_back.load(Ordering::Relaxed) {
            self.flush_or_leave();
        }
        if self.close_state.is_closed() {
            return self.call_closed(listener, has_all_frames);
        }
        false
    }

    fn call_frame(&self, listener: &dyn Listener, frame: Frame) {
        listener.frame(&frame);
        self.recv.buffer_pool.give(frame.payload.into_memory());
    }

    /// Calls the listener for the end, unless there are frames before it. Returns whether there are.
    fn call_closed(&self, listener: Arc<dyn Listener>, has_all_frames: bool) -> bool {
        let last = {
            let mut calls = self.listener.calls.lock();
            if self.delivery.mode() == ReceiveMode::Callbacks && !has_all_frames {
                return true;
            }
            calls.progress = Progress::Closing;
            calls.listener.take()
        };
        listener.closed(&self.ended_error());
        self.listener.calls.lock().progress = Progress::Closed;
        self.close_state.wake_all();
        // Dropping the last owner calls functions of the application: no lock is held here.
        drop((last, listener));
        fork::end_thread_of_child();
        false
    }

    /// Takes the oldest message, without waiting.
    pub(crate) fn take_oldest(&self) -> Taken<Frame> {
        let taken = self.recv.queue.take(|_| Ok::<(), std::convert::Infallible>(()), || self.wake_driver());
        match taken {
            Ok(taken) => {
                self.record_taken();
                taken
            }
            Err(never) => match never {},
        }
    }

    /// Called after a run of the callbacks: the driver now reads, and a protocol error may have been deferred until now.
    pub(crate) fn callbacks_returned(&self) {
        if self.delivery.mode() == ReceiveMode::Callbacks || self.recv.has_deferred_error.load(Ordering::Acquire) {
            self.wake_driver();
        }
    }
}

impl Dispatched for Session {
    /// A panic of the library's own code ends only this run.
    fn run_callbacks(self: Arc<Self>) {
        self.listener.dispatch.begin();
        if catch_unwind(AssertUnwindSafe(|| self.call_listener())).unwrap_or(false) {
            self.listener.dispatch.request();
        }
        if self.listener.dispatch.end() {
            self.dispatch();
        } else {
            self.callbacks_returned();
        }
    }
}
