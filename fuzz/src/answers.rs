//! What a connection has to send for what came in.

use ktorws::error::Kind;
use ktorws::frame::Opcode;
use ktorws::protocol::Event;

use super::inflate::{Inflated, Stop, inflate};
use super::sent::Sent;
use super::setup::{self, Setup};

/// Each ping has its pong, and the end its Close.
pub fn check(setup: &Setup, events: &[Event], sent: &[Sent]) {
    let mut act = setup.act;
    let mut expected = Vec::new();
    let mut is_closing = false;
    for position in 0..=events.len() {
        if let Some(event) = position.checked_sub(1).map(|index| &events[index])
            && !is_closing
        {
            let answer = answer(setup, event);
            is_closing = answer.as_ref().is_some_and(|frame| frame.opcode == Opcode::Close);
            expected.extend(answer);
        }
        if position == act.after && !is_closing {
            expected.extend(std::mem::take(&mut act.sends).then(|| frame(Opcode::Text, &[b'x'; 300])));
            expected.extend(act.closes.then(|| frame(Opcode::Close, b"\x03\xe8done")));
            is_closing = act.closes;
        }
    }
    let mut sent: Vec<Sent> = sent.iter().cloned().map(inflated).collect();
    // Its reason is free.
    if let (Some(Event::ProtocolError(_)), Some(close)) = (events.last(), sent.last_mut())
        && expected.last() != Some(close)
    {
        assert!(std::str::from_utf8(&close.payload[2..]).is_ok() && close.payload.len() <= 125);
        close.payload.truncate(2);
    }
    assert_eq!(sent, expected);
}

fn answer(setup: &Setup, event: &Event) -> Option<Sent> {
    match event {
        Event::ProtocolError(error) => {
            let code: u16 = match error.kind {
                Kind::Protocol => 1002,
                Kind::Utf8 => 1007,
                Kind::Compression if setup.deflate.is_some() => 1007,
                Kind::FrameTooBig | Kind::MessageTooBig => 1009,
                kind => panic!("a violation of the kind {kind:?}: {error}"),
            };
            Some(frame(Opcode::Close, &code.to_be_bytes()))
        }
        _ if setup.is_raw => None,
        Event::Ping(payload) => Some(frame(Opcode::Pong, payload.as_bytes())),
        Event::Close(close) => {
            let code = close.code.map_or(Vec::new(), |code| code.0.to_be_bytes().to_vec());
            Some(frame(Opcode::Close, &[&code, close.reason.as_bytes()].concat()))
        }
        Event::Frame(_) | Event::Pong(_) | Event::Yield => None,
    }
}

/// The frame as it would be without compression.
fn inflated(frame: Sent) -> Sent {
    if frame.rsv == 0 {
        return frame;
    }
    let input = [&frame.payload[..], &[0, 0, 0xff, 0xff]].concat();
    let Inflated { output, stop, leaves_window } = inflate(&input, &[], 1 << 15, setup::LARGE);
    assert!(stop == Stop::Whole && !leaves_window);
    Sent { rsv: 0, payload: output, ..frame }
}

fn frame(opcode: Opcode, payload: &[u8]) -> Sent {
    Sent { fin: true, rsv: 0, opcode, payload: payload.to_vec() }
}

/// Sent slowly, it is the same control frames; a violation may have cost messages. Where the application closes, pings that
/// come before our Close is on its way still get their pongs.
pub fn check_slow(setup: &Setup, sent: &[Sent], slow: &[Sent]) {
    let (control, messages): (Vec<_>, Vec<_>) = sent.iter().partition(|frame| frame.opcode.is_control());
    let (slow_control, slow_messages): (Vec<_>, Vec<_>) = slow.iter().partition(|frame| frame.opcode.is_control());
    if setup.act.closes {
        let mut slow_control = slow_control.into_iter();
        assert!(control.iter().all(|frame| slow_control.any(|slow| slow == *frame)));
    } else {
        assert!(control == slow_control);
    }
    assert!(slow_messages.iter().all(|frame| messages.contains(frame)) && slow_messages.len() <= messages.len());
}
