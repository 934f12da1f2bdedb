//! When the driver reads: in place of the application, while that is away.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Driver, LONGEST_HOLD, Reading, TICK};
use crate::session::Session;
use crate::session::delivery::Delivery;
use crate::session::handoff::Presence;
use crate::session::logging::log;
use crate::session::reading::Turned;

impl Driver {
    /// Finds out whether to read.
    pub(super) fn look_around(&mut self, session: &Session) {
        let now = Instant::now();
        let before = self.reading;
        if session.delivery() == Delivery::Grouped {
            self.stand_by_group(session);
        }
        match self.reading {
            Reading::Off if session.delivery() == Delivery::Grouped => {}
            Reading::Off if session.reader.handoff().is_watched() => self.reading = Reading::Watching { since: now },
            Reading::Watching { since } if now.saturating_duration_since(since) >= TICK => {
                self.reading = match session.reader.handoff().look(&mut self.seen) {
                    Presence::Active => Reading::Watching { since: now },
                    Presence::Inside => Reading::Off,
                    Presence::Away => Reading::On,
                };
                if self.reading == Reading::Off {
                    session.release_sending();
                }
            }
            Reading::Grace { .. } if session.reader.handoff().left() != self.seen => self.stand_back(session),
            Reading::Grace { until } if until <= now => {
                self.gives_grace = false;
                self.reading = Reading::On;
            }
            Reading::Stalled if session.may_read() => {
                // The peer was not silent: it was not listened to.
                session.note_received();
                session.keepalive.lock().restart_timeout(now);
                self.reading = Reading::On;
            }
            Reading::Held if self.held_until <= now || session.may_fail() => {
                session.is_held.store(false, Ordering::Release);
                self.reading = Reading::On;
            }
            _ => {}
        }
        if self.is_urgent(session)
            && matches!(self.reading, Reading::Off | Reading::Watching { .. } | Reading::Grace { .. })
            && !session.reader.handoff().is_inside()
        {
            self.gives_grace = false;
            self.seen = session.reader.handoff().left();
            self.reading = Reading::On;
        }
        if self.reading == Reading::On && before != Reading::On {
            self.is_unfinished = true;
            log!(Debug, session.id, "the library reads");
        }
        if self.reading == Reading::On && !session.reader.handoff().listen(self.seen) {
            // It has come back, and may have taken from the socket what it does not decode.
            self.stand_back(session);
        }
    }

    /// A session of a group is read by those who receive from the group. While nobody does, the group asks for it.
    pub(super) fn stand_by_group(&mut self, session: &Session) {
        if matches!(self.reading, Reading::Off | Reading::Watching { .. } | Reading::Grace { .. }) {
            self.reading = if session.reads_in_background.swap(false, Ordering::AcqRel) {
                self.seen = session.reader.handoff().left();
                Reading::On
            } else {
                Reading::Off
            };
        }
    }

    /// Whether somebody waits for what only reading brings, or it decides whether the peer is late.
    pub(super) fn is_urgent(&self, session: &Session) -> bool {
        session.reader.handoff().is_kept()
            || session.waits_for_message()
            || session.ending.verdict().is_some()
            || session.inbox.is_leaving()
            || session.has_waiting_senders()
            || session.keepalive.lock().awaits_pong()
            || self.lateness.is_overtime()
    }

    /// Reads, unless the application does again.
    pub(super) fn read(&mut self, session: &Session) -> Turned {
        self.is_unfinished = false;
        let came_back = session.reader.handoff().left() != self.seen;
        let impatient = self.held_until <= Instant::now();
        let mut has_more = false;
        let turned = session.reader.enter_as_driver(|reader| {
            let Some(reader) = reader else { return Turned::Over };
            let turned = session.read(reader, impatient);
            if turned == Turned::Drained {
                reader.incoming.release();
                reader.receiver.release();
            }
            if session.is_signalled() {
                session.note_buffered(reader);
            }
            has_more = reader.may_have_more();
            turned
        });
        let Some((turned, left)) = turned else {
            self.stand_back(session);
            return Turned::Unfinished;
        };
        session.left(left);
        if has_more && session.delivery() == Delivery::Grouped {
            // Nothing else tells the group.
            session.note_news();
        }
        match turned {
            Turned::Drained => {
                if session.delivery() == Delivery::Grouped && !self.is_urgent(session) {
                    self.reading = Reading::Off;
                }
                session.release_sending();
                session.spares.release();
                if let Some(owner) = session.owner() {
                    owner.rest();
                }
            }
            Turned::Unfinished => self.is_unfinished = true,
            Turned::Stalled => {
                log!(Debug, session.id, "the library stops reading: a queue is full");
                self.reading = Reading::Stalled;
            }
            Turned::Held => {
                if self.reading != Reading::Held {
                    let patience = session.terms.close_timeout.unwrap_or(LONGEST_HOLD).min(LONGEST_HOLD);
                    self.held_until = Instant::now() + patience;
                }
                self.reading = Reading::Held;
                session.is_held.store(true, Ordering::Release);
            }
            Turned::Over => {}
        }
        if came_back && self.reading == Reading::On {
            self.stand_back(session);
        }
        turned
    }

    /// The application reads again.
    pub(super) fn stand_back(&mut self, session: &Session) {
        self.seen = session.reader.handoff().left();
        self.reading = Reading::Watching { since: Instant::now() };
        self.gives_grace = true;
    }
}
