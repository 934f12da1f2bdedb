//! Both halves of a connection in one object, for callers that read and write on one thread.
//!
//! - inputs: [`receive`](Connection::receive), [`end_of_stream`](Connection::end_of_stream),
//!   [`handle_timeout`](Connection::handle_timeout)
//! - commands: [`send`](Connection::send), [`close`](Connection::close)
//! - outputs: [`poll_event`](Connection::poll_event), [`to_send`](Connection::to_send) with
//!   [`sent`](Connection::sent), [`poll_timeout`](Connection::poll_timeout)
//!
//! Drain the outputs after every input and every command: they contain pongs and Close replies too.

use std::time::{Duration, Instant};

use crate::error::Error;
use crate::frame::Opcode;
use crate::protocol::close::close_timed_out;
use crate::protocol::encoder::OutboundMessage;
use crate::protocol::{
    Close, Decoders, Encoders, Event, FrameDecoder, FrameEncoder, InFlight, Initiator, Limits, MaskKeys, MessageChunk,
};

/// A connection after its opening handshake.
pub struct Connection {
    /// The receiving half.
    pub decoder: FrameDecoder,
    /// The sending half.
    pub encoder: FrameEncoder,
    encoders: Encoders,
    in_flight: InFlight,
    limits: Limits,
}

/// The result of the opening handshake, as far as the connection depends on it.
#[derive(Default)]
pub struct ConnectionSetup {
    /// The encoders of the accepted extensions.
    pub encoders: Encoders,
    /// The decoders of the accepted extensions.
    pub decoders: Decoders,
    /// The application receives single frames and sends the replies itself.
    pub is_raw: bool,
}

impl Connection {
    /// Creates an open connection. `early` holds the bytes received together with the handshake response.
    pub fn new(
        setup: ConnectionSetup,
        limits: Limits,
        close_timeout: Option<Duration>,
        keys: MaskKeys,
        early: &[u8],
    ) -> Self {
        let ConnectionSetup { encoders, decoders, is_raw } = setup;
        let decoder = FrameDecoder::new(early, decoders, is_raw);
        let mut encoder = FrameEncoder::new(keys, close_timeout);
        encoder.set_auto_reply(!is_raw, !is_raw);
        Self { decoder, encoder, encoders, in_flight: InFlight::default(), limits }
    }

    /// Splits the connection for a caller that reads and writes on different threads. Returns the receiving half, the
    /// sending half, and the encoders for messages that are to be queued. The caller passes every event from
    /// [`FrameDecoder::poll`] to [`FrameEncoder::answer`].
    pub fn into_halves(self) -> (FrameDecoder, FrameEncoder, Encoders) {
        (self.decoder, self.encoder, self.encoders)
    }

    /// Takes as many of `bytes` as fit and returns their number. Call it again after draining the events.
    pub fn receive(&mut self, bytes: &[u8]) -> usize {
        let space = self.decoder.read_buffer();
        let count = space.len().min(bytes.len());
        space[..count].copy_from_slice(&bytes[..count]);
        self.decoder.bytes_read(count);
        count
    }

    /// The transport has reached its end. Returns an error unless the peer sent a Close before.
    pub fn end_of_stream(&self) -> Result<(), Error> {
        self.decoder.end_of_stream()
    }

    /// Handles the passage of time. On an error, the closing handshake took too long and the caller drops the transport.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        match self.encoder.close_deadline() {
            Some(deadline) if deadline <= now => Err(close_timed_out()),
            _ => Ok(()),
        }
    }

    /// Queues a message. Text must be UTF-8.
    pub fn send(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Error> {
        self.send_fragment(opcode, payload, true)
    }

    /// Queues a message or a fragment; `fin` marks the last fragment. A whole text must be UTF-8.
    pub fn send_fragment(&mut self, opcode: Opcode, payload: &[u8], fin: bool) -> Result<(), Error> {
        let permit = self.encoder.permit(&OutboundMessage { opcode, payload, fin, is_utf8: opcode != Opcode::Text })?;
        let (opcode, first, last) = (permit.opcode, permit.first, permit.last);
        let (rsv, payload) = self.encoders.encode(MessageChunk { opcode, payload, first, last, compress: true })?;
        self.encoder.queue(permit, rsv, payload)
    }

    /// Starts the closing handshake. Returns whether this call started it.
    pub fn close(&mut self, close: Close, now: Instant) -> bool {
        self.encoder.close(close, now)
    }

    /// The next event. Queues the reply to it. `memory` is for [`FrameDecoder::poll`].
    pub fn poll_event(&mut self, now: Instant, mut memory: impl FnMut(u64) -> Vec<u8>) -> Option<Event> {
        loop {
            let event = self.decoder.poll(&self.limits, &mut memory)?;
            if event != Event::Yield {
                self.encoder.answer(&event, now);
                return Some(event);
            }
        }
    }

    /// The next bytes for the transport.
    pub fn to_send(&mut self) -> &[u8] {
        self.encoder.refill(&mut self.in_flight);
        self.in_flight.to_send()
    }

    /// The transport accepted `count` bytes of [`to_send`](Self::to_send).
    pub fn sent(&mut self, count: usize) {
        self.in_flight.sent(count);
        self.encoder.refill(&mut self.in_flight);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.encoder.close_deadline()
    }

    /// The Close that this side sent, and who initiated it.
    pub fn closing(&self) -> Option<(&Close, Initiator)> {
        self.encoder.closing()
    }
}
