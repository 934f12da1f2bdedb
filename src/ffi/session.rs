//! Sessions: their handles, opening and freeing them.

use std::ffi::{c_char, c_void};
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::atomic::AtomicPtr;
use std::sync::{Arc, OnceLock};

use crate::lock::Mutex;
use once_cell::race::OnceBox;

use crate::error::{Error, Kind, Result};
use crate::ffi::c_extension;
use crate::ffi::callbacks::Receiver;
use crate::ffi::config::{Settings, ws_config};
use crate::ffi::error::ws_error;
use crate::ffi::extension::NegotiatedExtension;
use crate::ffi::frame::FreeFrames;
use crate::ffi::group::Membership;
use crate::ffi::guard;
use crate::ffi::handle_count::HandleCount;
use crate::ffi::status::ws_status;
use crate::fork;
use crate::protocol::Close;
use crate::session::{self, Deadline, Opening, Owner, Session, State, logging};

/// A WebSocket session: opened by ws_connect or ws_connect_async, closed by ws_close, freed by ws_session_free.
///
/// Any thread may call any function on a session at any time, also while other threads do, as long as one of its handles is
/// not freed: the one that ws_connect wrote, or one of ws_session_ref. After the last ws_session_free, callbacks that are
/// running may still use the session until they return, but ws_session_ref returns NULL in them. A session belongs to the
/// process that opened it: in a forked child its functions return WS_ERR_FORKED.
pub struct ws_session {
    /// Empty while it is being opened, and where that failed.
    pub(super) open: OnceLock<Open>,
    /// None where a call of the application has opened it.
    pub(super) opening: Option<Arc<Opening>>,
    /// The number that the log knows it by.
    id: u64,
    /// That of the process that opened it.
    generation: u64,
    /// Handles that are not freed. The memory also waits for calls under way and callbacks to come.
    handles: HandleCount,
    /// What ws_session_error shows, once there is something.
    pub(super) error: OnceBox<ws_error>,
    /// What ws_close_info lends, with its NUL.
    pub(super) close_reason: OnceLock<Box<[u8]>>,
    /// The application's.
    pub(super) user_data: AtomicPtr<c_void>,
    /// That of ws_recv_callback.
    pub(super) receiver: Mutex<Option<Receiver>>,
    pub(super) membership: OnceLock<Membership>,
}

/// An open session, and what goes with it.
pub(super) struct Open {
    pub(super) session: Arc<Session>,
    pub(super) free_frames: Arc<FreeFrames>,
    /// What ws_extension_at lends.
    pub(super) extensions: Box<[NegotiatedExtension]>,
}

/// Where a session stands (RFC 6455 section 7.1).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_session_state {
    /// It is being opened, by ws_connect_async, or its connection is lost and another one is being opened
    /// (ws_config_set_reconnect).
    WS_STATE_CONNECTING = 0,
    /// Messages flow.
    WS_STATE_OPEN = 1,
    /// The end has begun, on either side.
    WS_STATE_CLOSING = 2,
    /// The connection is gone.
    WS_STATE_CLOSED = 3,
}

impl ws_session {
    /// A session that is to be opened, with its first handle. Callbacks may receive and free it before the opening call returns
    /// it.
    pub(super) fn new(opening: Option<Arc<Opening>>) -> Arc<Self> {
        let session = Arc::new(Self {
            open: OnceLock::new(),
            opening,
            id: logging::next_id(),
            generation: fork::generation(),
            handles: HandleCount::new(),
            error: OnceBox::new(),
            close_reason: OnceLock::new(),
            user_data: AtomicPtr::default(),
            receiver: Mutex::default(),
            membership: OnceLock::new(),
        });
        // All handles together own one count.
        std::mem::forget(Arc::clone(&session));
        session
    }

    /// The session, open, in the process that opened it.
    pub(super) fn session(&self) -> Result<&Session> {
        self.open().map(|open| &*open.session)
    }

    /// The same with what goes with it.
    #[inline]
    fn open(&self) -> Result<&Open> {
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

    pub(super) fn check_process(&self) -> Result<()> {
        if self.is_inherited() {
            return Err(Error::new(Kind::Forked, "the session was opened by the parent process"));
        }
        Ok(())
    }

    /// The opening, while it goes on or where it failed.
    pub(super) fn unopened(&self) -> Option<&Opening> {
        if self.open.get().is_some() { None } else { self.opening.as_deref() }
    }

    /// The same once it has failed, and why.
    pub(super) fn failure(&self) -> Option<&Error> {
        self.unopened()?.outcome()?.as_ref().err()
    }

    /// What opening has brought, which works without the session's threads.
    pub(super) fn opened(&self) -> Option<&Open> {
        self.open.get()
    }

    /// Waits until it is open.
    pub(super) fn wait_open(&self, deadline: &mut Deadline) -> Result<()> {
        self.check_process()?;
        if let Some(opening) = self.unopened() {
            *deadline = deadline.fixed();
            opening.wait(*deadline)?;
            self.pass_on_interrupt();
        }
        Ok(())
    }

    /// Cancels its opening. Returns false if it is open.
    pub(super) fn give_up_opening(&self) -> bool {
        self.opening.as_ref().is_some_and(|opening| opening.abort())
    }

    /// Ends it at once.
    pub(super) fn abort(&self) {
        if !self.give_up_opening()
            && let Some(open) = self.open.get()
        {
            open.session.abort();
        }
    }

    /// Starts the closing handshake, or gives its opening up.
    pub(super) fn close(&self, close: Close) -> Result<()> {
        if !self.give_up_opening() {
            self.session()?.close(close);
        }
        Ok(())
    }

    /// Frees the handle of a session that could not be opened.
    pub(super) fn forget(self: &Arc<Self>) {
        if let Some(membership) = self.membership.get() {
            membership.end();
        }
        if self.handles.remove() {
            // SAFETY: the last handle gives back the count that `new` left with the handles.
            drop(unsafe { Arc::from_raw(Arc::as_ptr(self)) });
        }
    }

    pub(super) fn is_freed(&self) -> bool {
        self.handles.is_none()
    }

    fn is_inherited(&self) -> bool {
        fork::is_inherited(self.generation)
    }
}

impl Owner for ws_session {
    fn rest(&self) {
        if let Some(open) = self.open.get() {
            open.free_frames.release();
        }
    }

    fn is_freed(&self) -> bool {
        self.is_freed()
    }
}

impl Drop for ws_session {
    fn drop(&mut self) {
        if let Some(open) = self.open.get() {
            open.free_frames.close();
        }
        if let Some(membership) = self.membership.get() {
            membership.end();
        }
    }
}

/// The session of a call, kept alive until the call returns even if another thread frees it.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
pub(super) unsafe fn session_of_call(session: *const ws_session) -> Result<Arc<ws_session>> {
    if session.is_null() {
        return Err(guard::invalid("the session is NULL"));
    }
    // SAFETY: handles that are not freed own a count.
    let kept = ManuallyDrop::new(unsafe { Arc::from_raw(session) });
    Ok(Arc::clone(&kept))
}

/// Runs an entry on a session that returns a status.
///
/// # Safety
/// As for [`session_of_call`].
pub(super) unsafe fn with_session(session: *const ws_session, body: impl FnOnce(&Session) -> Result<()>) -> ws_status {
    guard::status(|| {
        // SAFETY: the caller's promise.
        let kept = unsafe { session_of_call(session) }?;
        c_extension::check_outside()?;
        body(kept.session()?)
    })
}

/// Runs an entry on a session that may not be open yet.
///
/// # Safety
/// As for [`session_of_call`].
pub(super) unsafe fn with_handle(
    session: *const ws_session,
    body: impl FnOnce(&Arc<ws_session>) -> Result<()>,
) -> ws_status {
    guard::status(|| {
        // SAFETY: the caller's promise.
        let kept = unsafe { session_of_call(session) }?;
        c_extension::check_outside()?;
        kept.check_process()?;
        body(&kept)
    })
}

/// Runs an entry that receives.
///
/// # Safety
/// As for [`session_of_call`].
pub(super) unsafe fn with_receiver(
    session: *const ws_session,
    timeout_ms: i64,
    body: impl FnOnce(&Session, &Arc<FreeFrames>, Deadline) -> Result<()>,
) -> ws_status {
    guard::status(|| {
        // SAFETY: the caller's promise.
        let kept = unsafe { session_of_call(session) }?;
        c_extension::check_outside()?;
        let mut deadline = Deadline::after_ms(timeout_ms);
        if kept.open.get().is_none() {
            kept.wait_open(&mut deadline)?;
        }
        let open = kept.open()?;
        body(&open.session, &open.free_frames, deadline)
    })
}

/// Runs an entry that reads from a session and returns a plain value, `fallback` for NULL. Pointers that it lends stay valid
/// until the last handle is freed.
///
/// # Safety
/// As for [`session_of_call`].
pub(super) unsafe fn look_at<T: Copy>(
    session: *const ws_session,
    fallback: T,
    body: impl FnOnce(&ws_session) -> T,
) -> T {
    // SAFETY: the caller's promise.
    guard::value(fallback, || unsafe { session_of_call(session) }.map_or(fallback, |kept| body(&kept)))
}

/// Opens a session: resolves the URL's host, connects, through a proxy if there is one, negotiates TLS for wss, and does the
/// opening handshake (RFC 6455 section 4.1; Ktor's webSocketSession). It waits for all that on the calling thread, at most
/// for the timeouts of the configuration: those of connect and handshake begin anew with each redirect and each answer to a
/// question for credentials, ws_config_set_open_timeout_ms is for all of it.
///
/// `url` begins with ws:// or wss://; http:// and https:// mean the same. A user and a password in it are sent as
/// Basic authentication unless the configuration has an Authorization header. It must not have a fragment. `config`
/// may be NULL for the defaults. The call copies it before it calls any function of the application, so callbacks may change
/// or free it. Use one configuration for several TLS connections: the library then reads the trust store once and resumes TLS
/// sessions.
///
/// On success `*session` is a handle that the caller frees with ws_session_free, and `*error` is NULL. On failure `*session`
/// is NULL, no callback is called, and, unless `error` is NULL, `*error` is an error that the caller frees with
/// ws_error_free.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `url` or `session` is NULL and when the configuration contradicts itself
/// (ws_config_set_outgoing_queue, ws_config_set_reconnect, ws_config_set_group, ws_config_set_unix_socket), WS_ERR_STATE when
/// the socket of ws_config_set_socket_fd was taken or the group was freed, WS_ERR_FORKED for a group of the parent
/// process, WS_ERR_URL, WS_ERR_RESOLVE, WS_ERR_CONNECT, WS_ERR_PROXY and WS_ERR_PROXY_AUTH (with the proxy's answer in the
/// error), WS_ERR_TLS, WS_ERR_TLS_CERTIFICATE, WS_ERR_HANDSHAKE_STATUS and WS_ERR_TOO_MANY_REDIRECTS (with the server's answer in
/// the error), WS_ERR_HANDSHAKE_INVALID, also for a redirect that cannot be followed, WS_ERR_EXTENSION when an extension of
/// ws_config_install_extension rejects the server's answer, WS_ERR_IO when the connection was lost, WS_ERR_TIMEOUT (the
/// error's phase names the step), WS_ERR_INTERRUPTED after ws_config_interrupt, WS_ERR_ABORTED when another thread called
/// ws_shutdown or freed the group and when on_open freed the session, WS_ERR_NO_MEMORY for a long URL, and WS_ERR_INTERNAL
/// when the system provides no threads, descriptors or random bytes.
///
/// # Safety
/// `url` is NULL or a C string, `config` is NULL or a configuration that is not freed, `session` and `error` are NULL
/// or point to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_connect(
    url: *const c_char,
    config: *const ws_config,
    session: *mut *mut ws_session,
    error: *mut *mut ws_error,
) -> ws_status {
    // SAFETY: the caller's promise.
    let (session, error) = unsafe { (guard::out(session, ptr::null_mut()), guard::out(error, ptr::null_mut())) };
    guard::status(|| {
        let connect = || {
            // SAFETY: the caller's promise.
            let (url, config) = unsafe { (guard::string(url)?, config.as_ref()) };
            let session = session.ok_or_else(guard::no_out)?;
            // The configuration may be changed or freed in the callbacks of opening.
            let (settings, interrupts) = match config {
                Some(config) => (config.settings.clone(), Some(Arc::clone(&config.interrupts))),
                None => (Settings::default(), None),
            };
            let handle = ws_session::new(None);
            let connected = settings.join_group(&handle).and_then(|()| {
                session::connect(handle.id, url, &settings.config, interrupts.as_deref(), |opened| {
                    handle.attach(opened, &settings)
                })
            });
            if connected.is_err() {
                handle.forget();
            }
            connected?;
            if handle.is_freed() {
                return Err(Error::new(Kind::Aborted, "the session was freed in on_open"));
            }
            *session = Arc::as_ptr(&handle).cast_mut();
            Ok(())
        };
        guard::caught(connect).inspect_err(|failure| ws_error::hand_out(failure, error))
    })
}

/// Adds a handle to a session, for another owner. Each handle is freed with ws_session_free.
///
/// Returns `session`. Returns NULL for NULL, and in a callback of the session after its last handle was freed.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed, or of the callback that calls this.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_session_ref(session: *mut ws_session) -> *mut ws_session {
    // SAFETY: the caller's promise.
    guard::value(ptr::null_mut(), || match unsafe { session_of_call(session) } {
        Ok(kept) if kept.handles.add() => session,
        _ => ptr::null_mut(),
    })
}

/// Frees a handle. Freeing the last handle aborts the session if it has not ended, and calls that wait in other threads
/// return WS_ERR_ABORTED. Call ws_close and ws_wait_closed first for a clean end. NULL is allowed.
///
/// Received frames stay valid. Strings and errors that the session lent become invalid. In a forked child the function frees
/// the handle and sends nothing.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; after the last one nobody starts a call on it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_session_free(session: *mut ws_session) {
    guard::value((), || {
        if session.is_null() {
            return;
        }
        // SAFETY: the caller's handle, which is still counted.
        let handles = unsafe { &(*session).handles };
        if !handles.remove() {
            return;
        }
        // SAFETY: the last handle gives back the count that `new` left with the handles.
        let last = unsafe { Arc::from_raw(session) };
        if last.is_inherited() {
            // The connection is the parent's.
            if let Some(descriptor) = last.open.get().and_then(|open| open.session.leave_to_parent()) {
                fork::release(descriptor);
            }
        } else {
            if !last.give_up_opening()
                && let Some(open) = last.open.get()
            {
                open.session.forsake();
                open.session.abort();
            }
            if let Some(membership) = last.membership.get() {
                membership.forget(&last, last.open.get().map(|open| &*open.session));
            }
        }
    });
}

/// Where the session stands; WS_STATE_CLOSED for NULL and in a forked child.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_state(session: *const ws_session) -> ws_session_state {
    // SAFETY: the caller's promise.
    unsafe {
        look_at(session, ws_session_state::WS_STATE_CLOSED, |session| match session.session().map(Session::state) {
            Ok(State::Reconnecting) => ws_session_state::WS_STATE_CONNECTING,
            Ok(State::Open) => ws_session_state::WS_STATE_OPEN,
            Ok(State::Closing) => ws_session_state::WS_STATE_CLOSING,
            Err(Error { kind: Kind::State, .. }) => ws_session_state::WS_STATE_CONNECTING,
            Ok(State::Closed) | Err(_) => ws_session_state::WS_STATE_CLOSED,
        })
    }
}
