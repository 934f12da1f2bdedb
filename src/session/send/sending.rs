//! The sending part of a session: the encoders, the send queue, and the writer with its token.

use std::sync::atomic::{AtomicBool, Ordering};

use super::coalescing::Coalescing;
use super::queue::{SendQueue, SocketWriter};
use super::resend::Resending;
use super::token::SendToken;
use crate::error::{Error, Kind, Result};
use crate::lock::Mutex;
use crate::protocol::{Encoders, FrameEncoder};
use crate::session::config::{CompressionFilter, Config};
use crate::session::event_count::EventCount;
use crate::transport::SendHalf;

/// The sending part. Its locks are taken in the order `encoders`, `writer`, `queue`.
pub(crate) struct Sending {
    /// None without extensions. Locked before the send queue, while a message is encoded.
    pub(crate) encoders: Option<Box<Mutex<Encoders>>>,
    /// The compression filter of the application, if there may be permessage-deflate.
    pub(crate) filter: Option<CompressionFilter>,
    pub(crate) token: SendToken,
    pub(crate) writer: Mutex<SocketWriter>,
    pub(crate) queue: Mutex<SendQueue>,
    allows_unmasked: bool,
    /// Messages in the send queue are held back.
    pub(crate) holds_back: AtomicBool,
    /// The application has received since the last message.
    pub(crate) has_received: AtomicBool,
    /// The kernel accepts no more for now.
    pub(crate) is_blocked: AtomicBool,
    /// Threads wait here for room in the send queue, or until queued bytes are sent.
    pub(crate) sent: EventCount,
}

impl Sending {
    /// `may_encode`: this connection or a later one has extensions. `deflates`: one may be permessage-deflate.
    pub(crate) fn new(
        config: &Config,
        sender: SendHalf,
        outgoing: FrameEncoder,
        encoders: Encoders,
        may_encode: bool,
        deflates: bool,
    ) -> Self {
        let resending = config.reconnect.as_ref().map(|options| Resending::new(options.keeps_unsent));
        Self {
            encoders: may_encode.then(|| Box::new(Mutex::new(encoders))),
            filter: config.filter.clone().filter(|_| deflates),
            token: SendToken::new(),
            writer: Mutex::new(SocketWriter::new(sender)),
            queue: Mutex::new(SendQueue::new(outgoing, Coalescing::new(config.coalescing), resending)),
            allows_unmasked: config.allows_unmasked,
            holds_back: AtomicBool::new(false),
            has_received: AtomicBool::new(false),
            is_blocked: AtomicBool::new(false),
            sent: EventCount::default(),
        }
    }

    /// Takes effect at the next frame. Fails to turn masking off unless the configuration allows it, because RFC 6455 does not.
    pub(crate) fn set_masking(&self, on: bool) -> Result<()> {
        if !on && !self.allows_unmasked {
            return Err(Error::new(Kind::State, "the configuration does not allow unmasked frames"));
        }
        self.queue.lock().outgoing.set_masking(on);
        Ok(())
    }

    pub(crate) fn is_masking(&self) -> bool {
        self.queue.lock().outgoing.is_masking()
    }

    /// Whether the peer has to accept pongs before more of its pings are read.
    pub(crate) fn control_backlogged(&self) -> bool {
        self.is_blocked.load(Ordering::Relaxed) && self.queue.lock().control_backlogged()
    }

    pub(crate) fn has_failure(&self) -> bool {
        self.queue.lock().failure.is_some()
    }

    pub(crate) fn has_waiting_threads(&self) -> bool {
        self.queue.lock().waiting > 0
    }

    /// Releases memory that holds no queued bytes.
    pub(crate) fn release(&self) {
        if let Some(mut writer) = self.writer.try_lock() {
            self.queue.lock().release(&mut writer.flight);
            writer.release();
        }
        // With the send queue locked, no sender finds the encoders locked by this thread.
        let queue = self.queue.lock();
        if let Some(mut encoders) = self.encoders.as_ref().and_then(|encoders| encoders.try_lock()) {
            encoders.release();
        }
        drop(queue);
    }
}
