//! The Close that this side sends.

use std::time::{Duration, Instant};

use crate::protocol::close::{Close, Initiator};

/// This side's Close, from when it is queued.
pub(super) struct SentClose {
    pub(super) close: Close,
    pub(super) initiator: Initiator,
    /// The position of the frame in the queue; `None` once the frame is in flight.
    pub(super) frame_start: Option<usize>,
    pub(super) frame_size: usize,
    /// Whether the whole frame is sent.
    pub(super) is_sent: bool,
    /// When the closing handshake times out.
    pub(super) deadline: Option<Instant>,
}

impl SentClose {
    /// Restarts the timeout of the closing handshake.
    pub(super) fn restart_timeout(&mut self, timeout: Option<Duration>, now: Instant) {
        self.deadline = timeout.and_then(|timeout| now.checked_add(timeout));
    }
}
