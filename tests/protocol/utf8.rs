//! RFC 6455 section 8.1: text is UTF-8, and a connection is failed at the first byte that is not.

use ktorws::error::Kind;
use ktorws::frame::Opcode;
use ktorws::frame::utf8::Utf8Validator;
use ktorws::protocol::Event;
use proptest::prelude::*;

use crate::peer::{self, connection, frame, receive};

const INVALID: &[&[u8]] = &[
    b"\x80",
    b"\xbf",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xe0\x80\x80",
    b"\xe0\x9f\xbf",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf0\x80\x80\x80",
    b"\xf0\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xfe",
    b"\xff",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80",
    b"\xe2\x82x",
];

const VALID: &[&str] =
    &["", "\0", "\u{7f}", "\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}", "\u{d7ff}\u{e000}", "\u{fffe}"];

#[test]
fn invalid_text_fails_the_connection_whole_or_in_fragments() {
    for invalid in INVALID {
        assert_eq!(peer::violation(&mut connection(), &frame(true, Opcode::Text, invalid)), (Kind::Utf8, 1007));
        for cut in 0..=invalid.len() {
            let (head, tail) = invalid.split_at(cut);
            let bytes = [frame(false, Opcode::Text, head), frame(true, Opcode::Continuation, tail)].concat();
            let outcome = peer::violation(&mut connection(), &bytes);
            assert_eq!(outcome, (Kind::Utf8, 1007), "{invalid:x?} cut at {cut}");
        }
    }
}

#[test]
fn valid_text_and_any_binary_arrive() {
    for valid in VALID {
        assert!(matches!(&receive(&mut connection(), &peer::text(valid))[..], [Event::Frame(_)]), "{valid:?}");
    }
    for invalid in INVALID {
        let events = receive(&mut connection(), &frame(true, Opcode::Binary, invalid));
        assert!(matches!(&events[..], [Event::Frame(_)]));
    }
}

#[test]
fn text_cut_inside_a_character_is_invalid_at_its_end_only() {
    for length in 1..4 {
        let cut = &"\u{10348}".as_bytes()[..length];
        let mut connection = connection();
        assert_eq!(receive(&mut connection, &frame(false, Opcode::Text, cut)), []);
        let end = frame(true, Opcode::Continuation, b"");
        assert_eq!(peer::violation(&mut connection, &end), (Kind::Utf8, 1007));
    }
}

#[test]
fn it_fails_at_the_first_bad_byte_of_a_frame_that_has_not_arrived() {
    let whole = frame(true, Opcode::Text, &[b"0123456789\xed\xa0".as_slice(), &[b'x'; 100]].concat());
    let before = &whole[..2 + 11];
    let mut connection = connection();
    assert_eq!(receive(&mut connection, before), []);
    assert_eq!(peer::violation(&mut connection, &[0xa0]), (Kind::Utf8, 1007));
}

proptest! {
    /// The validator agrees with the standard library, whatever the pieces, to the byte.
    #[test]
    fn pieces_make_no_difference(
        bytes in prop::collection::vec(
            prop_oneof![Just(b'a'), 0x80..=0xbf_u8, 0xc0..=0xff_u8, Just(0xe2), Just(0x82), Just(0xac)], 0..40),
        cuts in prop::collection::vec(0..40_usize, 0..8),
    ) {
        let expected = std::str::from_utf8(&bytes);
        let mut validator = Utf8Validator::default();
        let mut outcome = Ok(());
        let mut start = 0;
        let mut cuts = cuts;
        cuts.sort_unstable();
        for cut in cuts.into_iter().chain([bytes.len()]).map(|cut| cut.min(bytes.len())) {
            outcome = outcome.and_then(|()| validator.push(&bytes[start..cut]));
            start = start.max(cut);
        }
        let outcome = outcome.and_then(|()| validator.finish());
        prop_assert_eq!(outcome.is_ok(), expected.is_ok());
        if let (Err(found), Err(expected)) = (outcome, expected) {
            prop_assert_eq!(found.valid_up_to, expected.valid_up_to() as u64);
        }
    }
}
