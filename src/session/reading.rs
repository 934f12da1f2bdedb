//! What a reader does, be it a thread of the application or the driver: decodes what has come, answers what is not a
//! message, and ends the session with the stream.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::inbox::Pushed;
use super::logging::log;
use super::{Reader, Session};
use crate::error::Error;
use crate::frame::Opcode;
use crate::protocol::{Event, Frame, FrameDecoder, Initiator};
use crate::transport::{Waiting, tls};

/// How many reads before other sessions get their turn, and how often the decoder yields.
const READS_PER_TURN: usize = 16;
const YIELDS_PER_TURN: usize = 4;

/// How many pongs are sent together at most.
const PONGS_TOGETHER: usize = 32;

/// Why a turn of the driver's reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    /// The socket has nothing more.
    Drained,
    /// It may have more.
    Unfinished,
    /// The application has to receive first, or the peer to take what is sent.
    Stalled,
    /// A violation waits for its turn.
    Held,
    /// The stream is over, and the verdict is decided.
    Over,
}

/// Answers to the control frames of one decoding run. Its pongs are sent together, at the latest when this is dropped.
pub(super) struct Answers<'a> {
    session: &'a Session,
    pongs: usize,
}

impl<'a> Answers<'a> {
    pub(super) fn new(session: &'a Session) -> Self {
        Self { session, pongs: 0 }
    }

    /// See [`Session::deliver`].
    pub(super) fn deliver(&mut self, received: Event) {
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
    /// Reads until the socket is empty, the inbox full or the turn over. For the driver, which is the reader.
    /// `impatient`: a violation has waited for its turn long enough.
    pub(super) fn read(&self, reader: &mut Reader, impatient: bool) -> Turned {
        if reader.held.is_some() {
            if !impatient && !self.may_fail() {
                return Turned::Held;
            }
            self.fail_held(reader);
        }
        let mut answers = Answers::new(self);
        let mut yields = 0;
        for _ in 0..READS_PER_TURN {
            loop {
                if !self.may_read() {
                    return Turned::Stalled;
                }
                match reader.incoming.poll(&self.limits(), Vec::new) {
                    None => break,
                    Some(Event::Frame(frame)) => {
                        self.counts.note_frame(&frame, &reader.incoming);
                        self.push(frame);
                    }
                    Some(Event::ProtocolError(error)) => {
                        reader.held = Some(error);
                        if !self.may_fail() {
                            return Turned::Held;
                        }
                        self.fail_held(reader);
                    }
                    Some(Event::Yield) if yields == YIELDS_PER_TURN => return Turned::Unfinished,
                    Some(Event::Yield) => yields += 1,
                    Some(received) => answers.deliver(received),
                }
            }
            answers.send();
            // Also after a short read: what came meanwhile is not always announced.
            match self.receive_bytes(reader, Waiting::No) {
                Ok(0) => {
                    self.end_with_stream(None, &reader.incoming);
                    return Turned::Over;
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Turned::Drained,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.end_with_stream(Some(&error), &reader.incoming);
                    return Turned::Over;
                }
            }
        }
        Turned::Unfinished
    }

    /// Reads bytes into the decoder.
    pub(super) fn receive_bytes(&self, reader: &mut Reader, waiting: Waiting) -> io::Result<usize> {
        self.is_amid_frame.store(reader.incoming.is_mid_frame(), Ordering::Relaxed);
        let buffer = reader.incoming.read_buffer();
        let space = buffer.len();
        let received = reader.receiver.receive(buffer, waiting);
        if received.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            reader.has_more = false;
            self.note_empty();
        }
        reader.is_emptied = false;
        if let Ok(count @ 1..) = received {
            reader.has_more = true;
            reader.is_emptied = if reader.receiver.is_plain() { count < space } else { reader.receiver.is_emptied() };
            reader.incoming.bytes_read(count);
            self.counts.note_bytes(count);
            if self.notes_bytes {
                self.note_received();
            }
        }
        if reader.receiver.wants_flush() {
            self.flush_or_leave();
        }
        received
    }

    /// Puts the complete frames that have been read into the inbox, as many as it takes. Nothing is answered: the connection
    /// is dropped.
    pub(super) fn decode_rest(&self, reader: &mut Reader) {
        while !self.is_forsaken.load(Ordering::Acquire) && self.inbox.takes_more() {
            let Some(received) = reader.incoming.poll(&self.limits(), Vec::new) else { return };
            let frame = match received {
                Event::Frame(frame) => {
                    self.counts.note_frame(&frame, &reader.incoming);
                    frame
                }
                Event::Ping(payload) if self.shown.pings => Frame::control(Opcode::Ping, payload.as_bytes()),
                Event::Pong(payload) if self.shown.pongs => Frame::control(Opcode::Pong, payload.as_bytes()),
                Event::Close(ref close) if self.shown.closes => Frame::close(close),
                _ => continue,
            };
            let (size, memory) = (frame.payload.len(), frame.payload.capacity());
            match self.inbox.push(frame, size, memory) {
                Pushed::Kept { dropped } => self.counts.note_dropped(dropped),
                Pushed::Overflow => return,
            }
        }
    }

    /// Puts a frame into the inbox.
    pub(super) fn push(&self, frame: Frame) {
        let (size, memory) = (frame.payload.len(), frame.payload.capacity());
        match self.inbox.push(frame, size, memory) {
            Pushed::Kept { dropped: 0 } => self.note_news(),
            Pushed::Kept { dropped } => {
                log!(Debug, self.id, "the incoming queue has dropped {dropped} messages");
                self.counts.note_dropped(dropped);
                self.note_news();
            }
            Pushed::Overflow => self.overflow("the incoming queue ran over", "Incoming queue overflow"),
        }
    }

    /// Handles what was decoded: queues it for the application if that wants to see it, answers it, and decides the verdict if it
    /// ends the session. Returns whether a pong waits to be sent.
    fn deliver(&self, received: Event) -> bool {
        match received {
            Event::Yield => {}
            Event::Frame(frame) => self.push(frame),
            Event::Ping(payload) => {
                self.counts.note_ping();
                if self.shown.pings {
                    self.push(Frame::control(Opcode::Ping, payload.as_bytes()));
                }
                self.outbox.lock().answer(&received);
                return true;
            }
            Event::Pong(payload) => {
                self.counts.note_pong();
                if self.take_pong(payload.as_bytes()) {
                    log!(Debug, self.id, "pong to our ping");
                    // It knows when the next ping is due.
                    self.wake_driver();
                }
                if self.shown.pongs {
                    self.push(Frame::control(Opcode::Pong, payload.as_bytes()));
                }
            }
            Event::Close(ref close) => {
                if self.shown.closes {
                    self.push(Frame::close(close));
                }
                self.answer(&received);
                let outbox = self.outbox.lock();
                let is_answered = outbox.outgoing.closing().is_some();
                if !is_answered {
                    // Before the application can close: that then is the answer.
                    self.ending.note_unanswered(close.clone());
                }
                drop(outbox);
                if is_answered {
                    self.decide(None, Some(close.clone()), Initiator::Remote);
                }
            }
            Event::ProtocolError(ref error) => {
                if self.holds_back.load(Ordering::Relaxed) {
                    // What the application has answered before goes out first.
                    self.flush_or_leave();
                }
                self.answer(&received);
                self.decide(Some(error.clone()), None, Initiator::Protocol);
            }
        }
        false
    }

    fn answer(&self, received: &Event) {
        self.outbox.lock().answer(received);
        self.flush_or_leave();
    }

    /// Whether there is room for what would come: messages in the inbox, pongs in the outbox.
    pub(super) fn may_read(&self) -> bool {
        !self.outbox.lock().stops_driver() && self.inbox.has_room()
    }

    /// Whether a violation may take effect without waiting for the application to ask for it: it has begun to close, or
    /// waits for the end. Else it takes effect behind the messages before it, so that they can still be answered.
    pub(super) fn may_fail(&self) -> bool {
        self.outbox.lock().outgoing.closing().is_some() || self.inbox.is_leaving() || self.has_delivered()
    }

    /// Lets a violation take effect that has waited for its turn.
    pub(super) fn fail_held(&self, reader: &mut Reader) {
        if let Some(violation) = reader.held.take() {
            Answers::new(self).deliver(Event::ProtocolError(violation));
        }
    }

    /// The byte stream is over, by its end or by an error.
    pub(super) fn end_with_stream(&self, error: Option<&io::Error>, incoming: &FrameDecoder) {
        let verdict = match error {
            Some(error) => Some(tls::error("the connection was lost", error)),
            None => incoming.end_of_stream().err().map(|end: Error| {
                // recv may return EOF after send got ECONNRESET: prefer the error of sending.
                drop(self.wire.lock());
                self.outbox.lock().failure.as_deref().cloned().unwrap_or(end)
            }),
        };
        self.decide(verdict, None, Initiator::Transport);
        if self.ending.is_aborted() {
            self.end_inbox();
        }
    }

    /// Records that the reader has found the socket empty and has decoded all received bytes.
    pub(super) fn note_empty(&self) {
        self.found_empty.store(self.found_empty.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    pub(super) fn note_received(&self) {
        if self.keepalive.lock().bytes_received(Instant::now()) {
            self.wake_driver();
        }
        let passed = self.since.elapsed().as_millis();
        self.last_received.store(u64::try_from(passed).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn last_received(&self) -> Instant {
        self.since + Duration::from_millis(self.last_received.load(Ordering::Relaxed))
    }
}
