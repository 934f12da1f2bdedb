//! RFC 7692: messages that are compressed, both ways.

use ktorws::error::Kind;
use ktorws::frame::Opcode;
use ktorws::protocol::deflate::{Options, PermessageDeflate};
use ktorws::protocol::extension::header::Parameters;
use ktorws::protocol::extension::{ExtensionInfo, Negotiated, build_pipelines};
use ktorws::protocol::{Connection, ConnectionSetup, Decoders, Encoders, Event, Extension, Limits, MessageChunk};
use proptest::prelude::*;

use crate::peer::{self, Sent, marked_frame, receive, violation};

pub const RSV1: u8 = 4;
const LIMITS: Limits = Limits { max_frame_size: 1 << 20, max_message_size: 1 << 20 };

/// Both sides of permessage-deflate with these parameters.
fn sides(options: Options, parameters: &str) -> (Encoders, Decoders) {
    let parameters = Parameters::parse(parameters).expect("well-formed parameters");
    let deflate = PermessageDeflate(options);
    let codec = deflate.accept(&parameters).expect("a valid answer");
    let info = ExtensionInfo { name: String::new(), parameters: String::new(), instance: None };
    let (encoders, decoders, _) = build_pipelines(vec![Negotiated { info, rsv: RSV1, codec }]);
    (encoders, decoders)
}

/// The receiving side of it.
pub fn decoders(parameters: &str) -> Decoders {
    sides(Options::default(), parameters).1
}

/// A connection on which permessage-deflate was agreed with these parameters.
pub fn connection(options: Options, parameters: &str, limits: Limits) -> Connection {
    let (encoders, decoders) = sides(options, parameters);
    peer::agreed_connection(ConnectionSetup { encoders, decoders, is_raw: false }, limits)
}

pub fn default_connection() -> Connection {
    connection(Options::default(), "", LIMITS)
}

/// The texts that come of compressed messages, each in one frame.
fn texts(connection: &mut Connection, messages: &[&[u8]]) -> Vec<String> {
    let frames: Vec<u8> = messages.iter().flat_map(|payload| marked_frame(true, Opcode::Text, RSV1, payload)).collect();
    let text = |received| match received {
        Event::Frame(frame) => String::from_utf8(frame.payload.to_vec()).expect("UTF-8"),
        other => panic!("{other:?}"),
    };
    receive(connection, &frames).into_iter().map(text).collect()
}

fn payloads(connection: &mut Connection) -> Vec<Vec<u8>> {
    peer::sent(connection).into_iter().map(|sent| sent.payload).collect()
}

/// Sends messages and gives what was sent of them to another connection.
fn pass(from: &mut Connection, to: &mut Connection, messages: &[(Opcode, Vec<u8>)]) {
    for (opcode, payload) in messages {
        from.send(*opcode, payload).expect("an open connection");
    }
    for ((opcode, payload), sent) in messages.iter().zip(peer::sent(from)) {
        assert_eq!(sent.rsv, if payload.is_empty() { 0 } else { RSV1 });
        let events = receive(to, &marked_frame(sent.fin, sent.opcode, sent.rsv, &sent.payload));
        let [Event::Frame(frame)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((frame.opcode, &frame.payload[..], frame.rsv), (*opcode, &payload[..], 0));
    }
}

#[test]
fn the_examples_of_section_7_2_3() {
    let hello: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(texts(&mut default_connection(), &[hello]), ["Hello"]);
    // Two messages in one window.
    let again: &[u8] = &[0xf2, 0x00, 0x11, 0x00, 0x00];
    assert_eq!(texts(&mut default_connection(), &[hello, again]), ["Hello", "Hello"]);
    // A block without compression.
    let stored: &[u8] = &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
    assert_eq!(texts(&mut default_connection(), &[stored]), ["Hello"]);
    // A last block, and what follows it.
    let last: &[u8] = &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    assert_eq!(texts(&mut default_connection(), &[last, hello, last, again]), ["Hello"; 4]);
    // Two blocks.
    let two: &[u8] = &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(texts(&mut default_connection(), &[two]), ["Hello"]);
    // An empty message.
    assert_eq!(texts(&mut default_connection(), &[&[0x00], &[0x00]]), [""; 2]);
}

#[test]
fn a_stream_refers_to_nothing_before_the_window() {
    // 600 bytes without compression, and a stream with three bytes from 512 or 513 bytes back: short enough to be
    // decoded without an inflater.
    let message = |back: &[u8]| {
        let message = [b"\x01\x58\x02\xa7\xfd", &[b'a'; 600][..], back, b"\x00"].concat();
        marked_frame(true, Opcode::Binary, RSV1, &message)
    };
    let small_window = || connection(Options::default(), "server_max_window_bits=9", LIMITS);
    let events = receive(&mut small_window(), &message(b"\x03\xc6\x3f\x00"));
    assert!(matches!(&events[..], [Event::Frame(frame)] if frame.payload[..] == [b'a'; 603]), "{events:?}");
    assert_eq!(violation(&mut small_window(), &message(b"\x03\x26\x00\x00")), (Kind::Compression, 1007));
}

#[test]
fn what_is_sent_is_the_first_example() {
    let mut connection = default_connection();
    for _ in 0..2 {
        connection.send(Opcode::Text, b"Hello").expect("an open connection");
    }
    let frames = peer::sent(&mut connection);
    assert_eq!(frames[0], Sent { rsv: RSV1, ..Sent::new(Opcode::Text, b"\xf2\x48\xcd\xc9\xc9\x07\x00") });
    // The second refers to the first.
    assert!(frames[1].payload.len() < frames[0].payload.len(), "{frames:?}");
}

#[test]
fn without_context_takeover_messages_are_independent() {
    for (options, parameters) in [
        (Options::default(), "client_no_context_takeover"),
        (Options { client_no_context_takeover: true, ..Options::default() }, ""),
    ] {
        let mut connection = connection(options, parameters, LIMITS);
        for _ in 0..2 {
            connection.send(Opcode::Text, b"Hello").expect("an open connection");
        }
        let sent = payloads(&mut connection);
        assert_eq!(sent[0], sent[1]);
    }
    // The peer's context is gone as well: what refers to it is broken.
    let mut connection = connection(Options::default(), "server_no_context_takeover", LIMITS);
    let hello = marked_frame(true, Opcode::Text, RSV1, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    assert_eq!(receive(&mut connection, &hello).len(), 1);
    let again = marked_frame(true, Opcode::Text, RSV1, &[0xf2, 0x00, 0x11, 0x00, 0x00]);
    assert_eq!(violation(&mut connection, &again), (Kind::Compression, 1007));
}

#[test]
fn fragments_are_one_message() {
    let (first, second) = (b"\xf2\x48\xcd".as_slice(), b"\xc9\xc9\x07\x00".as_slice());
    let stream = [
        marked_frame(false, Opcode::Text, RSV1, first),
        peer::frame(true, Opcode::Ping, b"x"),
        peer::frame(false, Opcode::Continuation, second),
        peer::frame(true, Opcode::Continuation, b""),
    ];
    let events = receive(&mut default_connection(), &stream.concat());
    let [Event::Ping(_), Event::Frame(frame)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(&frame.payload[..], b"Hello");
}

#[test]
fn sent_fragments_are_compressed_as_one_message() {
    let (mut from, mut to) = (default_connection(), default_connection());
    from.send_fragment(Opcode::Text, b"Hello, ", false).expect("a fragment");
    for (payload, fin) in [("", false), ("Hello", false), ("", true)] {
        from.send_fragment(Opcode::Continuation, payload.as_bytes(), fin).expect("a fragment");
    }
    let sent = peer::sent(&mut from);
    let marks: Vec<_> = sent.iter().map(|frame| (frame.opcode, frame.rsv, frame.fin)).collect();
    let middle = (Opcode::Continuation, 0, false);
    assert_eq!(marks, [(Opcode::Text, RSV1, false), middle, middle, (Opcode::Continuation, 0, true)]);
    let stream: Vec<u8> =
        sent.iter().flat_map(|frame| marked_frame(frame.fin, frame.opcode, frame.rsv, &frame.payload)).collect();
    let events = receive(&mut to, &stream);
    let [Event::Frame(frame)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(&frame.payload[..], b"Hello, Hello");
}

#[test]
fn uncompressed_messages_between_compressed_ones() {
    let mut connection = default_connection();
    let stream = [
        marked_frame(true, Opcode::Text, RSV1, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]),
        peer::text("plain"),
        marked_frame(true, Opcode::Text, RSV1, &[0xf2, 0x00, 0x11, 0x00, 0x00]),
    ];
    let events = receive(&mut connection, &stream.concat());
    let payloads = events.iter().map(|event| match event {
        Event::Frame(frame) => &frame.payload[..],
        other => panic!("{other:?}"),
    });
    assert_eq!(payloads.collect::<Vec<_>>(), [b"Hello".as_slice(), b"plain", b"Hello"]);
}

#[test]
fn messages_below_min_size_are_not_compressed() {
    let mut connection = connection(Options { min_size: 10, ..Options::default() }, "", LIMITS);
    for text in ["012345678", "0123456789"] {
        connection.send(Opcode::Text, text.as_bytes()).expect("an open connection");
    }
    let sent: Vec<_> = peer::sent(&mut connection).iter().map(|frame| frame.rsv).collect();
    assert_eq!(sent, [0, RSV1]);
}

#[test]
fn misplaced_reserved_bits_are_refused() {
    let start = marked_frame(false, Opcode::Text, RSV1, b"\xf2\x48");
    for wrong in [
        [start, marked_frame(true, Opcode::Continuation, RSV1, b"\xcd")].concat(),
        marked_frame(true, Opcode::Ping, RSV1, b""),
        marked_frame(true, Opcode::Close, RSV1, b""),
        marked_frame(true, Opcode::Text, 2, b""),
        marked_frame(true, Opcode::Text, 1 | RSV1, b""),
    ] {
        assert_eq!(violation(&mut default_connection(), &wrong), (Kind::Protocol, 1002), "{wrong:?}");
    }
}

#[test]
fn each_fragment_is_decoded_when_it_arrives() {
    // The codes of a literal and of a reference of 258 bytes end with the third byte. The output exceeds the first room.
    let mut connection = default_connection();
    assert_eq!(receive(&mut connection, &marked_frame(false, Opcode::Binary, RSV1, b"\x4a\x1c\x05")), []);
    let volume = connection.decoder.codec_stats().expect("a decoder");
    assert_eq!((volume.plain, volume.encoded), (259, 3));
    let events = receive(&mut connection, &peer::frame(true, Opcode::Continuation, b"\x00\x00"));
    assert!(matches!(&events[..], [Event::Frame(frame)] if frame.payload[..] == [b'a'; 259]), "{events:?}");
}

/// Encodes the same text twice, and calls `between` before the second time.
fn twice(parameters: &str, between: impl Fn(&mut Encoders)) -> [Vec<u8>; 2] {
    let mut encoders = sides(Options::default(), parameters).0;
    [false, true].map(|second| {
        if second {
            between(&mut encoders);
        }
        let piece = MessageChunk { opcode: Opcode::Text, payload: b"Hello", first: true, last: true, compress: true };
        let (rsv, payload) = encoders.encode(piece).expect("compressed data");
        assert_eq!(rsv, RSV1);
        payload.to_vec()
    })
}

#[test]
fn discard_resets_the_compressor() {
    let [first, second] = twice("", Encoders::discard);
    assert_eq!(first, second);
    // Freed memory does not end a context.
    let [first, second] = twice("", Encoders::release);
    assert!(second.len() < first.len());
    let [first, second] = twice("client_no_context_takeover", Encoders::release);
    assert_eq!(first, second);
}

#[test]
fn data_that_cannot_be_inflated() {
    let cases: &[&[u8]] = &[
        // Nothing at all is not a message: the tail that was cut off needs a block to end.
        b"",
        // A reserved type of block.
        b"\x07",
        b"\xff\xff\xff\xff",
        // It refers to before the beginning.
        b"\xf2\x00\x11\x00\x00",
        // Cut short.
        b"\xf2\x48\xcd\xc9",
        b"\x00\x05\x00\xfa\xff\x48",
        // After a last block: a block that ends within the tail, nothing, and blocks that are cut short.
        b"\x03\x00\x03",
        b"\x03\x00",
        b"\x03\x00\x01\x00",
        b"\x03\x00\x05",
        b"\x03\x00\x62",
        // The length of a stored block and its complement do not fit.
        b"\x00\x05\x00\xff\xff\x48\x65\x6c\x6c\x6f\x00",
    ];
    for payload in cases {
        let frame = marked_frame(true, Opcode::Binary, RSV1, payload);
        assert_eq!(violation(&mut default_connection(), &frame), (Kind::Compression, 1007), "{payload:x?}");
    }
}

#[test]
fn a_block_that_the_tail_breaks_is_invalid_not_truncated() {
    // After a last block: the length of a stored block, to which the tail is no complement; nothing.
    for (payload, what) in [(&b"\x03\x00\x01\x05"[..], "cannot be inflated"), (b"\x03\x00", "is cut short")] {
        let events = receive(&mut default_connection(), &marked_frame(true, Opcode::Binary, RSV1, payload));
        let [Event::ProtocolError(error)] = &events[..] else { panic!("{events:?}") };
        assert!(error.message.contains(what), "{error}");
    }
}

#[test]
fn text_that_is_not_utf8_once_inflated() {
    let mut from = default_connection();
    from.send(Opcode::Binary, b"ab\xff").expect("an open connection");
    let payload = payloads(&mut from).remove(0);
    let frame = marked_frame(true, Opcode::Text, RSV1, &payload);
    assert_eq!(violation(&mut default_connection(), &frame), (Kind::Utf8, 1007));
}

#[test]
fn inflating_stops_at_the_message_limit() {
    let limits = |size| Limits { max_frame_size: 1 << 20, max_message_size: size };
    let mut from = default_connection();
    from.send(Opcode::Binary, &[0; 100_000]).expect("an open connection");
    let payload = payloads(&mut from).remove(0);
    assert!(payload.len() < 1000);
    let frame = marked_frame(true, Opcode::Binary, RSV1, &payload);
    let mut enough = connection(Options::default(), "", limits(100_000));
    assert!(matches!(&receive(&mut enough, &frame)[..], [Event::Frame(_)]));
    let mut less = connection(Options::default(), "", limits(99_999));
    assert_eq!(violation(&mut less, &frame), (Kind::MessageTooBig, 1009));
}

#[test]
fn the_compressed_size_of_a_message_is_limited() {
    let limits = Limits { max_frame_size: 1 << 20, max_message_size: 1000 };
    let mut connection = connection(Options::default(), "", limits);
    // Empty stored blocks.
    let blocks = b"\x00\x00\x00\xff\xff".repeat(10_000);
    let mut stream = marked_frame(false, Opcode::Binary, RSV1, &blocks);
    stream.extend(peer::frame(false, Opcode::Continuation, &blocks));
    assert_eq!(violation(&mut connection, &stream), (Kind::MessageTooBig, 1009));
}

#[test]
fn windows_of_every_size() {
    let far: Vec<u8> = (0..100_000_u32).flat_map(|i| (i % 7919).to_le_bytes()).collect();
    for bits in 8..=15 {
        let mut from = connection(Options::default(), &format!("client_max_window_bits={bits}"), LIMITS);
        let mut to = connection(Options::default(), &format!("server_max_window_bits={bits}"), LIMITS);
        pass(&mut from, &mut to, &[(Opcode::Binary, far.clone()), (Opcode::Binary, far.clone())]);
    }
}

proptest! {
    #[test]
    fn compressed_messages_round_trip(
        messages in prop::collection::vec(prop::collection::vec(prop::sample::select(&b"abcdefgh \xff"[..]), 0..3000), 1..8),
        level in 1..=9_u8,
        takes_over in any::<bool>(),
        releases in any::<bool>(),
    ) {
        let parameter = |side: &str| if takes_over { String::new() } else { format!("{side}_no_context_takeover") };
        let options = Options { level, ..Options::default() };
        let mut from = connection(options, &parameter("client"), LIMITS);
        let mut to = connection(options, &parameter("server"), LIMITS);
        for message in messages {
            pass(&mut from, &mut to, &[(Opcode::Binary, message)]);
            if releases {
                to.decoder.release();
            }
        }
    }

    #[test]
    fn any_bytes_are_inflated_or_refused(payload in prop::collection::vec(any::<u8>(), 0..300)) {
        let frame = marked_frame(true, Opcode::Binary, RSV1, &payload);
        let events = receive(&mut default_connection(), &frame);
        prop_assert_eq!(events.len(), 1);
    }
}
