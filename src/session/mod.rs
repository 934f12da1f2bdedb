//! Floor 4: a session joins a connection of the protocol with a stream of the transport. The only floor with threads,
//! locks and tasks.
//!
//! Exactly one party reads the socket at a time: whoever holds `reader`. Whoever holds `writer` writes; it is never
//! held while waiting. Locks are taken in the order `reader`, `writer`, inbox. The [`driver`] is the task that reads,
//! sends what the kernel did not take at once, and watches the clock.

mod closing;
pub(crate) mod config;
mod driver;
mod ending;
pub(crate) mod inbox;
mod opening;
mod reading;
pub(crate) mod runtime;
mod sending;
mod writer;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

pub(crate) use config::Config;
use ending::Ending;
pub(crate) use ending::Verdict;
use inbox::{Deadline, Inbox, Taken};
pub(crate) use opening::connect;
use writer::Writer;

use crate::error::{Error, Kind, Result};
use crate::protocol::{Incoming, Limits, Message};
use crate::transport::Receiver;

/// A WebSocket session. Every method may be called from any thread at any time.
pub(crate) struct Session {
    pub(crate) opened: Opened,
    max_frame_size: AtomicU64,
    max_message_size: AtomicU64,
    close_timeout: Option<Duration>,
    pub(crate) send_timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    outgoing_bytes: usize,
    /// Holding it is being the reader. None once the transport is gone.
    reader: Mutex<Option<Reader>>,
    writer: Mutex<Writer>,
    /// Senders wait here, with `writer`, for room.
    writable: Condvar,
    inbox: Inbox,
    ending: Ending,
    /// Wakes the driver.
    wake: Notify,
}

/// What the opening handshake agreed on.
pub(crate) struct Opened {
    pub(crate) url: String,
    pub(crate) request_headers: Vec<(String, String)>,
    pub(crate) response_status: u16,
    pub(crate) response_headers: Vec<(String, Vec<u8>)>,
    pub(crate) subprotocol: Option<String>,
}

/// The reading side.
struct Reader {
    incoming: Incoming,
    receiver: Receiver,
    /// A violation that waits for its turn behind the messages before it, and until when it does.
    held: Option<(Error, Instant)>,
}

/// As in RFC 6455 and browsers; a session exists from OPEN on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Closing,
    Closed,
}

impl Session {
    /// The oldest message that has not been taken.
    pub(crate) fn receive(&self, deadline: Deadline) -> Result<Message> {
        self.receive_if(deadline, |_| Ok(()))
    }

    /// The oldest message if `fits` lets it go; else it stays, and its error is returned.
    pub(crate) fn receive_if(&self, deadline: Deadline, fits: impl FnMut(&Message) -> Result<()>) -> Result<Message> {
        match self.inbox.take(deadline, fits, || self.wake.notify_one())? {
            Taken::Message(message) => Ok(message),
            Taken::TimedOut => Err(Error::new(Kind::Timeout, "no message came in time")),
            Taken::Ended => Err(self.ended_error()),
        }
    }

    /// Why the session has ended, as an error: `Closed` where it ended cleanly.
    fn ended_error(&self) -> Error {
        match self.ending.verdict() {
            Some(Verdict { error: Some(error), .. }) => error.clone(),
            _ => Error::new(Kind::Closed, "the session is closed"),
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
}
