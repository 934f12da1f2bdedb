//! The deadline for opening a connection: limits how long its steps may take, and ends them when the opening is cancelled.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, Timespec, poll};
use rustix::io::Errno;

use crate::error::{Error, Kind, Phase, Result};
use crate::transport::{CancelSources, Readiness, Socket};

/// Waits for `time`. Fails if the opening is cancelled meanwhile.
pub(crate) fn pause(time: Duration, cancel: CancelSources<'_>) -> Result<()> {
    let deadline = ConnectDeadline::overall(Some(time), cancel);
    while deadline.wait_for_any(&mut Vec::new())? == Waited::Ready {}
    Ok(())
}

/// A step of opening a connection, for the error if it times out.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) phase: Phase,
    pub(crate) doing: &'static str,
}

/// The deadline that one or more steps share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectDeadline<'a> {
    cancel: CancelSources<'a>,
    /// The timeout that led to the deadline, for messages.
    timeout: Duration,
    /// Whether the timeout applies to the whole opening, not to the current step.
    is_overall: bool,
    /// `None`: no limit.
    at: Option<Instant>,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    Ready,
    TimedOut,
}

impl<'a> ConnectDeadline<'a> {
    /// Returns the deadline for the whole opening, which starts now. `None` means no limit.
    pub(crate) fn overall(timeout: Option<Duration>, cancel: CancelSources<'a>) -> Self {
        let at = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Self { cancel, timeout: timeout.unwrap_or_default(), is_overall: true, at }
    }

    /// Returns the deadline for a step that starts now: the earlier one of this deadline and the step's own. `None` means that
    /// the step has no limit of its own.
    #[must_use]
    pub(super) fn within(self, timeout: Option<Duration>) -> Self {
        let Some((timeout, at)) = timeout.and_then(|timeout| Some((timeout, Instant::now().checked_add(timeout)?)))
        else {
            return self;
        };
        if self.at.is_some_and(|own| own <= at) {
            return self;
        }
        Self { timeout, is_overall: false, at: Some(at), ..self }
    }

    /// Returns the earlier one of this deadline and `at`.
    #[must_use]
    pub(crate) fn until(self, at: Instant) -> Self {
        Self { at: Some(self.at.map_or(at, |own| own.min(at))), ..self }
    }

    pub(super) fn has_passed(&self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }

    /// Returns an error if the deadline passed during a step, or if the opening is cancelled.
    pub(crate) fn check(&self, step: &Step) -> Result<()> {
        self.check_cancelled()?;
        if self.has_passed() { Err(self.timeout_error(step.phase, step.doing)) } else { Ok(()) }
    }

    /// Returns the error for a step that timed out.
    pub(super) fn timeout_error(&self, phase: Phase, doing: &str) -> Error {
        let timeout = self.timeout.as_millis();
        let message = if self.is_overall {
            format!("{doing} was not done after {timeout} ms, the limit for opening the session")
        } else {
            format!("{doing} took longer than {timeout} ms")
        };
        Error::new(Kind::Timeout, message).in_phase(phase)
    }

    /// Repeats a non-blocking call on a socket until it does not return `WouldBlock`, and returns its result. Waits for the
    /// socket between the calls.
    pub(crate) fn run_until_ready<T>(
        &self,
        step: &Step,
        socket: &Socket,
        readiness: Readiness,
        mut call: impl FnMut() -> io::Result<T>,
    ) -> Result<io::Result<T>> {
        loop {
            // Checked before each call, because a peer that sends single bytes never lets it wait.
            self.check_cancelled()?;
            // The process may have been stopped. Bytes that arrived during that time are in time.
            let has_passed = self.has_passed();
            match call() {
                Err(error) if has_passed && is_unready(&error) => {
                    return Err(self.timeout_error(step.phase, step.doing));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The call itself does not wait, because nothing could cancel it.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => drop(self.wait(socket.poll_fd(readiness))?),
                outcome => return Ok(outcome),
            }
        }
    }

    /// Repeats a call that waits by itself until it does not return `WouldBlock`, and returns its result.
    pub(super) fn retry<T>(&self, step: &Step, mut call: impl FnMut() -> io::Result<T>) -> Result<io::Result<T>> {
        loop {
            self.check(step)?;
            match call() {
                Err(error) if is_unready(&error) => {}
                outcome => return Ok(outcome),
            }
        }
    }

    /// Waits until the descriptor is ready or the deadline has passed.
    pub(super) fn wait(&self, fd: PollFd<'_>) -> Result<Waited> {
        self.wait_for_any(&mut vec![fd])
    }

    /// Waits until one of the descriptors is ready or the deadline has passed.
    pub(super) fn wait_for_any<'f>(&self, fds: &mut Vec<PollFd<'f>>) -> Result<Waited>
    where
        'a: 'f,
    {
        let count = fds.len();
        fds.extend(self.cancel.iter().filter_map(|source| source.poll_fd()));
        loop {
            self.check_cancelled()?;
            let timeout = self.remaining().and_then(|remaining| Timespec::try_from(remaining).ok());
            match poll(fds, timeout.as_ref()) {
                Ok(0) => return Ok(Waited::TimedOut),
                Ok(_) => {
                    // A cancellation may have made a descriptor ready.
                    self.check_cancelled()?;
                    if fds[..count].iter().any(|fd| !fd.revents().is_empty()) {
                        return Ok(Waited::Ready);
                    }
                    if self.has_passed() {
                        return Ok(Waited::TimedOut);
                    }
                    self.cancel.iter().for_each(|source| source.resume());
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Error::os(Kind::Internal, "could not wait for the socket", &errno.into())),
            }
        }
    }

    /// Returns an error if the opening is cancelled.
    pub(super) fn check_cancelled(&self) -> Result<()> {
        self.cancel.iter().try_for_each(|source| source.check())
    }

    /// Returns the remaining time, or `None` without a limit.
    fn remaining(&self) -> Option<Duration> {
        self.at.map(|at| at.saturating_duration_since(Instant::now()))
    }
}

fn is_unready(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}
