//! A decoder for DEFLATE streams of a few bytes (RFC 1951). A server may start a new stream every two bytes (RFC 7692 section
//! 7.2.3.4), and starting an inflater costs a whole window.

/// The maximum length of a small stream. For a longer stream, the cost of an inflater per byte is small.
pub(super) const LONGEST: usize = 16;

/// What the bytes begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole stream of so many bytes.
    Stream(usize),
    /// The end of a message: the bytes end with an empty block without compression.
    Message,
    /// An incomplete stream.
    Short,
    /// A stream for an inflater: it has a block with dynamic codes, or is invalid.
    Other,
}

/// Decodes the first stream of `bytes` to `output`, which is empty on entry. `ends` says that `bytes` end the message.
/// `before` returns a byte of the previous output by its distance from the end, which is at least 1.
pub(super) fn decode(bytes: &[u8], ends: bool, output: &mut Vec<u8>, before: impl Fn(usize) -> Option<u8>) -> Found {
    let mut bits = Bits { bytes, at: 0 };
    loop {
        match block(&mut bits, output, &before) {
            Ok((_, true)) if ends && bits.at == bytes.len() * 8 => return Found::Message,
            Ok((true, _)) => return Found::Stream(bits.at.div_ceil(8)),
            Ok((false, _)) => {}
            Err(found) => return found,
        }
    }
}

/// Decodes a block. Returns whether it is the last block of the stream, and whether it is empty and without compression.
fn block(
    bits: &mut Bits<'_>,
    output: &mut Vec<u8>,
    before: &impl Fn(usize) -> Option<u8>,
) -> Result<(bool, bool), Found> {
    let is_last = bits.number(1)? == 1;
    match bits.number(2)? {
        0 => Ok((is_last, stored(bits, output)? == 0)),
        1 => fixed(bits, output, before).map(|()| (is_last, false)),
        _ => Err(Found::Other),
    }
}

/// Decodes a block without compression. Returns its size.
fn stored(bits: &mut Bits<'_>, output: &mut Vec<u8>) -> Result<usize, Found> {
    bits.at = bits.at.next_multiple_of(8);
    let (size, complement) = (bits.number(16)?, bits.number(16)?);
    if size ^ complement != 0xffff {
        return Err(Found::Other);
    }
    let start = bits.at / 8;
    let payload = bits.bytes.get(start..start + size).ok_or(Found::Short)?;
    output.extend_from_slice(payload);
    bits.at += size * 8;
    Ok(size)
}

/// Decodes a block with the fixed codes.
fn fixed(bits: &mut Bits<'_>, output: &mut Vec<u8>, before: &impl Fn(usize) -> Option<u8>) -> Result<(), Found> {
    loop {
        let symbol = fixed_symbol(bits)?;
        if let Ok(literal) = u8::try_from(symbol) {
            output.push(literal);
            continue;
        }
        let index = match symbol {
            256 => return Ok(()),
            257..286 => symbol - 257,
            _ => return Err(Found::Other),
        };
        let length = match index {
            0..8 => 3 + index,
            28 => 258,
            _ => {
                let extra = (index - 4) / 4;
                3 + ((4 + index % 4) << extra) + bits.number(extra)?
            }
        };
        let distance = match bits.code(0, 5)? {
            code @ 0..4 => 1 + code,
            code @ 4..30 => {
                let extra = code / 2 - 1;
                1 + ((2 + code % 2) << extra) + bits.number(extra)?
            }
            _ => return Err(Found::Other),
        };
        for _ in 0..length {
            let byte = match output.len().checked_sub(distance) {
                Some(at) => output.get(at).copied(),
                None => before(distance - output.len()),
            };
            output.push(byte.ok_or(Found::Other)?);
        }
    }
}

/// The next symbol of the fixed code for literals and lengths (RFC 1951 section 3.2.6).
fn fixed_symbol(bits: &mut Bits<'_>) -> Result<usize, Found> {
    let code = bits.code(0, 7)?;
    if code < 0b001_1000 {
        return Ok(256 + code);
    }
    let code = bits.code(code, 1)?;
    match code {
        0b0011_0000..0b1100_0000 => Ok(code - 0b0011_0000),
        0b1100_0000..0b1100_1000 => Ok(280 + code - 0b1100_0000),
        _ => Ok(144 + bits.code(code, 1)? - 0b1_1001_0000),
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    /// The index of the next bit.
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Result<usize, Found> {
        let byte = self.bytes.get(self.at / 8).ok_or(Found::Short)?;
        let bit = usize::from(byte >> (self.at % 8) & 1);
        self.at += 1;
        Ok(bit)
    }

    /// Reads a number, lowest bit first.
    fn number(&mut self, count: usize) -> Result<usize, Found> {
        (0..count).try_fold(0, |number, position| Ok(number | self.bit()? << position))
    }

    /// Reads `count` more bits of a Huffman code, highest bit first.
    fn code(&mut self, start: usize, count: usize) -> Result<usize, Found> {
        (0..count).try_fold(start, |code, _| Ok(code << 1 | self.bit()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HISTORY: &[u8] = b"history";

    fn decoded(bytes: &[u8], ends: bool) -> (Found, Vec<u8>) {
        let mut output = Vec::new();
        let before = |back| HISTORY.len().checked_sub(back).map(|at| HISTORY[at]);
        let found = decode(bytes, ends, &mut output, before);
        (found, output)
    }

    #[test]
    fn small_streams_are_decoded() {
        for (bytes, found, output) in [
            // Empty last blocks: with the fixed codes, with any bits after the block in its last byte, and without compression.
            (&b"\x03\x00"[..], Found::Stream(2), &b""[..]),
            (b"\x03\xfc\x03\x00", Found::Stream(2), b""),
            (b"\x01\x00\x00\xff\xff\x03", Found::Stream(5), b""),
            (b"\x01\x02\x00\xfd\xffab", Found::Stream(7), b"ab"),
            // An empty block before the last one.
            (b"\x00\x00\x00\xff\xff\x03\x00", Found::Stream(7), b""),
            // "Hello", as a last block.
            (b"\xf3\x48\xcd\xc9\xc9\x07\x00", Found::Stream(7), b"Hello"),
            // Literals of nine bits.
            (b"\x7b\xf8\x1f\x00", Found::Stream(4), b"\xe1\xff"),
            // Three bytes at distance three.
            (b"\x03\x22\x00", Found::Stream(3), b"ory"),
            (b"", Found::Short, b""),
            (b"\x03", Found::Short, b""),
            (b"\x01\x02\x00\xfd\xffa", Found::Short, b""),
            // Dynamic codes, a reserved type, lengths that do not match, a distance that is too large.
            (b"\x05\x00", Found::Other, b""),
            (b"\x07\x00", Found::Other, b""),
            (b"\x01\x00\x00\xff\xfe", Found::Other, b""),
            (b"\x01\x01\x00\xff\xffa", Found::Other, b""),
            (b"\x03\x32\x00", Found::Other, b""),
        ] {
            let (as_found, decoded) = decoded(bytes, false);
            assert_eq!(as_found, found, "{bytes:x?}");
            // The output of an incomplete stream is not checked.
            assert!(decoded == output || !matches!(found, Found::Stream(_)), "{bytes:x?}: {decoded:x?}");
        }
    }

    #[test]
    fn the_end_of_a_message_is_an_empty_block_without_compression() {
        let tail = b"\x00\x00\xff\xff";
        for (start, found) in [
            (&b"\x00"[..], Found::Message),
            (b"\x01", Found::Message),
            (b"\x62\x00\x00", Found::Message),
            (b"\x03\x00", Found::Stream(2)),
            (b"", Found::Short),
        ] {
            assert_eq!(decoded(&[start, tail].concat(), true).0, found, "{start:x?}");
            assert_ne!(decoded(&[start, tail].concat(), false).0, Found::Message, "{start:x?}");
        }
    }

    /// The first value and the number of extra bits of each length code and distance code (RFC 1951 section 3.2.5).
    const LENGTHS: [(usize, usize); 29] = [
        (3, 0),
        (4, 0),
        (5, 0),
        (6, 0),
        (7, 0),
        (8, 0),
        (9, 0),
        (10, 0),
        (11, 1),
        (13, 1),
        (15, 1),
        (17, 1),
        (19, 2),
        (23, 2),
        (27, 2),
        (31, 2),
        (35, 3),
        (43, 3),
        (51, 3),
        (59, 3),
        (67, 4),
        (83, 4),
        (99, 4),
        (115, 4),
        (131, 5),
        (163, 5),
        (195, 5),
        (227, 5),
        (258, 0),
    ];
    const DISTANCES: [(usize, usize); 30] = [
        (1, 0),
        (2, 0),
        (3, 0),
        (4, 0),
        (5, 1),
        (7, 1),
        (9, 2),
        (13, 2),
        (17, 3),
        (25, 3),
        (33, 4),
        (49, 4),
        (65, 5),
        (97, 5),
        (129, 6),
        (193, 6),
        (257, 7),
        (385, 7),
        (513, 8),
        (769, 8),
        (1025, 9),
        (1537, 9),
        (2049, 10),
        (3073, 10),
        (4097, 11),
        (6145, 11),
        (8193, 12),
        (12289, 12),
        (16385, 13),
        (24577, 13),
    ];

    /// A last block with the fixed codes and one reference. Each pair is an index of the table and the extra bits.
    fn reference((length, more_length): (usize, usize), (distance, more_distance): (usize, usize)) -> Vec<u8> {
        let mut bits = vec![1, 1, 0];
        let symbol = 257 + length;
        let (code, size) = if symbol < 280 { (symbol - 256, 7) } else { (symbol - 280 + 0b1100_0000, 8) };
        bits.extend((0..size).rev().map(|bit| code >> bit & 1));
        bits.extend((0..LENGTHS[length].1).map(|bit| more_length >> bit & 1));
        bits.extend((0..5).rev().map(|bit| distance >> bit & 1));
        bits.extend((0..DISTANCES[distance].1).map(|bit| more_distance >> bit & 1));
        bits.extend([0; 7]);
        let byte = |bits: &[usize]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit == 1));
        bits.chunks(8).map(byte).collect()
    }

    #[test]
    fn every_code_of_a_length_and_a_distance() {
        let history: Vec<u8> = (0..32_768_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let check = |length: (usize, usize), distance: (usize, usize)| {
            let bytes = reference(length, distance);
            let (count, back) = (LENGTHS[length.0].0 + length.1, DISTANCES[distance.0].0 + distance.1);
            let before = |back| history.len().checked_sub(back).map(|at| history[at]);
            let mut output = Vec::new();
            assert_eq!(
                decode(&bytes, false, &mut output, before),
                Found::Stream(bytes.len()),
                "{count} from {back} back"
            );
            let expected: Vec<u8> = history[history.len() - back..].iter().copied().cycle().take(count).collect();
            assert!(output == expected, "{count} from {back} back");
        };
        for (index, (_, more)) in LENGTHS.into_iter().enumerate() {
            (0..1 << more).for_each(|bits| check((index, bits), (2, 0)));
        }
        for (index, (_, more)) in DISTANCES.into_iter().enumerate() {
            for bits in [0, 1, (1 << more) - 1] {
                check((0, 0), (index, bits & ((1 << more) - 1)));
            }
        }
        // The length code 286 is reserved.
        assert_eq!(decoded(b"\x1b\x03\x00\x00", false).0, Found::Other);
    }
}
