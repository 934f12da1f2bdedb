//! Sending on the caller's thread: one lock, one copy, one system call. What the kernel does not take stays queued for
//! the driver.

use parking_lot::MutexGuard;

use super::inbox::Deadline;
use super::{Session, Writer};
use crate::error::{Error, Kind, Result};
use crate::frame::Opcode;

impl Session {
    /// Sends a message, or on an error nothing of it.
    pub(crate) fn send(&self, opcode: Opcode, payload: &[u8], deadline: Deadline) -> Result<()> {
        if opcode == Opcode::Text {
            simdutf8::compat::from_utf8(payload).map_err(|error| {
                let valid = error.valid_up_to();
                Error::new(Kind::InvalidArgument, format!("the text is not UTF-8 after byte {valid}"))
            })?;
        }
        let mut writer = self.writer.lock();
        self.wait_for_room(&mut writer, payload.len(), deadline)?;
        writer.outgoing.send(opcode, payload)?;
        self.flush(writer).map_or(Ok(()), Err)
    }

    /// Sends what is queued as far as the transport takes it, and tells whom it concerns: senders that wait for room, and
    /// the driver, which does the rest. Returns why the transport has failed, if it has.
    ///
    /// Whoever holds the writer and may have changed what is queued lets go of it here.
    pub(super) fn flush(&self, mut writer: MutexGuard<'_, Writer>) -> Option<Error> {
        writer.flush();
        let failure = writer.failure().cloned();
        let is_waiting = writer.is_waiting();
        drop(writer);
        self.writable.notify_all();
        if is_waiting || failure.is_some() {
            self.wake.notify_one();
        }
        failure
    }

    /// Waits until `size` bytes fit: into an empty queue any size does.
    fn wait_for_room(&self, writer: &mut MutexGuard<'_, Writer>, size: usize, deadline: Deadline) -> Result<()> {
        loop {
            if self.ending.verdict().is_some() {
                return Err(self.ended_error());
            }
            if writer.outgoing.closing().is_some() {
                return Err(Error::new(Kind::Closed, "the session is closing: nothing more can be sent"));
            }
            if let Some(failure) = writer.failure() {
                return Err(failure.clone());
            }
            let pending = writer.outgoing.pending();
            if pending == 0 || pending.saturating_add(size) <= self.outgoing_bytes {
                return Ok(());
            }
            let timed_out = match deadline {
                Deadline::Now => true,
                Deadline::At(at) => self.writable.wait_until(writer, at).timed_out(),
                Deadline::Never => {
                    self.writable.wait(writer);
                    false
                }
            };
            if timed_out {
                let message = format!("{pending} bytes wait to be sent: no room for {size} more in time");
                return Err(Error::new(Kind::Timeout, message));
            }
        }
    }

    pub(crate) fn send_deadline(&self) -> Deadline {
        self.send_timeout.map_or(Deadline::Never, Deadline::after)
    }
}
