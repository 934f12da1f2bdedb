//! Which of the frames that wait to be sent can be dropped.

use std::ops::Range;

use crate::frame::Opcode;
use crate::frame::header;

/// Where the oldest message stands in `frames`, frames of messages back to back. One of which frames have gone before,
/// or are still to come, is not there as a whole.
pub(super) fn oldest_message(frames: &[u8]) -> Option<Range<usize>> {
    let (mut at, mut start) = (0, None);
    // This side wrote the frames.
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
