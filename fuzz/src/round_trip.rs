//! What an application sends, with a server at the other end that receives as this library does.

use std::time::Instant;

use ktorws::error::{Error, Kind};
use ktorws::frame::{CloseCode, Opcode, header};
use ktorws::protocol::deflate::Options;
use ktorws::protocol::encoder::OutboundMessage;
use ktorws::protocol::{Close, Encoders, Event, FrameEncoder, InFlight, Initiator, MaskKeys, MessageChunk};

use super::exchange::{self, Flow};
use super::input::Input;
use super::reference::{self, is_utf8};
use super::sent;
use super::setup::{Direction, Setup, agree};

const LARGEST: usize = 100_000;

/// One side of a connection, and what it was made to say.
struct Sender {
    outgoing: FrameEncoder,
    encoders: Encoders,
    flight: InFlight,
    /// Messages may be dropped.
    drops: bool,
    failed: bool,
    messages: Vec<(Opcode, Vec<u8>)>,
    open: Option<(Opcode, Vec<u8>)>,
    pings: Vec<Vec<u8>>,
    wire: Vec<u8>,
    queued: usize,
}

pub fn round_trip(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let [flags, window, fragment, level, memory_level] = input.array();
    let deflate = (flags & 1 != 0).then(|| Direction::read(window));
    let options = Options { level: 1 + level % 9, memory_level: 1 + memory_level % 9, ..Options::default() };
    let unused = Direction { window_bits: 15, takes_over: true };
    let encoders = deflate.map_or_else(Encoders::default, |direction| agree(direction, unused, options).0);
    let mut outgoing = FrameEncoder::new(MaskKeys::from_seed([1; 32]), None);
    let fragment = (fragment > 0).then(|| usize::from(fragment).pow(2));
    outgoing.set_fragment(fragment);
    let mut sender = Sender {
        outgoing,
        encoders,
        flight: InFlight::default(),
        drops: flags & 2 != 0,
        failed: false,
        messages: Vec::new(),
        open: None,
        pings: Vec::new(),
        wire: Vec::new(),
        queued: 0,
    };
    while !input.is_empty() && sender.queued < LARGEST {
        sender.step(&mut input);
    }
    while sender.send_some(usize::MAX) {}
    sender.check(deflate, fragment);
}

impl Sender {
    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() {
            kind @ 0..160 => self.send(kind, &payload(input)),
            160..184 => {
                let size = input.byte() % 126;
                let payload = input.take(size.into());
                if self.outgoing.queue_control(Opcode::Ping, payload).is_ok() {
                    self.pings.push(payload.to_vec());
                }
            }
            184..216 => {
                let most = usize::from(input.byte()).pow(2);
                self.send_some(most);
            }
            216..232 if self.drops => {
                self.outgoing.drop_oldest();
            }
            232..240 => {
                self.outgoing.release(&mut self.flight);
                self.encoders.release();
            }
            240..248 => {
                self.outgoing.close(Close::new(1000, "done").expect("a valid Close"), Instant::now());
            }
            254 => {
                self.failed = true;
                self.outgoing.fail(CloseCode::INTERNAL_ERROR, "over", Initiator::Protocol, Instant::now());
            }
            _ => {}
        }
    }

    fn send(&mut self, kind: u8, payload: &[u8]) {
        let (first, fin) = (kind & 6 != 6, kind & 4 == 0 || kind & 14 == 6);
        let is_text = kind & 1 == 0 && (!fin || std::str::from_utf8(payload).is_ok());
        let opcode = match first {
            false => Opcode::Continuation,
            true if is_text => Opcode::Text,
            true => Opcode::Binary,
        };
        let (message, text) = match &self.open {
            Some((message, text)) if !first => (*message, [text, payload].concat()),
            _ => (opcode, payload.to_vec()),
        };
        let outcome = self.queue(opcode, payload, fin);
        let expected = if self.outgoing.closing().is_some() {
            Err(Kind::Closed)
        } else if self.open.is_some() == first {
            Err(Kind::State)
        } else if message == Opcode::Text && !is_utf8(&text, fin) {
            Err(Kind::InvalidArgument)
        } else {
            Ok(())
        };
        assert_eq!(outcome.map_err(|error| error.kind), expected);
        if expected.is_ok() {
            self.queued += payload.len();
            if fin {
                self.open = None;
                self.messages.push((message, text));
            } else {
                self.open = Some((message, text));
            }
        }
    }

    /// As a session does.
    fn queue(&mut self, opcode: Opcode, payload: &[u8], fin: bool) -> Result<(), Error> {
        let is_utf8 = opcode != Opcode::Text || std::str::from_utf8(payload).is_ok();
        let admitted = self.outgoing.permit(&OutboundMessage { opcode, payload, fin, is_utf8 })?;
        let (opcode, first, last) = (admitted.opcode, admitted.first, admitted.last);
        let piece = MessageChunk { opcode, payload, first, last, compress: true };
        let (rsv, payload) = self.encoders.encode(piece)?;
        self.outgoing.queue(admitted, rsv, payload)?;
        if self.drops {
            self.encoders.discard();
        }
        Ok(())
    }

    fn send_some(&mut self, most: usize) -> bool {
        self.outgoing.refill(&mut self.flight);
        let bytes = self.flight.to_send();
        let count = bytes.len().min(most);
        self.wire.extend_from_slice(&bytes[..count]);
        self.flight.sent(count);
        self.outgoing.refill(&mut self.flight);
        count > 0
    }

    fn check(&self, deflate: Option<Direction>, fragment: Option<usize>) {
        assert!(self.flight.is_empty() && self.outgoing.pending() == 0);
        let totals = self.outgoing.totals();
        assert_eq!(totals.messages, self.messages.len() as u64);
        assert_eq!(totals.pings, self.pings.len() as u64);
        assert_eq!(self.outgoing.pending_messages(), 0);
        let (mut messages, mut pings, mut close) = (Vec::new(), Vec::new(), None);
        for event in receive(&self.wire, deflate, fragment) {
            match event {
                Event::Frame(frame) => messages.push((frame.opcode, frame.payload.to_vec())),
                Event::Ping(payload) => pings.push(payload.as_bytes().to_vec()),
                Event::Close(received) => close = Some(received),
                other => panic!("{other:?} was not sent"),
            }
        }
        assert_eq!(pings, self.pings);
        assert_eq!(close.as_ref(), self.outgoing.closing().map(|(close, _)| close));
        let missing = (self.messages.len() - messages.len()) as u64;
        assert!(missing == totals.dropped_messages || self.failed && missing > totals.dropped_messages);
        let mut sent = self.messages.iter();
        assert!(messages.iter().all(|message| sent.any(|sent| sent == message)), "other messages than were sent");
    }
}

/// What the other side makes of what was sent.
fn receive(wire: &[u8], deflate: Option<Direction>, fragment: Option<usize>) -> Vec<Event> {
    let mut stream = Vec::new();
    for frame in sent::frames(wire) {
        let sent::Sent { fin, rsv, opcode, payload } = frame;
        assert!(opcode.is_control() || fragment.is_none_or(|most| payload.len() <= most));
        let header = header::Header { fin, rsv, opcode, mask: None, length: payload.len() as u64 };
        stream.extend_from_slice(header::encode(&header).as_bytes());
        stream.extend_from_slice(&payload);
    }
    let setup = Setup { deflate, ..Setup::read(&mut Input::new(&[])) };
    let outcome = exchange::run(&setup, &stream, Flow::Whole);
    let expected = reference::expected(&setup, &stream);
    // Also that nothing refers to what lies beyond the window, which a lenient server would not see.
    let fits = expected.iter().zip(&outcome.events).all(|(expected, event)| expected.fits(event));
    assert!(fits && expected.len() == outcome.events.len(), "{outcome}\nexpected: {expected:?}");
    outcome.events
}

/// Some bytes of the input, or few of them over and over.
fn payload(input: &mut Input<'_>) -> Vec<u8> {
    match input.byte() {
        size @ 0..224 => input.take(size.into()).to_vec(),
        _ => {
            let (size, pattern) = (input.word(), input.byte());
            input.take(pattern.into()).iter().copied().cycle().take(size.into()).collect()
        }
    }
}
