//! The interface of a session to its group.

use std::sync::Arc;
use std::sync::atomic::AtomicU8;

use crate::error::Error;
use crate::protocol::Frame;
use crate::session::upcalls::HandleHooks;

/// A session of a group.
pub(crate) trait GroupSession: Send + Sync {
    /// The state of the session in the group's queue. The queue's lock guards it.
    fn queue_state(&self) -> &AtomicU8;

    /// Whether the application has freed the session.
    fn is_detached(&self) -> bool;

    /// Returns the application's handle.
    fn hooks(&self) -> Option<Arc<dyn HandleHooks>>;

    /// Receives on the calling thread, without waiting.
    fn receive_for_group(&self) -> ForGroup;

    /// Removes the session from the group, which returns the session's end. Returns why the session has ended.
    fn leave_group(&self) -> Error;

    /// Makes the driver read, because the application is away.
    fn read_in_background(&self);
}

/// What a group has received from a session.
pub(crate) enum ForGroup {
    /// A frame, and whether there may be more.
    Frame(Frame, bool),
    /// There may be something to receive: the session has to be queued again.
    Unfinished,
    /// Nothing now. Later bytes make the socket readable, or queue the session.
    Nothing,
    Ended,
}
