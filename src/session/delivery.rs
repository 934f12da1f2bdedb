//! The ways in which what is received reaches the application. Threads of the application read themselves, also those that wait for
//! a descriptor. A dispatch job reads for a listener. While none of them reads, the driver does.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::group::{Group, Member};
use super::{Reader, Session};
use crate::error::{Error, Kind, Result};
use crate::transport::{ReadinessFd, Socket};

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

    /// Decides to leave the first way for another one. The caller goes on with [`stop_calls`](Self::stop_calls).
    pub(super) fn leave_for(&self, delivery: Delivery) -> Result<()> {
        let (first, other) = (Delivery::Pulled as u8, delivery as u8);
        match self.delivery.compare_exchange(first, other, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.delivered_otherwise()),
        }
    }

    /// Calls of the application do not receive any more.
    pub(super) fn stop_calls(&self) {
        // A thread that reads looks around, and leaves.
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

    /// Whether the listener is told when the driver has read something.
    pub(super) fn waits_for_message(&self) -> bool {
        self.delivery() == Delivery::Told && !self.telling.is_busy()
    }

    /// Whether threads may receive.
    pub(super) fn check_receivable(&self) -> Result<()> {
        if self.is_receivable() { Ok(()) } else { Err(self.delivered_otherwise()) }
    }

    #[inline]
    pub(super) fn is_receivable(&self) -> bool {
        matches!(self.delivery(), Delivery::Pulled | Delivery::Signalled)
    }

    /// Has a descriptor be readable while there may be something to receive. Threads that receive read from the socket.
    pub(crate) fn signal_by(&self, readiness: &Arc<ReadinessFd>) -> Result<()> {
        match self.leave_for(Delivery::Signalled) {
            Ok(()) => {}
            Err(_) if self.delivery() == Delivery::Signalled => {}
            Err(error) => return Err(error),
        }
        {
            let socket = self.socket.lock();
            if self.readiness.set(Arc::clone(readiness)).is_ok()
                && let Some(socket) = &*socket
            {
                readiness.watch(socket);
            }
        }
        self.inbox.set_signal(readiness.signal());
        self.check_buffered();
        Ok(())
    }

    /// Has the descriptor be readable while the reader holds bytes that may be messages. For the reader.
    pub(super) fn note_buffered(&self, reader: &mut Reader) {
        let Reader { incoming, receiver, held, has_more, is_emptied, .. } = reader;
        let holds_records = !*is_emptied && receiver.has_buffered();
        let is_buffered = held.is_some() || (*has_more && (incoming.has_input() || holds_records));
        if reader.is_noted != is_buffered {
            reader.is_noted = is_buffered;
            self.inbox.set_buffered(is_buffered);
        }
    }

    /// Has the descriptor be readable until the next call that receives, because the session has just been opened.
    pub(crate) fn signal_opening(&self) {
        if !self.is_signalled() {
            return;
        }
        let signalled = self.reader.try_enter(|reader| {
            if let Some(reader) = reader {
                reader.is_noted = true;
                self.inbox.set_buffered(true);
            }
        });
        if let Some(((), left)) = signalled {
            self.left(left);
        }
    }

    /// The same for a thread that is not the reader. If another one is, that does it when it leaves.
    pub(super) fn check_buffered(&self) {
        let checked = self.reader.try_enter(|reader| {
            if let Some(reader) = reader {
                self.note_buffered(reader);
            }
        });
        if let Some(((), left)) = checked {
            self.left(left);
        }
    }

    /// Whether threads that receive are told by a descriptor.
    #[inline]
    pub(super) fn is_signalled(&self) -> bool {
        self.delivery.load(Ordering::Acquire) == Delivery::Signalled as u8
    }

    /// Has messages go to a listener or a group, before anybody else knows the session.
    pub(super) fn deliver_to(&self, delivery: Delivery) {
        self.delivery.store(delivery as u8, Ordering::Release);
        if delivery != Delivery::Pulled {
            self.stop_calls();
        }
    }

    /// Has the group receive what there is from now on.
    pub(super) fn join(&self, group: &Arc<Group>) {
        {
            let socket = self.socket.lock();
            // It has none yet.
            let _ = self.group.set(Member::new(Arc::clone(group)));
            if let Some(socket) = &*socket {
                self.watch_socket(socket);
            }
        }
        group.stand_by(&self.runtime);
        // What was read before is not in the socket.
        let had = self.reader.enter(false, |reader| reader.as_ref().is_some_and(|reader| reader.has_more));
        if let Some((had, left)) = had {
            self.left(left);
            if had || self.inbox.has_news() {
                self.note_news();
            }
        }
    }

    /// Has the application's descriptor, or the group, watch the socket, which is locked.
    pub(super) fn watch_socket(&self, socket: &Socket) {
        if let Some(readiness) = self.readiness.get() {
            readiness.watch(socket);
        }
        if let Some(member) = self.group.get() {
            member.group.watch(member, &self.me, socket);
        }
    }

    /// The same no more.
    pub(super) fn unwatch_socket(&self, socket: &Socket) {
        if let Some(readiness) = self.readiness.get() {
            readiness.unwatch(socket);
        }
        if let Some(member) = self.group.get() {
            member.group.unwatch(socket);
        }
    }

    /// The group has told the end.
    pub(super) fn leave_group(&self) {
        if let (Some(member), Some(socket)) = (self.group.get(), &*self.socket.lock()) {
            member.group.unwatch(socket);
        }
    }

    /// Has the driver read once, because nobody receives from the group.
    pub(super) fn read_in_background(&self) {
        self.reads_in_background.store(true, Ordering::Release);
        self.wake_driver();
    }

    /// The inbox has got something.
    pub(super) fn note_news(&self) {
        match self.delivery() {
            // Threads wait at the inbox, the descriptor belongs to it.
            Delivery::Pulled | Delivery::Signalled => {}
            Delivery::Told => self.ask_to_tell(),
            Delivery::Grouped => {
                if let (Some(member), Some(session)) = (self.group.get(), self.me.upgrade()) {
                    member.group.note(session);
                }
            }
        }
    }

    /// A thread did not become the reader, and may have missed what only an edge announces: it is announced again.
    pub(super) fn note_missed(&self) {
        let delivery = self.delivery();
        if !matches!(delivery, Delivery::Signalled | Delivery::Grouped) {
            return;
        }
        let missed = self.reader.enter(false, |reader| {
            let Some(reader) = reader else { return false };
            let is_unread = || self.socket.lock().as_ref().is_some_and(|socket| socket.available() > 0);
            let misses = self.inbox.has_news() || reader.may_have_more();
            if delivery == Delivery::Signalled && (misses || is_unread()) {
                reader.is_noted = true;
                self.inbox.signal_again();
            }
            misses
        });
        // The thread that reads now does the same when it leaves.
        let Some((misses, left)) = missed else { return };
        self.left(left);
        if misses {
            self.note_news();
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
            Delivery::Pulled | Delivery::Signalled => self.reader.handoff().is_kept() && self.inbox.is_taken(),
            Delivery::Grouped => self.inbox.is_taken(),
            Delivery::Told => self.inbox.is_taken() && !self.telling.is_busy(),
        };
        is_taken && (self.is_blocked.load(Ordering::Relaxed) || self.outbox.lock().outgoing.pending_data() == 0)
    }
}

pub(crate) fn no_descriptor(error: &std::io::Error) -> Error {
    Error::os(Kind::Internal, "the system gives no descriptor to wait with", error)
}
