//! The bounds of a queue, and what happens when it is full (Ktor's ChannelConfig).

/// What happens when a queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueuePolicy {
    /// The thread that has a message waits.
    Wait,
    /// The session ends.
    Close,
    /// The oldest message is dropped.
    DropOldest,
}

/// The bounds of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueBounds {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
    pub(crate) policy: QueuePolicy,
}
