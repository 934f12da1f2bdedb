//! Attaches an opened session to its handle, its callbacks and its group.

use std::sync::{Arc, Weak};

use crate::error::{Error, Kind, Result};
use crate::ffi::callbacks::CListener;
use crate::ffi::config::Settings;
use crate::ffi::extension::NegotiatedExtension;
use crate::ffi::frame::FreeFrames;
use crate::ffi::session::{Open, ws_session};
use crate::session::{Delivery, Listener, Owner, Session};

impl ws_session {
    /// Attaches the session. Fails, and then no callback is called, if it was aborted or freed meanwhile or the library is being
    /// shut down.
    pub(super) fn attach(self: &Arc<Self>, session: &Arc<Session>, settings: &Settings) -> Result<()> {
        let owner: Weak<dyn Owner> = Arc::<Self>::downgrade(self);
        session.set_owner(owner);
        let open = Open {
            free_frames: FreeFrames::new(Arc::clone(&session.spares)),
            extensions: session.extensions.iter().map(NegotiatedExtension::new).collect(),
            session: Arc::clone(session),
        };
        let group = settings.group.as_ref().map(|group| &group.group);
        let is_group_closed = || group.is_some_and(|group| group.is_closed());
        if is_group_closed() {
            return Err(Error::new(Kind::Aborted, "the group was freed"));
        }
        let callbacks = settings.callbacks.as_ref();
        let delivery = match &settings.group {
            Some(_) => Delivery::Grouped,
            None if callbacks.is_some_and(|callbacks| callbacks.takes_frames()) => Delivery::Told,
            None => Delivery::Pulled,
        };
        let listener = callbacks.map(|callbacks| {
            Arc::new(CListener::new(Arc::clone(self), Some(Arc::clone(callbacks)))) as Arc<dyn Listener>
        });
        let attach = || {
            session.start(listener, delivery)?;
            // A session is attached once.
            let _ = self.open.set(open);
            Ok(())
        };
        match &self.opening {
            Some(opening) => opening.complete(attach)?,
            None => attach()?,
        }
        if is_group_closed() {
            // The thread that freed the group may have listed its sessions before this one was added.
            session.abort();
        }
        if self.is_freed() {
            session.forsake();
        }
        session.announce(group);
        Ok(())
    }
}
