//! How messages reach the application: by calls, an event descriptor, callbacks or a group.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use super::group::Member;
use crate::transport::ReadinessFd;

/// A way in which messages reach the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReceiveMode {
    /// The application calls `receive`.
    Calls = 0,
    /// The application calls `receive` when the event descriptor is readable.
    Descriptor = 1,
    /// The library calls callbacks.
    Callbacks = 2,
    /// The application receives from a group.
    Group = 3,
}

/// The delivery of a session.
pub(crate) struct Delivery {
    /// A [`ReceiveMode`].
    mode: AtomicU8,
    /// The event descriptor, if the application uses one. Set with the socket locked.
    pub(crate) readiness: OnceLock<Arc<ReadinessFd>>,
    pub(crate) group: OnceLock<Member>,
    /// The state of the session in the group's queue. That queue's lock guards it.
    pub(crate) group_state: AtomicU8,
    /// The driver has to read, because no thread receives from the group.
    pub(crate) reads_in_background: AtomicBool,
    /// The application has freed the session.
    pub(crate) is_app_detached: AtomicBool,
}

impl Delivery {
    pub(crate) fn new() -> Self {
        Self {
            mode: AtomicU8::new(ReceiveMode::Calls as u8),
            readiness: OnceLock::new(),
            group: OnceLock::new(),
            group_state: AtomicU8::new(0),
            reads_in_background: AtomicBool::new(false),
            is_app_detached: AtomicBool::new(false),
        }
    }

    pub(crate) fn mode(&self) -> ReceiveMode {
        match self.mode.load(Ordering::Acquire) {
            0 => ReceiveMode::Calls,
            1 => ReceiveMode::Descriptor,
            2 => ReceiveMode::Callbacks,
            _ => ReceiveMode::Group,
        }
    }

    /// Sets the mode, before another thread can use the session.
    pub(crate) fn set_mode(&self, mode: ReceiveMode) {
        self.mode.store(mode as u8, Ordering::Release);
    }

    /// Changes the mode from calls to another one. Returns whether it did.
    pub(crate) fn leave_calls_for(&self, mode: ReceiveMode) -> bool {
        let (calls, other) = (ReceiveMode::Calls as u8, mode as u8);
        self.mode.compare_exchange(calls, other, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether the application may call `receive`.
    #[inline]
    pub(crate) fn is_receivable(&self) -> bool {
        matches!(self.mode(), ReceiveMode::Calls | ReceiveMode::Descriptor)
    }

    /// Whether the event descriptor is readable while there may be something to receive.
    #[inline]
    pub(crate) fn is_signalled(&self) -> bool {
        self.mode.load(Ordering::Acquire) == ReceiveMode::Descriptor as u8
    }

    /// Whether the application has freed the session.
    pub(crate) fn is_app_detached(&self) -> bool {
        self.is_app_detached.load(Ordering::Acquire)
    }
}
