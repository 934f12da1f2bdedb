//! Receiving on the caller's thread. Of the threads that receive, one is the reader: it sleeps in the kernel on the socket
//! itself, decodes in place and returns. The others wait to follow it.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::deadline::Deadline;
use super::handoff::Left;
use super::inbox::Taken;
use super::interrupts::Waiter;
use super::{Reader, Session, Verdict};
use crate::error::{Error, Kind, Result};
use crate::protocol::{Frame, Received};
use crate::transport::{KERNEL_SLEEP_FROM, Readiness, Waiting};

/// How many reads a call makes for one message before it looks at the clock.
const READS_WITHOUT_WAITING: usize = 16;

/// Bytes that come within this time make the next wait one in `recv`.
const SOON: Duration = Duration::from_millis(2);

/// A thread that has waited for this long gives memory back before it goes on waiting.
const REST_AFTER: Duration = Duration::from_millis(10);

/// Spinning is given up after it failed so often in a row, for so many sleeps.
const SPIN_CREDIT: i32 = 4;
const SPIN_PAUSE: i32 = 32;

/// Memory for small messages.
pub(crate) trait Memory {
    /// Some that can be used again, or none.
    fn small(&mut self) -> Vec<u8>;
}

/// How reading ended.
enum Led {
    Frame(Frame),
    /// The inbox has something, or the session has ended.
    Look,
}

impl Session {
    /// The oldest message.
    pub(crate) fn receive(&self, deadline: Deadline, memory: &mut impl Memory) -> Result<Frame> {
        self.receive_if(deadline, memory, |_| Ok(()))
    }

    /// The oldest message if `fits` lets it go; else it stays, and its error is returned.
    #[inline]
    pub(crate) fn receive_if(
        &self,
        deadline: Deadline,
        memory: &mut impl Memory,
        fits: impl FnMut(&Frame) -> Result<()>,
    ) -> Result<Frame> {
        let mut fits = fits;
        if !self.inbox.has_news()
            && let Some((received, left)) = self.reader.try_enter(|reader| self.decode_small(reader, memory, &mut fits))
        {
            self.left(left);
            if let Some(received) = received {
                return received;
            }
        }
        self.receive_slowly(deadline, memory, fits)
    }

    /// What most messages need of [`decode`](Self::decode), without the steps that they do not. None says nothing of what
    /// is there.
    #[inline]
    fn decode_small(
        &self,
        reader: &mut Option<Reader>,
        memory: &mut impl Memory,
        fits: impl FnOnce(&Frame) -> Result<()>,
    ) -> Option<Result<Frame>> {
        let Some(Reader { incoming, held: None, .. }) = reader else { return None };
        // Asked again by the one who is the reader now.
        if self.inbox.has_news() {
            return None;
        }
        let frame = incoming.poll_small(&self.limits(), || memory.small())?;
        self.counts.note_frame(&frame, incoming);
        Some(match fits(&frame) {
            Ok(()) => Ok(frame),
            Err(unfit) => {
                self.push(frame);
                Err(unfit)
            }
        })
    }

    fn receive_slowly(
        &self,
        mut deadline: Deadline,
        memory: &mut impl Memory,
        mut fits: impl FnMut(&Frame) -> Result<()>,
    ) -> Result<Frame> {
        let (mut waiter, mut has_followed) = (None, false);
        let received = loop {
            self.check_receivable()?;
            let ticket = self.inbox.ticket();
            if let Some(found) = self.take(&mut fits).transpose() {
                break found;
            }
            let waits = deadline != Deadline::Now;
            let sleep = Sleep {
                session: self,
                deadline: &mut deadline,
                waiter: &mut waiter,
                since: None,
                rests: false,
                reads: 0,
            };
            let lead = |reader: &mut Option<Reader>| self.lead(reader, sleep, memory, &mut fits);
            let led = if waits { self.reader.enter(has_followed, lead) } else { self.reader.try_enter(lead) };
            if let Some((led, left)) = led {
                self.left(left);
                match led {
                    Ok(Led::Frame(frame)) => break Ok(frame),
                    Ok(Led::Look) => continue,
                    Err(error) => break Err(error),
                }
            }
            deadline = deadline.fixed();
            if deadline.has_passed() {
                break Err(late());
            }
            let outcome = match &waiter {
                Some(waiter) => waiter.check(),
                None => self.interrupts.begin().map(|begun| waiter = Some(begun)),
            };
            if let Err(interrupted) = outcome {
                break Err(interrupted);
            }
            has_followed = true;
            self.inbox.wait(ticket, deadline);
        };
        if has_followed {
            // What woke this call may have been for another one.
            self.inbox.wake_one();
        }
        received
    }

    /// Takes what the driver has read.
    fn take(&self, fits: impl FnOnce(&Frame) -> Result<()>) -> Result<Option<Frame>> {
        if !self.inbox.has_news() {
            return Ok(None);
        }
        match self.inbox.take(fits, || self.wake_driver())? {
            Taken::Message(message) => {
                self.note_taken();
                Ok(Some(message))
            }
            Taken::Nothing => Ok(None),
            Taken::Ended => Err(self.ended_error()),
        }
    }

    /// Hands over messages that need no waiting, for a batch, until `take` has enough.
    pub(crate) fn receive_more<M: Memory>(&self, memory: &mut M, mut take: impl FnMut(&mut M, Frame) -> bool) {
        while let Ok(Some(message)) = self.take(|_| Ok(())) {
            if !take(memory, message) {
                return;
            }
        }
        let decoded = self.reader.try_enter(|reader| {
            let Some(reader) = reader.as_mut().filter(|reader| reader.held.is_none() && !self.inbox.has_news()) else {
                return;
            };
            while let Some(received) = reader.incoming.poll(&self.limits(), || memory.small()) {
                match received {
                    Received::Frame(frame) => {
                        self.counts.note_frame(&frame, &reader.incoming);
                        if !take(memory, frame) {
                            break;
                        }
                    }
                    // It waits for its turn, behind the messages that the application is about to see.
                    Received::Violation(error) => reader.held = Some(error),
                    other => self.deliver(other),
                }
                // A control frame is to be seen in its place.
                if self.inbox.has_news() {
                    break;
                }
            }
        });
        if let Some(((), left)) = decoded {
            self.left(left);
        }
    }

    /// The calling thread has stopped being the reader.
    pub(super) fn left(&self, left: Left) {
        if left.follower {
            self.inbox.wake_one();
        }
        if left.driver {
            self.wake_driver();
        }
    }

    /// Reads as the reader, until there is a message or it is time to look around.
    fn lead(
        &self,
        reader: &mut Option<Reader>,
        mut sleep: Sleep<'_, '_>,
        memory: &mut impl Memory,
        fits: &mut impl FnMut(&Frame) -> Result<()>,
    ) -> Result<Led> {
        let Some(reader) = reader else { return Ok(Led::Look) };
        loop {
            if let Some(led) = self.decode(reader, memory, &mut *fits)? {
                return Ok(led);
            }
            if self.reader.handoff().is_kept() {
                return Ok(Led::Look);
            }
            if self.is_blocked.load(Ordering::Relaxed) && self.outbox.lock().is_clogged() {
                sleep.until_sent()?;
                continue;
            }
            match sleep.until_received(reader) {
                Ok(0) => {
                    self.end_with_stream(None, &reader.incoming);
                    return Ok(Led::Look);
                }
                Ok(_) | Err(Stopped::Again) => {}
                Err(Stopped::Error(error)) => return Err(error),
                Err(Stopped::Stream(error)) => {
                    self.end_with_stream(Some(&error), &reader.incoming);
                    return Ok(Led::Look);
                }
            }
        }
    }

    /// Decodes what has been read, up to the next message. None when there is nothing more.
    fn decode(
        &self,
        reader: &mut Reader,
        memory: &mut impl Memory,
        fits: impl FnOnce(&Frame) -> Result<()>,
    ) -> Result<Option<Led>> {
        if self.inbox.has_news() {
            return Ok(Some(Led::Look));
        }
        // The application has taken all that came before it, and asks for more.
        self.fail_held(reader);
        if reader.incoming.lacks_memory()
            && let Some(memory) = self.spares.take()
        {
            reader.incoming.offer(memory);
        }
        while let Some(received) = reader.incoming.poll(&self.limits(), || memory.small()) {
            match received {
                Received::Frame(frame) => {
                    self.counts.note_frame(&frame, &reader.incoming);
                    if let Err(unfit) = fits(&frame) {
                        self.push(frame);
                        return Err(unfit);
                    }
                    return Ok(Some(Led::Frame(frame)));
                }
                other => self.deliver(other),
            }
            // The end, or a control frame that is to be seen in its place.
            if self.inbox.has_news() {
                return Ok(Some(Led::Look));
            }
        }
        Ok(self.inbox.has_news().then_some(Led::Look))
    }

    /// Why the session has ended, as an error: `Closed` where it ended cleanly.
    pub(super) fn ended_error(&self) -> Error {
        match self.ending.verdict() {
            Some(Verdict { error: Some(error), .. }) => error.clone(),
            _ => Error::new(Kind::Closed, "the session is closed"),
        }
    }
}

/// What ends waiting for bytes.
enum Stopped {
    /// The call returns this; the session goes on.
    Error(Error),
    /// The stream is over.
    Stream(io::Error),
    /// Nothing, but it is time to look around.
    Again,
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// How the reader waits for bytes.
struct Sleep<'a, 's> {
    session: &'s Session,
    deadline: &'a mut Deadline,
    /// The call's, from when it waits.
    waiter: &'a mut Option<Waiter<'s>>,
    /// Since when the call has slept in `poll`.
    since: Option<Instant>,
    /// The call has waited for [`REST_AFTER`].
    rests: bool,
    reads: usize,
}

impl Sleep<'_, '_> {
    /// Waits for bytes and reads them: 0 at the end of the stream.
    fn until_received(&mut self, reader: &mut Reader) -> std::result::Result<usize, Stopped> {
        let session = self.session;
        session.has_received.store(true, Ordering::Relaxed);
        if session.holds_back.load(Ordering::Relaxed) {
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
                    let since = *self.since.get_or_insert_with(Instant::now);
                    if !self.rests && since.elapsed() >= REST_AFTER {
                        self.rest(reader);
                    }
                    self.poll(Readiness::Receive)?;
                    if session.reader.handoff().is_kept() {
                        return Err(Stopped::Again);
                    }
                }
                Err(error) => return Err(Stopped::Stream(error)),
            }
        }
    }

    /// Whether to sleep in `recv`: the peer answers quickly, and nobody interrupts this session. In `poll` an interrupt
    /// takes effect at once, in `recv` when the kernel returns.
    fn sleeps_in_kernel(&self, reader: &Reader) -> bool {
        reader.comes_soon
            && !self.session.interrupts.has_woken()
            && self.deadline.left().is_none_or(|left| left >= KERNEL_SLEEP_FROM)
    }

    /// Gives back memory: the wait may be long.
    fn rest(&mut self, reader: &mut Reader) {
        reader.incoming.shrink();
        reader.receiver.release();
        self.rests = true;
    }

    /// Waits until the kernel has taken what the peer has to take first.
    fn until_sent(&mut self) -> Result<()> {
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
        // Without an event descriptor it looks around now and then; and once to give memory back.
        let looks_again = wake.is_none() || (!self.rests && readiness == Readiness::Receive);
        let left = if looks_again { Some(left.unwrap_or(REST_AFTER).min(REST_AFTER)) } else { left };
        self.begin()?;
        // Whoever keeps it now sees the descriptor.
        if self.session.reader.handoff().is_kept() {
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

    /// The call waits from now on, or was interrupted.
    fn begin(&mut self) -> Result<()> {
        match self.waiter {
            Some(waiter) => waiter.check(),
            None => {
                *self.waiter = Some(self.session.interrupts.begin()?);
                Ok(())
            }
        }
    }

    /// Looks for bytes for a while without sleeping, as long as that has paid lately. None when none came.
    fn spin(&self, reader: &mut Reader) -> Option<io::Result<usize>> {
        if self.session.terms.spin.is_zero() {
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
            if start.elapsed() >= self.session.terms.spin {
                reader.spin_credit = if reader.spin_credit > 1 { reader.spin_credit - 1 } else { -SPIN_PAUSE };
                return None;
            }
            std::hint::spin_loop();
        }
    }
}

fn late() -> Error {
    Error::new(Kind::Timeout, "no message came in time")
}
