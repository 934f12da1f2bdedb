//! Our own pings: sent by the driver, which has the clock, answered to whoever reads.

use std::time::{Duration, Instant};

use super::Session;
use super::logging::log;
use super::outbox::QueuedPing;
use crate::error::{Error, Kind};
use crate::frame::{CloseCode, Opcode};
use crate::protocol::keepalive::KeepaliveAction;

impl Session {
    /// Sends a ping that is due. Returns whether the peer has failed to answer one.
    pub(super) fn keep_alive(&self, now: Instant) -> bool {
        let mut keepalive = self.keepalive.lock();
        if keepalive.deadline().is_none_or(|deadline| deadline > now) {
            return false;
        }
        let mut outbox = self.outbox.lock();
        if outbox.outgoing.closing().is_some() {
            keepalive.stop();
            return false;
        }
        if let Some(taken) = outbox.ping_taken() {
            keepalive.ping_sent(taken);
        }
        let mut random = [0; 4];
        // Without random bytes the number alone tells the pings apart.
        let _ = getrandom::fill(&mut random);
        match keepalive.poll(random, now) {
            None => false,
            Some(KeepaliveAction::Timeout) => true,
            Some(KeepaliveAction::Ping(payload)) => {
                drop(keepalive);
                let queued = outbox.outgoing.queue_control(Opcode::Ping, &payload).is_ok();
                outbox.ping = queued.then(|| QueuedPing::behind(&outbox.outgoing));
                drop(outbox);
                if queued {
                    log!(Debug, self.id, "ping");
                    self.flush();
                }
                false
            }
        }
    }

    /// A pong came. Returns whether it answers our ping.
    pub(super) fn take_pong(&self, payload: &[u8]) -> bool {
        let mut keepalive = self.keepalive.lock();
        if keepalive.awaits_pong()
            && let Some(taken) = self.outbox.lock().ping_taken()
        {
            keepalive.ping_sent(taken);
        }
        keepalive.pong_received(payload, Instant::now())
    }

    /// Ends the session: the peer has not answered a ping.
    pub(super) fn end_unanswered(&self, now: Instant) {
        let timeout = self.keepalive.lock().timeout().unwrap_or_default().as_millis();
        let error = Error::new(Kind::PingTimeout, format!("the server has not answered a ping for {timeout} ms"));
        self.give_up(error, CloseCode::INTERNAL_ERROR, "Ping timeout", now);
    }

    /// The interval of pings and how long an answer may take, none for none.
    pub(crate) fn ping_times(&self) -> (Option<Duration>, Option<Duration>) {
        let keepalive = self.keepalive.lock();
        (keepalive.interval(), keepalive.timeout())
    }

    /// Changes the interval of pings; the next one comes after a whole one.
    pub(crate) fn set_ping_interval(&self, interval: Option<Duration>) {
        self.keepalive.lock().set_interval(interval, Instant::now());
        self.wake_driver();
    }

    /// Changes how long an answer may take; none for twice the interval.
    pub(crate) fn set_ping_timeout(&self, timeout: Option<Duration>) {
        self.keepalive.lock().set_timeout(timeout, Instant::now());
        self.wake_driver();
    }
}
