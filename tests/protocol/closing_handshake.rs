//! RFC 6455 sections 5.5.1 and 7: the closing handshake.

use ktorws::error::Kind;
use ktorws::frame::{CloseCode, Opcode};
use ktorws::protocol::{Close, Event, Initiator};

use crate::peer::{self, CLOSE_TIMEOUT, Sent, connection, frame, receive, sent, text};

fn received(code: u16, reason: &str) -> [Event; 1] {
    [Event::Close(Close { code: Some(CloseCode(code)), reason: reason.to_owned() })]
}

#[test]
fn a_close_is_echoed_with_its_code_and_reason() {
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
        let mut connection = connection();
        assert_eq!(receive(&mut connection, &peer::close(code, "bye")), received(code, "bye"));
        assert_eq!(sent(&mut connection), [Sent::close(code, "bye")]);
        assert!(matches!(connection.closing(), Some((_, Initiator::Remote))));
        assert_eq!(connection.end_of_stream(), Ok(()));
    }
}

#[test]
fn an_empty_close_is_answered_with_an_empty_close() {
    let mut connection = connection();
    let events = receive(&mut connection, &frame(true, Opcode::Close, b""));
    assert_eq!(events, [Event::Close(Close::default())]);
    assert_eq!(sent(&mut connection), [Sent::new(Opcode::Close, b"")]);
}

#[test]
fn codes_that_may_not_be_sent_fail_the_connection() {
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        assert_eq!(peer::violation(&mut connection(), &peer::close(code, "")), (Kind::Protocol, 1002), "code {code}");
    }
}

#[test]
fn half_a_code_and_a_reason_that_is_not_utf8_fail_the_connection() {
    let half = frame(true, Opcode::Close, b"\x03");
    assert_eq!(peer::violation(&mut connection(), &half), (Kind::Protocol, 1002));
    let reason = frame(true, Opcode::Close, b"\x03\xe8\xce\xba\xff");
    assert_eq!(peer::violation(&mut connection(), &reason), (Kind::Utf8, 1007));
}

#[test]
fn a_reason_of_123_bytes_is_whole() {
    let reason = "r".repeat(123);
    assert_eq!(receive(&mut connection(), &peer::close(1000, &reason)), received(1000, &reason));
}

#[test]
fn a_pong_overtakes_a_close_of_which_nothing_is_sent() {
    let message_size = 2 + 4 + 1;
    for (taken, expected) in [
        (message_size, &[Sent::new(Opcode::Pong, b"p"), Sent::close(1000, "")][..]),
        (message_size + 1, &[Sent::close(1000, "")]),
    ] {
        let mut connection = connection();
        connection.send(Opcode::Text, b"m").expect("an open connection");
        connection.close(Close { code: Some(CloseCode::NORMAL), reason: String::new() }, peer::now());
        let mut bytes = connection.to_send()[..taken].to_vec();
        connection.sent(taken);
        receive(&mut connection, &frame(true, Opcode::Ping, b"p"));
        bytes.extend(peer::drain(&mut connection));
        assert_eq!(peer::frames(&bytes)[1..], *expected, "{taken}");
    }
}

#[test]
fn nothing_behind_a_close_is_delivered_or_answered() {
    let mut connection = connection();
    let late = [text("late"), frame(true, Opcode::Ping, b""), peer::close(1001, ""), vec![0xff; 9]].concat();
    let events = receive(&mut connection, &[peer::close(1000, ""), late].concat());
    assert_eq!(events, received(1000, ""));
    assert_eq!(sent(&mut connection), [Sent::close(1000, "")]);
}

#[test]
fn our_close_goes_out_behind_what_is_queued_and_only_once() {
    let mut connection = connection();
    connection.send(Opcode::Text, b"first").expect("an open connection");
    assert!(connection.close(Close::new(4000, "done").expect("a valid close"), peer::now()));
    assert!(!connection.close(Close::new(1000, "").expect("a valid close"), peer::now()));
    assert_eq!(connection.send(Opcode::Text, b"late").expect_err("closing").kind, Kind::Closed);
    assert_eq!(sent(&mut connection), [Sent::new(Opcode::Text, b"first"), Sent::close(4000, "done")]);
    // Messages that were on their way still arrive, then the answer, which is not answered.
    let events = receive(&mut connection, &[text("on its way"), peer::close(4000, "done")].concat());
    assert!(matches!(&events[..], [Event::Frame(_), Event::Close(_)]));
    assert_eq!(sent(&mut connection), []);
    assert_eq!(connection.end_of_stream(), Ok(()));
}

#[test]
fn two_closes_that_cross_are_one_each() {
    let mut connection = connection();
    connection.close(Close::new(1000, "").expect("a valid close"), peer::now());
    receive(&mut connection, &peer::close(1001, "mine"));
    assert_eq!(sent(&mut connection), [Sent::close(1000, "")]);
}

#[test]
fn an_end_without_a_close_is_abnormal() {
    let mut between = connection();
    receive(&mut between, &text("hello"));
    assert_eq!(between.end_of_stream().expect_err("abnormal").kind, Kind::ClosedAbnormally);
    let mut inside = connection();
    receive(&mut inside, &text("hello")[..4]);
    let error = inside.end_of_stream().expect_err("abnormal");
    assert!(error.message.contains("middle of a message"), "{error}");
}

#[test]
fn the_closing_handshake_has_a_deadline() {
    let now = peer::now();
    let mut connection = connection();
    assert_eq!(connection.poll_timeout(), None);
    connection.close(Close::new(1000, "").expect("a valid close"), now);
    assert_eq!(connection.poll_timeout(), Some(now + CLOSE_TIMEOUT));
    assert_eq!(connection.handle_timeout(now), Ok(()));
    let late = connection.handle_timeout(now + CLOSE_TIMEOUT).expect_err("too late");
    assert_eq!(late.kind, Kind::ClosedAbnormally);
}

#[test]
fn a_violation_sends_its_close_as_soon_as_the_frame_under_way_is_out() {
    let mut connection = connection();
    connection.send(Opcode::Binary, &[1; 1000]).expect("an open connection");
    connection.send(Opcode::Binary, &[2; 1000]).expect("an open connection");
    let mut wire = connection.to_send()[..500].to_vec();
    connection.sent(500);
    receive(&mut connection, &[0xff, 0]);
    wire.extend(peer::drain(&mut connection));
    let frames = peer::frames(&wire);
    assert!(matches!(&frames[..], [first, close]
        if first.payload == [1; 1000] && close.opcode == Opcode::Close && close.payload.starts_with(&[0x03, 0xea])));
    assert_eq!(receive(&mut connection, &text("late")), []);
}

#[test]
fn a_violation_while_closing_brings_our_close_forward() {
    let mut connection = connection();
    for fill in [1, 2, 3] {
        connection.send(Opcode::Binary, &[fill; 1000]).expect("an open connection");
    }
    let mut wire = connection.to_send()[..500].to_vec();
    connection.sent(500);
    connection.close(Close::new(4000, "mine").expect("a valid close"), peer::now());
    receive(&mut connection, &[0xff, 0]);
    wire.extend(peer::drain(&mut connection));
    let frames = peer::frames(&wire);
    assert_eq!(frames, [Sent::new(Opcode::Binary, &[1; 1000]), Sent::close(4000, "mine")]);
}

#[test]
fn a_violation_while_our_close_is_under_way_leaves_out_the_messages_that_have_not_begun() {
    let message_size = 2 + 4 + 10;
    let size = 3 * message_size + 2 + 4 + 2 + "mine".len();
    for taken in 1..size {
        let mut connection = connection();
        let messages = [1, 2, 3].map(|fill| [fill; 10]);
        for message in &messages {
            connection.send(Opcode::Binary, message).expect("an open connection");
        }
        connection.close(Close::new(4000, "mine").expect("a valid close"), peer::now());
        // The Close is behind the messages in what the transport gets.
        let mut wire = connection.to_send()[..taken].to_vec();
        connection.sent(taken);
        receive(&mut connection, &[0xff, 0]);
        let rest = connection.to_send().len();
        for _ in 0..rest {
            assert!(!connection.encoder.has_sent_close(), "{taken}");
            wire.push(connection.to_send()[0]);
            connection.sent(1);
        }
        assert!(connection.encoder.has_sent_close(), "{taken}");
        let begun =
            messages.iter().take(taken.div_ceil(message_size)).map(|message| Sent::new(Opcode::Binary, message));
        let expected: Vec<_> = begun.chain([Sent::close(4000, "mine")]).collect();
        assert_eq!(peer::frames(&wire), expected, "{taken}");
    }
}

#[test]
fn time_to_answer_our_close_counts_from_when_it_went_out() {
    let now = peer::now();
    let later = now + CLOSE_TIMEOUT / 2;
    let mut connection = connection();
    connection.close(Close::new(1000, "").expect("a valid close"), now);
    assert!(!connection.encoder.has_sent_close());
    peer::drain(&mut connection);
    connection.encoder.renew_close_deadline(later);
    assert!(connection.encoder.has_sent_close());
    assert_eq!(connection.poll_timeout(), Some(later + CLOSE_TIMEOUT));
}

#[test]
fn a_violation_while_closing_sends_no_second_close() {
    let mut connection = connection();
    connection.close(Close::new(1000, "").expect("a valid close"), peer::now());
    receive(&mut connection, &[0xff, 0]);
    assert_eq!(sent(&mut connection), [Sent::close(1000, "")]);
}

#[test]
fn only_codes_that_may_be_sent_and_reasons_that_fit_can_be_asked_for() {
    for code in [1, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_536 + 1000, u32::MAX] {
        assert_eq!(Close::new(code, "").expect_err("a bad code").kind, Kind::InvalidArgument, "code {code}");
    }
    assert_eq!(Close::new(0, "").expect("an empty Close").payload(), b"");
    assert_eq!(Close::new(0, "r").expect_err("a reason without a code").kind, Kind::InvalidArgument);
    assert!(Close::new(1000, &"r".repeat(123)).is_ok());
    assert_eq!(Close::new(1000, &"r".repeat(124)).expect_err("too long").kind, Kind::InvalidArgument);
    let cut = Close::because(CloseCode::PROTOCOL_ERROR, &"\u{20ac}".repeat(50));
    assert_eq!(cut.reason, "\u{20ac}".repeat(41));
}

#[test]
fn a_ping_is_answered_while_our_close_waits_behind_messages() {
    let mut connection = connection();
    connection.send(Opcode::Text, b"before").expect("an open connection");
    connection.close(Close::new(1000, "").expect("a valid close"), peer::now());
    receive(&mut connection, &frame(true, Opcode::Ping, b"p"));
    let sent = sent(&mut connection);
    assert!(sent.contains(&Sent::new(Opcode::Pong, b"p")), "{sent:?}");
    assert_eq!(sent.last(), Some(&Sent::close(1000, "")));
}
