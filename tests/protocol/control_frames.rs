//! RFC 6455 section 5.5: control frames.

use ktorws::error::Kind;
use ktorws::frame::Opcode;
use ktorws::protocol::{Close, Event};

use crate::peer::{self, Sent, connection, frame, receive, sent};

#[test]
fn every_ping_gets_its_pong_in_order() {
    let mut connection = connection();
    let payloads: Vec<Vec<u8>> = (0..10).map(|i| vec![i, 0, 255]).collect();
    let bytes: Vec<u8> = payloads.iter().flat_map(|payload| frame(true, Opcode::Ping, payload)).collect();
    let events = receive(&mut connection, &bytes);
    assert_eq!(events.len(), 10);
    assert!(events[0] == events[0].clone() && events[0] != events[1]);
    let pongs: Vec<Sent> = payloads.iter().map(|payload| Sent::new(Opcode::Pong, payload)).collect();
    assert_eq!(sent(&mut connection), pongs);
}

#[test]
fn a_ping_may_be_empty_or_hold_125_bytes() {
    for payload in [vec![], vec![9; 125]] {
        let mut connection = connection();
        receive(&mut connection, &frame(true, Opcode::Ping, &payload));
        assert_eq!(sent(&mut connection), [Sent::new(Opcode::Pong, &payload)]);
    }
}

#[test]
fn an_unsolicited_pong_is_not_answered() {
    let mut connection = connection();
    let events = receive(&mut connection, &frame(true, Opcode::Pong, b"hi"));
    assert!(matches!(&events[..], [Event::Pong(payload)] if payload.as_bytes() == b"hi"));
    assert_eq!(sent(&mut connection), []);
}

#[test]
fn long_or_fragmented_control_frames_fail_the_connection() {
    for opcode in [Opcode::Close, Opcode::Ping, Opcode::Pong] {
        let long = frame(true, opcode, &[b'x'; 126]);
        assert_eq!(peer::violation(&mut connection(), &long), (Kind::Protocol, 1002), "{opcode:?} of 126 bytes");
        let fragment = frame(false, opcode, b"\x03\xe8");
        assert_eq!(peer::violation(&mut connection(), &fragment), (Kind::Protocol, 1002), "fragmented {opcode:?}");
    }
}

#[test]
fn a_pong_overtakes_queued_messages_but_no_frame_under_way() {
    let mut connection = connection();
    connection.send(Opcode::Binary, &[1; 1000]).expect("an open connection");
    connection.send(Opcode::Binary, &[2; 1000]).expect("an open connection");
    let mut wire = connection.to_send()[..500].to_vec();
    connection.sent(500);
    receive(&mut connection, &frame(true, Opcode::Ping, b"p"));
    wire.extend(peer::drain(&mut connection));
    let opcodes: Vec<Opcode> = peer::frames(&wire).iter().map(|frame| frame.opcode).collect();
    assert_eq!(opcodes, [Opcode::Binary, Opcode::Pong, Opcode::Binary]);
}

#[test]
fn no_pong_follows_our_close() {
    let mut connection = connection();
    connection.close(Close::new(1000, "").expect("a valid close"), peer::now());
    assert_eq!(sent(&mut connection), [Sent::close(1000, "")]);
    receive(&mut connection, &frame(true, Opcode::Ping, b"late"));
    assert_eq!(sent(&mut connection), []);
}
