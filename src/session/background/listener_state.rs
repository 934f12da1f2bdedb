//! The callbacks of a session: the listener, and which of its calls were made.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::dispatch_state::DispatchState;
use crate::lock::Mutex;
use crate::session::upcalls::Listener;

/// The callbacks of a session.
pub(crate) struct ListenerState {
    pub(crate) calls: Mutex<ListenerCalls>,
    /// There is a listener, and it may be called.
    pub(crate) is_set: AtomicBool,
    pub(crate) dispatch: DispatchState,
    /// The listener has to be called because there is room to send.
    pub(crate) is_writable: AtomicBool,
}

impl ListenerState {
    pub(crate) fn new() -> Self {
        Self {
            calls: Mutex::default(),
            is_set: AtomicBool::new(false),
            dispatch: DispatchState::new(),
            is_writable: AtomicBool::new(false),
        }
    }
}

/// The listener, and which of its calls were made.
#[derive(Default)]
pub(crate) struct ListenerCalls {
    /// None without callbacks, and after the last call.
    pub(crate) listener: Option<Arc<dyn Listener>>,
    pub(crate) progress: Progress,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Progress {
    #[default]
    Nothing,
    /// The first call has not returned.
    Opening,
    Opened,
    /// The last call has not returned.
    Closing,
    Closed,
}
