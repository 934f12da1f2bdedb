//! A message that is sent in fragments is its sender's alone until it is complete: another thread's message waits for its
//! end, and the same thread cannot send another one.

use std::thread::{self, ThreadId};

use crate::error::{Error, Kind, Result};
use crate::protocol::outbound::{Outbound, no_message};

/// The message in fragments that is under way, if there is one.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    /// The thread that has sent its last fragment so far.
    sender: Option<ThreadId>,
    /// The same of a message whose beginning went with a connection.
    broken: Option<ThreadId>,
}

impl Fragments {
    /// Whether a message or a fragment may go out now. If not, another thread's message has to be complete before. Of a
    /// message whose beginning is lost the next fragment is an error, once.
    #[inline]
    pub(super) fn admit(&mut self, outbound: &Outbound<'_>) -> Result<bool> {
        if self.sender.is_none() && self.broken.is_none() && outbound.is_first() {
            return Ok(true);
        }
        self.admit_amid(outbound)
    }

    #[cold]
    fn admit_amid(&mut self, outbound: &Outbound<'_>) -> Result<bool> {
        let caller = thread::current().id();
        if outbound.is_first() {
            // It has given the other one up.
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
            return Err(Error::new(Kind::Io, "the message's first part went with the connection that was lost"));
        }
        if self.sender.is_none() { Err(no_message()) } else { Ok(true) }
    }

    /// It was queued, or kept. Returns whether a message in fragments has become complete.
    #[inline]
    pub(super) fn note(&mut self, outbound: &Outbound<'_>) -> bool {
        if outbound.is_whole() {
            return false;
        }
        self.sender = (!outbound.fin).then(|| thread::current().id());
        outbound.fin
    }

    /// The beginning of the message under way is lost.
    pub(super) fn lose(&mut self) {
        if let Some(sender) = self.sender.take() {
            self.broken = Some(sender);
        }
    }
}
