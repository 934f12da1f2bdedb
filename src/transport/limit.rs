//! Waiting while a connection is opened: for a limited time, and until it is stopped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fmt, io};

use rustix::event::{PollFd, Timespec, poll};
use rustix::io::Errno;

use crate::error::{Error, Kind, Phase, Result};
use crate::fork;
use crate::transport::{Readiness, Socket, Wake};

/// What ends the opening of a connection early.
pub(crate) trait Stopping: fmt::Debug {
    /// An error when it is to end.
    fn check(&self) -> Result<()>;

    /// What is readable then, asked for before checking.
    fn wake(&self) -> Option<PollFd<'_>>;

    /// It was readable, and opening is not to end after all.
    fn resume(&self);
}

/// All that may end an opening.
pub(crate) type Stops<'a> = [&'a dyn Stopping; 2];

/// Ends the opening of connections from another thread, once and for all.
#[derive(Debug)]
pub(crate) struct Stop {
    why: &'static str,
    /// That of the process that opens the connections.
    generation: u64,
    stopped: AtomicBool,
    wake: Wake,
}

impl Stop {
    /// `why` is what the error says.
    pub(crate) fn new(why: &'static str) -> io::Result<Self> {
        Ok(Self { why, generation: fork::generation(), stopped: AtomicBool::new(false), wake: Wake::new()? })
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake.wake();
    }
}

impl Stopping for Stop {
    fn check(&self) -> Result<()> {
        // A function of the application may have forked.
        if fork::is_inherited(self.generation) {
            return Err(Error::new(Kind::Forked, "the parent process opens the session"));
        }
        if self.stopped.load(Ordering::Acquire) { Err(Error::new(Kind::Aborted, self.why)) } else { Ok(()) }
    }

    fn wake(&self) -> Option<PollFd<'_>> {
        Some(self.wake.poll_fd())
    }

    fn resume(&self) {}
}

/// Nothing ends it.
#[derive(Debug)]
pub(crate) struct Unstoppable;

impl Stopping for Unstoppable {
    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn wake(&self) -> Option<PollFd<'_>> {
        None
    }

    fn resume(&self) {}
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
    stops: Stops<'a>,
    length: Duration,
    /// It is one on all of opening, not on the step under way.
    is_whole: bool,
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
    /// On all of opening, none for no limit.
    pub(crate) fn on_all(length: Option<Duration>, stops: Stops<'a>) -> Self {
        let deadline = length.and_then(|length| Instant::now().checked_add(length));
        Self { stops, length: length.unwrap_or_default(), is_whole: true, deadline }
    }

    /// The same with a limit on what begins now, where that is the earlier one. None for no limit.
    #[must_use]
    pub(super) fn within(self, length: Option<Duration>) -> Self {
        let Some((length, deadline)) = length.and_then(|length| Some((length, Instant::now().checked_add(length)?)))
        else {
            return self;
        };
        if self.deadline.is_some_and(|own| own <= deadline) {
            return self;
        }
        Self { length, is_whole: false, deadline: Some(deadline), ..self }
    }

    /// The same with an earlier deadline.
    #[must_use]
    pub(crate) fn until(self, deadline: Instant) -> Self {
        Self { deadline: Some(self.deadline.map_or(deadline, |own| own.min(deadline))), ..self }
    }

    pub(super) fn has_passed(&self) -> bool {
        self.left() == Some(Duration::ZERO)
    }

    /// An error where the time was over when a step was done, or opening is to end.
    pub(crate) fn keep(&self, step: &Step) -> Result<()> {
        self.check()?;
        if self.has_passed() { Err(self.exceeded(step.phase, step.doing)) } else { Ok(()) }
    }

    /// The error for a step that took too long.
    pub(super) fn exceeded(&self, phase: Phase, doing: &str) -> Error {
        let limit = self.length.as_millis();
        let message = if self.is_whole {
            format!("{doing} was not done after {limit} ms, the limit for opening the session")
        } else {
            format!("{doing} took longer than {limit} ms")
        };
        Error::new(Kind::Timeout, message).in_phase(phase)
    }

    /// Makes a call on a socket, which does not wait, until it need not, and returns its outcome.
    pub(crate) fn hold<T>(
        &self,
        step: &Step,
        socket: &Socket,
        readiness: Readiness,
        mut call: impl FnMut() -> io::Result<T>,
    ) -> Result<io::Result<T>> {
        loop {
            // Also of a peer that sends byte by byte.
            self.check()?;
            // This process may have been stopped: what has arrived meanwhile has come in time.
            let is_late = self.has_passed();
            match call() {
                Err(error) if is_late && is_unready(&error) => {
                    return Err(self.exceeded(step.phase, step.doing));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Not in the call itself, which could not be interrupted.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => drop(self.wait(socket.poll_fd(readiness))?),
                outcome => return Ok(outcome),
            }
        }
    }

    /// Makes a call again and again while it says `WouldBlock`, with nothing to wait for in between but the call itself.
    pub(super) fn retry<T>(&self, step: &Step, mut call: impl FnMut() -> io::Result<T>) -> Result<io::Result<T>> {
        loop {
            self.keep(step)?;
            match call() {
                Err(error) if is_unready(&error) => {}
                outcome => return Ok(outcome),
            }
        }
    }

    /// Sleeps until the descriptor is ready, or the time is up.
    pub(super) fn wait(&self, fd: PollFd<'_>) -> Result<Waited> {
        self.wait_for_any(&mut vec![fd])
    }

    /// Sleeps until one of the descriptors is ready, or the time is up.
    pub(super) fn wait_for_any<'f>(&self, fds: &mut Vec<PollFd<'f>>) -> Result<Waited>
    where
        'a: 'f,
    {
        let count = fds.len();
        fds.extend(self.stops.iter().filter_map(|stop| stop.wake()));
        loop {
            self.check()?;
            let timeout = self.left().and_then(|left| Timespec::try_from(left).ok());
            match poll(fds, timeout.as_ref()) {
                Ok(0) => return Ok(Waited::Late),
                Ok(_) => {
                    // What became ready may have become so by the stop.
                    self.check()?;
                    if fds[..count].iter().any(|fd| !fd.revents().is_empty()) {
                        return Ok(Waited::Ready);
                    }
                    if self.has_passed() {
                        return Ok(Waited::Late);
                    }
                    self.stops.iter().for_each(|stop| stop.resume());
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Error::os(Kind::Internal, "could not wait for the socket", &errno.into())),
            }
        }
    }

    /// An error when opening is to end.
    pub(super) fn check(&self) -> Result<()> {
        self.stops.iter().try_for_each(|stop| stop.check())
    }

    /// The time that is left, none for no limit.
    fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

fn is_unready(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}
