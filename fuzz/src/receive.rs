//! A stream from a server to an open connection, of three kinds.

use ktorws::frame::Opcode;
use ktorws::protocol::{Event, Limits};

use super::exchange::{self, Flow, Outcome};
use super::input::Input;
use super::reference::{self, Expected};
use super::setup::{Direction, Setup};
use super::{answers, budget, script, sent, setup};

/// Without extensions.
pub fn receive(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let setup = Setup::read(&mut input);
    check(&setup, &mut input);
}

/// With permessage-deflate.
pub fn receive_deflate(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut setup = Setup::read(&mut input);
    setup.deflate = Some(Direction::read(input.byte()));
    // Small bytes can stand for very many.
    setup.limits.max_message_size = setup.limits.max_message_size.min(setup::LARGE);
    check(&setup, &mut input);
}

/// Frames as they come.
pub fn raw(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut setup = Setup::read(&mut input);
    setup.is_raw = true;
    check(&setup, &mut input);
}

fn check(setup: &Setup, input: &mut Input<'_>) {
    let script;
    let stream = if setup.is_script {
        script = script::build(input, setup);
        &script
    } else {
        input.rest()
    };
    let inflated = if setup.deflate.is_some() { usize::try_from(setup::LARGE).expect("a small number") } else { 0 };
    let run = || exchange::run(setup, stream, Flow::Whole);
    let whole = budget::within(stream.len(), inflated, run, |whole| &whole.events);
    let chunked = exchange::run(setup, stream, Flow::Chunked);
    assert!(whole == chunked, "the chunking makes a difference:\n{whole}\n\n{chunked}");
    let slow = exchange::run(setup, stream, Flow::Slow);
    assert!(whole.events == slow.events, "sending makes a difference to receiving:\n{whole}\n\n{slow}");
    check_events(setup, &whole.events);
    check_expected(&reference::expected(setup, stream), &whole);
    let sent = sent::frames(&whole.sent);
    answers::check(setup, &whole.events, &sent);
    answers::check_slow(setup, &sent, &sent::frames(&slow.sent));
}

fn check_events(setup: &Setup, events: &[Event]) {
    let Limits { max_frame_size, max_message_size } = setup.limits;
    let mut size = 0;
    for (index, event) in events.iter().enumerate() {
        match event {
            Event::Frame(frame) => {
                let length = frame.payload.len();
                size += length as u64;
                assert!(size <= max_message_size, "a message of {size} bytes or more");
                let capacity = frame.payload.capacity();
                assert!(capacity <= 2 * length + 5000, "memory of {capacity} bytes for {length}");
                assert!(length > 1000 || capacity <= 2 * length + 1026, "memory of {capacity} bytes for {length}");
                assert_eq!(frame.payload.with_nul(), [&frame.payload, &b"\0"[..]].concat());
                assert!(matches!(frame.opcode, Opcode::Text | Opcode::Binary) && frame.close_code == 0);
                if setup.is_raw {
                    assert!(length as u64 <= max_frame_size);
                } else {
                    assert!(!frame.more && frame.rsv == 0);
                    assert!(frame.opcode == Opcode::Binary || std::str::from_utf8(&frame.payload).is_ok());
                }
                size = if frame.more { size } else { 0 };
            }
            Event::Close(_) | Event::ProtocolError(_) => assert_eq!(index + 1, events.len()),
            Event::Ping(_) | Event::Pong(_) => {}
            Event::Yield => panic!("the connection goes on by itself"),
        }
    }
}

fn check_expected(expected: &[Expected], outcome: &Outcome) {
    let settled = expected.iter().take_while(|event| !matches!(event, Expected::Unsettled));
    let is_settled = settled.clone().count() == expected.len();
    let events = &outcome.events;
    let fits =
        settled.clone().count() <= events.len() && settled.zip(events).all(|(expected, event)| expected.fits(event));
    assert!(fits && (!is_settled || events.len() == expected.len()), "{outcome}\nexpected: {expected:?}");
}
