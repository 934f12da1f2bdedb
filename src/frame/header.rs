//! The frame header (RFC 6455 section 5.2).

use std::fmt;

/// The longest payload of a control frame (RFC 6455 section 5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// The size of the longest header: two bytes, a 64-bit length and a masking key.
pub const MAX_HEADER_SIZE: usize = 14;

/// The type of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// The next fragment of a message.
    Continuation = 0,
    /// The first frame of a text message.
    Text = 1,
    /// The first frame of a binary message.
    Binary = 2,
    /// The closing handshake.
    Close = 8,
    /// Requests a pong.
    Ping = 9,
    /// Answers a ping.
    Pong = 10,
}

impl Opcode {
    /// Returns the opcode with this number, or `None` if the number is reserved.
    pub fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    /// Whether the frame is a close, ping or pong.
    pub fn is_control(self) -> bool {
        self as u8 & 8 != 0
    }
}

/// A frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether this is the last frame of the message.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3 as the bits 4, 2 and 1.
    pub rsv: u8,
    /// The type of the frame.
    pub opcode: Opcode,
    /// The masking key, if the frame is masked.
    pub mask: Option<[u8; 4]>,
    /// The length of the payload in bytes, below 2^63.
    pub length: u64,
}

/// Why bytes are not a valid frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// RFC 6455 reserves the opcode.
    ReservedOpcode(u8),
    /// A control frame has no FIN bit.
    FragmentedControl(Opcode),
    /// A control frame has a payload of more than 125 bytes.
    LongControl(Opcode),
    /// The length is not in its shortest form.
    NonMinimalLength(u64),
    /// The most significant bit of a 64-bit length is set.
    OversizeLength,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedOpcode(bits) => write!(f, "a frame with the reserved opcode {bits}"),
            Self::FragmentedControl(opcode) => write!(f, "a fragmented {opcode:?} frame"),
            Self::LongControl(opcode) => {
                write!(f, "a {opcode:?} frame with a payload over {MAX_CONTROL_PAYLOAD} bytes")
            }
            Self::NonMinimalLength(length) => {
                write!(f, "a frame with its length {length} in a longer form than it needs")
            }
            Self::OversizeLength => f.write_str("a frame whose 64-bit length has its most significant bit set"),
        }
    }
}

/// Decodes the header at the start of `bytes`. Returns the header and its size, or `None` while bytes are missing.
///
/// An invalid opcode or control frame is rejected as soon as the first two bytes have arrived.
pub fn decode(bytes: &[u8]) -> Result<Option<(Header, usize)>, HeaderError> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    let bits = first & 0x0f;
    let opcode = Opcode::from_bits(bits).ok_or(HeaderError::ReservedOpcode(bits))?;
    let fin = first & 0x80 != 0;
    let short = second & 0x7f;
    if opcode.is_control() {
        if !fin {
            return Err(HeaderError::FragmentedControl(opcode));
        }
        if usize::from(short) > MAX_CONTROL_PAYLOAD {
            return Err(HeaderError::LongControl(opcode));
        }
    }
    let (length, rest) = match short {
        126 => {
            let Some((field, rest)) = rest.split_first_chunk::<2>() else { return Ok(None) };
            let length = u64::from(u16::from_be_bytes(*field));
            if length < 126 {
                return Err(HeaderError::NonMinimalLength(length));
            }
            (length, rest)
        }
        127 => {
            let Some((field, rest)) = rest.split_first_chunk::<8>() else { return Ok(None) };
            let length = u64::from_be_bytes(*field);
            if length >> 63 != 0 {
                return Err(HeaderError::OversizeLength);
            }
            if length <= u64::from(u16::MAX) {
                return Err(HeaderError::NonMinimalLength(length));
            }
            (length, rest)
        }
        short => (u64::from(short), rest),
    };
    let (mask, rest) = if second & 0x80 == 0 {
        (None, rest)
    } else {
        let Some((key, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        (Some(*key), rest)
    };
    let header = Header { fin, rsv: first >> 4 & 7, opcode, mask, length };
    Ok(Some((header, bytes.len() - rest.len())))
}

/// An encoded header.
#[derive(Clone, Copy, Debug)]
pub struct Encoded {
    bytes: [u8; MAX_HEADER_SIZE],
    size: usize,
}

impl Encoded {
    /// Returns the bytes of the header.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.size]
    }

    /// Returns the bytes padded to a fixed length, which is cheaper to copy, and the size of the header.
    pub fn padded(&self) -> (&[u8; MAX_HEADER_SIZE], usize) {
        (&self.bytes, self.size)
    }

    #[inline]
    fn push(&mut self, field: &[u8]) {
        self.bytes[self.size..self.size + field.len()].copy_from_slice(field);
        self.size += field.len();
    }
}

/// Encodes `header`, with its length in the shortest form.
#[expect(clippy::cast_possible_truncation, reason = "each cast follows a range check")]
pub fn encode(header: &Header) -> Encoded {
    let mut encoded = Encoded { bytes: [0; MAX_HEADER_SIZE], size: 0 };
    let first = u8::from(header.fin) << 7 | (header.rsv & 7) << 4 | header.opcode as u8;
    let masked = u8::from(header.mask.is_some()) << 7;
    if header.length < 126 {
        encoded.push(&[first, masked | header.length as u8]);
    } else if header.length <= u64::from(u16::MAX) {
        encoded.push(&[first, masked | 126]);
        encoded.push(&(header.length as u16).to_be_bytes());
    } else {
        encoded.push(&[first, masked | 127]);
        encoded.push(&header.length.to_be_bytes());
    }
    if let Some(key) = header.mask {
        encoded.push(&key);
    }
    encoded
}
