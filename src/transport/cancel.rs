//! Cancelling the opening of a connection.

use std::sync::atomic::{AtomicBool, Ordering};
use std::{fmt, io};

use rustix::event::PollFd;
use tokio::sync::Notify;

use crate::error::{Error, Kind, Result};
use crate::fork;
use crate::transport::EventFd;

/// A source of cancellation for the opening of a connection.
pub(crate) trait Cancel: fmt::Debug {
    /// Returns an error if the opening is cancelled.
    fn check(&self) -> Result<()>;

    /// Returns a descriptor that is readable after a cancellation. The waiting thread polls it, then calls
    /// [`check`](Self::check).
    fn poll_fd(&self) -> Option<PollFd<'_>>;

    /// Called if the descriptor was readable but the opening is not cancelled.
    fn resume(&self);
}

/// The sources that can cancel an opening.
pub(crate) type CancelSources<'a> = [&'a dyn Cancel; 2];

/// Cancels openings from another thread. It cannot be reset.
#[derive(Debug)]
pub(crate) struct CancelToken {
    reason: &'static str,
    /// The process that opens the connections.
    generation: u64,
    is_cancelled: AtomicBool,
    event: EventFd,
    notify: Notify,
}

impl CancelToken {
    /// `reason` is the message of the error.
    pub(crate) fn new(reason: &'static str) -> io::Result<Self> {
        Ok(Self {
            reason,
            generation: fork::generation(),
            is_cancelled: AtomicBool::new(false),
            event: EventFd::new()?,
            notify: Notify::new(),
        })
    }

    pub(crate) fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Release);
        self.event.wake();
        self.notify.notify_one();
    }

    /// Waits for the cancellation. Only one task may wait.
    pub(crate) async fn cancelled(&self) {
        while self.check().is_ok() {
            self.notify.notified().await;
        }
    }
}

impl Cancel for CancelToken {
    fn check(&self) -> Result<()> {
        // A callback of the application may have forked.
        if fork::is_inherited(self.generation) {
            return Err(Error::new(Kind::Forked, "the parent process opens the session"));
        }
        if self.is_cancelled.load(Ordering::Acquire) { Err(Error::new(Kind::Aborted, self.reason)) } else { Ok(()) }
    }

    fn poll_fd(&self) -> Option<PollFd<'_>> {
        Some(self.event.poll_fd())
    }

    fn resume(&self) {}
}

/// Never cancels.
#[derive(Debug)]
pub(crate) struct NeverCancel;

impl Cancel for NeverCancel {
    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn poll_fd(&self) -> Option<PollFd<'_>> {
        None
    }

    fn resume(&self) {}
}
