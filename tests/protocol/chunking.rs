//! Any chunking of any byte stream gives the same events and replies, and never a panic.

use ktorws::frame::Opcode;
use ktorws::frame::header::{self, Header};
use ktorws::protocol::{Event, Limits};
use proptest::prelude::*;

use crate::peer;

/// Bytes that are mostly frames, so that a connection lives through some of them.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop::sample::select(vec![
        Opcode::Continuation,
        Opcode::Text,
        Opcode::Text,
        Opcode::Binary,
        Opcode::Ping,
        Opcode::Pong,
        Opcode::Close,
    ]);
    let length = prop_oneof![0..10_usize, 120..130_usize, Just(70_000)];
    let frame =
        (any::<bool>(), 0..40_u8, opcode, length, any::<bool>()).prop_map(|(fin, rsv, opcode, length, ascii)| {
            let payload: Vec<u8> = (0..length).map(|i| if ascii { b'a' } else { (i * 7) as u8 }).collect();
            // Reserved bits in one frame of forty, so that most streams go further.
            let rsv = u8::from(rsv == 0);
            let length = payload.len() as u64;
            [header::encode(&Header { fin, rsv, opcode, mask: None, length }).as_bytes(), &payload].concat()
        });
    let noise = prop::collection::vec(any::<u8>(), 0..20);
    prop::collection::vec(prop_oneof![9 => frame, 1 => noise], 0..8).prop_map(|parts| parts.concat())
}

fn run(pieces: impl Iterator<Item = Vec<u8>>) -> (Vec<Event>, Vec<u8>) {
    let mut connection = peer::connection_with(Limits { max_frame_size: 80_000, max_message_size: 100_000 });
    let mut events = Vec::new();
    for piece in pieces {
        events.extend(peer::receive(&mut connection, &piece));
    }
    (events, peer::drain(&mut connection))
}

proptest! {
    #[test]
    fn the_chunking_makes_no_difference(stream in streams(), sizes in prop::collection::vec(1..3000_usize, 1..20)) {
        let whole = run(std::iter::once(stream.clone()));
        let mut rest = &stream[..];
        let pieces = sizes.iter().cycle().map_while(|size| {
            let (piece, tail) = rest.split_at((*size).min(rest.len()));
            rest = tail;
            (!piece.is_empty()).then(|| piece.to_vec())
        });
        prop_assert_eq!(run(pieces), whole);
    }

    #[test]
    fn single_bytes_make_no_difference(stream in streams()) {
        let stream = &stream[..stream.len().min(2000)];
        let whole = run(std::iter::once(stream.to_vec()));
        prop_assert_eq!(run(stream.iter().map(|byte| vec![*byte])), whole);
    }
}
