//! Closing: the application's ways to end a session and to wait for its end, and the two moments of the end.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use super::CloseOutcome;
use super::Session;
use super::State;
use super::deadline::Deadline;
use super::log::{Later, log};
use super::recv::reader::Reader;
use crate::error::{Error, Kind, Phase, Result};
use crate::frame::CloseCode;
use crate::protocol::{Close, Initiator};

impl Session {
    /// Starts the closing handshake behind what is queued; does nothing in a session that is closing or closed.
    pub(crate) fn close(&self, close: Close) {
        let mut send_queue = self.send.queue.lock();
        if let Some(resending) = &mut send_queue.resending {
            resending.is_ending = true;
            if resending.is_away {
                drop(send_queue);
                return self.end_away();
            }
        }
        let code = close.code.map_or(0, |code| code.0);
        if self.close_state.close_outcome().is_none() && send_queue.outgoing.close(close, Instant::now()) {
            drop(send_queue);
            log!(Info, self.identity.id, "closing with code {code}");
            if self.close_state.unanswered().is_some() {
                self.set_outcome(None, None, Initiator::Remote);
            }
            self.recv.queue.set_closing();
            // Senders that wait for room wait in vain.
            self.send.sent.open_for_all();
            self.flush_or_leave();
            // The driver has a deadline now.
            self.wake_started_driver();
        }
    }

    /// Drops the connection at once, and ends the session unless it has ended.
    pub(crate) fn abort(&self) {
        // Where it ends without a driver there are still threads to tell the listener, until it is asked to be told.
        let _hold = if self.driver.is_started() { None } else { self.runtime.tasks().hold() };
        let has_driver = !self.driver.prevent();
        self.close_state.abort();
        if let Some(reconnect) = &self.reconnect {
            reconnect.stop();
        }
        let error = Error::new(Kind::Aborted, "the session was aborted");
        self.set_outcome(Some(error), None, Initiator::Local);
        if has_driver {
            self.stop_reading();
            self.wake_driver();
        } else {
            self.drop_transport();
            self.request_callbacks();
        }
    }

    /// Ends the sleep of the thread that reads: it finds the end of the stream behind what has arrived.
    pub(super) fn stop_reading(&self) {
        if let Some(socket) = &*self.socket.lock() {
            socket.shut_down_receiving();
        }
        // It may wait for the kernel to take what it sends.
        self.interrupts.wake_reader();
    }

    /// Where the session stands.
    pub(crate) fn state(&self) -> State {
        if self.close_state.is_closed() {
            State::Closed
        } else if self.is_away() {
            State::Reconnecting
        } else if self.close_state.close_outcome().is_some() || self.send.queue.lock().outgoing.closing().is_some() {
            State::Closing
        } else {
            State::Open
        }
    }

    /// Waits until the transport is gone. After our own Close, what is received and does not fit the queue is dropped
    /// meanwhile: it would keep the peer's Close from being read.
    pub(crate) fn wait_closed(&self, deadline: Deadline) -> Result<()> {
        if self.close_state.is_closed() {
            return Ok(());
        }
        if deadline == Deadline::Now {
            return Err(late());
        }
        self.check_outside()?;
        let deadline = deadline.fixed();
        let waiter = self.interrupts.begin()?;
        self.enter_leaving();
        let closed = self.close_state.wait_closed(deadline, || waiter.check());
        self.exit_leaving();
        if closed? { Ok(()) } else { Err(late()) }
    }

    /// Fails for a call that would wait for the session's end in one of the session's callbacks.
    pub(crate) fn check_wait_for_end(&self, deadline: Deadline) -> Result<()> {
        if deadline == Deadline::Now || self.close_state.is_closed() { Ok(()) } else { self.check_outside() }
    }

    /// Somebody waits for the end from now on.
    pub(crate) fn enter_leaving(&self) {
        self.recv.queue.enter_leaving();
        self.wake_driver();
    }

    /// Not any more.
    pub(crate) fn exit_leaving(&self) {
        self.recv.queue.exit_leaving();
        self.wake_driver();
    }

    /// The outcome, once it is there.
    pub(crate) fn close_outcome(&self) -> Option<&CloseOutcome> {
        self.close_state.close_outcome()
    }

    /// Our Close, once it is sent.
    pub(crate) fn sent_close(&self) -> Option<Close> {
        // Whoever has just sent it may not have said so yet.
        let mut writer = self.send.writer.lock();
        let mut send_queue = self.send.queue.lock();
        self.load(&mut send_queue, &mut writer);
        let close = send_queue.sent_close().cloned();
        drop((send_queue, writer));
        if self.listener.is_writable.load(Ordering::Acquire) {
            self.request_callbacks();
        }
        close
    }

    /// Decides how the session ended, unless that is decided, and wakes everyone who waits for it. Where our own Close
    /// had begun the end, whatever completes it, this side is the initiator.
    pub(super) fn set_outcome(&self, error: Option<Error>, remote: Option<Close>, initiator: Initiator) {
        let _later = Later::begin();
        let unanswered = self.close_state.unanswered();
        let began = matches!(self.send.queue.lock().outgoing.closing(), Some((_, Initiator::Local)));
        let initiator = match unanswered {
            Some(_) => Initiator::Remote,
            None if began => Initiator::Local,
            None => initiator,
        };
        let remote = remote.or_else(|| unanswered.cloned());
        let error = error.map(|error| error.in_phase(Phase::Open));
        let close_outcome = CloseOutcome { error, remote, initiator };
        if self.reconnect.is_some() {
            let mut send_queue = self.send.queue.lock();
            if self.begin_outage(&mut send_queue, &close_outcome) {
                drop(send_queue);
                self.send.sent.open_for_all();
                self.wake_driver();
                return;
            }
        }
        self.set_final_outcome(&close_outcome);
    }

    /// The application ends the session while it has no connection.
    fn end_away(&self) {
        if let Some(reconnect) = &self.reconnect {
            self.set_final_outcome(&reconnect.lost());
            reconnect.stop();
        }
    }

    pub(super) fn set_final_outcome(&self, close_outcome: &CloseOutcome) {
        if self.close_state.set(close_outcome.clone()) {
            self.log_outcome(close_outcome);
            self.send.sent.open_for_all();
            if self.close_state.is_aborted() {
                self.end_reading();
            } else {
                self.end_queue();
            }
            self.wake_driver();
        }
    }

    /// Nothing more comes.
    pub(super) fn end_queue(&self) {
        self.recv.queue.end();
        self.notify_ready();
    }

    /// The session was aborted: the receive queue ends behind the messages that have been read. A thread that reads at this moment
    /// ends it itself, or the last step of the end does.
    fn end_reading(&self) {
        let entered = self.recv.reader.enter_as_driver(|reader| {
            if let Some(reader) = reader {
                self.decode_rest(reader);
            }
            self.end_queue();
        });
        if let Some(((), left)) = entered {
            self.left(left);
        }
    }

    fn log_outcome(&self, close_outcome: &CloseOutcome) {
        let id = self.identity.id;
        match &close_outcome.error {
            None => {
                let code = close_outcome.remote.as_ref().and_then(|close| close.code).map_or(0, |code| code.0);
                log!(Info, id, "ended: the server's Close has code {code}");
            }
            Some(error) if error.kind == Kind::Aborted => log!(Info, id, "ended: {error}"),
            Some(error) => log!(Warning, id, "ended: {error}"),
        }
    }

    /// Ends the session from this side: as soon as the frame under way is complete it says so with a Close, if the
    /// transport still takes it.
    pub(super) fn fail_connection(&self, error: Error, code: CloseCode, reason: &str, now: Instant) {
        let mut send_queue = self.send.queue.lock();
        // What is kept for another connection must not be dropped; this one is as good as lost.
        if send_queue.kept().is_none() || error.kind == Kind::Overflow {
            send_queue.fail(code, reason, now);
        }
        drop(send_queue);
        // Before the peer can answer: whoever reads would take that for a clean end.
        self.set_outcome(Some(error), None, Initiator::Local);
        self.flush_or_leave();
    }

    /// Ends the session because a queue is full.
    pub(super) fn overflow(&self, error: &'static str, reason: &str) {
        self.send.queue.lock().set_failing();
        self.fail_connection(Error::new(Kind::Overflow, error), CloseCode::VIOLATED_POLICY, reason, Instant::now());
    }

    /// Nothing is read from the connection any more. What has been read and not decoded goes to the receive queue.
    pub(super) fn drop_reader(&self) {
        let take = |present: &mut Option<Reader>| {
            let mut reader = present.take();
            if let Some(reader) = &mut reader {
                self.decode_rest(reader);
            }
            reader
        };
        let (reader, left) = loop {
            match self.recv.reader.enter_as_driver(take) {
                Some(taken) => break taken,
                None => {
                    // A thread that reads leaves soon.
                    self.stop_reading();
                    thread::yield_now();
                }
            }
        };
        if reader.as_ref().is_some_and(|reader| reader.is_noted) {
            self.recv.queue.set_buffered(false);
        }
        self.left(left);
        // It may be the last that has an extension of the application's.
        drop(reader);
    }

    /// Nobody waits for the socket any more.
    pub(super) fn drop_socket(&self) {
        let mut present = self.socket.lock();
        let socket = present.take();
        if let Some(socket) = &socket {
            self.unwatch_socket(socket);
            self.recv.queue.set_paused(false);
        }
        drop(present);
    }

    /// The last step of the end.
    pub(super) fn drop_transport(&self) {
        self.drop_reader();
        self.end_queue();
        self.send.writer.lock().drop_transport(false);
        self.drop_socket();
        if let Some(reconnect) = &self.reconnect {
            reconnect.stop();
        }
        log!(Debug, self.identity.id, "the connection is gone");
        self.close_state.set_closed();
    }
}

fn late() -> Error {
    Error::new(Kind::Timeout, "the session did not close in time")
}
