//! The receiving part of a session: the reader with its lock, the receive queue, and the counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::buffer_pool::BufferPool;
use super::queue::{EventPlace, RecvQueue};
use super::read_lock::ReadLock;
use super::reader::Reader;
use crate::protocol::{Frame, Limits, SessionEvent};
use crate::session::config::{Config, DeliverControl, DeliverEvents};
use crate::session::counters::Counts;

/// The receiving part. Only the thread that holds the read lock changes the counts and flags.
pub(crate) struct Receiving {
    /// None once the transport is gone.
    pub(crate) reader: ReadLock<Option<Reader>>,
    pub(crate) queue: RecvQueue<Frame>,
    pub(crate) buffer_pool: Arc<BufferPool>,
    pub(crate) counts: Counts,
    max_frame_size: AtomicU64,
    max_message_size: AtomicU64,
    /// The application receives every frame as it came. Changed with the read lock held.
    pub(crate) is_raw: AtomicBool,
    /// The control frames that the application of a default session receives.
    shown: DeliverControl,
    /// Whether the pings in a default session are answered.
    pub(crate) auto_pong: bool,
    /// The events that the application receives.
    pub(crate) events: DeliverEvents,
    /// How often the reader has found the socket empty.
    found_empty: AtomicU64,
    /// The payload of a frame was arriving when the reader last read.
    pub(crate) is_amid_frame: AtomicBool,
    /// A protocol error is deferred until the messages before it are received.
    pub(crate) has_deferred_error: AtomicBool,
}

impl Receiving {
    /// `early` is the number of bytes that came with the server's response.
    pub(crate) fn new(config: &Config, reader: Reader, buffer_pool: Arc<BufferPool>, early: usize) -> Self {
        let counts = Counts::default();
        counts.record_bytes(early);
        Self {
            reader: ReadLock::new(Some(reader)),
            queue: RecvQueue::new(config.incoming),
            buffer_pool,
            counts,
            max_frame_size: config.limits.max_frame_size.into(),
            max_message_size: config.limits.max_message_size.into(),
            is_raw: config.raw.into(),
            shown: config.shown,
            auto_pong: config.auto_pong,
            events: config.events,
            found_empty: AtomicU64::new(0),
            is_amid_frame: AtomicBool::new(false),
            has_deferred_error: AtomicBool::new(false),
        }
    }

    /// The control frames that the application receives.
    pub(crate) fn shown(&self) -> DeliverControl {
        if self.is_raw.load(Ordering::Relaxed) { DeliverControl::ALL } else { self.shown }
    }

    /// Queues an event for the application, if it receives such events. Not while another thread reads.
    pub(crate) fn push_event(&self, event: SessionEvent, text: &str, close_code: u16) {
        let is_delivered = match event {
            SessionEvent::Opened => self.events.opened,
            SessionEvent::Lost => self.events.lost,
            SessionEvent::Resumed => self.events.resumed,
        };
        if is_delivered {
            let frame = Frame::event(event, text, close_code);
            let (size, memory) = (frame.payload.len(), frame.payload.capacity());
            self.queue.push_event(frame, size, memory, |last| match (last.event, event) {
                // An outage that follows another one, without a message between them, is a part of it.
                (Some(SessionEvent::Resumed), SessionEvent::Lost) => EventPlace::Cancelled,
                (Some(last), event) if last == event => EventPlace::Repeated,
                _ => EventPlace::Last,
            });
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_frame_size: self.max_frame_size.load(Ordering::Relaxed),
            max_message_size: self.max_message_size.load(Ordering::Relaxed),
        }
    }

    /// Takes effect at the next frame.
    pub(crate) fn set_max_frame_size(&self, bytes: u64) {
        self.max_frame_size.store(bytes, Ordering::Relaxed);
    }

    /// Takes effect at the next frame.
    pub(crate) fn set_max_message_size(&self, bytes: u64) {
        self.max_message_size.store(bytes, Ordering::Relaxed);
    }

    /// Records that the reader has found the socket empty and has decoded all received bytes.
    pub(crate) fn record_empty(&self) {
        self.found_empty.store(self.found_empty().wrapping_add(1), Ordering::Release);
    }

    /// Returns how often the reader has found the socket empty.
    pub(crate) fn found_empty(&self) -> u64 {
        self.found_empty.load(Ordering::Acquire)
    }
}
