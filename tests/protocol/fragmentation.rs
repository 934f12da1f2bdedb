//! RFC 6455 section 5.4: fragmentation.

use ktorws::error::Kind;
use ktorws::frame::Opcode;
use ktorws::protocol::{Event, Frame};

use crate::peer::{self, Sent, connection, frame, receive, sent};

fn message(opcode: Opcode, payload: &[u8]) -> Event {
    Event::Frame(Frame::message(opcode, payload.into()))
}

#[test]
fn a_ping_between_fragments_is_answered_before_the_message_is_whole() {
    let mut connection = connection();
    let head = [frame(false, Opcode::Text, b"ABC"), frame(true, Opcode::Ping, b"now")].concat();
    assert!(matches!(&receive(&mut connection, &head)[..], [Event::Ping(payload)] if payload.as_bytes() == b"now"));
    assert_eq!(sent(&mut connection), [Sent::new(Opcode::Pong, b"now")]);
    let tail = [frame(false, Opcode::Continuation, b"12"), frame(true, Opcode::Continuation, b"3")].concat();
    assert_eq!(receive(&mut connection, &tail), [message(Opcode::Text, b"ABC123")]);
}

#[test]
fn empty_fragments_are_fragments() {
    let bytes = [
        frame(false, Opcode::Binary, b""),
        frame(false, Opcode::Continuation, b""),
        frame(false, Opcode::Continuation, b"x"),
        frame(true, Opcode::Continuation, b""),
    ]
    .concat();
    assert_eq!(receive(&mut connection(), &bytes), [message(Opcode::Binary, b"x")]);
}

#[test]
fn a_hundred_thousand_fragments_make_one_message() {
    let mut connection = connection();
    let mut bytes = frame(false, Opcode::Binary, b"a");
    for _ in 0..100_000 {
        bytes.extend(frame(false, Opcode::Continuation, b"b"));
    }
    bytes.extend(frame(true, Opcode::Continuation, b"c"));
    let events = receive(&mut connection, &bytes);
    let [Event::Frame(Frame { payload, .. })] = &events[..] else { panic!("{} events", events.len()) };
    assert_eq!((payload.len(), payload.first(), payload.last()), (100_002, Some(&b'a'), Some(&b'c')));
}

#[test]
fn a_continuation_without_a_beginning_fails_the_connection() {
    for fin in [false, true] {
        let bytes = frame(fin, Opcode::Continuation, b"x");
        assert_eq!(peer::violation(&mut connection(), &bytes), (Kind::Protocol, 1002));
    }
    let mut connection = connection();
    let whole = [frame(false, Opcode::Text, b"a"), frame(true, Opcode::Continuation, b"b")].concat();
    assert_eq!(receive(&mut connection, &whole).len(), 1);
    let again = frame(true, Opcode::Continuation, b"c");
    assert_eq!(peer::violation(&mut connection, &again), (Kind::Protocol, 1002));
}

#[test]
fn a_new_message_inside_a_fragmented_one_fails_the_connection() {
    for opcode in [Opcode::Text, Opcode::Binary] {
        let bytes = [frame(false, Opcode::Text, b"a"), frame(true, opcode, b"b")].concat();
        assert_eq!(peer::violation(&mut connection(), &bytes), (Kind::Protocol, 1002));
    }
}
