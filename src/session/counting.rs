//! What a session counts, and what it tells of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Session;
use crate::protocol::extension::CodecStats;
use crate::protocol::{Frame, FrameDecoder};
use crate::transport::ConnectTimings;

/// What has come in. Only the reader writes, so that counting takes no atomic addition.
#[derive(Default)]
pub(super) struct Counts {
    messages: AtomicU64,
    payload: AtomicU64,
    wire: AtomicU64,
    pings: AtomicU64,
    pongs: AtomicU64,
    dropped: AtomicU64,
    encoded: AtomicU64,
    decoded: AtomicU64,
}

/// How long opening took, in microseconds; zero for what was not needed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timings {
    pub(crate) resolve: u32,
    pub(crate) connect: u32,
    pub(crate) proxy: u32,
    pub(crate) tls: u32,
    pub(crate) handshake: u32,
}

impl Timings {
    pub(super) fn new(transport: &ConnectTimings, handshake: Duration) -> Self {
        let us = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        Self {
            resolve: us(transport.resolve),
            connect: us(transport.connect),
            proxy: us(transport.proxy),
            tls: us(transport.tls),
            handshake: us(handshake),
        }
    }
}

/// The numbers of a session at a moment.
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
    pub(crate) is_tls_resumed: bool,
    pub(crate) reconnects: u64,
}

fn add(counter: &AtomicU64, number: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(number), Ordering::Relaxed);
}

impl Counts {
    /// The reader has decoded a frame.
    #[inline]
    pub(super) fn note_frame(&self, frame: &Frame, incoming: &FrameDecoder) {
        add(&self.messages, u64::from(!frame.more));
        add(&self.payload, frame.payload.len() as u64);
        if let Some(CodecStats { plain, encoded }) = incoming.codec_stats() {
            self.decoded.store(plain, Ordering::Relaxed);
            self.encoded.store(encoded, Ordering::Relaxed);
        }
    }

    /// What decoders had decoded.
    pub(super) fn decoded(&self) -> CodecStats {
        let plain = self.decoded.load(Ordering::Relaxed);
        CodecStats { plain, encoded: self.encoded.load(Ordering::Relaxed) }
    }

    /// The reader has decoded a ping.
    pub(super) fn note_ping(&self) {
        add(&self.pings, 1);
    }

    /// The reader has decoded a pong.
    pub(super) fn note_pong(&self) {
        add(&self.pongs, 1);
    }

    /// The reader has read bytes.
    pub(super) fn note_bytes(&self, count: usize) {
        add(&self.wire, count as u64);
    }

    /// How many bytes the reader has read.
    pub(super) fn bytes(&self) -> u64 {
        self.wire.load(Ordering::Relaxed)
    }

    /// The incoming queue has dropped messages.
    pub(super) fn note_dropped(&self, count: u64) {
        add(&self.dropped, count);
    }
}

impl Session {
    /// The numbers as they are now. Those of one direction belong together only while nobody receives or sends.
    pub(crate) fn statistics(&self) -> Statistics {
        let received = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &self.counts;
        let (incoming_messages, incoming_bytes) = self.inbox.depth();
        let outbox = self.outbox.lock();
        let outgoing = &outbox.outgoing;
        let sent = *outgoing.totals();
        let encoded = outbox.encoded;
        let wire_sent = outbox.sent();
        let wire_sent = wire_sent.saturating_sub(sent.dropped_bytes);
        let (outgoing_messages, outgoing_bytes) = if outbox.is_away() {
            outbox.kept().unwrap_or_default()
        } else {
            (outgoing.pending_messages(), outgoing.pending_data())
        };
        drop(outbox);
        Statistics {
            messages_sent: sent.messages,
            messages_received: received(&counts.messages),
            payload_sent: sent.payload,
            payload_received: received(&counts.payload),
            wire_sent,
            wire_received: received(&counts.wire),
            encoded,
            decoded: CodecStats { plain: received(&counts.decoded), encoded: received(&counts.encoded) },
            pings_sent: sent.pings,
            pings_received: received(&counts.pings),
            pongs_sent: sent.pongs,
            pongs_received: received(&counts.pongs),
            last_rtt: self.keepalive.lock().last_rtt(),
            incoming_messages,
            incoming_bytes,
            outgoing_messages,
            outgoing_bytes,
            incoming_dropped: received(&counts.dropped),
            outgoing_dropped: sent.dropped_messages,
            timings: self.timings,
            is_tls_resumed: self.is_tls_resumed,
            reconnects: self.reconnect.as_ref().map_or(0, |reconnecting| received(&reconnecting.count)),
        }
    }
}
