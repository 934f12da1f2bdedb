//! The ways in which what is received reaches the application, besides threads that read for themselves. In all of them
//! the driver reads, so that there is something to tell.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Session;
use super::group::Group;
use crate::error::{Error, Kind, Result};
use crate::transport::EventFd;

/// A way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Threads of the application read, in `receive`.
    Pulled = 0,
    /// They take what is there when a descriptor says so.
    Signalled = 1,
    /// The listener is told.
    Told = 2,
    /// A group is received from.
    Grouped = 3,
}

impl Session {
    pub(super) fn delivery(&self) -> Delivery {
        match self.delivery.load(Ordering::Acquire) {
            0 => Delivery::Pulled,
            1 => Delivery::Signalled,
            2 => Delivery::Told,
            _ => Delivery::Grouped,
        }
    }

    /// Leaves the first way for another one, for good.
    fn switch_to(&self, delivery: Delivery) -> Result<()> {
        if self.delivery() == delivery {
            return Ok(());
        }
        match self.leave_for(delivery) {
            Ok(()) => self.have_driver_read(),
            // Another thread has just done the same.
            Err(_) if self.delivery() == delivery => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Decides to leave the first way for another one. The caller goes on with [`have_driver_read`](Self::have_driver_read).
    pub(super) fn leave_for(&self, delivery: Delivery) -> Result<()> {
        let (first, other) = (Delivery::Pulled as u8, delivery as u8);
        match self.delivery.compare_exchange(first, other, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.delivered_otherwise()),
        }
    }

    /// Threads of the application do not read any more.
    pub(super) fn have_driver_read(&self) {
        // A thread that reads looks around, and leaves.
        self.reader.handoff().keep();
        self.interrupts.wake_reader();
        self.inbox.wake_all();
        self.wake_driver();
    }

    fn delivered_otherwise(&self) -> Error {
        let way = match self.delivery() {
            Delivery::Pulled | Delivery::Signalled => "an event descriptor",
            Delivery::Told => "a callback",
            Delivery::Grouped => "its group",
        };
        Error::new(Kind::State, format!("the session's messages go to {way}"))
    }

    /// Whether threads may receive.
    pub(super) fn check_receivable(&self) -> Result<()> {
        match self.delivery() {
            Delivery::Pulled | Delivery::Signalled => Ok(()),
            Delivery::Told | Delivery::Grouped => Err(self.delivered_otherwise()),
        }
    }

    /// A descriptor, the caller's, that is readable exactly while receiving without waiting would give something.
    pub(crate) fn event_descriptor(&self) -> Result<OwnedFd> {
        self.switch_to(Delivery::Signalled)?;
        self.inbox.signal(new_signal)?.duplicate().map_err(|error| no_descriptor(&error))
    }

    /// Has messages go to a listener or a group, before anybody else knows the session.
    pub(super) fn deliver_to(&self, delivery: Delivery) {
        self.delivery.store(delivery as u8, Ordering::Release);
        if delivery != Delivery::Pulled {
            self.have_driver_read();
        }
    }

    /// Has the group receive what there is from now on.
    pub(super) fn join(&self, group: &Arc<Group>) {
        // It has none yet.
        let _ = self.group.set(Arc::clone(group));
        if self.inbox.has_news() {
            self.note_news();
        }
    }

    /// The inbox has got something.
    pub(super) fn note_news(&self) {
        match self.delivery() {
            // Threads wait at the inbox, the descriptor belongs to it.
            Delivery::Pulled | Delivery::Signalled => {}
            Delivery::Told => self.ask_to_tell(),
            Delivery::Grouped => {
                if let (Some(group), Some(session)) = (self.group.get(), self.me.upgrade()) {
                    group.note(session);
                }
            }
        }
    }

    /// The application has taken what was in the inbox. With nothing left there it has turned to receiving, as far as
    /// coalescing is concerned.
    pub(super) fn note_taken(&self) {
        if !self.inbox.has_news() {
            self.has_received.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the application has been given all that came, in the ways in which it cannot ask for more, and what it has
    /// answered has gone out, as far as the kernel takes it.
    pub(super) fn has_delivered(&self) -> bool {
        let is_taken = match self.delivery() {
            // Threads that ask for more do so themselves, where they may.
            Delivery::Pulled => self.reader.handoff().is_kept() && self.inbox.is_taken(),
            Delivery::Signalled | Delivery::Grouped => self.inbox.is_taken(),
            Delivery::Told => self.inbox.is_taken() && !self.telling.is_busy(),
        };
        is_taken && (self.is_blocked.load(Ordering::Relaxed) || self.outbox.lock().outgoing.pending_data() == 0)
    }
}

pub(super) fn new_signal() -> Result<EventFd> {
    EventFd::new().map_err(|error| no_descriptor(&error))
}

pub(super) fn no_descriptor(error: &std::io::Error) -> Error {
    Error::os(Kind::Internal, "the system gives no descriptor to wait with", error)
}
