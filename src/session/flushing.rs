//! From the outbox to the kernel: on the thread that has something to send, unless another one is at it.

use std::io;
use std::sync::atomic::Ordering;

use super::Session;
use super::outbox::{Outbox, Wire};
use crate::error::{Error, Kind};

/// What became of what was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flushed {
    /// The kernel has it, or the thread that sends will give it to it.
    Done,
    /// The kernel takes no more for now.
    Blocked,
    /// The stream has failed.
    Failed,
}

impl Session {
    /// Sends what is queued as far as the kernel takes it. Threads that wait for that are told.
    pub(super) fn flush(&self) -> Flushed {
        if !self.turn.take() {
            return Flushed::Done;
        }
        loop {
            let flushed = self.flush_in_turn();
            if self.turn.give_back() {
                if self.is_writable.load(Ordering::Acquire) {
                    self.ask_to_tell();
                }
                return flushed;
            }
        }
    }

    /// The same for whoever does not wait for the kernel: the driver does.
    pub(super) fn flush_or_leave(&self) {
        if self.flush() != Flushed::Done {
            self.wake_driver();
        }
    }

    fn flush_in_turn(&self) -> Flushed {
        let mut wire = self.wire.lock();
        loop {
            let mut outbox = self.outbox.lock();
            self.holds_back.store(false, Ordering::Relaxed);
            self.is_blocked.store(false, Ordering::Relaxed);
            self.load(&mut outbox, &mut wire);
            if outbox.frees_driver() {
                self.resume_reading();
            }
            if outbox.failure.is_some() {
                return Flushed::Failed;
            }
            let failing = outbox.is_failing();
            drop(outbox);
            match wire.send_some() {
                Ok(true) => {}
                Ok(false) => {
                    if std::mem::take(&mut wire.holds_records) {
                        let mut outbox = self.outbox.lock();
                        outbox.holds_records = false;
                        outbox.forget_sent();
                        outbox.note_ping();
                        self.note_room(&mut outbox);
                        drop(outbox);
                        self.sent.open_for_all();
                    }
                    if failing {
                        wire.finish();
                    }
                    return Flushed::Done;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut outbox = self.outbox.lock();
                    self.load(&mut outbox, &mut wire);
                    // Under the lock: whoever sees it knows that what is queued is taken care of.
                    self.is_blocked.store(true, Ordering::Relaxed);
                    return Flushed::Blocked;
                }
                Err(error) => {
                    self.outbox.lock().failure = Some(Box::new(Error::os(Kind::Io, "could not send", &error)));
                    self.sent.open_for_all();
                    return Flushed::Failed;
                }
            }
        }
    }

    /// Takes note of what was sent and of what TLS holds of it, in one step: in between, it would count as flushed. The
    /// caller has the listener told, once nothing is locked, where `is_writable` is set.
    pub(super) fn load(&self, outbox: &mut Outbox, wire: &mut Wire) {
        wire.holds_records = wire.is_flushing();
        let lets_go = std::mem::replace(&mut outbox.holds_records, wire.holds_records) && !wire.holds_records;
        let sends = outbox.load(&mut wire.flight);
        if sends && outbox.ping.is_some() {
            outbox.note_ping();
        }
        if (sends || lets_go) && outbox.resending.is_some() {
            outbox.forget_sent();
        }
        if sends || lets_go {
            self.note_room(outbox);
        }
        if sends && self.is_held.load(Ordering::Acquire) {
            // A violation waits for what is before it.
            self.wake_driver();
        }
        if (sends || lets_go) && outbox.waiting > 0 {
            self.sent.open_for_all();
        }
    }
}
