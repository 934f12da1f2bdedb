//! Receiving on the caller's thread. Of the threads that receive, one is the reader: it sleeps in the kernel on the socket
//! itself, decodes in place and returns. The others wait to follow it.

mod pushed;

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::deadline::Deadline;
use super::delivery::Delivery;
use super::handoff::Left;
use super::inbox::Taken;
use super::logging::Later;
use super::reading::Answers;
use super::receive_wait::{Sleep, Stopped, late};
use super::{Reader, Session, Verdict};
use crate::error::{Error, Kind, Result};
use crate::protocol::{Event, Frame};
pub(super) use pushed::{ForGroup, ForListener};

/// How many control frames a call decodes before it looks at the clock.
const CONTROL_FRAMES: usize = 256;

/// How long a call that does not wait waits at a time for the driver to leave.
pub(super) const MOMENT: Duration = Duration::from_millis(1);

/// Memory for small messages.
pub(crate) trait Memory {
    /// Some that can be used again, or none.
    fn small(&mut self) -> Vec<u8>;
}

/// How reading ended.
enum Led {
    Frame(Frame),
    /// The inbox has something, the session has ended, or something is to be done without being the reader.
    Look,
    /// There is more to decode, but the call's time may be up.
    Yield,
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
            && self.is_receivable()
            && let Some((received, left)) = self
                .reader
                .try_enter(|reader| self.noting_buffered(reader, |reader| self.decode_small(reader, memory, &mut fits)))
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
                self.put_back(frame);
                Err(unfit)
            }
        })
    }

    /// Whether the peer has to take pongs first. The descriptor then ignores the socket, and what was read from it, until it has.
    #[cold]
    fn stops_reading(&self) -> bool {
        let mut outbox = self.outbox.lock();
        if self.delivery() == Delivery::Pulled {
            return outbox.is_clogged();
        }
        let stops = outbox.stops_driver();
        if stops && let Some(socket) = &*self.socket.lock() {
            if let Some(readiness) = self.readiness.get() {
                readiness.pause(socket);
            }
            if let Some(member) = self.group.get() {
                member.group.unwatch(socket);
            }
            self.inbox.set_paused(true);
        }
        stops
    }

    fn is_clogged(&self) -> bool {
        self.is_blocked.load(Ordering::Relaxed) && self.outbox.lock().is_clogged()
    }

    /// The peer has taken pongs.
    pub(super) fn resume_reading(&self) {
        self.wake_driver();
        if let Some(socket) = &*self.socket.lock() {
            if let Some(readiness) = self.readiness.get() {
                readiness.resume(socket);
            }
            if let Some(member) = self.group.get() {
                member.group.watch(member, &self.me, socket);
            }
            self.inbox.set_paused(false);
        }
        if self.delivery() == Delivery::Grouped {
            // The reader may hold more.
            self.note_news();
        }
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
            let sleep = Sleep::new(self, &mut deadline, &mut waiter);
            let later = Later::begin();
            let lead = |reader: &mut Option<Reader>| {
                self.noting_buffered(reader, |reader| self.lead(reader, sleep, memory, &mut fits))
            };
            let led = if waits || self.is_signalled() {
                self.reader.enter(has_followed, lead)
            } else {
                self.reader.try_enter(lead)
            };
            if let Some((led, left)) = led {
                self.left(left);
                drop(later);
                match led {
                    Ok(Led::Frame(frame)) => break Ok(frame),
                    Ok(Led::Look | Led::Yield) => continue,
                    Err(error) => break Err(error),
                }
            }
            drop(later);
            if deadline == Deadline::Now && self.is_signalled() && self.reader.handoff().is_driver_inside() {
                // It does not wait, and leaves soon. Another thread may be woken for that.
                self.inbox.wait(ticket, Deadline::Within(MOMENT).fixed());
                has_followed = true;
                continue;
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

    /// Keeps what was decoded and did not fit, for the next call. Nothing is in the inbox: it is the oldest.
    fn put_back(&self, frame: Frame) {
        let size = frame.payload.len();
        let memory = frame.payload.capacity();
        self.inbox.put_back(frame, size, memory);
        self.note_news();
    }

    /// Hands over messages that need no waiting, for a batch, until `take` has enough.
    pub(crate) fn receive_more<M: Memory>(&self, memory: &mut M, mut take: impl FnMut(&mut M, Frame) -> bool) {
        while let Ok(Some(message)) = self.take(|_| Ok(())) {
            if !take(memory, message) {
                return;
            }
        }
        let _later = Later::begin();
        let decode = |reader: &mut Option<Reader>| {
            let Some(reader) = reader.as_mut().filter(|reader| reader.held.is_none() && !self.inbox.has_news()) else {
                return;
            };
            let mut answers = Answers::new(self);
            while let Some(received) = reader.incoming.poll(&self.limits(), || memory.small()) {
                match received {
                    Event::Yield => break,
                    Event::Frame(frame) => {
                        self.counts.note_frame(&frame, &reader.incoming);
                        if !take(memory, frame) {
                            break;
                        }
                    }
                    // It waits for its turn, behind the messages that the application is about to see.
                    Event::ProtocolError(error) => reader.held = Some(error),
                    other => answers.deliver(other),
                }
                // A control frame is to be seen in its place.
                if self.inbox.has_news() {
                    break;
                }
            }
        };
        let decoded = self.reader.try_enter(|reader| self.noting_buffered(reader, decode));
        if let Some(((), left)) = decoded {
            self.left(left);
        }
    }

    /// Reads as the reader, and then updates the descriptor, if there is one.
    #[inline]
    fn noting_buffered<R>(&self, reader: &mut Option<Reader>, read: impl FnOnce(&mut Option<Reader>) -> R) -> R {
        let outcome = read(reader);
        if self.is_signalled()
            && let Some(reader) = reader
        {
            self.note_buffered(reader);
        }
        outcome
    }

    /// The calling thread has stopped being the reader.
    #[inline]
    pub(super) fn left(&self, left: Left) {
        if left.follower {
            self.inbox.wake_one();
            self.note_missed();
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
            let led = self.decode(reader, memory, &mut *fits)?;
            if let Some(led @ (Led::Frame(_) | Led::Look)) = led {
                return Ok(led);
            }
            // All that was read before is decoded. Before the verdict there is no status to end the inbox with.
            if led.is_none() && self.ending.is_aborted() && self.ending.verdict().is_some() {
                self.end_inbox();
                return Ok(Led::Look);
            }
            if led.is_some() {
                sleep.look_at_clock()?;
            }
            // What was logged is told by a thread that does not read.
            if sleep.must_leave() || Later::has_lines() {
                return Ok(Led::Look);
            }
            if self.is_blocked.load(Ordering::Relaxed) && self.stops_reading() {
                sleep.until_sent()?;
                continue;
            }
            if led.is_some() {
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

    /// Decodes what has been read, up to the next message or for a while. None when there is nothing more.
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
        if reader.incoming.wants_memory()
            && let Some(memory) = self.spares.take()
        {
            reader.incoming.recycle(memory);
        }
        let (mut answers, mut left) = (Answers::new(self), CONTROL_FRAMES);
        while let Some(received) = reader.incoming.poll(&self.limits(), || memory.small()) {
            match received {
                Event::Yield => left = 1,
                Event::Frame(frame) => {
                    self.counts.note_frame(&frame, &reader.incoming);
                    if let Err(unfit) = fits(&frame) {
                        self.put_back(frame);
                        return Err(unfit);
                    }
                    return Ok(Some(Led::Frame(frame)));
                }
                other => answers.deliver(other),
            }
            // The end, or a control frame that is to be seen in its place.
            if self.inbox.has_news() {
                return Ok(Some(Led::Look));
            }
            left -= 1;
            if left == 0 {
                return Ok(Some(Led::Yield));
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
