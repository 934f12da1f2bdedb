//! How far the peer's kernel is behind, which no safe crate tells.
#![allow(unsafe_code, reason = "an ioctl that no safe crate offers")]

use std::os::fd::{AsRawFd, BorrowedFd};

/// How many bytes of a socket were sent and are not acknowledged, or not sent: SIOCOUTQ of tcp(7) and unix(7).
pub(super) fn unacknowledged(fd: BorrowedFd<'_>) -> u64 {
    let mut count: libc::c_int = 0;
    // SAFETY: TIOCOUTQ, which is SIOCOUTQ, writes an int to where its argument points.
    let status = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
    if status == 0 { u64::try_from(count).unwrap_or(0) } else { 0 }
}
