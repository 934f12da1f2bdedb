//! The receiving half: the sizes of reads, and the state that it reports.

use ktorws::frame::Opcode;
use ktorws::frame::header::{self, Header};
use ktorws::protocol::deflate::Options;
use ktorws::protocol::{Decoders, Event, FrameDecoder, Limits};

use crate::deflate;
use crate::peer::{self, frame, marked_frame};

const LIMITS: Limits = Limits { max_frame_size: 1 << 26, max_message_size: 1 << 26 };

/// The sizes of a read at first, and when there is more.
const KIB_4: usize = 4 * 1024;
const KIB_16: usize = 16 * 1024;
const KIB_64: usize = 64 * 1024;

/// The rest of a frame from this size on is read straight into the message.
const DIRECT: usize = 32 * 1024;

/// Large payloads begin somewhere in their first page.
const PAGE: usize = 4096;

const NOTHING: &[u8] = b"";

fn incoming(early: &[u8]) -> FrameDecoder {
    FrameDecoder::new(early, Decoders::default(), false)
}

fn announced(fin: bool, opcode: Opcode, length: usize) -> Vec<u8> {
    header::encode(&Header { fin, rsv: 0, opcode, mask: None, length: length as u64 }).as_bytes().to_vec()
}

/// Empty messages, so many bytes together.
fn empty_messages(size: usize) -> Vec<u8> {
    frame(true, Opcode::Binary, b"").repeat(size / 2)
}

/// Puts bytes into the space, which is large enough.
fn give(incoming: &mut FrameDecoder, bytes: &[u8]) {
    incoming.read_buffer()[..bytes.len()].copy_from_slice(bytes);
    incoming.bytes_read(bytes.len());
}

fn poll(incoming: &mut FrameDecoder) -> Vec<Event> {
    std::iter::from_fn(|| incoming.poll(&LIMITS, |_| Vec::new())).filter(|received| *received != Event::Yield).collect()
}

/// Fills the whole space with messages and takes them. Returns the size of the space.
fn fill(incoming: &mut FrameDecoder) -> usize {
    let size = incoming.read_buffer().len();
    give(incoming, &empty_messages(size));
    assert_eq!(poll(incoming).len(), size / 2);
    size
}

/// Gives all bytes, piece by piece, and takes what comes.
fn feed(incoming: &mut FrameDecoder, mut bytes: &[u8]) -> Vec<Event> {
    let mut events = poll(incoming);
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at(incoming.read_buffer().len().min(bytes.len()));
        give(incoming, piece);
        bytes = rest;
        events.extend(poll(incoming));
    }
    events
}

fn message(events: &[Event]) -> &ktorws::protocol::Payload {
    let [Event::Frame(frame)] = events else { panic!("{} events", events.len()) };
    &frame.payload
}

#[test]
fn reads_grow_while_they_fill_the_space() {
    let mut incoming = incoming(NOTHING);
    let address = incoming.read_buffer().as_ptr();
    // Memory that is large enough is not replaced.
    assert_eq!(incoming.read_buffer().as_ptr(), address);
    give(&mut incoming, &empty_messages(KIB_4 - 2));
    poll(&mut incoming);
    let sizes: Vec<_> = (0..4).map(|_| fill(&mut incoming)).collect();
    assert_eq!(sizes, [KIB_4, KIB_16, KIB_64, KIB_64]);
}

#[test]
fn read_buffer_after_early_bytes_holds_a_header() {
    for size in [KIB_4 - 14, KIB_4 - 13, 70_000] {
        let space = incoming(&empty_messages(size)).read_buffer().len();
        assert_eq!(space, KIB_4.saturating_sub(size / 2 * 2).max(14), "{size}");
    }
    // A buffer of 65,534 bytes grows to 64 KiB, wherever it begins in its memory.
    let mut incoming = incoming(&empty_messages(KIB_64 - 16));
    give(&mut incoming, &empty_messages(14));
    assert_eq!(poll(&mut incoming).len(), KIB_64 / 2 - 1);
    assert_eq!(incoming.read_buffer().len(), KIB_64);
}

#[test]
fn undecoded_bytes_are_kept() {
    let ping = frame(true, Opcode::Ping, b"ping");
    let mut incoming = incoming(NOTHING);
    give(&mut incoming, &[&empty_messages(100), &ping[..1]].concat());
    assert_eq!(poll(&mut incoming).len(), 50);
    assert_eq!(incoming.read_buffer().len(), KIB_4 - 1);
    give(&mut incoming, &ping[1..]);
    assert!(matches!(&poll(&mut incoming)[..], [Event::Ping(payload)] if payload.as_bytes() == b"ping"));
}

/// The space when `arrived` bytes of a binary frame have arrived and `left` bytes are to come.
fn space_for(decoders: Decoders, arrived: usize, left: usize) -> usize {
    let rsv = if decoders.is_empty() { 0 } else { deflate::RSV1 };
    let stored = [&b"\x00\xff\xff\x00\x00"[..], &vec![7; arrived]].concat();
    let payload = if rsv == 0 { vec![7; arrived] } else { stored[..arrived].to_vec() };
    let whole = marked_frame(true, Opcode::Binary, rsv, &[payload, vec![0; left]].concat());
    let mut incoming = FrameDecoder::new(&whole[..whole.len() - left], decoders, false);
    assert_eq!(incoming.poll(&LIMITS, |_| vec![0; 1 << 20]), None);
    assert!(incoming.is_mid_frame());
    incoming.read_buffer().len()
}

#[test]
fn the_rest_of_a_large_frame_is_read_into_the_message() {
    // With offered memory, the space is all of the rest.
    assert_eq!(space_for(Decoders::default(), 1000, DIRECT), DIRECT);
    assert_eq!(space_for(Decoders::default(), 1000, 500_000), 500_000);
    assert_eq!(space_for(Decoders::default(), 1000, DIRECT - 1), KIB_4);
    // A compressed rest goes through the decoder.
    assert_eq!(space_for(deflate::decoders(""), 1000, DIRECT), KIB_4);
    // Without offered memory, the message's memory doubles.
    let mut incoming = incoming(&[announced(true, Opcode::Binary, 100_000), vec![1; 3000]].concat());
    assert_eq!(poll(&mut incoming), []);
    assert_eq!(incoming.read_buffer().len(), 3001);
}

#[test]
fn chunking_does_not_change_a_large_message() {
    let payload: Vec<u8> = (0..300_000_usize).map(|i| b'a' + (i % 23) as u8).collect();
    let stream = [
        frame(false, Opcode::Text, &payload[..100_000]),
        frame(true, Opcode::Ping, &[7; 125]),
        frame(true, Opcode::Continuation, &payload[100_000..]),
    ]
    .concat();
    for size in [1000, 4096, 30_000, 1 << 20] {
        let mut incoming = incoming(NOTHING);
        let events: Vec<_> = stream.chunks(size).flat_map(|piece| feed(&mut incoming, piece)).collect();
        assert!(matches!(&events[0], Event::Ping(ping) if ping.as_bytes() == [7; 125]), "{size}");
        assert!(**message(&events[1..]) == payload[..], "{size}");
    }
}

#[test]
fn a_direct_read_is_checked_for_utf8() {
    for (at, valid) in [(99_999, true), (50_000, false), (99_999, false)] {
        let mut payload = vec![b'a'; 100_000];
        payload[at] = if valid { b'b' } else { 0xff };
        let events = feed(&mut incoming(NOTHING), &frame(true, Opcode::Text, &payload));
        assert_eq!(matches!(&events[..], [Event::Frame(_)]), valid, "{at}");
        assert_eq!(matches!(&events[..], [Event::ProtocolError(_)]), !valid, "{at}");
    }
}

#[test]
fn an_unfragmented_message_allocates_the_announced_length() {
    for length in [70_000, 100_000, 1_000_000] {
        let events = feed(&mut incoming(NOTHING), &frame(true, Opcode::Binary, &vec![1; length]));
        assert_eq!(message(&events).capacity(), length + 1 + PAGE);
    }
}

#[test]
fn a_fragmented_message_doubles_its_memory() {
    let fragments = |last: usize, limit| {
        let stream = [frame(false, Opcode::Binary, &[1; 40_000]), frame(true, Opcode::Continuation, &vec![1; last])];
        let mut incoming = incoming(&stream.concat());
        let limits = Limits { max_message_size: limit, ..LIMITS };
        let Some(Event::Frame(frame)) = incoming.poll(&limits, |_| Vec::new()) else { panic!("no message") };
        frame.payload.capacity() - 1 - PAGE
    };
    assert_eq!(fragments(5000, 1 << 26), 85_000);
    // The memory does not exceed the message limit.
    assert_eq!(fragments(5000, 60_000), 60_000);
    assert_eq!(fragments(5000, 45_000), 45_000);
    // A large last fragment is read straight into its room, which is exact.
    let limits = Limits { max_message_size: 79_000, ..LIMITS };
    let mut incoming = incoming(&frame(false, Opcode::Binary, &[1; 40_000]));
    assert_eq!(incoming.poll(&limits, |_| Vec::new()), None);
    give(&mut incoming, &announced(true, Opcode::Continuation, 39_000));
    let message = loop {
        match incoming.poll(&limits, |_| Vec::new()) {
            Some(Event::Frame(frame)) => break frame.payload,
            other => assert_eq!(other, None),
        }
        let size = incoming.read_buffer().len();
        incoming.bytes_read(size);
    };
    assert_eq!((message.len(), message.capacity()), (79_000, 79_001 + PAGE));
}

#[test]
fn a_large_message_is_received_in_offered_memory() {
    let mut incoming = incoming(&frame(true, Opcode::Binary, &[1; 60_000]));
    let memory = vec![7; 100_000];
    let address = memory.as_ptr();
    let mut offered = Some(memory);
    let event = incoming.poll(&LIMITS, |_| offered.take().expect("one call"));
    let Some(Event::Frame(frame)) = event else { panic!("no message") };
    assert_eq!(frame.payload.with_nul(), [&[1; 60_000][..], b"\0"].concat());
    let memory = frame.payload.into_memory();
    assert_eq!(memory.as_ptr(), address);
}

/// The sizes for which a decoder asks for memory.
fn sizes_asked_for(decoders: Decoders, stream: &[u8]) -> Vec<u64> {
    let mut sizes = Vec::new();
    let mut incoming = FrameDecoder::new(stream, decoders, false);
    let mut memory = |size| {
        sizes.push(size);
        Vec::new()
    };
    while let Some(event) = incoming.poll(&LIMITS, &mut memory) {
        assert!(matches!(event, Event::Frame(_)), "{event:?}");
    }
    sizes
}

#[test]
fn memory_is_asked_for_once_a_message() {
    let sizes = [0, 5, 125, 126, 65_535, 65_536];
    let stream: Vec<u8> = sizes.iter().flat_map(|size| frame(true, Opcode::Text, &vec![b'a'; *size])).collect();
    assert_eq!(sizes_asked_for(Decoders::default(), &stream), sizes.map(|size| size as u64));
}

#[test]
fn a_message_of_unknown_size_is_expected_to_be_as_large_as_the_last_one() {
    let fragmented = |first: usize, last: usize| {
        [frame(false, Opcode::Binary, &vec![1; first]), frame(true, Opcode::Continuation, &vec![1; last])].concat()
    };
    let whole = frame(true, Opcode::Binary, &[1; 10]);
    let stream = [fragmented(100, 60_000), whole, fragmented(100, 200), fragmented(1000, 1), fragmented(7, 1)].concat();
    assert_eq!(sizes_asked_for(Decoders::default(), &stream), [100, 10, 60_100, 1000, 1001]);

    let mut server = deflate::connection(Options::default(), "", LIMITS);
    server.send(Opcode::Binary, &[0; 50_000]).expect("an open connection");
    let payload = peer::sent(&mut server).remove(0).payload;
    let compressed = marked_frame(true, Opcode::Binary, deflate::RSV1, &payload);
    let stream = [&compressed[..], &compressed, &frame(true, Opcode::Binary, &[1; 10])].concat();
    let asked = [payload.len() as u64, 50_000, 10];
    assert_eq!(sizes_asked_for(deflate::decoders(""), &stream), asked);
}

#[test]
fn read_memory_is_freed() {
    // For each number of reads that fill the space: the size of the next read after `shrink`.
    for (fills, shrunk) in [(1, KIB_16), (2, KIB_4), (3, KIB_4)] {
        for (free, expected) in
            [(FrameDecoder::shrink as fn(&mut FrameDecoder), shrunk), (FrameDecoder::release, KIB_4)]
        {
            let mut incoming = incoming(NOTHING);
            (0..fills).for_each(|_| _ = fill(&mut incoming));
            free(&mut incoming);
            assert_eq!(incoming.read_buffer().len(), expected, "{fills}");
        }
    }
    // Input that was not decoded is kept.
    for free in [FrameDecoder::shrink, FrameDecoder::release] {
        let mut incoming = incoming(NOTHING);
        (0..2).for_each(|_| _ = fill(&mut incoming));
        give(&mut incoming, &frame(true, Opcode::Binary, b"kept"));
        free(&mut incoming);
        assert_eq!(message(&poll(&mut incoming))[..], *b"kept");
    }
}

#[test]
fn mid_frame_and_mid_message_state() {
    let under_way = |bytes: &[u8]| {
        let mut incoming = incoming(NOTHING);
        give(&mut incoming, bytes);
        let before = incoming.has_input();
        assert_eq!(poll(&mut incoming), []);
        (before, incoming.has_input(), incoming.is_mid_frame(), incoming.is_mid_message())
    };
    assert_eq!(under_way(NOTHING), (false, false, false, false));
    // A part of a header, of a message's frame and of a ping. The last connection is between two fragments.
    assert_eq!(under_way(b"\x82"), (true, true, false, true));
    assert_eq!(under_way(b"\x82\x02a"), (true, false, true, true));
    assert_eq!(under_way(b"\x89\x02a"), (true, false, true, true));
    assert_eq!(under_way(b"\x02\x01a"), (true, false, false, true));
    let mut done = incoming(&frame(true, Opcode::Binary, b"a"));
    assert_eq!(poll(&mut done).len(), 1);
    assert!(!done.has_input() && !done.is_mid_frame() && !done.is_mid_message());
}

/// What the short way for small messages takes, with this limit for frames, or else for messages.
fn small(incoming: &mut FrameDecoder, most: u64, first: bool) -> Option<Vec<u8>> {
    let other = 1 << 20;
    let (frame, message) = if first { (most, other) } else { (other, most) };
    let limits = Limits { max_frame_size: frame, max_message_size: message };
    incoming.poll_small(&limits, |_| Vec::new()).map(|frame| frame.payload.to_vec())
}

#[test]
fn poll_small_returns_small_unfragmented_messages() {
    for opcode in [Opcode::Text, Opcode::Binary] {
        for first in [true, false] {
            let mut incoming = incoming(&[frame(true, opcode, &[b'a'; 125]), frame(true, opcode, b"")].concat());
            assert_eq!(small(&mut incoming, 124, first), None);
            assert_eq!(small(&mut incoming, 125, first), Some(vec![b'a'; 125]));
            assert_eq!(small(&mut incoming, 125, first), Some(vec![]));
            assert_eq!(small(&mut incoming, 125, first), None);
        }
    }
    assert_eq!(small(&mut incoming(&frame(true, Opcode::Binary, b"\xff")), 1, true), Some(vec![0xff]));
    for other in [
        frame(true, Opcode::Text, b"\xff"),
        frame(true, Opcode::Binary, &[0; 126]),
        frame(false, Opcode::Binary, b"a"),
        frame(true, Opcode::Ping, b"a"),
        frame(true, Opcode::Continuation, b"a"),
        marked_frame(true, Opcode::Binary, 4, b"a"),
        frame(true, Opcode::Binary, b"abc")[..4].to_vec(),
        b"\x82\x81\x00\x00\x00\x00a".to_vec(),
    ] {
        assert_eq!(small(&mut incoming(&other), 200, true), None, "{other:x?}");
    }
    let message = frame(true, Opcode::Binary, b"a");
    let mut raw = FrameDecoder::new(&message, Decoders::default(), true);
    assert_eq!(small(&mut raw, 200, true), None);
    // It is closed inside a message and a frame, and after a Close.
    let close = frame(true, Opcode::Close, b"");
    for before in [frame(false, Opcode::Binary, b"a"), b"\x82\x03a".to_vec(), b"\x89\x03a".to_vec(), close] {
        let mut incoming = incoming(&before);
        poll(&mut incoming);
        give(&mut incoming, &message);
        assert_eq!(small(&mut incoming, 200, true), None, "{before:x?}");
    }
}

#[test]
fn codec_stats_exclude_uncompressed_messages() {
    let mut incoming = FrameDecoder::new(NOTHING, deflate::decoders(""), false);
    let plain = [frame(false, Opcode::Text, b"a"), frame(true, Opcode::Continuation, b"b")].concat();
    assert_eq!(message(&feed(&mut incoming, &plain))[..], *b"ab");
    let volume = incoming.codec_stats().expect("a decoder");
    assert_eq!((volume.plain, volume.encoded, incoming.work()), (0, 0, 0));
    let hello = marked_frame(true, Opcode::Text, deflate::RSV1, b"\xf2\x48\xcd\xc9\xc9\x07\x00");
    assert_eq!(message(&feed(&mut incoming, &hello))[..], *b"Hello");
    let volume = incoming.codec_stats().expect("a decoder");
    // Seven bytes that are read, and five that are written and kept.
    assert_eq!((volume.plain, volume.encoded, incoming.work()), (5, 7, 7 + 5 + 5));
}
