//! Constants of RFC 7692.

/// The name of the extension.
pub const NAME: &str = "permessage-deflate";

/// RSV1: the reserved bit that marks a compressed message.
pub(super) const RSV: u8 = 4;

/// The allowed sizes of the LZ77 window, as exponents of two (section 7.1.2).
pub const WINDOW_BITS: std::ops::RangeInclusive<u8> = 8..=15;

/// The last bytes of a flushed message. They are not sent (section 7.2.1).
pub(super) const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
