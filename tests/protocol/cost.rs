//! The maximum work and memory per byte that a hostile server can cause.

use ktorws::frame::Opcode;
use ktorws::protocol::deflate::Options;
use ktorws::protocol::{Connection, Decoders, Event, FrameDecoder, Limits};

use crate::deflate::{RSV1, connection, default_connection};
use crate::peer::{self, frame, marked_frame, receive};

const LIMITS: Limits = Limits { max_frame_size: 1 << 26, max_message_size: 1 << 26 };

/// An empty block without compression.
const EMPTY: &[u8] = b"\x00\x00\x00\xff\xff";

/// What a small message may keep beside twice its payload, and what a large one may.
const SLACK: usize = 1024 + 2;
const LARGE_SLACK: usize = 4096 + 2;

/// A connection with a full window behind it, as a server would have it that wants copies of it.
fn with_full_window() -> Connection {
    let mut connection = connection(Options::default(), "", LIMITS);
    let noise: Vec<u8> = (0..40_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut stored = Vec::new();
    for piece in noise.chunks(30_000) {
        let size = piece.len() as u16;
        stored.extend([&[0][..], &size.to_le_bytes(), &(!size).to_le_bytes(), piece].concat());
    }
    stored.push(0);
    let events = receive(&mut connection, &marked_frame(true, Opcode::Binary, RSV1, &stored));
    assert!(matches!(&events[..], [Event::Frame(frame)] if frame.payload.len() == noise.len()));
    connection
}

/// What decoding a stream costs for each of its bytes.
fn cost(connection: &mut Connection, stream: &[u8]) -> u64 {
    let before = connection.decoder.work();
    let events = receive(connection, stream);
    assert!(events.iter().all(|event| matches!(event, Event::Frame(_))), "{events:?}");
    (connection.decoder.work() - before) / stream.len() as u64
}

#[test]
fn work_counts_every_decoded_byte() {
    // The inflater reads the empty last block. The last byte is read twice: by itself, and with the tail.
    let mut small = default_connection();
    receive(&mut small, &marked_frame(true, Opcode::Binary, RSV1, b"\x03\x00\x00"));
    assert_eq!(small.decoder.work(), 2 + 1 + 5);
    assert!(with_full_window().decoder.work() >= 40_000);
    assert_eq!(peer::connection().decoder.work(), 0);
}

/// A window of 32 KiB for each of them is what it must not be.
#[test]
fn last_blocks_have_a_bounded_cost_per_byte() {
    for (block, most) in [
        // Empty, with the fixed codes and without compression.
        (&b"\x03\x00"[..], 50),
        (b"\x03\xfc", 50),
        (b"\x01\x00\x00\xff\xff", 50),
        // One literal, and three bytes from a whole window back.
        (b"\x4b\x04\x00", 50),
        (b"\x03\xde\xff\x0f\x00", 50),
        // Too long to be decoded without an inflater.
        (b"\x01\x0c\x00\xf3\xffabcdefghijkl", 2500),
    ] {
        let message = [&block.repeat(5000)[..], b"\x00"].concat();
        let cost = cost(&mut with_full_window(), &marked_frame(true, Opcode::Binary, RSV1, &message));
        assert!(cost <= most, "{block:x?}: {cost} bytes");
    }
}

#[test]
fn messages_with_last_blocks_have_a_bounded_cost_per_byte() {
    let message = marked_frame(true, Opcode::Binary, RSV1, b"\x03\x00\x00");
    let cost = cost(&mut with_full_window(), &message.repeat(5000));
    assert!(cost <= 100, "{cost} bytes");
}

#[test]
fn small_messages_rarely_trim_the_history() {
    let message = marked_frame(true, Opcode::Binary, RSV1, b"\x4a\x04\x00");
    let cost = cost(&mut with_full_window(), &message.repeat(5000));
    assert!(cost <= 100, "{cost} bytes");
}

#[test]
fn small_streams_in_any_chunking_give_the_same() {
    // Last blocks of all kinds, with references to what came before, and one that is too long.
    let message =
        b"\xf3\x48\xcd\xc9\xc9\x07\x00\x03\x00\x4b\x04\x00\x03\x22\x00\x01\x0c\x00\xf3\xffabcdefghijkl\x03\x00\x00";
    let mut whole = default_connection();
    let stream = marked_frame(true, Opcode::Binary, RSV1, message).repeat(3);
    let events = receive(&mut whole, &stream);
    assert_eq!(events.len(), 3);
    for size in 1..20 {
        let mut chunked = default_connection();
        let pieces = stream.chunks(size).flat_map(|piece| receive(&mut chunked, piece));
        assert_eq!(pieces.collect::<Vec<_>>(), events, "{size} bytes at a time");
    }
}

/// Counts how often a decoder comes back before it has worked through a stream.
fn yields(decoders: Decoders, stream: &[u8]) -> usize {
    let mut incoming = FrameDecoder::new(stream, decoders, false);
    let mut yields = 0;
    while let Some(received) = incoming.poll(&LIMITS, |_| Vec::new()) {
        match received {
            Event::Yield => yields += 1,
            other => assert!(matches!(other, Event::Frame(_)), "{other:?}"),
        }
    }
    yields
}

#[test]
fn poll_yields_after_a_bounded_number_of_frames() {
    let fragments =
        [frame(false, Opcode::Binary, b""), frame(false, Opcode::Continuation, b"").repeat(100_000)].concat();
    assert!(yields(Decoders::default(), &fragments) >= 100_000 / 1024);
}

#[test]
fn poll_yields_after_a_bounded_amount_of_decoding() {
    let mut from = connection(Options::default(), "", LIMITS);
    from.send(Opcode::Binary, &vec![0; 32 << 20]).expect("an open connection");
    let payload = peer::sent(&mut from).remove(0).payload;
    // All in one frame, and a few bytes in each of many.
    let whole = marked_frame(true, Opcode::Binary, RSV1, &payload);
    let mut pieces = marked_frame(false, Opcode::Binary, RSV1, b"");
    payload.chunks(100).for_each(|piece| pieces.extend(frame(false, Opcode::Continuation, piece)));
    for stream in [whole, pieces] {
        let yields = yields(deflate(), &stream);
        assert!((payload.len() / 4096 - 1..=payload.len() / 2048).contains(&yields), "{yields}");
    }
}

fn deflate() -> Decoders {
    crate::deflate::decoders("")
}

/// What messages keep, which the application may have for as long as it wants.
#[test]
fn a_message_holds_little_more_memory_than_its_payload() {
    for (name, stream) in [
        ("empty blocks", {
            let message = [b"\x00\x01\x00\xfe\xffA", &EMPTY.repeat(13_100)[..], b"\x00"].concat();
            marked_frame(true, Opcode::Binary, RSV1, &message)
        }),
        ("a small message in parts", {
            let middle = frame(false, Opcode::Continuation, b"").repeat(100);
            [frame(false, Opcode::Binary, b"a"), middle, frame(true, Opcode::Continuation, b"b")].concat()
        }),
        ("a medium one", frame(true, Opcode::Binary, &[7; 5000])),
        ("a large one in parts", {
            let middle = frame(false, Opcode::Continuation, &[7; 1000]).repeat(100);
            [frame(false, Opcode::Binary, b""), middle, frame(true, Opcode::Continuation, b"b")].concat()
        }),
    ] {
        let mut incoming = FrameDecoder::new(&stream, deflate(), false);
        // Memory of a large message that was freed.
        let mut received = || incoming.poll(&LIMITS, |_| vec![0; 1 << 20]);
        let event = std::iter::from_fn(&mut received).find(|event| *event != Event::Yield);
        let Some(Event::Frame(frame)) = event else { panic!("{name}: {event:?}") };
        let (size, capacity) = (frame.payload.len(), frame.payload.capacity());
        let slack = if size < 32 * 1024 { SLACK } else { LARGE_SLACK };
        assert!(capacity <= 2 * size + slack, "{name}: {capacity} bytes for {size}");
        assert_eq!(frame.payload.with_nul().last(), Some(&0), "{name}");
    }
}

#[test]
fn a_small_message_does_not_hold_a_large_buffer() {
    let mut incoming = FrameDecoder::new(&frame(true, Opcode::Binary, &[7; 40_000]), Decoders::default(), false);
    let event = incoming.poll(&LIMITS, |_| vec![0; 8 << 20]);
    let Some(Event::Frame(frame)) = event else { panic!("{event:?}") };
    assert!(frame.payload.capacity() <= 2 * 40_000 + LARGE_SLACK, "{}", frame.payload.capacity());
}
