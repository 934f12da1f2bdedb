//! A buffer of frames back to back.

use std::ops::Range;

use crate::frame::Opcode;
use crate::frame::header::{self, Header};
use crate::frame::mask::append_masked;

/// Appends a frame. The tuple holds the opcode, the reserved bits, and whether the frame ends its message.
pub(super) fn append_frame(
    out: &mut Vec<u8>,
    mask: Option<[u8; 4]>,
    (opcode, rsv, fin): (Opcode, u8, bool),
    payload: &[u8],
) {
    let header = Header { fin, rsv, opcode, mask, length: payload.len() as u64 };
    let encoded = header::encode(&header);
    let (bytes, size) = encoded.padded();
    let start = out.len();
    out.extend_from_slice(bytes);
    out.truncate(start + size);
    match mask {
        Some(key) => append_masked(out, payload, key),
        None => out.extend_from_slice(payload),
    }
}

/// The position of the oldest message in `frames`. Ignores a message of which frames were removed or are not yet
/// appended.
pub(super) fn oldest_message(frames: &[u8]) -> Option<Range<usize>> {
    let (mut at, mut start) = (0, None);
    // Decoding cannot fail: `append_frame` wrote the frames.
    while let Ok(Some((header, size))) = header::decode(&frames[at..]) {
        if matches!(header.opcode, Opcode::Text | Opcode::Binary) {
            start = Some(at);
        }
        at += size + usize::try_from(header.length).ok()?;
        if header.fin
            && let Some(start) = start.filter(|_| at <= frames.len())
        {
            return Some(start..at);
        }
    }
    None
}
