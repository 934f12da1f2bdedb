//! The statistics of a session.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Session;
use super::counters::Timings;
use crate::protocol::extension::CodecStats;

/// A snapshot of a session's counters.
pub(crate) struct Statistics {
    pub(crate) messages_sent: u64,
    pub(crate) messages_received: u64,
    pub(crate) payload_sent: u64,
    pub(crate) payload_received: u64,
    pub(crate) wire_sent: u64,
    pub(crate) wire_received: u64,
    pub(crate) encoded: CodecStats,
    pub(crate) decoded: CodecStats,
    pub(crate) pings_sent: u64,
    pub(crate) pings_received: u64,
    pub(crate) pongs_sent: u64,
    pub(crate) pongs_received: u64,
    pub(crate) last_rtt: Option<Duration>,
    pub(crate) incoming_messages: usize,
    pub(crate) incoming_bytes: usize,
    pub(crate) outgoing_messages: usize,
    pub(crate) outgoing_bytes: usize,
    pub(crate) incoming_dropped: u64,
    pub(crate) outgoing_dropped: u64,
    pub(crate) timings: Timings,
    pub(crate) reconnects: u64,
}

impl Session {
    /// Returns a snapshot. The values of one direction are consistent with each other only while no thread receives or sends.
    pub(crate) fn statistics(&self) -> Statistics {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &self.recv.counts;
        let (incoming_messages, incoming_bytes) = self.recv.queue.depth();
        let send_queue = self.send.queue.lock();
        let outgoing = &send_queue.outgoing;
        let sent = *outgoing.totals();
        let encoded = send_queue.encoded;
        let wire_sent = send_queue.sent();
        let wire_sent = wire_sent.saturating_sub(sent.dropped_bytes);
        let (outgoing_messages, outgoing_bytes) = if send_queue.is_away() {
            send_queue.kept().unwrap_or_default()
        } else {
            (outgoing.pending_messages(), outgoing.pending_data())
        };
        drop(send_queue);
        Statistics {
            messages_sent: sent.messages,
            messages_received: load(&counts.messages),
            payload_sent: sent.payload,
            payload_received: load(&counts.payload),
            wire_sent,
            wire_received: load(&counts.wire),
            encoded,
            decoded: CodecStats { plain: load(&counts.decoded), encoded: load(&counts.encoded) },
            pings_sent: sent.pings,
            pings_received: load(&counts.pings),
            pongs_sent: sent.pongs,
            pongs_received: load(&counts.pongs),
            last_rtt: self.keepalive.state.lock().last_rtt(),
            incoming_messages,
            incoming_bytes,
            outgoing_messages,
            outgoing_bytes,
            incoming_dropped: load(&counts.dropped),
            outgoing_dropped: sent.dropped_messages,
            timings: self.identity.timings,
            reconnects: self.reconnect.as_ref().map_or(0, |reconnecting| load(&reconnecting.count)),
        }
    }
}
