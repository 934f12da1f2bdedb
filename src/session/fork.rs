//! Releases a parent's session in a forked child. It sends nothing, and it waits for no lock, because a thread that exists only
//! in the parent may hold it for ever. The driver task, which only the parent runs, keeps the session's memory.

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::atomic::Ordering;

use super::Session;
use crate::transport::Socket;

impl Session {
    /// Removes the references to the session, so that the last handle frees its memory and descriptors. A reference that another
    /// thread had locked at the time of the fork remains. Returns the socket's descriptor, which may still have an owner.
    pub(crate) fn leave_to_parent(&self) -> Option<RawFd> {
        self.runtime.delayed_flush().forget(std::ptr::from_ref(self).cast());
        if let Some(mut calls) = self.listener.calls.try_lock() {
            // Dropping it would call functions of the application.
            std::mem::forget(calls.listener.take());
        }
        let number = self.socket_number.load(Ordering::Acquire);
        (number >= 0).then_some(number)
    }
}

/// The descriptor of a socket, or -1.
pub(crate) fn number_of(socket: Option<&Socket>) -> RawFd {
    socket.map_or(-1, |socket| socket.as_fd().as_raw_fd())
}
