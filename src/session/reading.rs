//! Reading: bytes from the transport to messages in the inbox, and answers to what is not a message.

use std::io;
use std::time::{Duration, Instant};

use super::Session;
use crate::protocol::{Initiator, Received};
use crate::transport::Waiting;

/// How many reads before other sessions get their turn.
const READS_PER_TURN: usize = 16;

/// How long a violation waits for its turn at most.
const LONGEST_HOLD: Duration = Duration::from_secs(5);

/// Why a turn of reading ended.
pub(super) enum Turn {
    /// The socket has nothing more.
    Drained,
    /// It may have more.
    Unfinished,
    /// The application has to receive first, or the peer to take what is sent.
    Stalled,
    /// The stream is over.
    Over(Option<io::Error>),
}

impl Session {
    /// Reads until the socket is empty, the inbox full or the turn over.
    pub(super) fn read(&self, last_received: &mut Instant) -> Turn {
        let mut guard = self.reader.lock();
        let Some(reader) = &mut *guard else { return Turn::Over(None) };
        if let Some((violation, _)) = reader.held.take_if(|_| self.may_fail()) {
            self.deliver(Received::Violation(violation));
        }
        if reader.held.is_some() {
            return Turn::Stalled;
        }
        for _ in 0..READS_PER_TURN {
            loop {
                if !self.may_read() {
                    return Turn::Stalled;
                }
                let Some(received) = reader.incoming.poll(&self.limits()) else { break };
                match received {
                    Received::Violation(error) if !self.may_fail() => {
                        let until = Instant::now() + self.close_timeout.unwrap_or(LONGEST_HOLD).min(LONGEST_HOLD);
                        reader.held = Some((error, until));
                        return Turn::Stalled;
                    }
                    received => self.deliver(received),
                }
            }
            match reader.receiver.receive(reader.incoming.space(), Waiting::No) {
                Ok(0) => return Turn::Over(None),
                Ok(count) => {
                    reader.incoming.received(count);
                    *last_received = Instant::now();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Turn::Drained,
                Err(error) => return Turn::Over(Some(error)),
            }
        }
        Turn::Unfinished
    }

    /// Whether there is room for what would come: messages in the inbox, pongs in the send queue.
    fn may_read(&self) -> bool {
        !self.writer.lock().is_clogged() && self.inbox.has_room()
    }

    /// Whether a violation may take effect: after the application has had its turn with the messages before it, so
    /// that it can still answer them.
    fn may_fail(&self) -> bool {
        self.writer.lock().outgoing.closing().is_some() || self.inbox.is_caught_up()
    }

    fn deliver(&self, received: Received) {
        if let Received::Message(message) = received {
            self.inbox.push(message);
            return;
        }
        let mut writer = self.writer.lock();
        writer.answer(&received);
        self.flush(writer);
        match received {
            Received::Close(close) => self.decide(None, Some(close), Initiator::Remote),
            Received::Violation(error) => self.decide(Some(error), None, Initiator::Protocol),
            Received::Message(_) | Received::Ping(_) | Received::Pong(_) => {}
        }
    }

    /// Lets a violation take effect that has waited for its turn long enough.
    pub(super) fn stop_holding(&self, now: Instant) {
        let held = self.reader.lock().as_mut().and_then(|reader| reader.held.take_if(|(_, until)| *until <= now));
        if let Some((violation, _)) = held {
            self.deliver(Received::Violation(violation));
        }
    }
}
