//! The counters of a session.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::protocol::extension::CodecStats;
use crate::protocol::{Frame, FrameDecoder};
use crate::transport::ConnectTimings;

/// The counters of received data. Only the reader writes them, so counting needs no atomic addition.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) messages: AtomicU64,
    pub(crate) payload: AtomicU64,
    pub(crate) wire: AtomicU64,
    pub(crate) pings: AtomicU64,
    pub(crate) pongs: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) encoded: AtomicU64,
    pub(crate) decoded: AtomicU64,
}

/// How long each step of opening took, in microseconds; 0 for a step that was not needed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timings {
    pub(crate) resolve: u32,
    pub(crate) connect: u32,
    pub(crate) proxy: u32,
    pub(crate) tls: u32,
    pub(crate) handshake: u32,
}

impl Timings {
    pub(crate) fn new(transport: &ConnectTimings, handshake: Duration) -> Self {
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

fn add(counter: &AtomicU64, number: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(number), Ordering::Relaxed);
}

impl Counts {
    /// Counts a decoded frame.
    #[inline]
    pub(crate) fn record_frame(&self, frame: &Frame, incoming: &FrameDecoder) {
        add(&self.messages, u64::from(!frame.more));
        add(&self.payload, frame.payload.len() as u64);
        if let Some(CodecStats { plain, encoded }) = incoming.codec_stats() {
            self.decoded.store(plain, Ordering::Relaxed);
            self.encoded.store(encoded, Ordering::Relaxed);
        }
    }

    /// Returns what the decoders have decoded.
    pub(crate) fn decoded(&self) -> CodecStats {
        let plain = self.decoded.load(Ordering::Relaxed);
        CodecStats { plain, encoded: self.encoded.load(Ordering::Relaxed) }
    }

    /// Counts a decoded ping.
    pub(crate) fn record_ping(&self) {
        add(&self.pings, 1);
    }

    /// Counts a decoded pong.
    pub(crate) fn record_pong(&self) {
        add(&self.pongs, 1);
    }

    /// Counts bytes that were read.
    pub(crate) fn record_bytes(&self, count: usize) {
        add(&self.wire, count as u64);
    }

    /// Returns how many bytes were read.
    pub(crate) fn bytes(&self) -> u64 {
        self.wire.load(Ordering::Relaxed)
    }

    /// Counts messages that the receive queue has dropped.
    pub(crate) fn record_dropped(&self, count: u64) {
        add(&self.dropped, count);
    }
}
