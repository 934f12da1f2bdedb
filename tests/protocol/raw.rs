//! Raw connections: single frames, without automatic replies.

use ktorws::error::Kind;
use ktorws::frame::Opcode;
use ktorws::protocol::{Close, Connection, ConnectionSetup, Event, Frame, Initiator, Limits};

use crate::peer::{self, Sent, frame, marked_frame, receive, violation};

fn raw_with(limits: Limits) -> Connection {
    peer::agreed_connection(ConnectionSetup { is_raw: true, ..ConnectionSetup::default() }, limits)
}

fn raw() -> Connection {
    raw_with(Limits { max_frame_size: 1 << 20, max_message_size: 1 << 20 })
}

fn fragment(opcode: Opcode, payload: &[u8], more: bool, rsv: u8) -> Event {
    Event::Frame(Frame { more, rsv, ..Frame::message(opcode, payload.into()) })
}

#[test]
fn fragments_come_one_by_one_with_the_type_of_their_message() {
    let stream = [
        frame(false, Opcode::Text, b"ab"),
        frame(true, Opcode::Ping, b"p"),
        frame(false, Opcode::Continuation, b""),
        frame(true, Opcode::Continuation, b"c"),
        marked_frame(true, Opcode::Binary, 5, &[0; 40_000]),
    ];
    let mut connection = raw();
    let events = receive(&mut connection, &stream.concat());
    assert_eq!(events[0], fragment(Opcode::Text, b"ab", true, 0));
    assert!(matches!(&events[1], Event::Ping(payload) if payload.as_bytes() == b"p"));
    assert_eq!(events[2], fragment(Opcode::Text, b"", true, 0));
    assert_eq!(events[3], fragment(Opcode::Text, b"c", false, 0));
    assert_eq!(events[4], fragment(Opcode::Binary, &[0; 40_000], false, 5));
    assert_eq!(peer::drain(&mut connection), []);
}

#[test]
fn a_close_is_for_the_application_to_answer() {
    let mut connection = raw();
    assert!(matches!(&receive(&mut connection, &peer::close(1001, "bye"))[..], [Event::Close(_)]));
    assert_eq!(peer::drain(&mut connection), []);
    assert!(connection.close(Close::new(1001, "").expect("a valid code"), peer::now()));
    assert_eq!(peer::sent(&mut connection), [Sent::close(1001, "")]);
    assert!(matches!(connection.closing(), Some((_, Initiator::Local))));
}

#[test]
fn the_checks_stay() {
    for (bytes, verdict) in [
        (frame(true, Opcode::Continuation, b""), (Kind::Protocol, 1002)),
        ([frame(false, Opcode::Text, b"\xc3"), frame(true, Opcode::Continuation, b"x")].concat(), (Kind::Utf8, 1007)),
        (frame(true, Opcode::Close, b"x"), (Kind::Protocol, 1002)),
    ] {
        let mut connection = raw();
        let events = receive(&mut connection, &bytes);
        let Some(Event::ProtocolError(error)) = events.last() else { panic!("{events:?}") };
        assert_eq!(error.kind, verdict.0);
        assert!(
            matches!(&peer::sent(&mut connection)[..], [sent] if sent.payload.starts_with(&u16::to_be_bytes(verdict.1)))
        );
    }
    // What the bits stand for need not be UTF-8.
    let events = receive(&mut raw(), &marked_frame(true, Opcode::Text, 4, b"\xff"));
    assert_eq!(events, [fragment(Opcode::Text, b"\xff", false, 4)]);
}

#[test]
fn the_message_limit_is_for_all_fragments_of_a_message() {
    let mut connection = raw_with(Limits { max_frame_size: 10, max_message_size: 15 });
    assert_eq!(receive(&mut connection, &frame(false, Opcode::Binary, &[0; 10])).len(), 1);
    assert_eq!(violation(&mut connection, &frame(true, Opcode::Continuation, &[0; 6])), (Kind::MessageTooBig, 1009));
}
