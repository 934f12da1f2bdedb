//! The reading side of a connection: the decoder and the receiving half of the stream. Only the holder of the read lock uses it.

use crate::error::Error;
use crate::protocol::FrameDecoder;
use crate::transport::RecvHalf;

/// The reading side.
pub(crate) struct Reader {
    pub(crate) incoming: FrameDecoder,
    pub(crate) receiver: RecvHalf,
    /// A protocol error that is deferred until the messages before it are received.
    pub(crate) deferred_error: Option<Error>,
    /// The peer answers quickly: the next wait sleeps in `recv`.
    pub(crate) comes_soon: bool,
    /// How often spinning may still fail before it pauses; below 0, how many sleeps the pause still lasts.
    pub(crate) spin_credit: i32,
    /// The socket has not been found empty since the last bytes.
    pub(crate) has_more: bool,
    /// The last bytes were all that the socket had.
    pub(crate) is_emptied: bool,
    /// The last value that `RecvQueue::set_buffered` was called with.
    pub(crate) last_buffered: bool,
}

impl Reader {
    pub(crate) fn new(incoming: FrameDecoder, receiver: RecvHalf) -> Self {
        let has_more = incoming.has_input() || receiver.has_buffered();
        Self {
            incoming,
            receiver,
            deferred_error: None,
            comes_soon: false,
            spin_credit: 0,
            has_more,
            is_emptied: false,
            last_buffered: false,
        }
    }

    /// Whether the socket or the reader may have more that nothing reports.
    pub(crate) fn may_have_more(&self) -> bool {
        self.deferred_error.is_some() || (self.has_more && (self.incoming.has_input() || !self.is_emptied))
    }
}
