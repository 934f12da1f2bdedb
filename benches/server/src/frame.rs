//! Frames (RFC 6455 section 5.2).

use std::ops::Range;

pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

pub const FIN: u8 = 0x80;
pub const COMPRESSED: u8 = 0x40;

/// The header of a client's frame: the payload is masked.
pub struct Header {
    /// FIN, the reserved bits and the opcode.
    pub first: u8,
    pub mask: [u8; 4],
    pub size: usize,
    pub payload_size: usize,
}

impl Header {
    pub fn opcode(&self) -> u8 {
        self.first & 0x0f
    }

    /// Whether its message is compressed: RSV1.
    pub fn is_compressed(&self) -> bool {
        self.first & COMPRESSED != 0
    }

    /// Whether it ends a message of data.
    pub fn ends_message(&self) -> bool {
        self.first & FIN != 0 && self.opcode() < CLOSE
    }

    /// `None` while it is incomplete.
    pub fn parse(bytes: &[u8]) -> Option<Result<Self, &'static str>> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        if second & 0x80 == 0 {
            return Some(Err("a frame is not masked"));
        }
        let (payload_size, mask_at) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?), 10),
            size => (u64::from(size), 2),
        };
        let mask = *bytes.get(mask_at..)?.first_chunk()?;
        let Ok(payload_size) = usize::try_from(payload_size) else {
            return Some(Err("a frame is too big"));
        };
        Some(Ok(Self { first, mask, size: mask_at + 4, payload_size }))
    }
}

/// Writes the header of a server's frame that ends at `end`: it is always shorter than the client's
/// was. Returns where it starts.
pub fn write_header(memory: &mut [u8], end: usize, first: u8, payload_size: usize) -> usize {
    let size = payload_size.to_be_bytes();
    let start = match payload_size {
        0..126 => {
            memory[end - 1] = size[7];
            end - 2
        }
        126..=0xffff => {
            memory[end - 3] = 126;
            memory[end - 2..end].copy_from_slice(&size[6..]);
            end - 4
        }
        _ => {
            memory[end - 9] = 127;
            memory[end - 8..end].copy_from_slice(&size);
            end - 10
        }
    };
    memory[start] = first;
    start
}

/// Appends a server's frame.
pub fn append(frames: &mut Vec<u8>, first: u8, payload: &[u8]) {
    let start = frames.len();
    let end = start + header_size(payload.len());
    frames.resize(end, 0);
    write_header(&mut frames[start..], end - start, first, payload.len());
    frames.extend_from_slice(payload);
}

pub const fn header_size(payload_size: usize) -> usize {
    match payload_size {
        0..126 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

/// Unmasks the payload at `from`, moving it down to `to`.
pub fn unmask(memory: &mut [u8], from: Range<usize>, to: usize, mask: [u8; 4]) {
    let size = from.len();
    if from.start != to {
        memory.copy_within(from, to);
    }
    // The compiler makes this one vectorised loop.
    let wide = u64::from_ne_bytes([mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]]);
    let (words, rest) = memory[to..to + size].as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask) {
        *byte ^= key;
    }
    for (byte, key) in rest.iter_mut().skip(4).zip(mask) {
        *byte ^= key;
    }
}
