//! Limits of frames and messages. Memory follows the received bytes, not the announced ones.

use ktorws::error::Kind;
use ktorws::frame::Opcode;
use ktorws::frame::header::{self, Header};
use ktorws::protocol::{Decoders, Event, FrameDecoder, Limits};

use crate::peer::{self, connection_with, frame, receive};

const LIMITS: Limits = Limits { max_frame_size: 100, max_message_size: 150 };

fn announced(fin: bool, opcode: Opcode, length: u64) -> Vec<u8> {
    header::encode(&Header { fin, rsv: 0, opcode, mask: None, length }).as_bytes().to_vec()
}

#[test]
fn a_frame_over_the_limit_is_refused_by_its_header() {
    let mut connection = connection_with(LIMITS);
    assert_eq!(receive(&mut connection, &frame(true, Opcode::Binary, &[0; 100])).len(), 1);
    let header = announced(true, Opcode::Binary, 101);
    assert_eq!(peer::violation(&mut connection, &header), (Kind::FrameTooBig, 1009));
}

#[test]
fn a_message_over_the_limit_is_refused_at_the_frame_that_exceeds_it() {
    let mut connection = connection_with(LIMITS);
    let exact = [frame(false, Opcode::Binary, &[0; 100]), frame(true, Opcode::Continuation, &[0; 50])].concat();
    assert_eq!(receive(&mut connection, &exact).len(), 1);
    let over = [frame(false, Opcode::Binary, &[0; 100]), announced(true, Opcode::Continuation, 51)].concat();
    assert_eq!(peer::violation(&mut connection, &over), (Kind::MessageTooBig, 1009));
}

#[test]
fn the_limits_do_not_apply_to_control_frames() {
    let mut connection = connection_with(Limits { max_frame_size: 1, max_message_size: 1 });
    assert_eq!(receive(&mut connection, &frame(true, Opcode::Ping, &[0; 125])).len(), 1);
}

#[test]
fn a_changed_limit_applies_to_the_next_frame() {
    let wide = Limits { max_frame_size: 10, max_message_size: 10 };
    let narrow = Limits { max_frame_size: 5, max_message_size: 5 };
    let mut incoming = FrameDecoder::new(&frame(true, Opcode::Binary, &[0; 10])[..6], Decoders::default(), false);
    assert_eq!(incoming.poll(&wide, |_| Vec::new()), None);
    // The frame under way was accepted.
    incoming.read_buffer()[..6].fill(0);
    incoming.bytes_read(6);
    assert!(matches!(incoming.poll(&narrow, |_| Vec::new()), Some(Event::Frame(_))));
    let next = announced(true, Opcode::Binary, 6);
    incoming.read_buffer()[..next.len()].copy_from_slice(&next);
    incoming.bytes_read(next.len());
    assert!(matches!(incoming.poll(&narrow, |_| Vec::new()), Some(Event::ProtocolError(_))));
}

#[test]
fn memory_follows_what_arrived_not_what_was_announced() {
    let no_limits = Limits { max_frame_size: u64::MAX >> 1, max_message_size: u64::MAX >> 1 };
    let mut connection = connection_with(no_limits);
    // An allocation of this size would fail the connection.
    assert_eq!(receive(&mut connection, &announced(true, Opcode::Binary, 1 << 62)), []);
    assert_eq!(receive(&mut connection, &[0; 100_000]), []);
}

#[test]
fn a_message_holds_at_most_twice_what_arrived() {
    let mut connection = peer::connection();
    for length in [1, 100, 70_000, 1_000_000] {
        let events = receive(&mut connection, &frame(true, Opcode::Binary, &vec![0; length]));
        let [Event::Frame(message)] = &events[..] else { panic!("{} events", events.len()) };
        let capacity = message.payload.capacity();
        assert!(capacity > length, "no room for a NUL behind {length} bytes");
        // Small messages share a least size; large ones are placed in their first page.
        assert!(capacity <= (2 * (length + 1)).max(128) + 4096, "{capacity} bytes for {length}");
    }
}
