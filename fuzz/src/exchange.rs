//! A connection that is fed a stream: what came in and what went out.

use std::time::{Duration, Instant};

use ktorws::error::Error;
use ktorws::frame::Opcode;
use ktorws::protocol::{Close, Connection, ConnectionSetup, Decoders, Encoders, Event, MaskKeys};

use super::budget;
use super::setup::{Direction, Setup, agree};

/// How the bytes come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// All at once; what is to be sent goes at once.
    Whole,
    /// As the setup says; what is to be sent goes at once.
    Chunked,
    /// As the setup says in both directions, until the stream has ended.
    Slow,
}

/// What became of a stream.
#[derive(PartialEq)]
pub struct Outcome {
    pub events: Vec<Event>,
    /// Bytes.
    pub sent: Vec<u8>,
    /// What it means that the stream ends here.
    pub end: Result<(), Error>,
}

/// Feeds all of `stream` to a new connection.
pub fn run(setup: &Setup, stream: &[u8], flow: Flow) -> Outcome {
    let early = if flow == Flow::Whole { 0 } else { setup.early.min(stream.len()) };
    let (early, mut rest) = stream.split_at(early);
    let mut exchange = Exchange::new(setup, early, flow);
    exchange.poll();
    let mut sizes = pieces(setup.sizes);
    while !rest.is_empty() {
        let size = if flow == Flow::Whole { None } else { sizes.next() }.unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        exchange.receive(piece);
        rest = behind;
    }
    exchange.finish()
}

/// The sizes over and over, but in the end larger ones: a thousand small pieces show what a million would.
fn pieces(sizes: [usize; 4]) -> impl Iterator<Item = usize> {
    let small = sizes.into_iter().cycle().take(1000);
    small.chain(sizes.into_iter().cycle().map(|size| size * 100))
}

struct Exchange<'a> {
    setup: &'a Setup,
    flow: Flow,
    connection: Connection,
    now: Instant,
    received: usize,
    has_acted: bool,
    outcome: Outcome,
}

impl<'a> Exchange<'a> {
    fn new(setup: &'a Setup, early: &[u8], flow: Flow) -> Self {
        let (encoders, decoders) = match setup.deflate {
            None => (Encoders::default(), Decoders::default()),
            Some(server) => agree(Direction { window_bits: 15, takes_over: true }, server, Default::default()),
        };
        let agreement = ConnectionSetup { encoders, decoders, is_raw: setup.is_raw };
        let keys = MaskKeys::from_seed([7; 32]);
        let connection = Connection::new(agreement, setup.limits, Some(Duration::from_secs(5)), keys, early);
        let outcome = Outcome { events: Vec::new(), sent: Vec::new(), end: Ok(()) };
        Self { setup, flow, connection, now: Instant::now(), received: early.len(), has_acted: false, outcome }
    }

    fn receive(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let room = self.connection.decoder.read_buffer().len();
            // What is read at a time, or twice of a message what is there of it.
            assert!(room <= 2 * self.received + 72 * 1024, "room for {room} bytes after {}", self.received);
            let taken = self.connection.receive(piece);
            assert!(taken > 0, "no room for more");
            self.received += taken;
            piece = &piece[taken..];
            self.poll();
        }
        if self.setup.keeps_house && self.flow != Flow::Whole {
            self.keep_house();
        }
    }

    fn poll(&mut self) {
        self.act();
        self.send();
        while let Some(event) = self.poll_event() {
            self.outcome.events.push(event);
            self.act();
            self.send();
        }
        assert_eq!(self.poll_event(), None);
        assert_eq!(self.connection.decoder.is_finished(), self.has_ended());
    }

    /// Messages may begin in memory of others.
    fn poll_event(&mut self) -> Option<Event> {
        let is_recycled = self.setup.keeps_house && self.flow != Flow::Whole && self.received % 16 == 8;
        let size = if is_recycled { self.received % 70_000 } else { 0 };
        self.connection.poll_event(self.now, |_| vec![0xee; size])
    }

    /// What the application does, which goes by what it has received.
    fn act(&mut self) {
        let act = self.setup.act;
        let is_due = act.after == self.outcome.events.len() && self.connection.closing().is_none();
        if !is_due || std::mem::replace(&mut self.has_acted, true) {
            return;
        }
        if act.sends {
            self.connection.send(Opcode::Text, &[b'x'; 300]).expect("an open connection");
        }
        if act.closes {
            let close = Close::new(1000, "done").expect("a valid Close");
            assert!(self.connection.close(close, self.now));
        }
    }

    fn has_ended(&self) -> bool {
        matches!(self.outcome.events.last(), Some(Event::Close(_) | Event::ProtocolError(_)))
    }

    /// Takes what is to be sent, or a little of it.
    fn send(&mut self) {
        if self.flow == Flow::Slow {
            let turn = self.outcome.events.len() % self.setup.sizes.len();
            self.send_some(self.setup.sizes[turn]);
        } else {
            while self.send_some(usize::MAX) {}
        }
    }

    fn send_some(&mut self, most: usize) -> bool {
        let bytes = self.connection.to_send();
        let count = bytes.len().min(most);
        self.outcome.sent.extend_from_slice(&bytes[..count]);
        self.connection.sent(count);
        count > 0
    }

    /// What a session does while nothing comes.
    fn keep_house(&mut self) {
        match self.received % 16 {
            0..4 => self.connection.decoder.release(),
            4..8 => self.connection.decoder.shrink(),
            _ => {}
        }
    }

    fn finish(mut self) -> Outcome {
        while self.send_some(usize::MAX) {}
        budget::check_work(self.connection.decoder.work(), self.received, &self.outcome.events);
        assert_eq!(self.connection.encoder.pending(), 0);
        let closing = self.connection.closing().is_some();
        assert_eq!(self.connection.encoder.has_sent_close(), closing);
        assert_eq!(self.connection.poll_timeout().is_some(), closing);
        self.outcome.end = self.connection.end_of_stream();
        assert_eq!(self.outcome.end.is_ok(), self.has_ended());
        self.outcome
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for event in &self.events {
            match event {
                Event::Frame(frame) => {
                    writeln!(f, "{:?} of {} bytes, more: {}", frame.opcode, frame.payload.len(), frame.more)?;
                }
                other => writeln!(f, "{other:?}")?,
            }
        }
        write!(f, "{} bytes sent, the end: {:?}", self.sent.len(), self.end)
    }
}
