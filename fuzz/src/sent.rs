//! What a client has sent, as frames.

use ktorws::frame::Opcode;
use ktorws::frame::header::decode;

/// A frame, unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub fin: bool,
    pub rsv: u8,
    pub opcode: Opcode,
    pub payload: Vec<u8>,
}

/// Whole frames, all of them masked, and nothing behind a Close.
pub fn frames(mut bytes: &[u8]) -> Vec<Sent> {
    let mut frames: Vec<Sent> = Vec::new();
    while !bytes.is_empty() {
        assert!(frames.last().is_none_or(|frame| frame.opcode != Opcode::Close), "something follows our Close");
        let (header, size) = decode(bytes).expect("a valid header").expect("a whole header");
        let key = header.mask.expect("a masked frame");
        let length = usize::try_from(header.length).expect("a length that fits");
        let (payload, behind) = bytes[size..].split_at(length);
        let payload = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        frames.push(Sent { fin: header.fin, rsv: header.rsv, opcode: header.opcode, payload });
        bytes = behind;
    }
    frames
}
