//! Changes how messages reach the application, and notifies it. Threads of the application read themselves, also those that wait
//! for the event descriptor. A dispatch job reads for a listener. While none of them reads, the driver does.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::delivery::ReceiveMode;
use super::group::{Group, Member};
use crate::error::{Error, Kind, Result};
use crate::session::Session;
use crate::session::recv::reader::Reader;
use crate::transport::{ReadinessFd, Socket};

impl Session {
    /// Changes the mode from calls to another one. The caller then calls [`stop_calls`](Self::stop_calls).
    pub(crate) fn leave_for(&self, receive_mode: ReceiveMode) -> Result<()> {
        if self.delivery.leave_calls_for(receive_mode) { Ok(()) } else { Err(self.delivered_otherwise()) }
    }

    /// Makes the calls that receive return.
    pub(crate) fn stop_calls(&self) {
        // The reading thread checks the mode, and leaves.
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

    /// Whether the listener waits for a message that the driver has to read.
    pub(crate) fn waits_for_message(&self) -> bool {
        self.delivery.mode() == ReceiveMode::Callbacks && !self.listener.dispatch.is_busy()
    }

    /// Fails if the application may not call `receive`.
    pub(crate) fn check_receivable(&self) -> Result<()> {
        if self.delivery.is_receivable() { Ok(()) } else { Err(self.delivered_otherwise()) }
    }

    /// Makes the event descriptor readable while there may be something to receive. Calls that receive still read the socket.
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

    /// Makes the descriptor readable while the reader holds bytes that may be messages. For the reader.
    pub(crate) fn record_buffered(&self, reader: &mut Reader) {
        let Reader { incoming, receiver, deferred_error, has_more, is_emptied, .. } = reader;
        let holds_records = !*is_emptied && receiver.has_buffered();
        let is_buffered = deferred_error.is_some() || (*has_more && (incoming.has_input() || holds_records));
        if reader.last_buffered != is_buffered {
            reader.last_buffered = is_buffered;
            self.recv.queue.set_buffered(is_buffered);
        }
    }

    /// Makes the descriptor readable until the next call that receives, because the session has just been opened.
    pub(crate) fn signal_opening(&self) {
        if !self.delivery.is_signalled() {
            return;
        }
        let signalled = self.recv.reader.try_enter(|reader| {
            if let Some(reader) = reader {
                reader.last_buffered = true;
                self.recv.queue.set_buffered(true);
            }
        });
        if let Some(((), actions)) = signalled {
            self.released(actions);
        }
    }

    /// Like [`record_buffered`](Self::record_buffered), for a thread that is not the reader. If another thread is, that thread
    /// does it when it leaves.
    pub(crate) fn check_buffered(&self) {
        let checked = self.recv.reader.try_enter(|reader| {
            if let Some(reader) = reader {
                self.record_buffered(reader);
            }
        });
        if let Some(((), actions)) = checked {
            self.released(actions);
        }
    }

    /// Sets where messages go, before another thread can use the session.
    pub(crate) fn deliver_to(&self, receive_mode: ReceiveMode) {
        self.delivery.set_mode(receive_mode);
        if receive_mode != ReceiveMode::Calls {
            self.stop_calls();
        }
    }

    /// Adds the session to the group, which receives its messages from now on.
    pub(crate) fn join(&self, group: &Arc<Group>) {
        {
            let socket = self.socket.lock();
            // The session has no group yet.
            let _ = self.delivery.group.set(Member::new(Arc::clone(group)));
            if let Some(socket) = &*socket {
                self.watch_socket(socket);
            }
        }
        group.stand_by(self.runtime.tasks());
        // Bytes that were read before are not in the socket.
        let had = self.recv.reader.enter(false, |reader| reader.as_ref().is_some_and(|reader| reader.has_more));
        if let Some((had, actions)) = had {
            self.released(actions);
            if had || self.recv.queue.is_ready() {
                self.notify_ready();
            }
        }
    }

    /// Adds the socket to the event descriptor and to the group. The caller holds the lock of the socket.
    pub(crate) fn watch_socket(&self, socket: &Socket) {
        if let Some(readiness) = self.delivery.readiness.get() {
            readiness.watch(socket);
        }
        if let Some(member) = self.delivery.group.get() {
            member.group.watch(member, self.me.clone(), socket);
        }
    }

    /// Removes the socket from the event descriptor and from the group.
    pub(crate) fn unwatch_socket(&self, socket: &Socket) {
        if let Some(readiness) = self.delivery.readiness.get() {
            readiness.unwatch(socket);
        }
        if let Some(member) = self.delivery.group.get() {
            member.group.unwatch(socket);
        }
    }

    /// Notifies the application that there is something to receive.
    pub(crate) fn notify_ready(&self) {
        match self.delivery.mode() {
            // Threads wait at the receive queue, which also has the descriptor.
            ReceiveMode::Calls | ReceiveMode::Descriptor => {}
            ReceiveMode::Callbacks => self.request_callbacks(),
            ReceiveMode::Group => {
                if let (Some(member), Some(session)) = (self.delivery.group.get(), self.me.upgrade()) {
                    member.group.add_ready(session);
                }
            }
        }
    }

    /// Repeats an edge-triggered notification, which a thread may have missed because it did not become the reader.
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
                reader.last_buffered = true;
                self.recv.queue.signal_again();
            }
            misses
        });
        // The reading thread does the same when it leaves.
        let Some((misses, actions)) = missed else { return };
        self.released(actions);
        if misses {
            self.notify_ready();
        }
    }

    /// Called after the application has taken something from the receive queue. If nothing is left there, this counts as a
    /// receive for coalescing.
    pub(crate) fn record_taken(&self) {
        if !self.recv.queue.is_ready() {
            self.send.has_received.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the application has received all messages, in the modes in which it does not ask for more, and its answers are
    /// sent, as far as the kernel accepts them.
    pub(crate) fn has_delivered(&self) -> bool {
        let is_taken = match self.delivery.mode() {
            // The calls ask for more themselves, unless only the driver may read.
            ReceiveMode::Calls | ReceiveMode::Descriptor => {
                self.recv.reader.word().is_reserved() && self.recv.queue.is_taken()
            }
            ReceiveMode::Group => self.recv.queue.is_taken(),
            ReceiveMode::Callbacks => self.recv.queue.is_taken() && !self.listener.dispatch.is_busy(),
        };
        is_taken
            && (self.send.is_blocked.load(Ordering::Relaxed) || self.send.queue.lock().outgoing.pending_data() == 0)
    }
}
