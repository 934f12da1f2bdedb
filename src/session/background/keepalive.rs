//! Pings of the library. The driver, which watches the deadlines, sends them; the reader receives the pongs.

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
        // Without random bytes, the number alone distinguishes the pings.
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

    /// Handles a pong. Returns whether it answers our ping.
    pub(crate) fn take_pong(&self, payload: &[u8]) -> bool {
        let mut keepalive = self.keepalive.state.lock();
        if keepalive.awaits_pong()
            && let Some(taken) = self.send.queue.lock().ping_taken()
        {
            keepalive.ping_sent(taken);
        }
        keepalive.pong_received(payload, Instant::now())
    }

    /// Ends the session, because the peer has not answered a ping.
    pub(crate) fn end_unanswered(&self, now: Instant) {
        let timeout = self.keepalive.state.lock().timeout().unwrap_or_default().as_millis();
        let error = Error::new(Kind::PingTimeout, format!("the server has not answered a ping for {timeout} ms"));
        self.fail_connection(error, CloseCode::INTERNAL_ERROR, "Ping timeout", now);
    }

    /// Returns the ping interval and the ping timeout, each None if there is none.
    pub(crate) fn ping_times(&self) -> (Option<Duration>, Option<Duration>) {
        let keepalive = self.keepalive.state.lock();
        (keepalive.interval(), keepalive.timeout())
    }

    /// Sets the ping interval. The next ping is sent after a whole interval.
    pub(crate) fn set_ping_interval(&self, interval: Option<Duration>) {
        self.keepalive.state.lock().set_interval(interval, Instant::now());
        self.wake_driver();
    }

    /// Sets the ping timeout; None for twice the interval.
    pub(crate) fn set_ping_timeout(&self, timeout: Option<Duration>) {
        self.keepalive.state.lock().set_timeout(timeout, Instant::now());
        self.wake_driver();
    }
}
