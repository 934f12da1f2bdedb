//! Several extensions in series (RFC 6455 section 9.1).

use std::sync::{Arc, Mutex};

use ktorws::error::{Error, Kind, Result};
use ktorws::frame::Opcode;
use ktorws::protocol::extension::CodecStats;
use ktorws::protocol::extension::header::Parameters;
use ktorws::protocol::extension::{
    Codec, Decoder, Encoder, Encoding, Extension, ExtensionInfo, MessageChunk, Negotiated, Sink, build_pipelines,
    check_installation,
};
use ktorws::protocol::{ConnectionSetup, Decoders, Encoders, Event, FrameDecoder, Limits};

use crate::peer::{self, Sent, marked_frame, receive};

/// Puts a byte at the end of each message, and takes it away.
struct Tag(&'static str, u8, u8);

struct Tagging {
    tag: u8,
    rsv: u8,
}

impl Extension for Tag {
    fn name(&self) -> &str {
        self.0
    }

    fn rsv(&self) -> u8 {
        self.2
    }

    fn offer(&self) -> Result<String> {
        Ok(String::new())
    }

    fn accept(&self, _: &Parameters) -> Result<Codec> {
        let direction = || Tagging { tag: self.1, rsv: self.2 };
        Ok(Codec {
            encoder: Box::new(direction()),
            decoder: Box::new(direction()),
            decodes_unmarked: self.2 == 0,
            instance: None,
        })
    }
}

impl Encoder for Tagging {
    fn encode(&mut self, piece: &MessageChunk<'_>, output: &mut Vec<u8>) -> Result<Encoding> {
        output.extend_from_slice(piece.payload);
        if piece.last {
            output.push(self.tag);
        }
        Ok(if piece.compress { Encoding::Changed { rsv: self.rsv } } else { Encoding::Unchanged })
    }
}

impl Decoder for Tagging {
    fn begin(&mut self, _: Opcode, _: u8) -> bool {
        true
    }

    fn decode(&mut self, part: &[u8], last: bool, output: &mut Sink<'_>) -> Result<()> {
        let Some((tag, rest)) = part.split_last().filter(|_| last) else { return output.write(part) };
        assert_eq!(*tag, self.tag, "a decoder in the wrong place");
        output.write(rest)
    }
}

fn agreement(extensions: &[Tag]) -> ConnectionSetup {
    let negotiated = extensions.iter().map(|extension| {
        let info = ExtensionInfo { name: extension.0.to_owned(), parameters: String::new(), instance: None };
        let codec = extension.accept(&Parameters::default()).expect("it agrees");
        Negotiated { info, rsv: extension.2, codec }
    });
    let (encoders, decoders, info) = build_pipelines(negotiated.collect());
    assert_eq!(info.len(), extensions.len());
    ConnectionSetup { encoders, decoders, is_raw: false }
}

const LIMITS: Limits = Limits { max_frame_size: 100, max_message_size: 100 };

#[test]
fn encoders_run_in_response_order_and_decoders_in_reverse() {
    let mut connection = peer::agreed_connection(agreement(&[Tag("a", b'a', 4), Tag("b", b'b', 2)]), LIMITS);
    connection.send(Opcode::Text, b"x").expect("an open connection");
    assert_eq!(peer::sent(&mut connection), [Sent { rsv: 6, ..Sent::new(Opcode::Text, b"xab") }]);
    for (rsv, payload) in [(6, "xab"), (4, "xa"), (2, "xb"), (0, "x")] {
        let events = receive(&mut connection, &marked_frame(true, Opcode::Text, rsv, payload.as_bytes()));
        let [Event::Frame(frame)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((&frame.payload[..], frame.rsv), (b"x".as_slice(), 0));
    }
}

#[test]
fn an_extension_without_reserved_bits_gets_all_messages() {
    let mut connection = peer::agreed_connection(agreement(&[Tag("a", b'a', 0)]), LIMITS);
    connection.send(Opcode::Binary, b"").expect("an open connection");
    assert_eq!(peer::sent(&mut connection), [Sent::new(Opcode::Binary, b"a")]);
    // Small messages too, which have a short way else.
    let events = receive(&mut connection, &peer::text("xa"));
    let [Event::Frame(frame)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(&frame.payload[..], b"x");
}

#[test]
fn the_message_limit_applies_to_decoded_bytes() {
    let mut connection = peer::agreed_connection(agreement(&[Tag("a", b'a', 0), Tag("b", b'b', 0)]), LIMITS);
    let mut payload = vec![b'x'; 98];
    payload.extend(b"ab");
    let events = receive(&mut connection, &peer::frame(true, Opcode::Binary, &payload));
    let [Event::Frame(frame)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(frame.payload.len(), 98);
}

/// Fails for every message.
struct Failing(Kind);

impl Decoder for Failing {
    fn begin(&mut self, _: Opcode, _: u8) -> bool {
        true
    }

    fn decode(&mut self, _: &[u8], _: bool, _: &mut Sink<'_>) -> Result<()> {
        Err(Error::new(self.0, "cannot decode"))
    }
}

#[test]
fn the_close_code_depends_on_the_decoding_error() {
    for (kind, code) in
        [(Kind::NoMemory, 1011), (Kind::Compression, 1007), (Kind::MessageTooBig, 1009), (Kind::Protocol, 1002)]
    {
        let mut agreement = agreement(&[]);
        let info = ExtensionInfo { name: String::new(), parameters: String::new(), instance: None };
        let codec = Codec {
            decoder: Box::new(Failing(kind)),
            ..Tag("a", b'a', 4).accept(&Parameters::default()).expect("it agrees")
        };
        agreement.decoders = build_pipelines(vec![Negotiated { info, rsv: 4, codec }]).1;
        let mut connection = peer::agreed_connection(agreement, LIMITS);
        assert_eq!(peer::violation(&mut connection, &marked_frame(true, Opcode::Binary, 4, b"x")), (kind, code));
    }
}

#[test]
fn decoded_memory_stays_within_the_limit() {
    let limits = Limits { max_frame_size: 10_000, max_message_size: 10_000 };
    let mut connection = peer::agreed_connection(agreement(&[Tag("a", b'a', 0)]), limits);
    let stream = [
        peer::frame(false, Opcode::Binary, &[7; 6000]),
        peer::frame(true, Opcode::Continuation, &[&[7; 3000][..], b"a"].concat()),
    ];
    let events = receive(&mut connection, &stream.concat());
    let [Event::Frame(frame)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(frame.payload[..], [7; 9000]);
    // One byte shows that there is more, and one is the NUL.
    assert!(frame.payload.capacity() <= 10_002, "{}", frame.payload.capacity());
    // A decoder that does not say what it costs costs nothing.
    assert_eq!(connection.decoder.work(), 0);
}

#[test]
fn codec_stats_count_changed_messages() {
    let volume = |plain, encoded| CodecStats { plain, encoded };
    let ConnectionSetup { mut encoders, mut decoders, .. } = agreement(&[Tag("a", b'a', 4), Tag("b", b'b', 2)]);
    assert_eq!((encoders.stats(), decoders.stats()), (CodecStats::default(), CodecStats::default()));
    encoders.continue_from(volume(1000, 2000));
    decoders.continue_from(volume(3000, 4000));
    let piece = MessageChunk { opcode: Opcode::Text, payload: b"xyz", first: true, last: true, compress: true };
    for piece in [piece, piece, MessageChunk { compress: false, ..piece }] {
        encoders.encode(piece).expect("it encodes");
    }
    assert_eq!(encoders.stats(), volume(1006, 2010));
    let mut connection = peer::agreed_connection(ConnectionSetup { encoders, decoders, is_raw: false }, LIMITS);
    let stream = [
        marked_frame(false, Opcode::Text, 6, b"xyz"),
        peer::frame(true, Opcode::Continuation, b"xyzab"),
        marked_frame(true, Opcode::Text, 6, b"ab"),
        peer::text("as it is"),
    ];
    let events = receive(&mut connection, &stream.concat());
    assert!(matches!(&events[..], [Event::Frame(_), Event::Frame(_), Event::Frame(_)]), "{events:?}");
    assert_eq!(connection.decoder.codec_stats(), Some(volume(3006, 4010)));
    assert_eq!(peer::connection().decoder.codec_stats(), None);
}

/// Marks messages with bits of all.
struct Greedy;

impl Encoder for Greedy {
    fn encode(&mut self, piece: &MessageChunk<'_>, output: &mut Vec<u8>) -> Result<Encoding> {
        output.extend_from_slice(piece.payload);
        Ok(Encoding::Changed { rsv: 7 })
    }
}

#[test]
fn an_extension_sets_its_own_bits_only() {
    let info = ExtensionInfo { name: String::new(), parameters: String::new(), instance: None };
    let codec =
        Codec { encoder: Box::new(Greedy), ..Tag("a", b'a', 2).accept(&Parameters::default()).expect("it agrees") };
    let (mut encoders, ..) = build_pipelines(vec![Negotiated { info, rsv: 2, codec }]);
    let piece = MessageChunk { opcode: Opcode::Text, payload: b"x", first: true, last: true, compress: true };
    assert_eq!(encoders.encode(piece).expect("it encodes"), (2, &b"x"[..]));
}

/// Notes which of its functions are called that have no output.
struct Noting(Arc<Mutex<Vec<&'static str>>>);

impl Noting {
    fn note(&self, call: &'static str) {
        self.0.lock().expect("no panic").push(call);
    }
}

impl Encoder for Noting {
    fn encode(&mut self, _: &MessageChunk<'_>, _: &mut Vec<u8>) -> Result<Encoding> {
        Ok(Encoding::Unchanged)
    }

    fn discard(&mut self) {
        self.note("forget");
    }

    fn release(&mut self) {
        self.note("release the encoder");
    }
}

impl Decoder for Noting {
    fn begin(&mut self, _: Opcode, _: u8) -> bool {
        true
    }

    fn decode(&mut self, part: &[u8], _: bool, output: &mut Sink<'_>) -> Result<()> {
        output.write(part)
    }

    fn release(&mut self) {
        self.note("release the decoder");
    }
}

#[test]
fn release_and_discard_reach_every_extension() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let info = ExtensionInfo { name: String::new(), parameters: String::new(), instance: None };
    let noting = || Box::new(Noting(Arc::clone(&calls)));
    let codec = Codec { encoder: noting(), decoder: noting(), decodes_unmarked: true, instance: None };
    let (mut encoders, decoders, _): (Encoders, Decoders, _) =
        build_pipelines(vec![Negotiated { info, rsv: 4, codec }]);
    assert!(!encoders.is_empty() && !decoders.is_empty());
    assert!(Encoders::default().is_empty() && Decoders::default().is_empty());
    let take = || std::mem::take(&mut *calls.lock().expect("no panic"));
    encoders.discard();
    assert_eq!(take(), ["forget"]);
    encoders.release();
    assert_eq!(take(), ["release the encoder"]);
    let stream = [peer::frame(false, Opcode::Text, b"x"), peer::frame(true, Opcode::Continuation, b"y")].concat();
    let mut incoming = FrameDecoder::new(&stream[..3], decoders, false);
    assert_eq!(incoming.poll(&LIMITS, |_| Vec::new()), None);
    // In the middle of a message the decoder needs what it has.
    incoming.release();
    assert_eq!(take(), [""; 0]);
    incoming.read_buffer()[..stream.len() - 3].copy_from_slice(&stream[3..]);
    incoming.bytes_read(stream.len() - 3);
    assert!(matches!(incoming.poll(&LIMITS, |_| Vec::new()), Some(Event::Frame(_))));
    incoming.release();
    assert_eq!(take(), ["release the decoder"]);
}

#[test]
fn an_extension_supports_discard_and_has_no_fallback_by_default() {
    let extension = Tag("a", b'a', 4);
    assert_eq!((extension.supports_discard(), extension.fallback()), (true, None));
}

#[test]
fn names_and_reserved_bits_have_one_owner() {
    let installed = Tag("a", b'a', 4);
    let check = |extension: Tag| check_installation(&extension, [&installed as &dyn Extension]);
    check(Tag("b", b'b', 3)).expect("nothing of it is taken");
    check(Tag("A", b'b', 0)).expect_err("the name is taken");
    check(Tag("b", b'b', 5)).expect_err("a bit is taken");
    check(Tag("b", b'b', 8)).expect_err("there is no such bit");
    check(Tag("b b", b'b', 0)).expect_err("not a token");
    check_installation(&Tag("b", b'b', 7), []).expect("all bits are free");
}
