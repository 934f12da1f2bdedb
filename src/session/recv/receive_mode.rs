//! The ways in which what is received reaches the application. Threads of the application read themselves, also those that wait for
//! a descriptor. A dispatch job reads for a listener. While none of them reads, the driver does.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::delivery::ReceiveMode;
use super::group::{Group, Member};
use crate::error::{Error, Kind, Result};
use crate::session::Session;
use crate::session::recv::reader::Reader;
use crate::transport::{ReadinessFd, Socket};

impl Session {
    /// Decides to leave the first way for another one. The caller goes on with [`stop_calls`](Self::stop_calls).
    pub(crate) fn leave_for(&self, receive_mode: ReceiveMode) -> Result<()> {
        if self.delivery.leave_calls_for(receive_mode) { Ok(()) } else { Err(self.delivered_otherwise()) }
    }

    /// Calls of the application do not receive any more.
    pub(crate) fn stop_calls(&self) {
        // A thread that reads looks around, and leaves.
        self.interrupts.wake_reader();
        self.recv.queue.wake_all();
        self.wake_driver();
    }

    fn delivered_otherwise(&self) -> Error {
        let way = match self.delivery.mode() {
            ReceiveMode::Calls | ReceiveMode::Descriptor => "an event descriptor",
            ReceiveMode::Callbacks => "a callback",
            ReceiveMode::Group => "its group",
        };
        Error::new(Kind::State, format!("the session's messages go to {way}"))
    }

    /// Whether the listener is told when the driver has read something.
    pub(crate) fn waits_for_message(&self) -> bool {
        self.delivery.mode() == ReceiveMode::Callbacks && !self.listener.dispatch.is_busy()
    }

    /// Whether threads may receive.
    pub(crate) fn check_receivable(&self) -> Result<()> {
        if self.delivery.is_receivable() { Ok(()) } else { Err(self.delivered_otherwise()) }
    }

    /// Has a descriptor be readable while there may be something to receive. Threads that receive read from the socket.
    pub(crate) fn signal_by(&self, readiness: &Arc<ReadinessFd>) -> Result<()> {
        match self.leave_for(ReceiveMode::Descriptor) {
            Ok(()) => {}
            Err(_) if self.delivery.mode() == ReceiveMode::Descriptor => {}
            Err(error) => return Err(error),
        }
        {
            let socket = self.socket.lock();
            if self.delivery.readiness.set(Arc::clone(readiness)).is_ok()
                && let Some(socket) = &*socket
            {
                readiness.watch(socket);
            }
        }
        self.recv.queue.set_signal(readiness.signal());
        self.check_buffered();
        Ok(())
    }

    /// Has the descriptor be readable while the reader holds bytes that may be messages. For the reader.
    pub(crate) fn record_buffered(&self, reader: &mut Reader) {
        let Reader { incoming, receiver, held, has_more, is_emptied, .. } = reader;
        let holds_records = !*is_emptied && receiver.has_buffered();
        let is_buffered = held.is_some() || (*has_more && (incoming.has_input() || holds_records));
        if reader.is_noted != is_buffered {
            reader.is_noted = is_buffered;
            self.recv.queue.set_buffered(is_buffered);
        }
    }

    /// Has the descriptor be readable until the next call that receives, because the session has just been opened.
    pub(crate) fn signal_opening(&self) {
        if !self.delivery.is_signalled() {
            return;
        }
        let signalled = self.recv.reader.try_enter(|reader| {
            if let Some(reader) = reader {
                reader.is_noted = true;
                self.recv.queue.set_buffered(true);
            }
        });
        if let Some(((), left)) = signalled {
            self.left(left);
        }
    }

    /// The same for a thread that is not the reader. If another one is, that does it when it leaves.
    pub(crate) fn check_buffered(&self) {
        let checked = self.recv.reader.try_enter(|reader| {
            if let Some(reader) = reader {
                self.record_buffered(reader);
            }
        });
        if let Some(((), left)) = checked {
            self.left(left);
        }
    }

    /// Has messages go to a listener or a group, before anybody else knows the session.
    pub(crate) fn deliver_to(&self, receive_mode: ReceiveMode) {
        self.delivery.set_mode(receive_mode);
        if receive_mode != ReceiveMode::Calls {
            self.stop_calls();
        }
    }

    /// Has the group receive what there is from now on.
    pub(crate) fn join(&self, group: &Arc<Group>) {
        {
            let socket = self.socket.lock();
            // It has none yet.
            let _ = self.delivery.group.set(Member::new(Arc::clone(group)));
            if let Some(socket) = &*socket {
                self.watch_socket(socket);
            }
        }
        group.stand_by(self.runtime.tasks());
        // What was read before is not in the socket.
        let had = self.recv.reader.enter(false, |reader| reader.as_ref().is_some_and(|reader| reader.has_more));
        if let Some((had, left)) = had {
            self.left(left);
            if had || self.recv.queue.is_ready() {
                self.notify_ready();
            }
        }
    }

    /// Has the application's descriptor, or the group, watch the socket, which is locked.
    pub(crate) fn watch_socket(&self, socket: &Socket) {
        if let Some(readiness) = self.delivery.readiness.get() {
            readiness.watch(socket);
        }
        if let Some(member) = self.delivery.group.get() {
            member.group.watch(member, self.me.clone(), socket);
        }
    }

    /// The same no more.
    pub(crate) fn unwatch_socket(&self, socket: &Socket) {
        if let Some(readiness) = self.delivery.readiness.get() {
            readiness.unwatch(socket);
        }
        if let Some(member) = self.delivery.group.get() {
            member.group.unwatch(socket);
        }
    }

    /// The receive queue has got something.
    pub(crate) fn notify_ready(&self) {
        match self.delivery.mode() {
            // Threads wait at the receive queue, the descriptor belongs to it.
            ReceiveMode::Calls | ReceiveMode::Descriptor => {}
            ReceiveMode::Callbacks => self.request_callbacks(),
            ReceiveMode::Group => {
                if let (Some(member), Some(session)) = (self.delivery.group.get(), self.me.upgrade()) {
                    member.group.note(session);
                }
            }
        }
    }

    /// A thread did not become the reader, and may have missed what only an edge announces: it is announced again.
    pub(crate) fn notify_missed(&self) {
        let receive_mode = self.delivery.mode();
        if !matches!(receive_mode, ReceiveMode::Descriptor | ReceiveMode::Group) {
            return;
        }
        let missed = self.recv.reader.enter(false, |reader| {
            let Some(reader) = reader else { return false };
            let is_unread = || self.socket.lock().as_ref().is_some_and(|socket| socket.available() > 0);
            let misses = self.recv.queue.is_ready() || reader.may_have_more();
            if receive_mode == ReceiveMode::Descriptor && (misses || is_unread()) {
                reader.is_noted = true;
                self.recv.queue.signal_again();
            }
            misses
        });
        // The thread that reads now does the same when it leaves.
        let Some((misses, left)) = missed else { return };
        self.left(left);
        if misses {
            self.notify_ready();
        }
    }

    /// The application has taken what was in the receive queue. With nothing left there it has turned to receiving, as far as
    /// coalescing is concerned.
    pub(crate) fn record_taken(&self) {
        if !self.recv.queue.is_ready() {
            self.send.has_received.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the application has been given all that came, in the ways in which it cannot ask for more, and what it has
    /// answered has gone out, as far as the kernel takes it.
    pub(crate) fn has_delivered(&self) -> bool {
        let is_taken = match self.delivery.mode() {
            // Threads that ask for more do so themselves, where they may.
            ReceiveMode::Calls | ReceiveMode::Descriptor => {
                self.recv.reader.word().is_kept() && self.recv.queue.is_taken()
            }
            ReceiveMode::Group => self.recv.queue.is_taken(),
            ReceiveMode::Callbacks => self.recv.queue.is_taken() && !self.listener.dispatch.is_busy(),
        };
        is_taken
            && (self.send.is_blocked.load(Ordering::Relaxed) || self.send.queue.lock().outgoing.pending_data() == 0)
    }
}
