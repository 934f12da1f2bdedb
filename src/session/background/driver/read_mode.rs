//! Decides when the driver reads in place of the application.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Driver;
use super::LONGEST_DEFERRAL;
use super::ReadMode;
use crate::session::Session;
use crate::session::background::TICK;
use crate::session::log::log;
use crate::session::recv::delivery::ReceiveMode;
use crate::session::recv::read::ReadOutcome;
use crate::session::recv::read_lock::word::AppActivity;

impl Driver {
    /// Updates the read mode.
    pub(crate) fn update_read_mode(&mut self, session: &Session) {
        let now = Instant::now();
        let before = self.reading;
        if session.delivery.mode() == ReceiveMode::Group {
            self.stand_by_group(session);
        }
        match self.reading {
            ReadMode::ByApp if session.delivery.mode() == ReceiveMode::Group => {}
            ReadMode::ByApp if session.recv.reader.word().is_watched() => {
                self.reading = ReadMode::Watching { since: now }
            }
            ReadMode::Watching { since } if now.saturating_duration_since(since) >= TICK => {
                self.reading = match session.recv.reader.word().observe_app(&mut self.seen) {
                    AppActivity::Active => ReadMode::Watching { since: now },
                    AppActivity::Inside => ReadMode::ByApp,
                    AppActivity::Away => ReadMode::Armed,
                };
                if self.reading == ReadMode::ByApp {
                    session.send.release();
                }
            }
            ReadMode::Grace { .. } if session.recv.reader.word().left() != self.seen => self.yield_to_app(session),
            ReadMode::Grace { until } if until <= now => {
                self.gives_grace = false;
                self.reading = ReadMode::Armed;
            }
            ReadMode::Backpressured { room_since } if session.may_read() => {
                // An application that receives message by message does not wake the driver for each.
                let is_settled = room_since.is_some_and(|since| now.saturating_duration_since(since) >= TICK);
                if is_settled || session.recv.queue.has_half_room() {
                    // The peer was not silent: nothing was read.
                    session.record_received();
                    session.keepalive.state.lock().restart_timeout(now);
                    self.reading = ReadMode::Armed;
                } else {
                    self.reading = ReadMode::Backpressured { room_since: room_since.or(Some(now)) };
                }
            }
            ReadMode::Backpressured { .. } => self.reading = ReadMode::Backpressured { room_since: None },
            ReadMode::DeferredError if self.deferred_until <= now || session.may_fail() => {
                session.recv.has_deferred_error.store(false, Ordering::Release);
                self.reading = ReadMode::Armed;
            }
            _ => {}
        }
        if self.is_urgent(session)
            && matches!(self.reading, ReadMode::ByApp | ReadMode::Watching { .. } | ReadMode::Grace { .. })
            && !session.recv.reader.word().is_inside()
        {
            self.gives_grace = false;
            self.seen = session.recv.reader.word().left();
            self.reading = ReadMode::Armed;
        }
        if self.reading == ReadMode::Armed && before != ReadMode::Armed {
            self.is_unfinished = true;
            log!(Debug, session.identity.id, "the library reads in place of the application");
        }
        if self.reading == ReadMode::Armed && !session.recv.reader.word().arm(self.seen) {
            // The application has come back, and may have read bytes that it does not decode.
            self.yield_to_app(session);
        }
    }

    /// Threads that receive from the group read its sessions. While there are none, the driver reads when the group requests it.
    pub(crate) fn stand_by_group(&mut self, session: &Session) {
        if matches!(self.reading, ReadMode::ByApp | ReadMode::Watching { .. } | ReadMode::Grace { .. }) {
            self.reading = if session.delivery.reads_in_background.swap(false, Ordering::AcqRel) {
                self.seen = session.recv.reader.word().left();
                ReadMode::Armed
            } else {
                ReadMode::ByApp
            };
        }
    }

    /// Whether a thread waits for an event that only reading can bring, or reading decides whether the peer is late.
    pub(crate) fn is_urgent(&self, session: &Session) -> bool {
        session.recv.reader.word().is_reserved()
            || session.waits_for_message()
            || session.close_state.close_outcome().is_some()
            || session.recv.queue.is_leaving()
            || session.send.has_waiting_threads()
            || session.keepalive.state.lock().awaits_pong()
            || self.lateness.is_overtime()
    }

    /// Reads, unless the application does.
    pub(crate) fn read(&mut self, session: &Session) -> ReadOutcome {
        self.is_unfinished = false;
        let came_back = session.recv.reader.word().left() != self.seen;
        let is_deferral_over = self.deferred_until <= Instant::now();
        let mut has_more = false;
        let outcome = session.recv.reader.enter_as_driver(|reader| {
            let Some(reader) = reader else { return ReadOutcome::Over };
            let outcome = session.read(reader, is_deferral_over);
            if outcome == ReadOutcome::Drained {
                reader.incoming.release();
                reader.receiver.release();
            }
            // Bytes that the application may not read do not make the descriptor readable.
            if session.delivery.is_signalled() && !session.recv.reader.word().is_reserved() {
                session.record_buffered(reader);
            }
            has_more = reader.may_have_more();
            outcome
        });
        let Some((outcome, actions)) = outcome else {
            self.yield_to_app(session);
            return ReadOutcome::Unfinished;
        };
        session.released(actions);
        if has_more && session.delivery.mode() == ReceiveMode::Group {
            // Nothing else notifies the group.
            session.notify_ready();
        }
        match outcome {
            ReadOutcome::Drained => {
                if session.delivery.mode() == ReceiveMode::Group && !self.is_urgent(session) {
                    self.reading = ReadMode::ByApp;
                }
                session.send.release();
                if let Some(owner) = session.identity.hooks() {
                    owner.release_memory();
                }
            }
            ReadOutcome::Unfinished => self.is_unfinished = true,
            ReadOutcome::Backpressured => {
                log!(Debug, session.identity.id, "the library stops reading: a queue is full");
                self.reading = ReadMode::Backpressured { room_since: None };
            }
            ReadOutcome::DeferredError => {
                if self.reading != ReadMode::DeferredError {
                    let deferral =
                        session.shared_options.close_timeout.unwrap_or(LONGEST_DEFERRAL).min(LONGEST_DEFERRAL);
                    self.deferred_until = Instant::now() + deferral;
                }
                self.reading = ReadMode::DeferredError;
                session.recv.has_deferred_error.store(true, Ordering::Release);
            }
            ReadOutcome::Over => {}
        }
        if came_back && self.reading == ReadMode::Armed {
            self.yield_to_app(session);
        }
        outcome
    }

    /// Leaves reading to the application.
    pub(crate) fn yield_to_app(&mut self, session: &Session) {
        self.seen = session.recv.reader.word().left();
        self.reading = ReadMode::Watching { since: Instant::now() };
        self.gives_grace = true;
    }
}
