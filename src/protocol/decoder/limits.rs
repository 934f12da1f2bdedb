//! The size limits for received frames and messages.

use crate::error::{Error, Kind};
use crate::frame::Header;

/// How much larger than twice the message limit an encoded message may be.
const ENCODED_SLACK: u64 = 64 * 1024;

/// The maximum size of received frames and messages, in bytes of payload. The limits may change between two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum payload of one data frame.
    pub max_frame_size: u64,
    /// The maximum payload of all frames of a message together.
    pub max_message_size: u64,
}

impl Limits {
    /// Checks the announced length of a frame. `before` is the sum of the lengths that earlier frames of the message
    /// announced.
    pub(super) fn check_frame(&self, header: &Header, before: u64, is_encoded: bool) -> Result<(), Error> {
        let length = header.length;
        if length > self.max_frame_size {
            let limit = self.max_frame_size;
            return Err(Error::new(Kind::FrameTooBig, format!("frame of {length} bytes, the limit is {limit}")));
        }
        let limit = self.max_message_size;
        // The limit applies to decoded bytes. The encoded form may be somewhat larger, but is limited too.
        let most = if is_encoded { limit.saturating_mul(2).saturating_add(ENCODED_SLACK) } else { limit };
        let total = before.saturating_add(length);
        if total > most {
            let message = format!("message of {total} bytes or more, the limit is {limit}");
            return Err(Error::new(Kind::MessageTooBig, message));
        }
        Ok(())
    }
}
