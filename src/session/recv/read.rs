//! The work of the reader, which is a thread of the application or the driver: it decodes received bytes, answers control frames,
//! and ends the session at the end of the stream.

use std::convert::Infallible;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use super::queue::Pushed;
use crate::error::Error;
use crate::frame::Opcode;
use crate::protocol::{Event, Frame, FrameDecoder, Initiator};
use crate::session::Session;
use crate::session::log::log;
use crate::session::recv::reader::Reader;
use crate::session::upcalls::BufferSource;
use crate::transport::{Waiting, tls};

/// How many reads a step makes, and how often the decoder may yield in it, before other sessions run.
const READS_PER_STEP: usize = 16;
const YIELDS_PER_STEP: usize = 4;

/// The largest number of pongs that are sent together.
const PONGS_TOGETHER: usize = 32;

/// Why a step of the driver's reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadOutcome {
    /// The socket is empty.
    Drained,
    /// The socket may have more.
    Unfinished,
    /// The receive queue is full, or too many pongs wait to be sent.
    Backpressured,
    /// A protocol error is deferred.
    DeferredError,
    /// The stream has ended, and the outcome is set.
    Over,
}

/// Why decoding what has been read ended.
pub(crate) enum Decoded<T> {
    /// More bytes are needed.
    Drained,
    /// `goes_on` returned false.
    Stopped,
    /// More is to be decoded, after other sessions have run.
    Unfinished,
    /// A protocol error was found. [`Reader::deferred_error`] has it.
    Error,
    /// A message, as `take` returned it.
    Taken(T),
}

/// Answers to the control frames of one decoding run. The pongs are sent together, at the latest when this is dropped.
struct Answers<'a> {
    session: &'a Session,
    pongs: usize,
}

impl<'a> Answers<'a> {
    fn new(session: &'a Session) -> Self {
        Self { session, pongs: 0 }
    }

    /// See [`Session::deliver`].
    fn deliver(&mut self, received: Event) {
        self.pongs += usize::from(self.session.deliver(received));
        if self.pongs == PONGS_TOGETHER {
            self.send();
        }
    }

    /// Sends the pongs.
    fn send(&mut self) {
        if std::mem::take(&mut self.pongs) > 0 {
            self.session.flush_or_leave();
        }
    }
}

impl Drop for Answers<'_> {
    fn drop(&mut self) {
        self.send();
    }
}

impl Session {
    /// Reads until the socket is empty, the receive queue is full or the step is over. For the driver, which is the reader.
    /// `is_deferral_over`: a protocol error has been deferred for the longest time.
    pub(crate) fn read(&self, reader: &mut Reader, is_deferral_over: bool) -> ReadOutcome {
        if reader.deferred_error.is_some() {
            if !is_deferral_over && !self.may_fail() {
                return ReadOutcome::DeferredError;
            }
            self.raise_deferred_error(reader);
        }
        let mut yields = 0;
        for _ in 0..READS_PER_STEP {
            loop {
                let decoded = self.decode_events(
                    reader,
                    &mut &*self.recv.buffer_pool,
                    || self.may_read(),
                    |_, frame| {
                        self.push(frame);
                        ControlFlow::<Infallible>::Continue(())
                    },
                );
                match decoded {
                    Decoded::Drained => break,
                    Decoded::Stopped => return ReadOutcome::Backpressured,
                    Decoded::Error if !self.may_fail() => return ReadOutcome::DeferredError,
                    Decoded::Error => self.raise_deferred_error(reader),
                    Decoded::Unfinished if yields == YIELDS_PER_STEP => return ReadOutcome::Unfinished,
                    Decoded::Unfinished => yields += 1,
                    Decoded::Taken(never) => match never {},
                }
            }
            // Also after a short read: bytes that arrived meanwhile are not always reported.
            match self.receive_bytes(reader, Waiting::No) {
                Ok(0) => {
                    self.end_with_stream(None, &reader.incoming);
                    return ReadOutcome::Over;
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return ReadOutcome::Drained,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.end_with_stream(Some(&error), &reader.incoming);
                    return ReadOutcome::Over;
                }
            }
        }
        ReadOutcome::Unfinished
    }

    /// Decodes received bytes while `goes_on`, which is called before each step, returns true. Passes each message to `take`, until
    /// `take` breaks. Answers the control frames.
    pub(crate) fn decode_events<B: BufferSource, T>(
        &self,
        reader: &mut Reader,
        buffers: &mut B,
        mut goes_on: impl FnMut() -> bool,
        mut take: impl FnMut(&mut B, Frame) -> ControlFlow<T>,
    ) -> Decoded<T> {
        let mut answers = Answers::new(self);
        while goes_on() {
            match reader.incoming.poll(&self.recv.limits(), |size| buffers.take(size)) {
                None => return Decoded::Drained,
                Some(Event::Yield) => return Decoded::Unfinished,
                Some(Event::Frame(frame)) => {
                    self.recv.counts.record_frame(&frame, &reader.incoming);
                    if let ControlFlow::Break(taken) = take(buffers, frame) {
                        return Decoded::Taken(taken);
                    }
                }
                Some(Event::ProtocolError(error)) => {
                    reader.deferred_error = Some(error);
                    return Decoded::Error;
                }
                Some(received) => answers.deliver(received),
            }
        }
        Decoded::Stopped
    }

    /// Reads bytes into the decoder.
    pub(crate) fn receive_bytes(&self, reader: &mut Reader, waiting: Waiting) -> io::Result<usize> {
        self.recv.is_amid_frame.store(reader.incoming.is_mid_frame(), Ordering::Relaxed);
        let buffer = reader.incoming.read_buffer();
        let space = buffer.len();
        let received = reader.receiver.receive(buffer, waiting);
        if received.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            reader.has_more = false;
            self.recv.record_empty();
        }
        reader.is_emptied = false;
        if let Ok(count @ 1..) = received {
            reader.has_more = true;
            reader.is_emptied = if reader.receiver.is_plain() { count < space } else { reader.receiver.is_emptied() };
            reader.incoming.bytes_read(count);
            self.recv.counts.record_bytes(count);
            if self.keepalive.records_bytes {
                self.record_received();
            }
        }
        if reader.receiver.wants_flush() {
            self.flush_or_leave();
        }
        received
    }

    /// Puts the complete frames that have been read into the receive queue, as many as it accepts. Nothing is answered, because
    /// the connection is being dropped.
    pub(crate) fn decode_rest(&self, reader: &mut Reader) {
        while !self.delivery.is_app_detached() && self.recv.queue.takes_more() {
            let Some(received) = reader.incoming.poll(&self.recv.limits(), |size| self.recv.buffer_pool.take(size))
            else {
                return;
            };
            let frame = match received {
                Event::Frame(frame) => {
                    self.recv.counts.record_frame(&frame, &reader.incoming);
                    frame
                }
                Event::Ping(payload) if self.recv.shown().pings => Frame::control(Opcode::Ping, payload.as_bytes()),
                Event::Pong(payload) if self.recv.shown().pongs => Frame::control(Opcode::Pong, payload.as_bytes()),
                Event::Close(ref close) if self.recv.shown().closes => Frame::close(close),
                _ => continue,
            };
            let (size, memory) = (frame.payload.len(), frame.payload.capacity());
            match self.recv.queue.push(frame, size, memory) {
                Pushed::Kept { dropped } => self.recv.counts.record_dropped(dropped),
                Pushed::Overflow => return,
            }
        }
    }

    /// Puts a frame into the receive queue.
    pub(crate) fn push(&self, frame: Frame) {
        let (size, memory) = (frame.payload.len(), frame.payload.capacity());
        match self.recv.queue.push(frame, size, memory) {
            Pushed::Kept { dropped: 0 } => self.notify_ready(),
            Pushed::Kept { dropped } => {
                log!(Debug, self.identity.id, "the incoming queue has dropped {dropped} messages");
                self.recv.counts.record_dropped(dropped);
                self.notify_ready();
            }
            Pushed::Overflow => self.overflow("the incoming queue overflowed", "Incoming queue overflow"),
        }
    }

    /// Handles a decoded event: queues it if the application receives such events, answers it, and sets the outcome if it ends
    /// the session. Returns whether a pong waits to be sent.
    fn deliver(&self, received: Event) -> bool {
        match received {
            Event::Yield => {}
            Event::Frame(frame) => self.push(frame),
            Event::Ping(payload) => {
                self.recv.counts.record_ping();
                if self.recv.shown().pings {
                    self.push(Frame::control(Opcode::Ping, payload.as_bytes()));
                }
                self.send.queue.lock().answer(&received);
                return true;
            }
            Event::Pong(payload) => {
                self.recv.counts.record_pong();
                if self.take_pong(payload.as_bytes()) {
                    log!(Debug, self.identity.id, "pong to our ping");
                    // The driver computes the deadline of the next ping.
                    self.wake_driver();
                }
                if self.recv.shown().pongs {
                    self.push(Frame::control(Opcode::Pong, payload.as_bytes()));
                }
            }
            Event::Close(ref close) => {
                if self.recv.shown().closes {
                    self.push(Frame::close(close));
                }
                self.answer(&received);
                let send_queue = self.send.queue.lock();
                let is_answered = send_queue.outgoing.closing().is_some();
                if !is_answered {
                    // Before the application can close: its Close is then the answer.
                    self.close_state.record_unanswered(close.clone());
                }
                drop(send_queue);
                if is_answered {
                    self.set_outcome(None, Some(close.clone()), Initiator::Remote);
                }
            }
            Event::ProtocolError(ref error) => {
                // Failing the connection drops the messages that are still queued.
                self.flush_and_wait();
                self.answer(&received);
                self.set_outcome(Some(error.clone()), None, Initiator::Protocol);
            }
        }
        false
    }

    fn answer(&self, received: &Event) {
        self.send.queue.lock().answer(received);
        self.flush_or_leave();
    }

    /// Whether there is room to read: in the receive queue for messages, and in the send queue for pongs.
    pub(crate) fn may_read(&self) -> bool {
        !self.send.queue.lock().stops_driver() && self.recv.queue.has_room()
    }

    /// Whether a protocol error may end the session now: the session is closing, a thread waits for its end, or the application
    /// has received the messages before the error. Otherwise the error is deferred, so that these messages can still be answered.
    pub(crate) fn may_fail(&self) -> bool {
        self.send.queue.lock().outgoing.closing().is_some() || self.recv.queue.is_leaving() || self.has_delivered()
    }

    /// Handles a deferred protocol error, if there is one.
    pub(crate) fn raise_deferred_error(&self, reader: &mut Reader) {
        if let Some(error) = reader.deferred_error.take() {
            Answers::new(self).deliver(Event::ProtocolError(error));
        }
    }

    /// Ends the session after the end or an error of the byte stream.
    pub(crate) fn end_with_stream(&self, error: Option<&io::Error>, incoming: &FrameDecoder) {
        let close_outcome = match error {
            Some(error) => Some(tls::error("the connection was lost", error)),
            None => incoming.end_of_stream().err().map(|end: Error| {
                // recv may return EOF after send got ECONNRESET: prefer the error of sending.
                drop(self.send.writer.lock());
                self.send.queue.lock().failure.as_deref().cloned().unwrap_or(end)
            }),
        };
        self.set_outcome(close_outcome, None, Initiator::Transport);
        if self.close_state.is_aborted() {
            self.end_queue();
        }
    }

    pub(crate) fn record_received(&self) {
        if self.keepalive.record_received() {
            self.wake_driver();
        }
    }
}
