//! RFC 6455 sections 5.3 and 6.1: what goes out, and in which pieces the transport may take it.

use ktorws::frame::Opcode;
use ktorws::frame::header;
use ktorws::protocol::MaskingKeys;
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
        let mut keys = MaskingKeys::from_seed([seed; 32]);
        (0..1000).map(|_| keys.draw()).collect::<std::collections::HashSet<_>>()
    };
    let (first, second) = (draw(1), draw(2));
    assert_eq!((first.len(), second.len()), (1000, 1000));
    assert!(first.intersection(&second).count() < 3);
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
fn a_queue_that_never_drains_does_not_keep_what_is_sent() {
    let mut connection = connection();
    connection.send(Opcode::Binary, &[0; 4096]).expect("an open connection");
    for _ in 0..2000 {
        connection.send(Opcode::Binary, &[1; 4090]).expect("an open connection");
        let count = connection.to_send().len().min(4098);
        connection.sent(count);
        assert!(connection.outgoing.pending() < 3 * 4098, "{} bytes wait", connection.outgoing.pending());
    }
}
