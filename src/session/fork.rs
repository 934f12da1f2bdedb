//! In a forked child: letting go of a session of the parent's, without a byte on the wire and without waiting for
//! a lock, which a thread that only the parent has may hold for ever. The driver's task, which the parent runs, keeps its memory.

use std::os::fd::{AsFd, AsRawFd, RawFd};

use super::Session;

impl Session {
    /// Takes it out of all that keeps it, so that its memory and its descriptors go with the last handle. What was in use
    /// by other threads at the moment of the fork stays.
    /// Returns its descriptor, which then may be somebody's still.
    pub(crate) fn leave_to_parent(&self) -> Option<RawFd> {
        self.runtime.delayed_flush().forget(std::ptr::from_ref(self).cast());
        if let Some(mut listening) = self.listener.calls.try_lock() {
            // Its functions are not called here.
            std::mem::forget(listening.listener.take());
        }
        let socket = self.socket.try_lock()?;
        socket.as_ref().map(|socket| socket.as_fd().as_raw_fd())
    }
}
