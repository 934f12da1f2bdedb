//! A session, as its group uses it.

use std::sync::Arc;
use std::sync::atomic::AtomicU8;

use crate::error::Error;
use crate::protocol::Frame;
use crate::session::upcalls::HandleHooks;

/// A session of a group.
pub(crate) trait GroupSession: Send + Sync {
    /// Where it stands in the group's queue. The queue's lock guards it.
    fn turn(&self) -> &AtomicU8;

    /// The application has freed the session.
    fn is_detached(&self) -> bool;

    /// What the application knows the session as.
    fn hooks(&self) -> Option<Arc<dyn HandleHooks>>;

    /// Receives on the calling thread, without waiting.
    fn receive_for_group(&self) -> ForGroup;

    /// The group has returned the session's end. Returns why the session has ended.
    fn leave_group(&self) -> Error;

    /// Has the driver read, because the application is away.
    fn read_in_background(&self);
}

/// What a group has received from a session.
pub(crate) enum ForGroup {
    /// A frame, and whether there may be more.
    Frame(Frame, bool),
    /// There may be more, in another turn.
    Unfinished,
    /// What comes next makes the socket ready, or gives the session a turn.
    Nothing,
    Ended,
}
