//! RFC 6455 section 5.2: the base framing protocol.

use ktorws::error::Kind;
use ktorws::frame::header::{self, Encoded, Header, HeaderError, Opcode};
use ktorws::protocol::{Event, Frame};
use proptest::prelude::*;

use crate::peer;

const PROTOCOL: (Kind, u16) = (Kind::Protocol, 1002);

#[test]
fn the_examples_of_section_5_7_are_read() {
    for bytes in [b"\x81\x05Hello".as_slice(), b"\x01\x03Hel\x80\x02lo"] {
        let events = peer::receive(&mut peer::connection(), bytes);
        assert_eq!(events, [Event::Frame(Frame::message(Opcode::Text, b"Hello"[..].into()))]);
    }
}

#[test]
fn payloads_of_every_length_form_arrive_whole() {
    for length in [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20] {
        let payload: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        let events = peer::receive(&mut peer::connection(), &peer::frame(true, Opcode::Binary, &payload));
        assert_eq!(events, [Event::Frame(Frame::message(Opcode::Binary, payload[..].into()))], "length {length}");
    }
}

#[test]
fn reserved_bits_fail_the_connection() {
    for rsv in 1..8_u8 {
        for opcode in [0x1, 0x2, 0x8, 0x9, 0xa] {
            let bytes = [0x80 | rsv << 4 | opcode, 0];
            assert_eq!(peer::violation(&mut peer::connection(), &bytes), PROTOCOL, "rsv {rsv:03b}, opcode {opcode}");
        }
    }
}

#[test]
fn reserved_opcodes_fail_the_connection() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15_u8] {
        assert_eq!(header::decode(&[0x80 | opcode, 0]), Err(HeaderError::ReservedOpcode(opcode)));
        assert_eq!(peer::violation(&mut peer::connection(), &[0x80 | opcode, 0]), PROTOCOL, "opcode {opcode}");
    }
}

#[test]
fn a_masked_frame_from_the_server_fails_the_connection() {
    let header = Header { fin: true, rsv: 0, opcode: Opcode::Text, mask: Some([1, 2, 3, 4]), length: 0 };
    assert_eq!(peer::violation(&mut peer::connection(), header::encode(&header).as_bytes()), PROTOCOL);
}

#[test]
fn lengths_must_be_in_their_shortest_form() {
    let longest_of_each = [(125_u64, true), (126, false), (65_535, false)];
    for (length, short) in longest_of_each {
        let in_16_bits = [&[0x82, 126], &(length as u16).to_be_bytes()[..]].concat();
        let decoded = header::decode(&in_16_bits);
        assert_eq!(decoded.is_err(), short, "{length} in 16 bits: {decoded:?}");
        let in_64_bits = [&[0x82, 127], &length.to_be_bytes()[..]].concat();
        assert_eq!(header::decode(&in_64_bits), Err(HeaderError::NonMinimalLength(length)));
        assert_eq!(peer::violation(&mut peer::connection(), &in_64_bits), PROTOCOL);
    }
}

#[test]
fn a_length_with_its_top_bit_set_fails_the_connection() {
    for length in [1 << 63, u64::MAX] {
        let bytes = [&[0x82, 127], &length.to_be_bytes()[..]].concat();
        assert_eq!(header::decode(&bytes), Err(HeaderError::OversizeLength));
        assert_eq!(peer::violation(&mut peer::connection(), &bytes), PROTOCOL);
    }
}

#[test]
fn an_error_says_what_is_wrong_with_the_frame() {
    for (bytes, reason) in [
        (&[0x83, 0][..], "a frame with the reserved opcode 3"),
        (&[0x09, 0], "a fragmented Ping frame"),
        (&[0x8a, 126], "a Pong frame with a payload over 125 bytes"),
        (&[0x82, 126, 0, 5], "a frame with its length 5 in a longer form than it needs"),
        (&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], "most significant bit"),
        (&[0x88, 1, 3], "a Close frame with a payload of one byte"),
        (&[0x88, 2, 3, 0xed], "a Close frame with the code 1005, which may not be sent"),
        (&[0x88, 3, 3, 0xe8, 0xff], "a Close frame with a reason that is not UTF-8"),
    ] {
        let events = peer::receive(&mut peer::connection(), bytes);
        let [Event::ProtocolError(error)] = &events[..] else { panic!("not one violation: {events:?}") };
        assert!(error.message.contains(reason), "{error:?} does not say {reason:?}");
    }
}

proptest! {
    #[test]
    fn decoding_what_was_encoded_gives_the_header_back(
        fin: bool,
        rsv in 0..8_u8,
        opcode in prop::sample::select(vec![Opcode::Continuation, Opcode::Text, Opcode::Binary]),
        mask: Option<[u8; 4]>,
        length in 0..u64::MAX >> 1,
        shift in 0..63_u32,
    ) {
        // Shifted, so that short lengths come as often as long ones.
        let header = Header { fin, rsv, opcode, mask, length: length >> shift };
        let encoded: Encoded = header::encode(&header);
        let bytes = encoded.as_bytes();
        prop_assert_eq!(header::decode(bytes), Ok(Some((header, bytes.len()))));
        for cut in 0..bytes.len() {
            prop_assert_eq!(header::decode(&bytes[..cut]), Ok(None));
        }
    }

    #[test]
    fn any_bytes_give_a_header_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        if let Ok(Some((_, size))) = header::decode(&bytes) {
            prop_assert!(size <= bytes.len());
        }
    }
}
