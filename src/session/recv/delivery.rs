//! How what is received reaches the application: by calls, an event descriptor, callbacks or a group.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use super::group::Member;
use crate::transport::ReadinessFd;

/// A way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReceiveMode {
    /// Threads of the application read, in `receive`.
    Calls = 0,
    /// They take what is there when a descriptor says so.
    Descriptor = 1,
    /// Callbacks.
    Callbacks = 2,
    /// A group is received from.
    Group = 3,
}

/// The delivery of a session.
pub(crate) struct Delivery {
    /// A [`ReceiveMode`].
    mode: AtomicU8,
    /// Watches the socket, where the application wants a descriptor. Set with the socket locked.
    pub(crate) readiness: OnceLock<Arc<ReadinessFd>>,
    pub(crate) group: OnceLock<Member>,
    /// Where the session stands in the group's queue. That queue's lock guards it.
    pub(crate) group_turn: AtomicU8,
    /// The driver is to read, because nobody receives from the group.
    pub(crate) reads_in_background: AtomicBool,
    /// The application has let go of the session.
    pub(crate) is_app_detached: AtomicBool,
}

impl Delivery {
    pub(crate) fn new() -> Self {
        Self {
            mode: AtomicU8::new(ReceiveMode::Calls as u8),
            readiness: OnceLock::new(),
            group: OnceLock::new(),
            group_turn: AtomicU8::new(0),
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

    /// Sets the mode before anybody else knows the session.
    pub(crate) fn set_mode(&self, mode: ReceiveMode) {
        self.mode.store(mode as u8, Ordering::Release);
    }

    /// Goes from calls to another mode. Returns whether it did.
    pub(crate) fn leave_calls_for(&self, mode: ReceiveMode) -> bool {
        let (calls, other) = (ReceiveMode::Calls as u8, mode as u8);
        self.mode.compare_exchange(calls, other, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether threads may receive.
    #[inline]
    pub(crate) fn is_receivable(&self) -> bool {
        matches!(self.mode(), ReceiveMode::Calls | ReceiveMode::Descriptor)
    }

    /// Whether a descriptor is readable while there may be something to receive.
    #[inline]
    pub(crate) fn is_signalled(&self) -> bool {
        self.mode.load(Ordering::Acquire) == ReceiveMode::Descriptor as u8
    }

    /// Whether the application has let go of the session.
    pub(crate) fn is_app_detached(&self) -> bool {
        self.is_app_detached.load(Ordering::Acquire)
    }
}
