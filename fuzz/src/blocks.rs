//! Compressed messages put together from blocks as no compressor does: last blocks in the middle, and distances of all
//! kinds.

use super::input::Input;

/// A compressed message, as it is on the wire.
pub fn message(input: &mut Input<'_>) -> Vec<u8> {
    let mut bits = Bits::default();
    for _ in 0..input.byte() % 8 {
        let flags = input.byte();
        let is_last = usize::from(flags & 1);
        if flags & 2 == 0 {
            bits.write(is_last, 3);
            bits.align();
            let payload = input.take(flags.into());
            bits.write(payload.len(), 16);
            bits.write(!payload.len(), 16);
            bits.bytes.extend_from_slice(payload);
        } else {
            bits.write(is_last | 1 << 1, 3);
            for _ in 0..flags >> 2 & 7 {
                bits.literal(input.byte());
                bits.copy(input.byte() % 8, usize::from(input.word() % (1 << 15)));
            }
            bits.code(0, 7);
        }
        if is_last == 1 {
            bits.align();
        }
    }
    // An empty block, of which the end is cut off.
    bits.write(usize::from(input.byte() & 1), 3);
    bits.bytes
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// How many bits of the last byte are written.
    used: u8,
}

impl Bits {
    fn write(&mut self, value: usize, count: u8) {
        for position in 0..count {
            if matches!(self.used, 0 | 8) {
                self.bytes.push(0);
                self.used = 0;
            }
            if let Some(byte) = self.bytes.last_mut() {
                *byte |= u8::from(value >> position & 1 == 1) << self.used;
            }
            self.used += 1;
        }
    }

    fn align(&mut self) {
        self.used = 0;
    }

    /// A code of the fixed ones, which go from the other end.
    fn code(&mut self, code: usize, count: u8) {
        (0..count).rev().for_each(|position| self.write(code >> position, 1));
    }

    fn literal(&mut self, byte: u8) {
        match usize::from(byte) {
            byte @ 0..144 => self.code(0x30 + byte, 8),
            byte => self.code(0x190 + byte - 144, 9),
        }
    }

    /// Three to ten bytes from so far back, and one.
    fn copy(&mut self, length: u8, distance: usize) {
        self.code(usize::from(length) + 1, 7);
        let mut base = 0;
        for symbol in 0..30 {
            let extra: u8 = (symbol / 2_u8).saturating_sub(1);
            if distance < base + (1 << extra) {
                self.code(symbol.into(), 5);
                return self.write(distance - base, extra);
            }
            base += 1 << extra;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::inflate::{Stop, inflate};
    use super::*;

    #[test]
    fn a_message_is_what_it_was_made_of() {
        let input = [3, 6, b'a', 0, 0, 0, 5, b'b', b'c', b'd', b'e', b'f', 6, b'g', 2, 0, 5, 0];
        let [message, tail] = [&message(&mut Input::new(&input))[..], &[0, 0, 0xff, 0xff]];
        let inflated = inflate(&[message, tail].concat(), &[], 1 << 15, 1000);
        assert_eq!((inflated.output.as_slice(), inflated.stop), (&b"aaaabcdefgbcdef"[..], Stop::Whole));
    }
}
