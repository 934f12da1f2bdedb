//! DEFLATE (RFC 1951) as permessage-deflate uses it (RFC 7692), a bit at a time: slow, short, and without state.

/// What compressed bytes lead to.
pub struct Inflated {
    pub output: Vec<u8>,
    pub stop: Stop,
    /// They refer to what lies further back than the window reaches.
    pub leaves_window: bool,
}

/// Where inflating stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// With the last byte, which ends an empty block without compression.
    Whole,
    /// Within a block, or behind one of another kind.
    Short,
    Broken,
    /// The output is larger than the limit.
    TooBig,
}

/// Inflates `input` behind `history`, up to a byte more than `limit`.
pub fn inflate(input: &[u8], history: &[u8], window: usize, limit: u64) -> Inflated {
    let mut inflater = Inflater {
        bits: Bits { bytes: input, at: 0 },
        output: history.to_vec(),
        limit: limit.saturating_add(history.len() as u64),
        window,
        leaves_window: false,
    };
    let stop = inflater.blocks();
    let Inflater { mut output, leaves_window, .. } = inflater;
    output.drain(..history.len());
    Inflated { output, stop, leaves_window }
}

struct Inflater<'a> {
    bits: Bits<'a>,
    output: Vec<u8>,
    limit: u64,
    window: usize,
    leaves_window: bool,
}

const CODE_LENGTH_ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const LENGTH_EXTRA: [u8; 29] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const END_OF_BLOCK: u16 = 256;

impl Inflater<'_> {
    fn blocks(&mut self) -> Stop {
        loop {
            match self.block() {
                Ok(is_empty) if is_empty && self.bits.is_at_end() => return Stop::Whole,
                Ok(_) => {}
                Err(stop) => return stop,
            }
        }
    }

    /// Returns whether it is an empty block without compression.
    fn block(&mut self) -> Result<bool, Stop> {
        let is_last = self.bits.read(1)? == 1;
        let mut is_empty = false;
        match self.bits.read(2)? {
            0 => is_empty = self.stored()? == 0,
            1 => {
                let lengths: Vec<u8> =
                    (0..288).map(|symbol| [8, 9, 7, 8][FIXED.partition_point(|end| *end <= symbol)]).collect();
                self.compressed(&Code::new(&lengths), &Code::new(&[5; 30]))?;
            }
            2 => {
                let (literals, distances) = self.codes()?;
                self.compressed(&literals, &distances)?;
            }
            _ => return Err(Stop::Broken),
        }
        if is_last {
            // What follows is another stream, which can refer to this one (RFC 7692 section 7.2.3.4).
            self.bits.align();
        }
        Ok(is_empty)
    }

    fn stored(&mut self) -> Result<usize, Stop> {
        self.bits.align();
        let (length, complement) = (self.bits.read(16)?, self.bits.read(16)?);
        if length ^ complement != 0xffff {
            return Err(Stop::Broken);
        }
        for _ in 0..length {
            let byte = self.bits.read(8)?;
            self.push(byte)?;
        }
        Ok(length)
    }

    fn codes(&mut self) -> Result<(Code, Code), Stop> {
        let literals = self.bits.read(5)? + 257;
        let distances = self.bits.read(5)? + 1;
        let count = self.bits.read(4)? + 4;
        if literals > 286 || distances > 30 {
            return Err(Stop::Broken);
        }
        let mut lengths = [0; 19];
        for index in &CODE_LENGTH_ORDER[..count] {
            lengths[*index] = low(self.bits.read(3)?);
        }
        let code = Code::new(&lengths);
        if code.left != 0 {
            return Err(Stop::Broken);
        }
        let mut lengths: Vec<u8> = Vec::new();
        while lengths.len() < literals + distances {
            let (value, times) = match code.decode(&mut self.bits)? {
                16 => (*lengths.last().ok_or(Stop::Broken)?, 3 + self.bits.read(2)?),
                17 => (0, 3 + self.bits.read(3)?),
                18 => (0, 11 + self.bits.read(7)?),
                length => (low(length.into()), 1),
            };
            lengths.resize(lengths.len() + times, value);
        }
        if lengths.len() > literals + distances || lengths[usize::from(END_OF_BLOCK)] == 0 {
            return Err(Stop::Broken);
        }
        let (literals, distances) = lengths.split_at(literals);
        let (literals, distances) = (Code::new(literals), Code::new(distances));
        // A single code of one bit may stand alone.
        if [&literals, &distances].iter().any(|code| code.left < 0 || code.left > 0 && code.longest > 1) {
            return Err(Stop::Broken);
        }
        Ok((literals, distances))
    }

    fn compressed(&mut self, literals: &Code, distances: &Code) -> Result<(), Stop> {
        loop {
            match literals.decode(&mut self.bits)? {
                END_OF_BLOCK => return Ok(()),
                literal @ 0..END_OF_BLOCK => self.push(literal.into())?,
                symbol => {
                    let length = self.length(usize::from(symbol) - 257)?;
                    let distance = usize::from(distances.decode(&mut self.bits)?);
                    let distance = self.distance(distance)?;
                    self.copy(length, distance)?;
                }
            }
        }
    }

    fn length(&mut self, symbol: usize) -> Result<usize, Stop> {
        let bits = *LENGTH_EXTRA.get(symbol).ok_or(Stop::Broken)?;
        if symbol == LENGTH_EXTRA.len() - 1 {
            return Ok(258);
        }
        let base: usize = LENGTH_EXTRA[..symbol].iter().map(|bits| 1 << bits).sum();
        Ok(3 + base + self.bits.read(bits)?)
    }

    fn distance(&mut self, symbol: usize) -> Result<usize, Stop> {
        if symbol > 29 {
            return Err(Stop::Broken);
        }
        let extra = |symbol: usize| (symbol / 2).saturating_sub(1);
        let base: usize = (0..symbol).map(|symbol| 1 << extra(symbol)).sum();
        Ok(1 + base + self.bits.read(low(extra(symbol)))?)
    }

    fn copy(&mut self, length: usize, distance: usize) -> Result<(), Stop> {
        if distance > self.output.len() {
            return Err(Stop::Broken);
        }
        self.leaves_window |= distance > self.window;
        let mut left = length;
        while left > 0 {
            let start = self.output.len() - distance;
            let count = left.min(distance);
            self.output.extend_from_within(start..start + count);
            left -= count;
        }
        self.check_limit()
    }

    fn push(&mut self, byte: usize) -> Result<(), Stop> {
        self.output.push(low(byte));
        self.check_limit()
    }

    fn check_limit(&mut self) -> Result<(), Stop> {
        let most = usize::try_from(self.limit).unwrap_or(usize::MAX).saturating_add(1);
        self.output.truncate(most);
        if self.output.len() == most { Err(Stop::TooBig) } else { Ok(()) }
    }
}

/// Where the literals' lengths change in the fixed code.
const FIXED: [usize; 3] = [144, 256, 280];

/// A canonical Huffman code.
struct Code {
    counts: [usize; 16],
    symbols: Vec<u16>,
    /// How many codes of the greatest length are missing, or too many.
    left: i32,
    longest: usize,
}

impl Code {
    fn new(lengths: &[u8]) -> Self {
        let mut counts = [0; 16];
        for length in lengths.iter().filter(|length| **length > 0) {
            counts[usize::from(*length)] += 1;
        }
        let mut symbols: Vec<u16> =
            (0..).take(lengths.len()).filter(|symbol| lengths[usize::from(*symbol)] > 0).collect();
        symbols.sort_by_key(|symbol| lengths[usize::from(*symbol)]);
        let left = counts.iter().skip(1).fold(1, |left, count| 2 * left - i32::try_from(*count).unwrap_or(i32::MAX));
        let longest = counts.iter().rposition(|count| *count > 0).unwrap_or(0);
        Self { counts, symbols, left, longest }
    }

    fn decode(&self, bits: &mut Bits<'_>) -> Result<u16, Stop> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for count in &self.counts[1..] {
            code = code << 1 | bits.read(1)?;
            first <<= 1;
            if code < first + count {
                return Ok(self.symbols[index + code - first]);
            }
            (first, index) = (first + count, index + count);
        }
        Err(Stop::Broken)
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    /// The next bit.
    at: usize,
}

impl Bits<'_> {
    fn read(&mut self, count: u8) -> Result<usize, Stop> {
        let mut value = 0;
        for position in 0..count {
            let byte = self.bytes.get(self.at / 8).ok_or(Stop::Short)?;
            value |= usize::from(byte >> (self.at % 8) & 1) << position;
            self.at += 1;
        }
        Ok(value)
    }

    fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }

    fn is_at_end(&self) -> bool {
        self.at == self.bytes.len() * 8
    }
}

fn low(value: usize) -> u8 {
    value.to_le_bytes()[0]
}
