//! Ends a session: closing, aborting, failing and waiting for the end, and the two steps of the end.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use super::CloseOutcome;
use super::Session;
use super::State;
use super::background::callback_scope;
use super::deadline::Deadline;
use super::log::{Later, log};
use super::recv::reader::Reader;
use crate::error::{Error, Kind, Phase, Result};
use crate::frame::CloseCode;
use crate::protocol::{Close, Initiator};

impl Session {
    /// Starts the closing handshake after the queued messages. Does nothing if the session is closing or closed.
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
            // Senders that wait for room now fail.
            self.send.sent.open_for_all();
            self.flush_or_leave();
            // The closing handshake has a deadline, which the driver watches.
            self.wake_started_driver();
        }
    }

    /// Drops the connection at once. Ends the session, unless it has ended.
    pub(crate) fn abort(&self) {
        // If the session ends without a driver, the hold keeps the runtime until the last callback is requested.
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

    /// Wakes the reading thread. It reads the bytes that have arrived, and then the end of the stream.
    pub(super) fn stop_reading(&self) {
        if let Some(socket) = &*self.socket.lock() {
            socket.shut_down_receiving();
        }
        // The thread may instead be waiting until it can send.
        self.interrupts.wake_reader();
    }

    /// Returns the state of the session.
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

    /// Whether the transport is gone and the last callback has returned, unless the calling thread is in that callback.
    fn is_over(&self) -> bool {
        self.close_state.is_closed() && (self.has_closed_returned() || callback_scope::is_inside(self))
    }

    /// Waits until the transport is gone and the last callback has returned. Meanwhile, after our own Close, received messages that
    /// do not fit the queue are dropped: they would keep the peer's Close from being read.
    pub(crate) fn wait_closed(&self, deadline: Deadline) -> Result<()> {
        if self.is_over() {
            return Ok(());
        }
        if deadline == Deadline::Now {
            return Err(late());
        }
        self.check_outside()?;
        let deadline = deadline.fixed();
        let waiter = self.interrupts.begin()?;
        self.enter_leaving();
        let closed = self.close_state.wait(deadline, || self.is_over(), || waiter.check());
        self.exit_leaving();
        if closed? { Ok(()) } else { Err(late()) }
    }

    /// Fails if the calling thread is in a callback of the session and would wait for the session's end.
    pub(crate) fn check_wait_for_end(&self, deadline: Deadline) -> Result<()> {
        if deadline == Deadline::Now || self.close_state.is_closed() { Ok(()) } else { self.check_outside() }
    }

    /// Registers a thread that waits for the end.
    pub(crate) fn enter_leaving(&self) {
        self.recv.queue.enter_leaving();
        self.wake_driver();
    }

    /// Unregisters a thread that waited for the end.
    pub(crate) fn exit_leaving(&self) {
        self.recv.queue.exit_leaving();
        self.wake_driver();
    }

    /// Returns the outcome, once it is set.
    pub(crate) fn close_outcome(&self) -> Option<&CloseOutcome> {
        self.close_state.close_outcome()
    }

    /// Returns our Close, once it is sent.
    pub(crate) fn sent_close(&self) -> Option<Close> {
        // The thread that has sent it may not have recorded that yet.
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

    /// Sets the outcome, unless it is set, and wakes the threads that wait for it. In a session that reconnects, begins an outage
    /// instead if possible. If our own Close began the end, this side is the initiator, no matter what completes the end.
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

    /// Ends the session during an outage, for the application.
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

    /// Ends the receive queue.
    pub(super) fn end_queue(&self) {
        self.recv.queue.end();
        self.notify_ready();
    }

    /// Ends the receive queue of an aborted session after the messages that have been read. If another thread is reading, that
    /// thread does it itself, or `drop_transport` does.
    fn end_reading(&self) {
        let entered = self.recv.reader.enter_as_driver(|reader| {
            if let Some(reader) = reader {
                self.decode_rest(reader);
            }
            self.end_queue();
        });
        if let Some(((), actions)) = entered {
            self.released(actions);
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

    /// Ends the session from this side. Sends a Close after the frame that is being sent, if the transport still accepts it.
    pub(super) fn fail_connection(&self, error: Error, code: CloseCode, reason: &str, now: Instant) {
        let mut send_queue = self.send.queue.lock();
        // `fail` would drop the messages that are kept for the next connection, so this connection counts as lost instead.
        if send_queue.kept().is_none() || error.kind == Kind::Overflow {
            send_queue.fail(code, reason, now);
        }
        drop(send_queue);
        // Before the peer can answer the Close: a reader would take the answer for a clean end.
        self.set_outcome(Some(error), None, Initiator::Local);
        self.flush_or_leave();
    }

    /// Ends the session because a queue is full.
    pub(super) fn overflow(&self, error: &'static str, reason: &str) {
        self.send.queue.lock().set_failing();
        self.fail_connection(Error::new(Kind::Overflow, error), CloseCode::VIOLATED_POLICY, reason, Instant::now());
    }

    /// Drops the reader. Bytes that it has read and not decoded go to the receive queue as messages.
    pub(super) fn drop_reader(&self) {
        let take = |present: &mut Option<Reader>| {
            let mut reader = present.take();
            if let Some(reader) = &mut reader {
                self.decode_rest(reader);
            }
            reader
        };
        let (reader, actions) = loop {
            match self.recv.reader.enter_as_driver(take) {
                Some(taken) => break taken,
                None => {
                    // The reading thread leaves soon.
                    self.stop_reading();
                    thread::yield_now();
                }
            }
        };
        if reader.as_ref().is_some_and(|reader| reader.last_buffered) {
            self.recv.queue.set_buffered(false);
        }
        self.released(actions);
        // It may be the last owner of an extension of the application.
        drop(reader);
    }

    /// Drops the socket, and stops watching it.
    pub(super) fn drop_socket(&self) {
        let mut present = self.socket.lock();
        // Before the descriptor is closed: its number may be used again.
        self.socket_number.store(-1, Ordering::Release);
        let socket = present.take();
        if let Some(socket) = &socket {
            self.unwatch_socket(socket);
            self.recv.queue.set_paused(false);
        }
        drop(present);
    }

    /// Drops the transport: the last step of the end.
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
