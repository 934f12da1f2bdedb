//! The data behind `ws_session` and `ws_group`, which refer to each other.

use std::ffi::c_void;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use crate::lock::Mutex;
use once_cell::race::OnceBox;
use slab::Slab;

use crate::error::{Error, Kind, Result};
use crate::ffi::c_extension::NegotiatedExtension;
use crate::ffi::error::ws_error;
use crate::ffi::frame::{FramePool, ws_frame};
use crate::ffi::handle_count::HandleCount;
use crate::fork;
use crate::protocol::Close;
use crate::session::background::callback_scope;
use crate::session::recv::group::Group;
use crate::session::{Deadline, HandleHooks, Opening, ReadinessFd, Session, log};

/// A WebSocket session. ws_connect or ws_connect_async opens it, ws_close closes it,
/// ws_session_free frees it.
///
/// Any thread may call any function on a session at any time, also while other threads do, as long
/// as a handle is not freed: the one that ws_connect wrote, or one of ws_session_ref. After the
/// last ws_session_free, running callbacks may still use the session until they return, but
/// ws_session_ref returns NULL in them. A session belongs to the process that opened it: in a
/// forked child its functions return WS_ERR_FORKED.
pub struct ws_session {
    /// Empty while the session is being opened, and if opening failed.
    pub(super) open: OnceLock<OpenSession>,
    /// The progress of ws_connect_async. None for a session of ws_connect.
    pub(super) opening: Option<Arc<Opening>>,
    /// The session's number in the log.
    id: u64,
    /// The fork generation of the process that opened the session.
    generation: u64,
    /// The handles that the application has not freed. Calls and callbacks can keep the memory longer.
    pub(super) handles: HandleCount,
    /// The errors that ws_session_error lends. One for each way in which the connection was lost.
    #[expect(clippy::vec_box, reason = "lent errors must not move")]
    pub(super) errors: Mutex<Vec<Box<ws_error>>>,
    /// The reason that ws_get_close_info lends, with a NUL byte behind it.
    pub(super) close_reason: OnceLock<Box<[u8]>>,
    /// The certificates that ws_peer_certificate lends, set on its first use.
    pub(super) certificates: OnceBox<Vec<Box<[u8]>>>,
    /// The pointer of ws_set_user_data.
    pub(super) user_data: AtomicPtr<c_void>,
    /// The function of ws_recv_callback.
    pub(super) receiver: Mutex<Option<Receiver>>,
    /// The descriptor of ws_event_fd, made by its first call.
    readiness: OnceBox<Arc<ReadinessFd>>,
    /// Messages go to a callback or a group.
    pub(super) is_pushed: AtomicBool,
    /// The session's place in its group, if it has one.
    pub(super) membership: OnceLock<Membership>,
}

/// An open session and the objects of its handle.
pub(super) struct OpenSession {
    pub(super) session: Arc<Session>,
    pub(super) frame_pool: Arc<FramePool>,
    /// The extensions that ws_extension_at lends.
    pub(super) extensions: Box<[NegotiatedExtension]>,
}

impl ws_session {
    /// Makes a session that is not open yet, with its first handle. Callbacks may get and free the handle before the opening
    /// call returns it.
    pub(super) fn new(opening: Option<Arc<Opening>>, user_data: *mut c_void) -> Arc<Self> {
        let session = Arc::new(Self {
            open: OnceLock::new(),
            opening,
            id: log::next_id(),
            generation: fork::generation(),
            handles: HandleCount::new(),
            errors: Mutex::default(),
            close_reason: OnceLock::new(),
            certificates: OnceBox::new(),
            user_data: AtomicPtr::new(user_data),
            receiver: Mutex::default(),
            readiness: OnceBox::new(),
            is_pushed: AtomicBool::new(false),
            membership: OnceLock::new(),
        });
        // All handles together own one reference.
        std::mem::forget(Arc::clone(&session));
        session
    }

    /// Returns the session. Fails if the session is not open and in a forked child.
    pub(super) fn session(&self) -> Result<&Session> {
        self.open_session().map(|open| &*open.session)
    }

    /// Like [`Self::session`], with the objects of its handle.
    #[inline]
    pub(super) fn open_session(&self) -> Result<&OpenSession> {
        self.check_process()?;
        self.open.get().ok_or_else(|| self.not_open())
    }

    #[cold]
    fn not_open(&self) -> Error {
        match self.opening.as_ref().and_then(|opening| opening.outcome()) {
            Some(Err(failure)) => failure.clone(),
            _ => Error::new(Kind::State, "the session is still being opened"),
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Fails in a forked child.
    pub(super) fn check_process(&self) -> Result<()> {
        if self.is_inherited() {
            return Err(Error::new(Kind::Forked, "the session was opened by the parent process"));
        }
        Ok(())
    }

    /// Returns the opening while it is in progress and after it failed.
    pub(super) fn unopened(&self) -> Option<&Opening> {
        if self.open.get().is_some() { None } else { self.opening.as_deref() }
    }

    /// Returns the error of an opening that failed.
    pub(super) fn failure(&self) -> Option<&Error> {
        self.unopened()?.outcome()?.as_ref().err()
    }

    /// Like [`Self::open_session`], without the check for a forked child, where the session's locks may be held for good.
    pub(super) fn if_open(&self) -> Option<&OpenSession> {
        self.open.get()
    }

    /// The descriptor of ws_event_fd.
    pub(super) fn event_descriptor(&self) -> Result<RawFd> {
        self.check_process()?;
        if self.is_pushed.load(Ordering::Acquire) {
            return Err(Error::new(Kind::State, "the messages of the session go elsewhere"));
        }
        let make =
            || ReadinessFd::new().map(|made| Box::new(Arc::new(made))).map_err(|error| Error::no_descriptor(&error));
        let readiness = self.readiness.get_or_try_init(make)?;
        self.update_readiness()?;
        Ok(readiness.number())
    }

    /// Connects the descriptor, if there is one, with what it is to tell. Called when it is made, and when an opening has ended:
    /// the later of the two does it.
    pub(super) fn update_readiness(&self) -> Result<()> {
        let Some(readiness) = self.readiness.get() else { return Ok(()) };
        match self.open.get() {
            Some(open) => open.session.signal_by(readiness)?,
            None if self.failure().is_some() => readiness.signal().wake(),
            None => {}
        }
        Ok(())
    }

    /// Closes the descriptor of ws_event_fd. The application has freed all handles.
    pub(super) fn close_readiness(&self) {
        match self.readiness.get() {
            Some(readiness) if self.is_inherited() => readiness.close_inherited(),
            Some(readiness) => readiness.close(),
            None => {}
        }
    }

    /// Waits until the session is open.
    pub(super) fn wait_open(&self, deadline: &mut Deadline) -> Result<()> {
        self.check_process()?;
        if let Some(opening) = self.unopened() {
            *deadline = deadline.fixed();
            opening.wait(*deadline)?;
            self.forward_interrupt();
        }
        Ok(())
    }

    /// Waits until the session has closed, or could not be opened, and its last callback has returned.
    pub(super) fn wait_closed(&self, mut deadline: Deadline) -> Result<()> {
        match (self.wait_open(&mut deadline), &self.opening) {
            (Ok(()), _) => self.session()?.wait_closed(deadline),
            (Err(_), Some(opening)) if self.failure().is_some() => {
                if callback_scope::is_inside_any() {
                    return Ok(());
                }
                opening.wait_reported(deadline)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Cancels the opening. Returns false if the session is open.
    pub(super) fn cancel_opening(&self) -> bool {
        self.opening.as_ref().is_some_and(|opening| opening.abort())
    }

    /// Closes the connection without a closing handshake, or cancels the opening.
    pub(super) fn abort(&self) {
        if !self.cancel_opening()
            && let Some(open) = self.open.get()
        {
            open.session.abort();
        }
    }

    /// Starts the closing handshake, or cancels the opening.
    pub(super) fn close(&self, close: Close) -> Result<()> {
        if !self.cancel_opening() {
            self.session()?.close(close);
        }
        Ok(())
    }

    /// Frees the handle of a session that could not be opened.
    pub(super) fn discard(self: &Arc<Self>) {
        if let Some(membership) = self.membership.get() {
            membership.end();
        }
        if self.handles.remove() {
            // SAFETY: `new` left one reference with the handles, and the last handle drops it.
            drop(unsafe { Arc::from_raw(Arc::as_ptr(self)) });
        }
    }

    /// The application has freed all handles.
    pub(super) fn is_freed(&self) -> bool {
        self.handles.is_zero()
    }

    /// Interrupts the calls that wait, else the next one. Async-signal-safe.
    pub(super) fn interrupt(&self) -> Result<()> {
        self.check_process()?;
        match self.unopened() {
            Some(opening) => {
                opening.interrupt();
                // The opening may have completed meanwhile.
                self.forward_interrupt();
            }
            None => self.session()?.interrupt(),
        }
        Ok(())
    }

    /// Forwards an interrupt of the opening that no call has returned to the open session. Called when the session is open, and
    /// after each interrupt that found it unopened.
    pub(super) fn forward_interrupt(&self) {
        if let (Some(open), Some(opening)) = (self.if_open(), &self.opening)
            && opening.take_interrupt()
        {
            open.session.interrupt();
        }
    }

    /// The session was opened by a process that this process was forked from.
    pub(super) fn is_inherited(&self) -> bool {
        fork::is_inherited(self.generation)
    }
}

/// The arguments of ws_recv_callback.
#[derive(Clone, Copy)]
pub(super) struct Receiver {
    pub(super) function: unsafe extern "C" fn(*mut ws_session, *const ws_frame, *mut c_void),
    pub(super) user_data: *mut c_void,
    pub(super) drop: Option<unsafe extern "C" fn(*mut c_void)>,
}

// SAFETY: the header asks for functions and user data that any thread may use.
unsafe impl Send for Receiver {}

impl HandleHooks for ws_session {
    fn release_memory(&self) {
        if let Some(open) = self.open.get() {
            open.frame_pool.release();
        }
    }

    fn is_freed(&self) -> bool {
        self.is_freed()
    }
}

impl Drop for ws_session {
    fn drop(&mut self) {
        if let Some(open) = self.open.get() {
            open.frame_pool.close();
        }
        if let Some(membership) = self.membership.get() {
            membership.end();
        }
    }
}

/// Sessions that are received from together and end together. ws_group_new creates a group,
/// ws_config_set_group adds sessions to it, ws_group_free frees it. Any thread may call any
/// function on it at any time. It belongs to the process that created it.
pub struct ws_group {
    pub(super) group: Arc<Group>,
    pub(super) members: Mutex<Slab<Weak<ws_session>>>,
    /// The fork generation of the process that made the group.
    generation: u64,
}

/// A session's place in its group.
pub(super) struct Membership {
    group: Arc<ws_group>,
    key: usize,
    has_ended: AtomicBool,
}

impl Membership {
    /// The session does not belong to the group any more.
    pub(super) fn end(&self) {
        // The end of the session and the drop of its memory both call this; only the first call owns the key.
        // In a forked child the lock may be held by a thread that only the parent has.
        if !self.has_ended.swap(true, Ordering::AcqRel) && self.group.check_process().is_ok() {
            let member = self.group.members.lock().try_remove(self.key);
            drop(member);
        }
    }

    /// The application has freed the session, whose memory may be in use a moment longer.
    pub(super) fn forget(&self, handle: &ws_session, session: Option<&Session>) {
        self.group.group.forget(handle, session.map(|session| session as _));
        self.end();
    }

    /// The session could not be opened.
    pub(super) fn record_failure(&self, session: Arc<ws_session>, failure: Error) {
        self.group.group.record_failure(session, failure);
    }
}

impl ws_group {
    pub(super) fn new() -> Result<Arc<Self>> {
        let group = Arc::new(Group::new()?);
        Ok(Arc::new(Self { group, members: Mutex::default(), generation: fork::generation() }))
    }

    /// Takes in a session.
    pub(super) fn admit(self: &Arc<Self>, session: &Arc<ws_session>) -> Result<Membership> {
        self.check_process()?;
        let key = self.members.lock().insert(Arc::downgrade(session));
        let membership = Membership { group: Arc::clone(self), key, has_ended: AtomicBool::new(false) };
        if self.group.is_closed() {
            membership.end();
            return Err(Error::new(Kind::State, "the group was freed"));
        }
        Ok(membership)
    }

    pub(super) fn sessions(&self) -> Vec<Arc<ws_session>> {
        self.members.lock().iter().filter_map(|(_, session)| session.upgrade()).collect()
    }

    /// Fails in a forked child.
    pub(super) fn check_process(&self) -> Result<()> {
        if fork::is_inherited(self.generation) {
            return Err(Error::new(Kind::Forked, "the group was made by the parent process"));
        }
        Ok(())
    }
}
