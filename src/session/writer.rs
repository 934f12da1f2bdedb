//! The writing side of a session: frames that wait, and the stream they go to.

use std::io;
use std::time::Instant;

use crate::error::{Error, Kind};
use crate::protocol::{Close, Outgoing, Received};
use crate::transport::Sender;

/// With more than this many bytes of pongs waiting, the peer's pings are no longer read.
const MAX_PENDING_CONTROL: usize = 64 * 1024;

/// What holding a session's `writer` gives.
pub(super) struct Writer {
    pub(super) outgoing: Outgoing,
    sender: Option<Sender>,
    /// The stream has failed; nothing more can be sent.
    failure: Option<Error>,
    /// The sending direction ends behind our Close: the connection is failed, and nothing is waited for.
    failing: bool,
    /// The stream's sending direction was ended.
    finished: bool,
}

impl Writer {
    pub(super) fn new(outgoing: Outgoing, sender: Sender) -> Self {
        Self { outgoing, sender: Some(sender), failure: None, failing: false, finished: false }
    }

    /// Gives the transport what it takes at once. A failure of the stream is kept in [`failure`](Self::failure).
    pub(super) fn flush(&mut self) {
        if self.failure.is_some() || self.finished {
            return;
        }
        let Some(sender) = &mut self.sender else { return };
        let before = self.outgoing.pending_data();
        let outcome = loop {
            let bytes = self.outgoing.to_send();
            if bytes.is_empty() {
                break sender.flush();
            }
            match sender.send(bytes) {
                Ok(count) => self.outgoing.sent(count),
                Err(error) => break Err(error),
            }
        };
        // Pongs do not count: a peer that only pings takes nothing of what is before our Close.
        if self.outgoing.closing().is_some() && self.outgoing.pending_data() < before {
            self.outgoing.renew_close_deadline(Instant::now());
        }
        match outcome {
            Ok(()) if self.failing => self.finish(),
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.failure = Some(Error::os(Kind::Io, "could not send", &error)),
        }
    }

    /// Queues the answer to what came in.
    pub(super) fn answer(&mut self, received: &Received) {
        self.failing |= matches!(received, Received::Violation(_));
        // Pongs that can never be sent would only pile up.
        if self.failure.is_none() || !matches!(received, Received::Ping(_)) {
            self.outgoing.answer(received, Instant::now());
        }
    }

    /// Whether the peer has to take pongs before more of its pings are read.
    pub(super) fn is_clogged(&self) -> bool {
        self.failure.is_none() && self.outgoing.pending_control() > MAX_PENDING_CONTROL
    }

    /// Our Close, once it is sent.
    pub(super) fn sent_close(&self) -> Option<&Close> {
        self.outgoing.closing().map(|(close, _)| close).filter(|_| self.outgoing.has_sent_close())
    }

    /// Whether bytes wait for the transport.
    pub(super) fn is_waiting(&self) -> bool {
        let sending = self.failure.is_none() && !self.finished;
        sending && (self.outgoing.pending() > 0 || self.sender.as_ref().is_some_and(Sender::is_flushing))
    }

    pub(super) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Ends the sending direction of the stream.
    fn finish(&mut self) {
        self.finished = true;
        if let Some(sender) = &mut self.sender {
            sender.finish();
        }
    }

    /// Ends the stream and lets go of it.
    pub(super) fn drop_transport(&mut self) {
        if !self.finished {
            self.finish();
        }
        if let Some(sender) = self.sender.take() {
            sender.shut_down();
        }
    }
}
