//! Waiting while a connection is opened: for a limited time, and no longer than the library runs.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, Timespec, poll};
use rustix::io::Errno;

use crate::error::{Error, Kind, Phase, Result};
use crate::transport::socket::KERNEL_SLEEP_FROM;
use crate::transport::{Readiness, Socket, Waiting, Wake};

/// Ends the opening of connections from another thread, once and for all.
#[derive(Debug)]
pub(crate) struct Stop {
    stopped: AtomicBool,
    wake: Wake,
}

impl Stop {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { stopped: AtomicBool::new(false), wake: Wake::new()? })
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake.wake();
    }

    /// An error from the stop on.
    pub(crate) fn check(&self) -> Result<()> {
        if self.stopped.load(Ordering::Acquire) {
            return Err(Error::new(Kind::Aborted, "the library was shut down while connecting"));
        }
        Ok(())
    }
}

/// A step of opening a connection, for the error when it takes too long.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) phase: Phase,
    pub(crate) doing: &'static str,
}

/// A limit on the time that some steps take together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimit<'a> {
    stop: &'a Stop,
    length: Duration,
    /// None for no limit.
    deadline: Option<Instant>,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    Ready,
    Late,
}

impl<'a> TimeLimit<'a> {
    /// None for no limit.
    pub(super) fn starting_now(length: Option<Duration>, stop: &'a Stop) -> Self {
        let deadline = length.and_then(|length| Instant::now().checked_add(length));
        Self { stop, length: length.unwrap_or_default(), deadline }
    }

    /// The same with an earlier deadline.
    #[must_use]
    pub(crate) fn until(self, deadline: Instant) -> Self {
        Self { deadline: Some(self.deadline.map_or(deadline, |own| own.min(deadline))), ..self }
    }

    /// The same with an equal part of what is left for each of `count`.
    #[must_use]
    pub(super) fn share(self, count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let now = Instant::now();
        self.deadline.map_or(self, |deadline| self.until(now + deadline.saturating_duration_since(now) / count))
    }

    pub(super) fn has_passed(&self) -> bool {
        self.left() == Some(Duration::ZERO)
    }

    /// The error for a step that took too long.
    pub(super) fn exceeded(&self, phase: Phase, doing: &str) -> Error {
        let limit = self.length.as_millis();
        Error::new(Kind::Timeout, format!("{doing} took longer than {limit} ms")).in_phase(phase)
    }

    /// Makes a call on a socket until it need not wait, and returns its outcome. What it is given is how to wait in the
    /// call itself.
    pub(crate) fn hold<T>(
        &self,
        step: &Step,
        socket: &Socket,
        readiness: Readiness,
        mut call: impl FnMut(Waiting) -> io::Result<T>,
    ) -> Result<io::Result<T>> {
        let mut in_kernel = readiness == Readiness::Receive;
        loop {
            // Also of a peer that sends byte by byte.
            self.stop.check()?;
            let left = self.left();
            if left == Some(Duration::ZERO) {
                return Err(self.exceeded(step.phase, step.doing));
            }
            in_kernel &= left.is_none_or(|left| left >= KERNEL_SLEEP_FROM);
            match call(if in_kernel { Waiting::Kernel } else { Waiting::No }) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !std::mem::take(&mut in_kernel) {
                        self.wait(socket.poll_fd(readiness))?;
                    }
                }
                outcome => return Ok(outcome),
            }
        }
    }

    /// Sleeps until the descriptor is ready, or the time is up.
    pub(super) fn wait(&self, fd: PollFd<'_>) -> Result<Waited> {
        let mut fds = [fd, self.stop.wake.poll_fd()];
        loop {
            self.stop.check()?;
            let timeout = self.left().and_then(|left| Timespec::try_from(left).ok());
            match poll(&mut fds, timeout.as_ref()) {
                Ok(0) => return Ok(Waited::Late),
                // What became ready may have become so by the stop.
                Ok(_) if !fds[1].revents().is_empty() => {}
                Ok(_) if !fds[0].revents().is_empty() => return Ok(Waited::Ready),
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(Error::os(Kind::Internal, "could not wait for the socket", &errno.into())),
            }
        }
    }

    /// The time that is left, none for no limit.
    fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}
