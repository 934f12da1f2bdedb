//! Our own pings: sent by the driver, which has the clock, answered to whoever reads.

use std::time::{Duration, Instant};

use crate::error::{Error, Kind};
use crate::frame::{CloseCode, Opcode};
use crate::protocol::keepalive::KeepaliveAction;
use crate::session::Session;
use crate::session::log::log;
use crate::session::send::queue::QueuedPing;

impl Session {
    /// Sends a ping that is due. Returns whether the peer has failed to answer one.
    pub(crate) fn keep_alive(&self, now: Instant) -> bool {
        let mut keepalive = self.keepalive.state.lock();
        if keepalive.deadline().is_none_or(|deadline| deadline > now) {
            return false;
        }
        let mut send_queue = self.send.queue.lock();
        if send_queue.outgoing.closing().is_some() {
            keepalive.stop();
            return false;
        }
        if let Some(taken) = send_queue.ping_taken() {
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
                let queued = send_queue.outgoing.queue_control(Opcode::Ping, &payload).is_ok();
                send_queue.ping = queued.then(|| QueuedPing::behind(&send_queue.outgoing));
                drop(send_queue);
                if queued {
                    log!(Debug, self.identity.id, "ping");
                    self.flush();
                }
                false
            }
        }
    }

    /// A pong came. Returns whether it answers our ping.
    pub(crate) fn take_pong(&self, payload: &[u8]) -> bool {
        let mut keepalive = self.keepalive.state.lock();
        if keepalive.awaits_pong()
            && let Some(taken) = self.send.queue.lock().ping_taken()
        {
            keepalive.ping_sent(taken);
        }
        keepalive.pong_received(payload, Instant::now())
    }

    /// Ends the session: the peer has not answered a ping.
    pub(crate) fn end_unanswered(&self, now: Instant) {
        let timeout = self.keepalive.state.lock().timeout().unwrap_or_default().as_millis();
        let error = Error::new(Kind::PingTimeout, format!("the server has not answered a ping for {timeout} ms"));
        self.fail_connection(error, CloseCode::INTERNAL_ERROR, "Ping timeout", now);
    }

    /// The interval of pings and how long an answer may take, none for none.
    pub(crate) fn ping_times(&self) -> (Option<Duration>, Option<Duration>) {
        let keepalive = self.keepalive.state.lock();
        (keepalive.interval(), keepalive.timeout())
    }

    /// Changes the interval of pings; the next one comes after a whole one.
    pub(crate) fn set_ping_interval(&self, interval: Option<Duration>) {
        self.keepalive.state.lock().set_interval(interval, Instant::now());
        self.wake_driver();
    }

    /// Changes how long an answer may take; none for twice the interval.
    pub(crate) fn set_ping_timeout(&self, timeout: Option<Duration>) {
        self.keepalive.state.lock().set_timeout(timeout, Instant::now());
        self.wake_driver();
    }
}
