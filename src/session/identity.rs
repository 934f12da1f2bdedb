//! The properties of a session that its opening determines.

use std::sync::{Arc, OnceLock, Weak};

use super::connect::handshake_info::HandshakeInfo;
use super::counters::Timings;
use super::upcalls::HandleHooks;
use crate::protocol::extension::ExtensionInfo;

/// The properties of a session that do not change.
pub(crate) struct Identity {
    /// The session's number in the log.
    pub(crate) id: u64,
    pub(crate) handshake_info: HandshakeInfo,
    /// The extensions that were agreed on.
    pub(crate) extensions: Box<[ExtensionInfo]>,
    pub(crate) timings: Timings,
    /// The application's handle. Set once.
    hooks: OnceLock<Weak<dyn HandleHooks>>,
}

impl Identity {
    pub(crate) fn new(
        id: u64,
        handshake_info: HandshakeInfo,
        extensions: Vec<ExtensionInfo>,
        timings: Timings,
    ) -> Self {
        let extensions = extensions.into();
        Self { id, handshake_info, extensions, timings, hooks: OnceLock::new() }
    }

    pub(crate) fn set_hooks(&self, hooks: Weak<dyn HandleHooks>) {
        // It is set once, before the first use.
        let _ = self.hooks.set(hooks);
    }

    pub(crate) fn hooks(&self) -> Option<Arc<dyn HandleHooks>> {
        self.hooks.get().and_then(Weak::upgrade)
    }
}
