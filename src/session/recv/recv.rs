//! Receives on the caller's thread. One of the receiving threads is the reader: it sleeps on the socket itself, decodes in place
//! and returns. The others wait to become the reader.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use super::delivery::ReceiveMode;
use super::queue::Taken;
use super::read::Decoded;
use super::read_lock::word::ReleaseActions;
use super::wait::{Sleep, Stopped, late};
use crate::error::{Error, Kind, Result};
use crate::protocol::Frame;
use crate::session::CloseOutcome;
use crate::session::Session;
use crate::session::deadline::{Deadline, MOMENT};
use crate::session::log::Later;
use crate::session::recv::reader::Reader;
use crate::session::upcalls::BufferSource;

/// How many control frames a call decodes before it checks its deadline.
const CONTROL_FRAMES: usize = 256;

/// How reading ended.
pub(crate) enum LeaderOutcome {
    Frame(Frame),
    /// The receive queue has something, the session has ended, or there is work that requires releasing the read lock.
    Recheck,
    /// There is more to decode, but the call's time may be up.
    Yield,
}

impl Session {
    /// Receives the oldest message.
    pub(crate) fn receive(&self, deadline: Deadline, buffers: &mut impl BufferSource) -> Result<Frame> {
        self.receive_if(deadline, buffers, |_| Ok(()))
    }

    /// Receives the oldest message if `fits` accepts it. Otherwise the message stays, and the error of `fits` is returned.
    #[inline]
    pub(crate) fn receive_if(
        &self,
        deadline: Deadline,
        buffers: &mut impl BufferSource,
        fits: impl FnMut(&Frame) -> Result<()>,
    ) -> Result<Frame> {
        let mut fits = fits;
        if !self.recv.queue.is_ready()
            && self.delivery.is_receivable()
            && let Some((received, actions)) = self.recv.reader.try_enter(|reader| {
                self.read_and_update_signal(reader, |reader| self.decode_small(reader, buffers, &mut fits))
            })
        {
            self.released(actions);
            if let Some(received) = received {
                return received;
            }
        }
        self.receive_slowly(deadline, buffers, fits)
    }

    /// The fast path of [`decode_next`](Self::decode_next), which is enough for most messages. None does not mean that there is no
    /// message.
    #[inline]
    fn decode_small(
        &self,
        reader: &mut Option<Reader>,
        buffers: &mut impl BufferSource,
        fits: impl FnOnce(&Frame) -> Result<()>,
    ) -> Option<Result<Frame>> {
        let Some(Reader { incoming, deferred_error: None, .. }) = reader else { return None };
        // Checked again as the reader.
        if self.recv.queue.is_ready() {
            return None;
        }
        let frame = incoming.poll_small(&self.recv.limits(), |size| buffers.take(size))?;
        self.recv.counts.record_frame(&frame, incoming);
        Some(match fits(&frame) {
            Ok(()) => Ok(frame),
            Err(unfit) => {
                self.put_back(frame);
                Err(unfit)
            }
        })
    }

    /// Whether reading has to stop until the peer accepts pongs. The descriptor then ignores the socket, and bytes that were read
    /// from it, until reading resumes.
    #[cold]
    fn stops_reading(&self) -> bool {
        let mut send_queue = self.send.queue.lock();
        if self.delivery.mode() == ReceiveMode::Calls {
            return send_queue.control_backlogged();
        }
        let stops = send_queue.stops_driver();
        if stops && let Some(socket) = &*self.socket.lock() {
            if let Some(readiness) = self.delivery.readiness.get() {
                readiness.pause(socket);
            }
            if let Some(member) = self.delivery.group.get() {
                member.group.unwatch(socket);
            }
            self.recv.queue.set_paused(true);
        }
        stops
    }

    /// Resumes reading, because the peer has accepted pongs.
    pub(crate) fn resume_reading(&self) {
        self.wake_driver();
        if let Some(socket) = &*self.socket.lock() {
            if let Some(readiness) = self.delivery.readiness.get() {
                readiness.resume(socket);
            }
            if let Some(member) = self.delivery.group.get() {
                member.group.watch(member, self.me.clone(), socket);
            }
            self.recv.queue.set_paused(false);
        }
        if self.delivery.mode() == ReceiveMode::Group {
            // The reader may hold more.
            self.notify_ready();
        }
    }

    fn receive_slowly(
        &self,
        mut deadline: Deadline,
        buffers: &mut impl BufferSource,
        mut fits: impl FnMut(&Frame) -> Result<()>,
    ) -> Result<Frame> {
        let (mut waiter, mut has_followed) = (None, false);
        let received = loop {
            self.check_receivable()?;
            let wait_key = self.recv.queue.wait_key();
            if let Some(found) = self.take(&mut fits).transpose() {
                break found;
            }
            let waits = deadline != Deadline::Now;
            let sleep = Sleep::new(self, &mut deadline, &mut waiter);
            let later = Later::begin();
            let lead = |reader: &mut Option<Reader>| {
                self.read_and_update_signal(reader, |reader| self.lead(reader, sleep, buffers, &mut fits))
            };
            let led = if waits || self.delivery.is_signalled() {
                self.recv.reader.enter(has_followed, lead)
            } else {
                self.recv.reader.try_enter(lead)
            };
            if let Some((led, actions)) = led {
                self.released(actions);
                drop(later);
                match led {
                    Ok(LeaderOutcome::Frame(frame)) => break Ok(frame),
                    Ok(LeaderOutcome::Recheck | LeaderOutcome::Yield) => continue,
                    Err(error) => break Err(error),
                }
            }
            drop(later);
            if deadline == Deadline::Now && self.delivery.is_signalled() && self.recv.reader.word().is_driver_inside() {
                // The driver does not wait, and leaves soon. The wake-up may go to another thread.
                self.recv.queue.wait(wait_key, Deadline::Within(MOMENT).fixed());
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
            self.recv.queue.wait(wait_key, deadline);
        };
        if has_followed {
            // The wake-up of this call may have been for another one.
            self.recv.queue.wake_one();
        }
        received
    }

    /// Takes a message that the driver has read.
    fn take(&self, fits: impl FnOnce(&Frame) -> Result<()>) -> Result<Option<Frame>> {
        if !self.recv.queue.is_ready() {
            return Ok(None);
        }
        match self.recv.queue.take(fits, || self.wake_driver())? {
            Taken::Message(message) => {
                self.record_taken();
                Ok(Some(message))
            }
            Taken::Nothing => Ok(None),
            Taken::Ended => Err(self.ended_error()),
        }
    }

    /// Keeps a decoded message that did not fit for the next call. The receive queue is empty, so the message is the oldest.
    fn put_back(&self, frame: Frame) {
        let size = frame.payload.len();
        let memory = frame.payload.capacity();
        self.recv.queue.put_back(frame, size, memory);
        self.notify_ready();
    }

    /// Passes the messages that are available without waiting to `take`, until it returns false.
    pub(crate) fn receive_more<B: BufferSource>(&self, buffers: &mut B, mut take: impl FnMut(&mut B, Frame) -> bool) {
        while let Ok(Some(message)) = self.take(|_| Ok(())) {
            if !take(buffers, message) {
                return;
            }
        }
        let _later = Later::begin();
        let decode = |reader: &mut Option<Reader>| {
            let Some(reader) =
                reader.as_mut().filter(|reader| reader.deferred_error.is_none() && !self.recv.queue.is_ready())
            else {
                return;
            };
            // A protocol error is deferred until the application has received the messages before it. A control frame that was
            // queued is received next.
            self.decode_events(
                reader,
                buffers,
                || !self.recv.queue.is_ready(),
                |buffers, frame| if take(buffers, frame) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) },
            );
        };
        let decoded = self.recv.reader.try_enter(|reader| self.read_and_update_signal(reader, decode));
        if let Some(((), actions)) = decoded {
            self.released(actions);
        }
    }

    /// Reads as the reader, and then updates the event descriptor, if there is one.
    #[inline]
    fn read_and_update_signal<R>(&self, reader: &mut Option<Reader>, read: impl FnOnce(&mut Option<Reader>) -> R) -> R {
        let outcome = read(reader);
        if self.delivery.is_signalled()
            && let Some(reader) = reader
        {
            self.record_buffered(reader);
        }
        outcome
    }

    /// Does what releasing the read lock requires.
    #[inline]
    pub(crate) fn released(&self, actions: ReleaseActions) {
        if actions.follower {
            self.recv.queue.wake_one();
            self.notify_missed();
        }
        if actions.driver {
            self.wake_driver();
        }
    }

    /// Reads as the reader, until there is a message or another reason to return.
    pub(crate) fn lead(
        &self,
        reader: &mut Option<Reader>,
        mut sleep: Sleep<'_, '_>,
        buffers: &mut impl BufferSource,
        fits: &mut impl FnMut(&Frame) -> Result<()>,
    ) -> Result<LeaderOutcome> {
        let Some(reader) = reader else { return Ok(LeaderOutcome::Recheck) };
        loop {
            let led = self.decode_next(reader, buffers, fits)?;
            if let Some(led @ (LeaderOutcome::Frame(_) | LeaderOutcome::Recheck)) = led {
                return Ok(led);
            }
            // All bytes that were read are decoded. Without an outcome there is no status to end the receive queue with.
            if led.is_none() && self.close_state.is_aborted() && self.close_state.close_outcome().is_some() {
                self.end_queue();
                return Ok(LeaderOutcome::Recheck);
            }
            if led.is_some() {
                sleep.check_time()?;
            }
            // Deferred log messages are passed to the sink after the read lock is released.
            if sleep.must_leave() || Later::has_lines() {
                return Ok(LeaderOutcome::Recheck);
            }
            if self.send.is_blocked.load(Ordering::Relaxed) && self.stops_reading() {
                sleep.until_sent()?;
                continue;
            }
            if led.is_some() {
                continue;
            }
            match sleep.until_received(reader) {
                Ok(0) => {
                    self.end_with_stream(None, &reader.incoming);
                    return Ok(LeaderOutcome::Recheck);
                }
                Ok(_) | Err(Stopped::Again) => {}
                Err(Stopped::Error(error)) => return Err(error),
                Err(Stopped::Stream(error)) => {
                    self.end_with_stream(Some(&error), &reader.incoming);
                    return Ok(LeaderOutcome::Recheck);
                }
            }
        }
    }

    /// Decodes what has been read, up to the next message or for a while. Returns None if more bytes are needed.
    fn decode_next(
        &self,
        reader: &mut Reader,
        buffers: &mut impl BufferSource,
        fits: &mut impl FnMut(&Frame) -> Result<()>,
    ) -> Result<Option<LeaderOutcome>> {
        if self.recv.queue.is_ready() {
            return Ok(Some(LeaderOutcome::Recheck));
        }
        // The application has received all messages before a deferred error, and asks for more.
        self.raise_deferred_error(reader);
        let mut events = 0;
        // The queue is ready when it has ended, or when it has a control frame, which the application receives next.
        let goes_on = || {
            events += 1;
            !self.recv.queue.is_ready() && events <= CONTROL_FRAMES
        };
        let decoded = self.decode_events(reader, buffers, goes_on, |_, frame| {
            ControlFlow::Break(match fits(&frame) {
                Ok(()) => Ok(frame),
                Err(unfit) => {
                    self.put_back(frame);
                    Err(unfit)
                }
            })
        });
        Ok(match decoded {
            Decoded::Taken(frame) => Some(LeaderOutcome::Frame(frame?)),
            Decoded::Error => {
                self.raise_deferred_error(reader);
                Some(LeaderOutcome::Recheck)
            }
            _ if self.recv.queue.is_ready() => Some(LeaderOutcome::Recheck),
            Decoded::Stopped | Decoded::Unfinished => Some(LeaderOutcome::Yield),
            Decoded::Drained => None,
        })
    }

    /// Returns why the session has ended, as an error: `Closed` if it ended cleanly.
    pub(crate) fn ended_error(&self) -> Error {
        match self.close_state.close_outcome() {
            Some(CloseOutcome { error: Some(error), .. }) => error.clone(),
            _ => Error::new(Kind::Closed, "the session is closed"),
        }
    }
}
