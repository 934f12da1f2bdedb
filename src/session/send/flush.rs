//! Sends the queued bytes on the calling thread, unless another thread is sending.

use std::io;
use std::sync::atomic::Ordering;

use super::queue::{SendQueue, SocketWriter};
use crate::error::{Error, Kind};
use crate::session::Session;
use crate::session::deadline::{Deadline, MOMENT};

/// The result of a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// The kernel has accepted all bytes, or another thread is sending them.
    Done,
    /// The kernel accepts no more for now.
    Blocked,
    /// The stream has failed.
    Failed,
}

impl Session {
    /// Sends the queued bytes, as far as the kernel accepts them. Wakes the threads that wait for that.
    pub(crate) fn flush(&self) -> Flushed {
        if !self.send.token.take() {
            return Flushed::Done;
        }
        loop {
            let flushed = self.flush_with_token();
            if self.send.token.give_back() {
                if self.listener.is_writable.load(Ordering::Acquire) {
                    self.request_callbacks();
                }
                return flushed;
            }
        }
    }

    /// Like [`flush`](Self::flush), but leaves bytes that the kernel does not accept to the driver.
    pub(crate) fn flush_or_leave(&self) {
        if self.flush() != Flushed::Done {
            self.wake_driver();
        }
    }

    /// Like [`flush`](Self::flush). If another thread sends, waits until it has sent everything that was queued before this call, as
    /// far as the kernel accepts it.
    pub(crate) fn flush_and_wait(&self) {
        loop {
            let wait_key = self.send.sent.wait_key();
            self.flush_or_leave();
            if !self.send.token.is_taken() {
                return;
            }
            self.send.sent.wait(wait_key, Deadline::Within(MOMENT).fixed());
        }
    }

    fn flush_with_token(&self) -> Flushed {
        let mut writer = self.send.writer.lock();
        loop {
            let mut send_queue = self.send.queue.lock();
            self.send.holds_back.store(false, Ordering::Relaxed);
            self.send.is_blocked.store(false, Ordering::Relaxed);
            self.load(&mut send_queue, &mut writer);
            if send_queue.frees_driver() {
                self.resume_reading();
            }
            if send_queue.failure.is_some() {
                return Flushed::Failed;
            }
            let failing = send_queue.is_failing();
            drop(send_queue);
            match writer.send_some() {
                Ok(true) => {}
                Ok(false) => {
                    if std::mem::take(&mut writer.holds_records) {
                        let mut send_queue = self.send.queue.lock();
                        send_queue.holds_records = false;
                        send_queue.forget_sent();
                        send_queue.record_ping();
                        self.record_room(&mut send_queue);
                        drop(send_queue);
                        self.send.sent.open_for_all();
                    }
                    if failing {
                        writer.finish();
                    }
                    return Flushed::Done;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut send_queue = self.send.queue.lock();
                    self.load(&mut send_queue, &mut writer);
                    // Set under the lock: a thread that sees it relies on the driver to send the queued bytes.
                    self.send.is_blocked.store(true, Ordering::Relaxed);
                    return Flushed::Blocked;
                }
                Err(error) => {
                    self.send.queue.lock().failure = Some(Box::new(Error::os(Kind::Io, "could not send", &error)));
                    self.send.sent.open_for_all();
                    return Flushed::Failed;
                }
            }
        }
    }

    /// Records what was sent and what TLS holds of it, in one step: in between, bytes that TLS holds would count as flushed. If
    /// `is_writable` is set, the caller requests the callbacks after releasing the locks.
    pub(crate) fn load(&self, send_queue: &mut SendQueue, writer: &mut SocketWriter) {
        writer.holds_records = writer.is_flushing();
        let releases_records =
            std::mem::replace(&mut send_queue.holds_records, writer.holds_records) && !writer.holds_records;
        let sends = send_queue.load(&mut writer.flight);
        if sends && send_queue.ping.is_some() {
            send_queue.record_ping();
        }
        if (sends || releases_records) && send_queue.resending.is_some() {
            send_queue.forget_sent();
        }
        if sends || releases_records {
            self.record_room(send_queue);
        }
        if sends && self.recv.has_deferred_error.load(Ordering::Acquire) {
            // A deferred protocol error waits until the bytes before it are sent.
            self.wake_driver();
        }
        if (sends || releases_records) && send_queue.waiting > 0 {
            self.send.sent.open_for_all();
        }
    }
}
