//! The number of unacknowledged bytes of a socket, which no safe crate offers.
#![allow(unsafe_code, reason = "an ioctl that no safe crate offers")]

use std::os::fd::{AsRawFd, BorrowedFd};

/// Returns the number of bytes in the socket's send queue, unsent or unacknowledged (SIOCOUTQ of tcp(7) and unix(7)).
pub(super) fn unacknowledged(fd: BorrowedFd<'_>) -> u64 {
    let mut count: libc::c_int = 0;
    // SAFETY: TIOCOUTQ, which equals SIOCOUTQ, writes an int to its argument.
    let status = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
    if status == 0 { u64::try_from(count).unwrap_or(0) } else { 0 }
}
