//! Messages that a session holds back while it streams.

use std::sync::atomic::Ordering;

use super::delayed_flush::HoldsBack;
use super::queue::SendQueue;
use crate::session::Session;

impl HoldsBack for Session {
    fn send_held_back(&self) -> bool {
        let sends = self.is_held_back(&self.send.queue.lock());
        if sends {
            self.flush_or_leave();
        }
        sends
    }

    fn pause_streak(&self) {
        self.send.queue.lock().coalescing.pause();
    }

    fn end_streak(&self) -> bool {
        let mut send_queue = self.send.queue.lock();
        let is_over = !self.is_held_back(&send_queue);
        if is_over {
            send_queue.coalescing.unwatch();
        }
        is_over
    }
}

impl Session {
    /// Whether messages are held back. If the kernel accepts no more, the driver sends them; without a transport they are never
    /// sent.
    fn is_held_back(&self, send_queue: &SendQueue) -> bool {
        send_queue.outgoing.waiting_bytes() > 0
            && send_queue.failure.is_none()
            && !self.send.is_blocked.load(Ordering::Relaxed)
            && !self.close_state.is_closed()
    }
}
