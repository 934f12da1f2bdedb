//! Totals of what a connection has sent.

/// Everything queued since the connection opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendTotals {
    /// Messages.
    pub messages: u64,
    /// Payload bytes of messages, before the extensions encode them.
    pub payload: u64,
    /// Bytes of data frames, headers included.
    pub bytes: u64,
    /// Bytes of pings and pongs, headers included.
    pub control_bytes: u64,
    /// Pings.
    pub pings: u64,
    /// Pongs.
    pub pongs: u64,
    /// Messages dropped from the queue.
    pub dropped_messages: u64,
    /// Bytes of the frames of the dropped messages.
    pub dropped_bytes: u64,
}
