//! What a reader does, be it a thread of the application or the driver: decodes what has come, answers what is not a
//! message, and ends the session with the stream.

use std::io;
use std::sync::atomic::Ordering;

use super::queue::Pushed;
use crate::error::Error;
use crate::frame::Opcode;
use crate::protocol::{Event, Frame, FrameDecoder, Initiator};
use crate::session::Session;
use crate::session::log::log;
use crate::session::recv::reader::Reader;
use crate::transport::{Waiting, tls};

/// How many reads before other sessions get their turn, and how often the decoder yields.
const READS_PER_TURN: usize = 16;
const YIELDS_PER_TURN: usize = 4;

/// How many pongs are sent together at most.
const PONGS_TOGETHER: usize = 32;

/// Why a turn of the driver's reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadOutcome {
    /// The socket has nothing more.
    Drained,
    /// It may have more.
    Unfinished,
    /// The application has to receive first, or the peer to take what is sent.
    Backpressured,
    /// A violation waits for its turn.
    DeferredError,
    /// The stream is over, and the outcome is decided.
    Over,
}

/// Answers to the control frames of one decoding run. Its pongs are sent together, at the latest when this is dropped.
pub(crate) struct Answers<'a> {
    session: &'a Session,
    pongs: usize,
}

impl<'a> Answers<'a> {
    pub(crate) fn new(session: &'a Session) -> Self {
        Self { session, pongs: 0 }
    }

    /// See [`Session::deliver`].
    pub(crate) fn deliver(&mut self, received: Event) {
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
    /// Reads until the socket is empty, the receive queue full or the turn over. For the driver, which is the reader.
    /// `impatient`: a violation has waited for its turn long enough.
    pub(crate) fn read(&self, reader: &mut Reader, impatient: bool) -> ReadOutcome {
        if reader.held.is_some() {
            if !impatient && !self.may_fail() {
                return ReadOutcome::DeferredError;
            }
            self.fail_held(reader);
        }
        let mut answers = Answers::new(self);
        let mut yields = 0;
        for _ in 0..READS_PER_TURN {
            loop {
                if !self.may_read() {
                    return ReadOutcome::Backpressured;
                }
                match reader.incoming.poll(&self.recv.limits(), |size| self.recv.buffer_pool.take(size)) {
                    None => break,
                    Some(Event::Frame(frame)) => {
                        self.recv.counts.record_frame(&frame, &reader.incoming);
                        self.push(frame);
                    }
                    Some(Event::ProtocolError(error)) => {
                        reader.held = Some(error);
                        if !self.may_fail() {
                            return ReadOutcome::DeferredError;
                        }
                        self.fail_held(reader);
                    }
                    Some(Event::Yield) if yields == YIELDS_PER_TURN => return ReadOutcome::Unfinished,
                    Some(Event::Yield) => yields += 1,
                    Some(received) => answers.deliver(received),
                }
            }
            answers.send();
            // Also after a short read: what came meanwhile is not always announced.
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

    /// Puts the complete frames that have been read into the receive queue, as many as it takes. Nothing is answered: the connection
    /// is dropped.
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
                Event::Ping(payload) if self.recv.shown.pings => Frame::control(Opcode::Ping, payload.as_bytes()),
                Event::Pong(payload) if self.recv.shown.pongs => Frame::control(Opcode::Pong, payload.as_bytes()),
                Event::Close(ref close) if self.recv.shown.closes => Frame::close(close),
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
            Pushed::Overflow => self.overflow("the incoming queue ran over", "Incoming queue overflow"),
        }
    }

    /// Handles what was decoded: queues it for the application if that wants to see it, answers it, and decides the outcome if it
    /// ends the session. Returns whether a pong waits to be sent.
    fn deliver(&self, received: Event) -> bool {
        match received {
            Event::Yield => {}
            Event::Frame(frame) => self.push(frame),
            Event::Ping(payload) => {
                self.recv.counts.record_ping();
                if self.recv.shown.pings {
                    self.push(Frame::control(Opcode::Ping, payload.as_bytes()));
                }
                self.send.queue.lock().answer(&received);
                return true;
            }
            Event::Pong(payload) => {
                self.recv.counts.record_pong();
                if self.take_pong(payload.as_bytes()) {
                    log!(Debug, self.identity.id, "pong to our ping");
                    // It knows when the next ping is due.
                    self.wake_driver();
                }
                if self.recv.shown.pongs {
                    self.push(Frame::control(Opcode::Pong, payload.as_bytes()));
                }
            }
            Event::Close(ref close) => {
                if self.recv.shown.closes {
                    self.push(Frame::close(close));
                }
                self.answer(&received);
                let send_queue = self.send.queue.lock();
                let is_answered = send_queue.outgoing.closing().is_some();
                if !is_answered {
                    // Before the application can close: that then is the answer.
                    self.close_state.record_unanswered(close.clone());
                }
                drop(send_queue);
                if is_answered {
                    self.set_outcome(None, Some(close.clone()), Initiator::Remote);
                }
            }
            Event::ProtocolError(ref error) => {
                if self.send.holds_back.load(Ordering::Relaxed) {
                    // What the application has answered before goes out first.
                    self.flush_or_leave();
                }
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

    /// Whether there is room for what would come: messages in the receive queue, pongs in the send queue.
    pub(crate) fn may_read(&self) -> bool {
        !self.send.queue.lock().stops_driver() && self.recv.queue.has_room()
    }

    /// Whether a violation may take effect without waiting for the application to ask for it: it has begun to close, or
    /// waits for the end. Else it takes effect behind the messages before it, so that they can still be answered.
    pub(crate) fn may_fail(&self) -> bool {
        self.send.queue.lock().outgoing.closing().is_some() || self.recv.queue.is_leaving() || self.has_delivered()
    }

    /// Lets a violation take effect that has waited for its turn.
    pub(crate) fn fail_held(&self, reader: &mut Reader) {
        if let Some(violation) = reader.held.take() {
            Answers::new(self).deliver(Event::ProtocolError(violation));
        }
    }

    /// The byte stream is over, by its end or by an error.
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
