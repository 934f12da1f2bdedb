//! Both halves of a connection as one object, for whoever reads and writes on one thread.
//!
//! - inputs: [`receive`](Connection::receive), [`end_of_stream`](Connection::end_of_stream),
//!   [`handle_timeout`](Connection::handle_timeout)
//! - commands: [`send`](Connection::send), [`close`](Connection::close)
//! - outputs: [`poll_event`](Connection::poll_event), [`to_send`](Connection::to_send) with
//!   [`sent`](Connection::sent), [`poll_timeout`](Connection::poll_timeout)
//!
//! After every input or command, drain the outputs: pongs and close replies are outputs like any other.

use std::time::{Duration, Instant};

use crate::error::{Error, Kind};
use crate::frame::Opcode;
use crate::protocol::outbound::Outbound;
use crate::protocol::{
    Close, Decoders, Encoders, Flight, Incoming, Initiator, Limits, MaskingKeys, Outgoing, Piece, Received,
};

/// A connection behind its opening handshake.
pub struct Connection {
    /// The receiving half.
    pub incoming: Incoming,
    /// The sending half.
    pub outgoing: Outgoing,
    encoders: Encoders,
    flight: Flight,
    limits: Limits,
}

/// What the two sides have agreed on, as far as the connection goes by it.
#[derive(Default)]
pub struct Agreement {
    /// The extensions' part in sending.
    pub encoders: Encoders,
    /// The extensions' part in receiving.
    pub decoders: Decoders,
    /// The application gets every frame as it came, and answers it itself.
    pub is_raw: bool,
}

impl Connection {
    /// An open connection on which `early` bytes have already arrived.
    pub fn new(
        agreement: Agreement,
        limits: Limits,
        close_timeout: Option<Duration>,
        keys: MaskingKeys,
        early: &[u8],
    ) -> Self {
        let Agreement { encoders, decoders, is_raw } = agreement;
        let incoming = Incoming::new(early, decoders, is_raw);
        let mut outgoing = Outgoing::new(keys, close_timeout);
        outgoing.set_answers(!is_raw, !is_raw);
        Self { incoming, outgoing, encoders, flight: Flight::default(), limits }
    }

    /// The two halves, for a driver that reads and writes on different threads, and what encodes messages before they
    /// are queued. It calls [`Outgoing::answer`] with everything that [`Incoming::poll`] returns.
    pub fn into_halves(self) -> (Incoming, Outgoing, Encoders) {
        (self.incoming, self.outgoing, self.encoders)
    }

    /// Takes as many of `bytes` as fit and returns how many; call it again after draining the events.
    pub fn receive(&mut self, bytes: &[u8]) -> usize {
        let space = self.incoming.space();
        let count = space.len().min(bytes.len());
        space[..count].copy_from_slice(&bytes[..count]);
        self.incoming.received(count);
        count
    }

    /// The transport has ended; how that ends the connection.
    pub fn end_of_stream(&self) -> Result<(), Error> {
        unannounced_end(&self.incoming)
    }

    /// Time has passed. An error: the closing handshake took too long, drop the transport.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        match self.outgoing.close_deadline() {
            Some(deadline) if deadline <= now => Err(close_timed_out()),
            _ => Ok(()),
        }
    }

    /// Queues a message; text must be UTF-8.
    pub fn send(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Error> {
        self.send_fragment(opcode, payload, true)
    }

    /// Queues a message or a fragment of one, of which `fin` is the last; a whole text must be UTF-8.
    pub fn send_fragment(&mut self, opcode: Opcode, payload: &[u8], fin: bool) -> Result<(), Error> {
        let admitted = self.outgoing.admit(&Outbound { opcode, payload, fin, is_utf8: opcode != Opcode::Text })?;
        let (opcode, first, last) = (admitted.opcode, admitted.first, admitted.last);
        let (rsv, payload) = self.encoders.encode(Piece { opcode, payload, first, last, compress: true })?;
        self.outgoing.queue(admitted, rsv, payload)
    }

    /// Starts the closing handshake. Returns whether this call did.
    pub fn close(&mut self, close: Close, now: Instant) -> bool {
        self.outgoing.close(close, now)
    }

    /// The next thing that came in; its answer is queued.
    pub fn poll_event(&mut self, now: Instant) -> Option<Received> {
        loop {
            let received = self.incoming.poll(&self.limits, Vec::new)?;
            if received != Received::Yield {
                self.outgoing.answer(&received, now);
                return Some(received);
            }
        }
    }

    /// The next bytes for the transport.
    pub fn to_send(&mut self) -> &[u8] {
        self.outgoing.load(&mut self.flight);
        self.flight.to_send()
    }

    /// The transport took `count` bytes of [`to_send`](Self::to_send).
    pub fn sent(&mut self, count: usize) {
        self.flight.sent(count);
        self.outgoing.load(&mut self.flight);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.outgoing.close_deadline()
    }

    /// Our Close and why it was sent.
    pub fn closing(&self) -> Option<(&Close, Initiator)> {
        self.outgoing.closing()
    }
}

/// What it means that the byte stream ended: nothing after the peer's Close, else an abnormal end (section 7.1.5).
pub fn unannounced_end(incoming: &Incoming) -> Result<(), Error> {
    if incoming.is_finished() {
        return Ok(());
    }
    let place = if incoming.is_mid_message() { "in the middle of a message" } else { "between two messages" };
    Err(Error::new(Kind::ClosedAbnormally, format!("the server ended the connection without a Close frame, {place}")))
}

/// The peer did not complete the closing handshake in time.
pub fn close_timed_out() -> Error {
    Error::new(Kind::ClosedAbnormally, "the server did not complete the closing handshake within the close timeout")
}
