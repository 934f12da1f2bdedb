//! The writing side of a session: frames that wait, and the stream they go to.

use std::io;
use std::time::Instant;

use crate::error::{Error, Kind};
use crate::protocol::outgoing::Initiator;
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
    /// The stream's sending direction was ended.
    finished: bool,
}

impl Writer {
    pub(super) fn new(outgoing: Outgoing, sender: Sender) -> Self {
        Self { outgoing, sender: Some(sender), failure: None, finished: false }
    }

    /// Gives the transport what it takes at once. A failure of the stream is kept in [`failure`](Self::failure).
    pub(super) fn flush(&mut self) {
        if self.failure.is_some() || self.finished {
            return;
        }
        let Some(sender) = &mut self.sender else { return };
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
        match outcome {
            // Behind the Close of a failed connection nothing follows, and nothing is waited for but the end.
            Ok(()) if matches!(self.outgoing.closing(), Some((_, Initiator::Protocol))) => self.finish(),
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.failure = Some(Error::os(Kind::Io, "could not send", &error)),
        }
    }

    /// Answers what came in, and sends as much as goes at once.
    pub(super) fn answer(&mut self, received: &Received, now: Instant) {
        // Pongs that can never be sent would only pile up.
        if self.failure.is_none() || !matches!(received, Received::Ping(_)) {
            self.outgoing.answer(received, now);
            self.flush();
        }
    }

    /// Whether the peer has to take pongs before more of its pings are read.
    pub(super) fn is_clogged(&self) -> bool {
        self.failure.is_none() && self.outgoing.pending_control() > MAX_PENDING_CONTROL
    }

    /// Our Close, unless the stream failed before it was sent.
    pub(super) fn sent_close(&self) -> Option<&Close> {
        let lost = self.failure.is_some() && self.outgoing.pending() > 0;
        self.outgoing.closing().map(|(close, _)| close).filter(|_| !lost)
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

    /// Lets go of the stream.
    pub(super) fn drop_transport(&mut self) {
        if !self.finished {
            self.finish();
        }
        self.sender = None;
    }
}
