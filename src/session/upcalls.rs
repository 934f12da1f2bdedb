//! What a session calls in the floor above: the traits that `ffi` implements.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::protocol::Frame;

/// What the floor above knows a session as.
pub(crate) trait HandleHooks: Any + Send + Sync {
    /// Nothing flows: memory that is kept for what might can be given back.
    fn rest(&self);

    /// The application has let go of it.
    fn is_freed(&self) -> bool;
}

/// The callbacks of a session. Each call may take any time.
pub(crate) trait Listener: Send + Sync {
    /// The session is open.
    fn opened(&self);

    /// A frame was received, if the session tells frames.
    fn frame(&self, frame: &Frame);

    /// There is room to send again, after there was none.
    fn writable(&self);

    /// There is another connection in place of the one that was lost this way.
    fn reconnected(&self, lost: &Error);

    /// The session has ended, with this error. The last call.
    fn closed(&self, error: &Error);
}

/// Who decides whether to try again.
pub(crate) trait Decision: Send + Sync {
    /// `suggested` is the delay by the table and the limits, with whether to try at all. None gives up.
    fn decide(
        &self,
        owner: &Arc<dyn HandleHooks>,
        why: &Error,
        attempt: u32,
        suggested: (bool, Duration),
    ) -> Option<Duration>;
}

/// Where the memory of received messages comes from.
pub(crate) trait BufferSource {
    /// Returns a buffer for a message of probably `size` bytes, or an empty vector.
    fn take(&mut self, size: u64) -> Vec<u8>;
}
