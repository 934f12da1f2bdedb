//! How the reading thread waits for bytes: in `recv` on the socket, or in `poll` on the socket and the interrupt descriptor.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::session::Session;
use crate::session::deadline::Deadline;
use crate::session::interrupt::Waiter;
use crate::session::recv::reader::Reader;
use crate::transport::{KERNEL_SLEEP_FROM, Readiness, Waiting};

/// How many reads a call makes for one message before it checks its deadline.
const READS_WITHOUT_WAITING: usize = 16;

/// How long a call with a timeout of 0 decodes received bytes.
const LONGEST_DECODING: Duration = Duration::from_millis(2);

/// If bytes arrive within this time, the next wait sleeps in `recv`.
const SOON: Duration = Duration::from_millis(2);

/// A thread that has waited for this long releases memory before it waits further.
const RELEASE_AFTER: Duration = Duration::from_millis(10);

/// After this many failures in a row, spinning pauses for this many sleeps.
const SPIN_CREDIT: i32 = 4;
const SPIN_PAUSE: i32 = 32;

/// Why waiting for bytes ended.
pub(crate) enum Stopped {
    /// The call returns this; the session goes on.
    Error(Error),
    /// The stream has failed.
    Stream(io::Error),
    /// No bytes came; the caller checks the session's state and waits again.
    Again,
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// How the reader waits for bytes.
pub(crate) struct Sleep<'a, 's> {
    session: &'s Session,
    deadline: &'a mut Deadline,
    /// The registration of the call, once it waits.
    waiter: &'a mut Option<Waiter<'s>>,
    /// Since when the call has slept in `poll`.
    since: Option<Instant>,
    /// The call has waited for [`RELEASE_AFTER`].
    has_released: bool,
    reads: usize,
    /// Since when a call that does not wait has decoded.
    decodes_since: Option<Instant>,
    caller: Caller,
}

/// The kind of thread that receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    Call,
    Dispatch,
    Group,
}

impl<'a, 's> Sleep<'a, 's> {
    pub(crate) fn new(session: &'s Session, deadline: &'a mut Deadline, waiter: &'a mut Option<Waiter<'s>>) -> Self {
        Self {
            session,
            deadline,
            waiter,
            since: None,
            has_released: false,
            reads: 0,
            decodes_since: None,
            caller: Caller::Call,
        }
    }

    /// Sets the kind of thread, if it is not a call of the session. Interrupts only end calls.
    pub(crate) fn of(self, caller: Caller) -> Self {
        Self { caller, ..self }
    }

    /// Whether the thread has to stop reading: only the driver may read, messages go elsewhere, or there are other callbacks to
    /// call.
    pub(crate) fn must_leave(&self) -> bool {
        let is_elsewhere = match self.caller {
            Caller::Call => !self.session.delivery.is_receivable(),
            Caller::Dispatch => self.session.listener.dispatch.is_requested(),
            Caller::Group => false,
        };
        is_elsewhere || self.session.recv.reader.word().is_reserved()
    }

    /// Waits for bytes and reads them: 0 at the end of the stream.
    pub(crate) fn until_received(&mut self, reader: &mut Reader) -> std::result::Result<usize, Stopped> {
        let session = self.session;
        session.send.has_received.store(true, Ordering::Relaxed);
        if session.send.holds_back.load(Ordering::Relaxed) {
            session.flush_or_leave();
        }
        *self.deadline = self.deadline.fixed();
        if let Some(waiter) = &self.waiter {
            waiter.check()?;
        }
        self.reads += 1;
        if self.reads > READS_WITHOUT_WAITING && self.deadline.has_passed() {
            return Err(late().into());
        }
        if std::mem::take(&mut reader.is_emptied) && self.deadline.has_passed() && session.delivery.is_signalled() {
            // Bytes that have arrived since then make the descriptor readable.
            reader.has_more = false;
            session.recv.record_empty();
            return Err(late().into());
        }
        loop {
            let in_kernel = self.sleeps_in_kernel(reader);
            if self.since.is_none()
                && let Some(count) = self.spin(reader)
            {
                return count.map_err(Stopped::Stream);
            }
            if in_kernel {
                self.begin()?;
            }
            match session.receive_bytes(reader, if in_kernel { Waiting::Kernel } else { Waiting::No }) {
                Ok(count) => {
                    if let Some(since) = self.since {
                        reader.comes_soon = since.elapsed() < SOON;
                    }
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(Stopped::Again),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    reader.comes_soon &= !in_kernel;
                    // While this thread waits, the bytes that it has decoded do not make the descriptor readable.
                    if session.delivery.is_signalled() {
                        session.record_buffered(reader);
                    }
                    let since = *self.since.get_or_insert_with(Instant::now);
                    if !self.has_released && since.elapsed() >= RELEASE_AFTER {
                        self.release_memory(reader);
                    }
                    self.poll(Readiness::Receive)?;
                    if self.must_leave() {
                        return Err(Stopped::Again);
                    }
                }
                Err(error) => return Err(Stopped::Stream(error)),
            }
        }
    }

    /// Whether to sleep in `recv`: the peer answers quickly, there is no event descriptor to update, and the session was never
    /// interrupted. An interrupt takes effect at once in `poll`, but in `recv` only when the kernel returns.
    fn sleeps_in_kernel(&self, reader: &Reader) -> bool {
        reader.comes_soon
            && (self.caller == Caller::Dispatch
                || (!self.session.delivery.is_signalled()
                    && !self.session.interrupts.has_woken()
                    && self.deadline.left().is_none_or(|left| left >= KERNEL_SLEEP_FROM)))
    }

    /// Releases memory, because the wait may be long.
    fn release_memory(&mut self, reader: &mut Reader) {
        reader.incoming.shrink();
        reader.receiver.release();
        self.has_released = true;
    }

    /// Fails when the time of the call is over, even if there is more to decode.
    pub(crate) fn check_time(&mut self) -> Result<()> {
        *self.deadline = self.deadline.fixed();
        if *self.deadline != Deadline::Now {
            self.begin()?;
        }
        let is_late = match *self.deadline {
            Deadline::Now => self.decodes_since.get_or_insert_with(Instant::now).elapsed() >= LONGEST_DECODING,
            deadline => deadline.has_passed(),
        };
        if is_late { Err(late()) } else { Ok(()) }
    }

    /// Waits until the socket is writable, and sends what is queued.
    pub(crate) fn until_sent(&mut self) -> Result<()> {
        self.poll(Readiness::Send)?;
        self.session.flush_or_leave();
        Ok(())
    }

    /// Sleeps in `poll`.
    fn poll(&mut self, readiness: Readiness) -> Result<()> {
        *self.deadline = self.deadline.fixed();
        let left = self.deadline.left();
        if left == Some(Duration::ZERO) {
            return Err(late());
        }
        let wake = self.session.interrupts.wake().ok();
        // Without a wake-up descriptor the thread polls for interrupts. It also wakes once to release memory.
        let is_limited = wake.is_none() || (!self.has_released && readiness == Readiness::Receive);
        let left = if is_limited { Some(left.unwrap_or(RELEASE_AFTER).min(RELEASE_AFTER)) } else { left };
        self.begin()?;
        // A thread that reserves the read lock after this check sees the descriptor and wakes this thread.
        if self.must_leave() {
            return Ok(());
        }
        let Some(socket) = self.session.socket.lock().clone() else { return Ok(()) };
        socket
            .wait(readiness, wake, left)
            .map_err(|error| Error::os(Kind::Internal, "could not wait for the socket", &error))?;
        if let Some(wake) = wake {
            wake.drain();
        }
        self.begin()
    }

    /// Registers the call as waiting. Fails if it was interrupted.
    fn begin(&mut self) -> Result<()> {
        match self.waiter {
            _ if self.caller != Caller::Call => Ok(()),
            Some(waiter) => waiter.check(),
            None => {
                *self.waiter = Some(self.session.interrupts.begin()?);
                Ok(())
            }
        }
    }

    /// Spins for bytes, unless spinning pauses. Returns None if no bytes arrived.
    fn spin(&self, reader: &mut Reader) -> Option<io::Result<usize>> {
        if self.session.shared_options.spin.is_zero() {
            return None;
        }
        if reader.spin_credit < 0 {
            reader.spin_credit += 1;
            return None;
        }
        let start = Instant::now();
        loop {
            match self.session.receive_bytes(reader, Waiting::No) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                received => {
                    reader.spin_credit = SPIN_CREDIT;
                    return Some(received);
                }
            }
            if start.elapsed() >= self.session.shared_options.spin {
                reader.spin_credit = if reader.spin_credit > 1 { reader.spin_credit - 1 } else { -SPIN_PAUSE };
                return None;
            }
            std::hint::spin_loop();
        }
    }
}

pub(crate) fn late() -> Error {
    Error::new(Kind::Timeout, "no message came in time")
}
