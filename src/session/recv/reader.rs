//! The reading side of a connection: the decoder and the receiving half of the stream. Only the reader, who holds the read lock,
//! uses it.

use crate::error::Error;
use crate::protocol::FrameDecoder;
use crate::transport::RecvHalf;

/// The reading side.
pub(crate) struct Reader {
    pub(crate) incoming: FrameDecoder,
    pub(crate) receiver: RecvHalf,
    /// A violation that waits for its turn behind the messages before it.
    pub(crate) held: Option<Error>,
    /// The peer answers quickly: the next wait is one in `recv`.
    pub(crate) comes_soon: bool,
    /// How well spinning has paid lately.
    pub(crate) spin_credit: i32,
    /// The socket was not found empty since the last bytes.
    pub(crate) has_more: bool,
    /// The last bytes were all that the socket had.
    pub(crate) is_emptied: bool,
    /// What the descriptor was told last of bytes that are held.
    pub(crate) is_noted: bool,
}

impl Reader {
    pub(crate) fn new(incoming: FrameDecoder, receiver: RecvHalf) -> Self {
        let has_more = incoming.has_input() || receiver.has_buffered();
        Self {
            incoming,
            receiver,
            held: None,
            comes_soon: false,
            spin_credit: 0,
            has_more,
            is_emptied: false,
            is_noted: false,
        }
    }

    /// Whether the socket or the reader may have more, which nothing announces.
    pub(crate) fn may_have_more(&self) -> bool {
        self.held.is_some() || (self.has_more && (self.incoming.has_input() || !self.is_emptied))
    }
}
