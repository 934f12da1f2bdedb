//! The sending half (RFC 6455 sections 5.3 and 6.1): the frames that it encodes, however the transport accepts them.

use std::time::Instant;

use ktorws::error::Kind;
use ktorws::frame::Opcode;
use ktorws::frame::header;
use ktorws::protocol::encoder::OutboundMessage;
use ktorws::protocol::encoder::SendTotals;
use ktorws::protocol::{Close, Connection, MaskKeys};
use proptest::prelude::*;

use crate::peer::{self, Sent, connection, frame, receive, sent};

#[test]
fn lengths_are_sent_in_their_shortest_form() {
    for (length, header_size) in [(0, 6), (125, 6), (126, 8), (65_535, 8), (65_536, 14)] {
        let mut connection = connection();
        let payload = vec![0x5a; length];
        connection.send(Opcode::Binary, &payload).expect("an open connection");
        let bytes = peer::drain(&mut connection);
        let (_, size) = header::decode(&bytes).expect("a valid header").expect("a whole header");
        assert_eq!((size, bytes.len()), (header_size, header_size + length));
        assert_eq!(peer::frames(&bytes), [Sent::new(Opcode::Binary, &payload)]);
    }
}

#[test]
fn masking_keys_depend_on_the_seed_and_do_not_repeat() {
    let draw = |seed| {
        let mut keys = MaskKeys::from_seed([seed; 32]);
        (0..1000).map(|_| keys.draw()).collect::<std::collections::HashSet<_>>()
    };
    let (first, second) = (draw(1), draw(2));
    assert_eq!((first.len(), second.len()), (1000, 1000));
    assert!(first.intersection(&second).count() < 3);
}

#[test]
fn masking_keys_do_not_repeat_after_release() {
    let mut keys = MaskKeys::from_seed([1; 32]);
    let mut drawn = std::collections::HashSet::new();
    for _ in 0..100 {
        for _ in 0..10 {
            assert!(drawn.insert(keys.draw()));
        }
        keys.release();
    }
}

#[test]
fn a_whole_message_begins_and_ends() {
    for (opcode, fin, first, whole) in [
        (Opcode::Text, true, true, true),
        (Opcode::Binary, false, true, false),
        (Opcode::Continuation, true, false, false),
        (Opcode::Continuation, false, false, false),
    ] {
        let outbound = OutboundMessage { opcode, payload: b"", fin, is_utf8: true };
        assert_eq!((outbound.is_first(), outbound.is_whole()), (first, whole), "{opcode:?} {fin}");
    }
}

#[test]
fn fragments_have_one_opcode_and_one_end() {
    let mut connection = connection();
    for fin in [false, true] {
        let error = connection.send_fragment(Opcode::Continuation, b"x", fin).expect_err("nothing to continue");
        assert_eq!(error.kind, Kind::State);
    }
    connection.send_fragment(Opcode::Text, b"a\xc3", false).expect("half a character");
    // Another message would come between.
    for (opcode, fin) in [(Opcode::Text, true), (Opcode::Text, false), (Opcode::Binary, true), (Opcode::Binary, false)]
    {
        let error = connection.send_fragment(opcode, b"x", fin).expect_err("a message is not complete");
        assert_eq!(error.kind, Kind::State);
    }
    // What cannot be the other half is refused, and nothing is lost.
    for fin in [false, true] {
        let error = connection.send_fragment(Opcode::Continuation, b"x", fin).expect_err("not UTF-8");
        assert_eq!(error.kind, Kind::Utf8);
    }
    let error = connection.send_fragment(Opcode::Continuation, b"", true).expect_err("half a character at the end");
    assert_eq!(error.kind, Kind::Utf8);
    connection.send_fragment(Opcode::Continuation, b"\xa4", false).expect("the other half");
    connection.send_fragment(Opcode::Continuation, b"b", true).expect("the end");
    connection.send(Opcode::Text, b"c").expect("a whole message");
    let part = |opcode, fin, payload: &[u8]| Sent { fin, ..Sent::new(opcode, payload) };
    assert_eq!(
        sent(&mut connection),
        [
            part(Opcode::Text, false, b"a\xc3"),
            part(Opcode::Continuation, false, b"\xa4"),
            part(Opcode::Continuation, true, b"b"),
            part(Opcode::Text, true, b"c"),
        ]
    );
}

#[test]
fn nothing_is_queued_after_the_close() {
    let mut connection = connection();
    let outbound = OutboundMessage { opcode: Opcode::Text, payload: b"late", fin: true, is_utf8: true };
    let admitted = connection.encoder.permit(&outbound).expect("an open connection");
    assert!(connection.close(Close::new(1000, "").expect("a valid Close"), Instant::now()));
    let error = connection.encoder.queue(admitted, 0, b"late").expect_err("our Close is queued");
    assert_eq!(error.kind, Kind::Closed);
    let opcodes: Vec<_> = sent(&mut connection).into_iter().map(|frame| frame.opcode).collect();
    assert_eq!(opcodes, [Opcode::Close]);
    assert_eq!(connection.encoder.totals().messages, 0);
}

#[test]
fn pings_go_between_fragments() {
    let mut connection = connection();
    connection.send_fragment(Opcode::Binary, b"a", false).expect("a fragment");
    connection.encoder.queue_control(Opcode::Ping, b"p").expect("a ping");
    connection.send_fragment(Opcode::Continuation, b"b", true).expect("a fragment");
    let opcodes: Vec<_> = sent(&mut connection).into_iter().map(|frame| frame.opcode).collect();
    assert_eq!(opcodes.iter().filter(|opcode| **opcode == Opcode::Ping).count(), 1);
    assert!(opcodes.ends_with(&[Opcode::Continuation]), "{opcodes:?}");
}

#[test]
fn set_masking_turns_masking_off() {
    let mut connection = connection();
    assert!(connection.encoder.is_masking());
    connection.encoder.set_masking(false);
    assert!(!connection.encoder.is_masking());
    connection.send(Opcode::Text, b"Hello").expect("an open connection");
    connection.encoder.set_masking(true);
    connection.send(Opcode::Text, b"Hello").expect("an open connection");
    let bytes = peer::drain(&mut connection);
    assert_eq!(&bytes[..7], b"\x81\x05Hello");
    assert_eq!(peer::frames(&bytes[7..]), [Sent::new(Opcode::Text, b"Hello")]);
}

#[test]
fn the_oldest_whole_messages_can_be_dropped() {
    let mut connection = connection();
    // Of the first one a byte is under way.
    connection.send(Opcode::Text, b"0").expect("an open connection");
    let mut bytes = connection.to_send()[..1].to_vec();
    connection.sent(1);
    connection.send(Opcode::Text, b"1").expect("an open connection");
    connection.send_fragment(Opcode::Text, b"2", false).expect("a fragment");
    connection.send_fragment(Opcode::Continuation, b"2", true).expect("a fragment");
    connection.send(Opcode::Binary, b"3").expect("an open connection");
    connection.send_fragment(Opcode::Text, b"4", false).expect("a fragment");
    assert_eq!(connection.encoder.pending_messages(), 4);
    assert!(connection.encoder.drop_oldest());
    assert!(connection.encoder.drop_oldest());
    assert_eq!(connection.encoder.pending_messages(), 2);
    bytes.extend(peer::drain(&mut connection));
    let payloads: Vec<_> = peer::frames(&bytes).into_iter().map(|frame| frame.payload).collect();
    assert_eq!(payloads, [b"0", b"3", b"4"]);
    // The rest of a message that has begun to go out cannot be dropped.
    connection.send_fragment(Opcode::Continuation, b"4", true).expect("a fragment");
    assert!(!connection.encoder.drop_oldest());
    let totals = connection.encoder.totals();
    assert_eq!((totals.dropped_messages, totals.dropped_bytes), (2, 7 + 7 + 7));
}

#[test]
fn totals_count_everything_queued() {
    let mut connection = connection();
    connection.send(Opcode::Text, b"abc").expect("an open connection");
    connection.send_fragment(Opcode::Binary, b"de", false).expect("a fragment");
    connection.send_fragment(Opcode::Continuation, b"", true).expect("a fragment");
    connection.encoder.queue_control(Opcode::Pong, b"x").expect("a pong");
    receive(&mut connection, &frame(true, Opcode::Ping, b"y"));
    let expected =
        SendTotals { messages: 2, payload: 5, bytes: 6 * 3 + 5, control_bytes: 14, pongs: 2, ..SendTotals::default() };
    assert_eq!(*connection.encoder.totals(), expected);
    assert_eq!(peer::drain(&mut connection).len(), 23 + 14);
    assert_eq!((connection.encoder.sent(), connection.encoder.sent_control()), (23, 14));
    assert_eq!(connection.encoder.pending_messages(), 0);
}

#[test]
fn pending_and_in_flight_messages_are_counted() {
    let mut connection = connection();
    let counts = |connection: &Connection| {
        let outgoing = &connection.encoder;
        let pending = (outgoing.pending(), outgoing.pending_data(), outgoing.pending_control());
        let sent = (outgoing.queued(), outgoing.sent(), outgoing.sent_control());
        ((outgoing.waiting_bytes(), outgoing.waiting_messages()), outgoing.pending_messages(), pending, sent)
    };
    assert_eq!(counts(&connection), ((0, (0, 0)), 0, (0, 0, 0), (0, 0, 0)));
    connection.send(Opcode::Text, b"abc").expect("an open connection");
    connection.send(Opcode::Binary, b"de").expect("an open connection");
    connection.encoder.queue_control(Opcode::Ping, b"x").expect("a ping");
    assert_eq!(counts(&connection), ((24, (2, 17)), 2, (24, 17, 7), (17, 0, 0)));
    // Under way: the ping, then the messages.
    assert_eq!(connection.to_send().len(), 7);
    assert_eq!(counts(&connection), ((0, (0, 0)), 2, (24, 17, 7), (17, 0, 0)));
    connection.sent(7);
    assert_eq!(connection.to_send().len(), 17);
    assert_eq!(counts(&connection), ((0, (0, 0)), 2, (17, 17, 0), (17, 0, 7)));
    connection.send(Opcode::Text, b"").expect("an open connection");
    connection.sent(16);
    connection.to_send();
    assert_eq!(counts(&connection), ((6, (1, 6)), 3, (7, 7, 0), (23, 16, 7)));
    connection.sent(1);
    assert_eq!(connection.to_send().len(), 6);
    assert_eq!(counts(&connection), ((0, (0, 0)), 1, (6, 6, 0), (23, 17, 7)));
    // Our Close waits like a message, but is not counted as one.
    connection.close(Close::new(1000, "").expect("a valid close"), peer::now());
    let outgoing = &connection.encoder;
    assert_eq!((outgoing.waiting_messages(), outgoing.pending_messages(), outgoing.pending()), ((0, 8), 1, 14));
    assert_eq!((outgoing.queued(), outgoing.sent()), (23, 17));
    assert_eq!((outgoing.has_sent_close(), outgoing.sent_close()), (false, 0));
    peer::drain(&mut connection);
    assert_eq!(counts(&connection), ((0, (0, 0)), 0, (0, 0, 0), (23, 23, 7)));
    assert_eq!((connection.encoder.has_sent_close(), connection.encoder.sent_close()), (true, 8));
}

#[test]
fn large_messages_are_fragmented() {
    let mut connection = connection();
    connection.encoder.set_fragment(Some(3));
    for payload in ["", "abc", "abcd", "abcdef"] {
        connection.send(Opcode::Text, payload.as_bytes()).expect("an open connection");
    }
    let frames: Vec<_> = sent(&mut connection)
        .into_iter()
        .map(|frame| (frame.opcode == Opcode::Text, frame.fin, String::from_utf8(frame.payload).expect("UTF-8")))
        .collect();
    let frame = |first, last, payload: &str| (first, last, payload.to_owned());
    assert_eq!(
        frames,
        [
            frame(true, true, ""),
            frame(true, true, "abc"),
            frame(true, false, "abc"),
            frame(false, true, "d"),
            frame(true, false, "abc"),
            frame(false, true, "def"),
        ]
    );
    assert_eq!(connection.encoder.totals().messages, 4);
}

#[test]
fn sent_excludes_an_unsent_close() {
    let mut connection = connection();
    connection.send(Opcode::Text, b"abc").expect("an open connection");
    connection.close(Close::new(1000, "").expect("a valid close"), peer::now());
    assert_eq!((connection.encoder.queued(), connection.encoder.sent()), (9, 0));
    assert_eq!(peer::drain(&mut connection).len(), 9 + 8);
    assert_eq!((connection.encoder.sent(), connection.encoder.sent_close()), (9, 8));
}

#[test]
fn totals_continue_from_the_previous_connection() {
    let mut before = connection();
    before.send(Opcode::Text, b"abc").expect("an open connection");
    before.encoder.queue_control(Opcode::Ping, b"p").expect("a ping");
    assert_eq!(before.to_send().len(), 7);
    before.sent(7);
    assert_eq!(before.to_send().len(), 9);
    before.sent(9);
    // The connection does not send these.
    before.send(Opcode::Text, b"lost").expect("an open connection");
    before.encoder.queue_control(Opcode::Pong, b"lost").expect("a pong");

    let mut connection = connection();
    connection.send(Opcode::Text, b"d").expect("an open connection");
    connection.encoder.queue_control(Opcode::Ping, b"").expect("a ping");
    connection.encoder.continue_from(&before.encoder);
    let expected = SendTotals {
        messages: 2,
        payload: 7,
        bytes: 9 + 7,
        control_bytes: 7 + 6,
        pings: 1,
        pongs: 1,
        ..SendTotals::default()
    };
    assert_eq!(*connection.encoder.totals(), expected);
    // The first call uncounts the lost message, which is queued again. The others count messages that are queued later.
    connection.encoder.subtract_counted((true, 4));
    connection.encoder.record_unqueued(10);
    connection.encoder.record_unqueued(20);
    connection.encoder.subtract_counted((false, 5));
    assert_eq!(*connection.encoder.totals(), SendTotals { messages: 3, payload: 28, ..expected });

    // The bytes of a Close that was sent count.
    let mut closed = self::connection();
    closed.send(Opcode::Text, b"abc").expect("an open connection");
    closed.close(Close::new(1000, "").expect("a valid close"), peer::now());
    peer::drain(&mut closed);
    let mut connection = self::connection();
    connection.send(Opcode::Text, b"").expect("an open connection");
    connection.encoder.continue_from(&closed.encoder);
    assert_eq!(connection.encoder.queued(), 9 + 8 + 6);
}

#[test]
fn the_larger_buffer_is_reused() {
    let mut connection = connection();
    connection.send(Opcode::Binary, &[0; 100_000]).expect("an open connection");
    let address = connection.to_send().as_ptr();
    peer::drain(&mut connection);
    connection.send(Opcode::Binary, b"a").expect("an open connection");
    assert_eq!(connection.to_send().as_ptr(), address);
}

proptest! {
    /// However few bytes the transport takes at a time, and whenever pings come in, whole frames come out: messages in
    /// order, pongs in order.
    #[test]
    fn frames_come_out_whole(
        steps in prop::collection::vec((0..4_u8, 0..300_usize), 1..60),
    ) {
        let mut connection = connection();
        let (mut messages, mut pings) = (Vec::new(), Vec::new());
        let mut wire = Vec::new();
        for (step, size) in steps {
            match step {
                0 => {
                    let payload = vec![messages.len() as u8; size];
                    connection.send(Opcode::Binary, &payload).expect("an open connection");
                    messages.push(Sent::new(Opcode::Binary, &payload));
                }
                1 => {
                    let payload = vec![pings.len() as u8; size % 126];
                    receive(&mut connection, &frame(true, Opcode::Ping, &payload));
                    pings.push(Sent::new(Opcode::Pong, &payload));
                }
                _ => {
                    let bytes = connection.to_send();
                    let count = bytes.len().min(size);
                    wire.extend_from_slice(&bytes[..count]);
                    connection.sent(count);
                }
            }
        }
        wire.extend(peer::drain(&mut connection));
        let (sent_pongs, sent_messages): (Vec<_>, Vec<_>) =
            peer::frames(&wire).into_iter().partition(|frame| frame.opcode == Opcode::Pong);
        prop_assert_eq!(sent_pongs, pings);
        prop_assert_eq!(sent_messages, messages);
        prop_assert_eq!(sent(&mut connection), []);
    }
}

#[test]
fn a_queue_that_never_drains_frees_sent_frames() {
    let mut connection = connection();
    connection.send(Opcode::Binary, &[0; 4096]).expect("an open connection");
    for _ in 0..2000 {
        connection.send(Opcode::Binary, &[1; 4090]).expect("an open connection");
        let count = connection.to_send().len().min(4098);
        connection.sent(count);
        assert!(connection.encoder.pending() < 3 * 4098, "{} bytes wait", connection.encoder.pending());
    }
}
