//! Messages that are sent in fragments. Until such a message is complete, messages of other threads wait, and the thread that
//! sends it cannot send another one.

use std::thread::{self, ThreadId};

use crate::error::{Error, Kind, Result};
use crate::protocol::encoder::{OutboundMessage, no_message};

/// The incomplete message in fragments, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    /// The thread that has sent its latest fragment.
    sender: Option<ThreadId>,
    /// The sender of a message whose first fragments were lost with a connection.
    broken: Option<ThreadId>,
}

impl Fragments {
    /// Whether a message or a fragment may be queued now. If not, another thread's message has to be completed first. Returns an
    /// error once for the next fragment of a message whose beginning is lost.
    #[inline]
    pub(crate) fn admit(&mut self, outbound: &OutboundMessage<'_>) -> Result<bool> {
        if self.sender.is_none() && self.broken.is_none() && outbound.is_first() {
            return Ok(true);
        }
        self.admit_amid(outbound)
    }

    #[cold]
    fn admit_amid(&mut self, outbound: &OutboundMessage<'_>) -> Result<bool> {
        let caller = thread::current().id();
        if outbound.is_first() {
            // The thread begins another message and gives up the broken one.
            self.broken.take_if(|broken| *broken == caller);
            return match self.sender {
                None => Ok(true),
                Some(sender) if sender == caller => {
                    Err(Error::new(Kind::State, "a message that this thread sends in fragments is not complete"))
                }
                Some(_) => Ok(false),
            };
        }
        let is_broken = match self.sender {
            None => self.broken.take().is_some(),
            Some(_) => self.broken.take_if(|broken| *broken == caller).is_some(),
        };
        if is_broken {
            return Err(Error::new(Kind::Io, "the first fragments of the message were lost with the connection"));
        }
        if self.sender.is_none() { Err(no_message()) } else { Ok(true) }
    }

    /// Records that a message or a fragment was queued or kept. Returns whether it completes a message in fragments.
    #[inline]
    pub(crate) fn record(&mut self, outbound: &OutboundMessage<'_>) -> bool {
        if outbound.is_whole() {
            return false;
        }
        self.sender = (!outbound.fin).then(|| thread::current().id());
        outbound.fin
    }

    /// Records that the beginning of the incomplete message is lost.
    pub(crate) fn lose(&mut self) {
        if let Some(sender) = self.sender.take() {
            self.broken = Some(sender);
        }
    }
}
