//! The traits through which a session calls `ffi`, which implements them.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::connect::attempt::Attempt;
use crate::error::Error;
use crate::protocol::Frame;

/// The handle of a session in `ffi`.
pub(crate) trait HandleHooks: Any + Send + Sync {
    /// Releases memory that is kept for further messages, because the connection is idle.
    fn release_memory(&self);

    /// Whether the application has freed the handle.
    fn is_freed(&self) -> bool;
}

/// The callbacks of a session. Each call may take any amount of time.
pub(crate) trait Listener: Send + Sync {
    /// The session is open.
    fn opened(&self);

    /// A frame was received. Called only if frames go to callbacks.
    fn frame(&self, frame: &Frame);

    /// There is room to send again, after a message found none.
    fn writable(&self);

    /// The session has ended with this error. This is the last call.
    fn closed(&self, error: &Error);
}

/// Decides whether to reconnect.
pub(crate) trait Decision: Send + Sync {
    /// Returns the delay before the next attempt, or None to give up. `suggested` holds whether to try and the delay, according
    /// to the table and the limits.
    fn decide(
        &self,
        owner: &Arc<dyn HandleHooks>,
        why: &Error,
        attempt: u32,
        suggested: (bool, Duration),
    ) -> Option<Duration>;
}

/// Prepares further attempts to connect.
pub(crate) trait Preparation: Send + Sync {
    /// Called before an attempt.
    fn prepare(&self, owner: &Arc<dyn HandleHooks>, attempt: &mut Attempt<'_>);
}

/// Where the memory of received messages comes from.
pub(crate) trait BufferSource {
    /// Returns a buffer for a message of probably `size` bytes, or an empty vector.
    fn take(&mut self, size: u64) -> Vec<u8>;
}
