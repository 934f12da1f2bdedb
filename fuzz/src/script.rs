//! Streams of frames that are mostly valid, so that a connection lives through many of them. The input says what comes
//! in which order, and has the payloads; a few bytes of it may stand for a large one.

use ktorws::frame::header::{self, Header};
use ktorws::frame::{CloseCode, Opcode};
use ktorws::protocol::deflate::Options;
use ktorws::protocol::{Encoders, MessageChunk};

use super::blocks;
use super::input::Input;
use super::setup::{Direction, Setup, agree};

/// A longer stream would only take longer.
const LONG_ENOUGH: usize = 200_000;

const EDGES: [usize; 8] = [125, 126, 127, 4096, 32 * 1024, u16::MAX as usize, 1 << 16, 70_000];

/// What a server sends.
struct Script<'a, 'i> {
    input: &'a mut Input<'i>,
    stream: Vec<u8>,
    /// A fragmented message is under way.
    is_open: bool,
    deflate: Option<Encoders>,
}

/// The stream that the rest of the input stands for.
pub fn build(input: &mut Input<'_>, setup: &Setup) -> Vec<u8> {
    let deflate = setup.deflate.map(|direction| {
        let [level, memory_level] = input.array().map(|byte: u8| 1 + byte % 9);
        // A server's compressor does what that of a client with the mirrored agreement does.
        let unused = Direction { window_bits: 15, takes_over: true };
        agree(direction, unused, Options { level, memory_level, ..Options::default() }).0
    });
    let mut script = Script { input, stream: Vec::new(), is_open: false, deflate };
    while !script.input.is_empty() && script.stream.len() < LONG_ENOUGH {
        script.step();
    }
    script.stream
}

impl Script<'_, '_> {
    fn step(&mut self) {
        match self.input.byte() {
            kind @ 0..96 => self.data(kind),
            kind @ 96..144 => self.control(kind),
            144..160 => self.close(),
            160..192 if self.deflate.is_some() => self.compressed(),
            kind @ 192..216 if self.deflate.is_some() => {
                let opcode = if kind & 1 == 0 { Opcode::Text } else { Opcode::Binary };
                let message = blocks::message(self.input);
                self.fragment(opcode, 4, true, &message);
            }
            kind @ 160..216 => self.data(kind),
            216..232 => {
                let first = self.input.byte();
                let payload = self.payload();
                self.push(first, &payload);
            }
            _ => {
                let count = self.input.byte() % 16;
                self.stream.extend_from_slice(self.input.take(count.into()));
            }
        }
    }

    /// A frame of the message under way, or the first of one.
    fn data(&mut self, kind: u8) {
        let payload = self.payload();
        let opcode = if kind & 1 == 0 { Opcode::Text } else { Opcode::Binary };
        self.fragment(opcode, 0, kind & 2 == 0, &payload);
    }

    fn fragment(&mut self, opcode: Opcode, rsv: u8, fin: bool, payload: &[u8]) {
        let (opcode, rsv) = if self.is_open { (Opcode::Continuation, 0) } else { (opcode, rsv) };
        self.is_open = !fin;
        self.push(u8::from(fin) << 7 | rsv << 4 | opcode as u8, payload);
    }

    fn control(&mut self, kind: u8) {
        let opcode = if kind & 1 == 0 { Opcode::Ping } else { Opcode::Pong };
        let size = self.input.byte() % 126;
        let payload = self.input.take(size.into());
        self.push(0x80 | opcode as u8, payload);
    }

    fn close(&mut self) {
        let code = match self.input.byte() {
            byte @ 0..128 => CloseCode::NORMAL.0 + u16::from(byte % 16),
            _ => self.input.word(),
        };
        let size = self.input.byte() % 124;
        let payload = [&code.to_be_bytes(), self.input.take(size.into())].concat();
        self.push(0x80 | Opcode::Close as u8, &payload);
    }

    /// A whole message, compressed in one piece or two, in frames of some size, with a ping among them.
    fn compressed(&mut self) {
        let [flags, size] = self.input.array();
        let payload = self.payload();
        let Some(encoders) = &mut self.deflate else { return };
        let opcode = if flags & 1 == 0 { Opcode::Text } else { Opcode::Binary };
        let cut = if flags & 2 == 0 { 0 } else { payload.len() / 2 };
        let (first, last) = payload.split_at(cut);
        let mut encoded = Vec::new();
        for (piece, first, last) in [(first, true, false), (last, cut == 0, true)] {
            if first && !last && cut == 0 {
                continue;
            }
            let piece = MessageChunk { opcode, payload: piece, first, last, compress: true };
            let (_, output) = encoders.encode(piece).expect("what can be compressed");
            encoded.extend_from_slice(output);
        }
        // The compressor leaves an empty message as it is.
        let rsv = if payload.is_empty() { 0 } else { 4 };
        if flags & 0x70 == 0x70
            && let Some(byte) = encoded.get_mut(usize::from(size))
        {
            *byte ^= 1 << (flags & 7);
        }
        let size = usize::from(size) * if flags & 4 == 0 { 1 } else { 257 };
        let mut rest = &encoded[..];
        while size > 0 && rest.len() > size {
            let (piece, behind) = rest.split_at(size);
            self.fragment(opcode, rsv, false, piece);
            rest = behind;
        }
        if flags & 8 != 0 {
            self.push(0x80 | Opcode::Ping as u8, b"between");
        }
        self.fragment(opcode, rsv, true, rest);
    }

    /// Some bytes of the input, or few of them over and over.
    fn payload(&mut self) -> Vec<u8> {
        let size = match self.input.byte() {
            size @ 0..208 => return self.input.take(size.into()).to_vec(),
            208..224 => self.input.word().into(),
            byte => EDGES[usize::from(byte % 8)],
        };
        let pattern = self.input.byte();
        let pattern = match self.input.take(pattern.into()) {
            [] => b"a",
            pattern => pattern,
        };
        let mut payload = pattern.repeat(size.div_ceil(pattern.len()));
        payload.truncate(size);
        payload
    }

    /// A frame with this first byte, which need not be a valid one.
    fn push(&mut self, first: u8, payload: &[u8]) {
        let length = payload.len() as u64;
        let header = Header { fin: true, rsv: 0, opcode: Opcode::Binary, mask: None, length };
        let start = self.stream.len();
        self.stream.extend_from_slice(header::encode(&header).as_bytes());
        self.stream[start] = first;
        self.stream.extend_from_slice(payload);
    }
}
