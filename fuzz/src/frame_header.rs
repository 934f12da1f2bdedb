//! Frame headers: what is read is what was written.

use ktorws::frame::header::{Header, HeaderError, MAX_HEADER_SIZE, decode, encode};

pub fn frame_header(bytes: &[u8]) {
    let outcome = decode(bytes);
    for end in 0..bytes.len().min(MAX_HEADER_SIZE) {
        let of_less = decode(&bytes[..end]);
        assert!(of_less == Ok(None) || of_less == outcome, "{of_less:?} for {end} bytes of {outcome:?}");
    }
    match outcome {
        Ok(None) => assert!(bytes.len() < MAX_HEADER_SIZE),
        Ok(Some((header, size))) => {
            assert!((2..=MAX_HEADER_SIZE.min(bytes.len())).contains(&size));
            assert!(header.rsv < 8 && header.length < 1 << 63);
            assert!(!header.opcode.is_control() || header.fin && header.length <= 125);
            assert_eq!(encode(&header).as_bytes(), &bytes[..size]);
            assert_eq!(decode(&bytes[..size - 1]), Ok(None));
        }
        Err(error) => check_error(error, bytes),
    }
    encode_first(bytes);
}

/// A header made of the bytes comes back.
fn encode_first(bytes: &[u8]) {
    let mut input = super::input::Input::new(bytes);
    let ([flags, opcode, shift], mask, length) = (input.array(), input.array(), u64::from_be_bytes(input.array()));
    let Some(opcode) = ktorws::frame::Opcode::from_bits(opcode & 15) else { return };
    let length = if opcode.is_control() { length % 126 } else { length >> (1 + shift % 63) };
    let fin = opcode.is_control() || flags & 1 != 0;
    let header = Header { fin, rsv: flags >> 1 & 7, opcode, mask: (flags & 16 != 0).then_some(mask), length };
    let encoded = encode(&header);
    let (padded, size) = encoded.padded();
    assert_eq!(encoded.as_bytes(), &padded[..size]);
    assert_eq!(decode(padded), Ok(Some((header, size))));
}

fn check_error(error: HeaderError, bytes: &[u8]) {
    let (first, second) = (bytes[0], bytes[1]);
    match error {
        HeaderError::ReservedOpcode(bits) => {
            assert!(bits == first & 15 && matches!(bits, 3..=7 | 11..=15));
        }
        HeaderError::FragmentedControl(opcode) => {
            assert!(opcode.is_control() && opcode as u8 == first & 15 && first & 0x80 == 0);
        }
        HeaderError::LongControl(opcode) => {
            assert!(opcode.is_control() && opcode as u8 == first & 15 && second & 0x7f > 125);
        }
        HeaderError::NonMinimalLength(length) => {
            assert!(length < if second & 0x7f == 126 { 126 } else { 65_536 });
        }
        HeaderError::OversizeLength => assert!(second & 0x7f == 127 && bytes[2] & 0x80 != 0),
    }
    assert!(!error.to_string().is_empty());
}
