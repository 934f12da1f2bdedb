//! Callbacks: being told of a session's messages and of what becomes of it.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use crate::error::Error;
use crate::ffi::config::{set_settings, ws_config};
use crate::ffi::error::ws_error;
use crate::ffi::frame::{lent_frame, ws_frame};
use crate::ffi::guard;
use crate::ffi::session::{with_handle, ws_session};
use crate::ffi::status::ws_status;
use crate::fork;
use crate::lock::assert_unlocked;
use crate::protocol::Frame;
use crate::session::{Listener, telling};

/// A function that is given a session's frames, lent until it returns.
///
/// It runs as those of ws_callbacks do.
pub type ws_frame_callback =
    Option<unsafe extern "C" fn(session: *mut ws_session, frame: *const ws_frame, user_data: *mut c_void)>;

/// A function that is told that what it is given is not used any more.
pub type ws_drop_callback = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// What a session calls when something happens to it. The caller of ws_config_set_callbacks sets `struct_size`; each
/// function may be NULL.
///
/// They are called on threads of the library, for one session one at a time and in order, with no lock held. Each may
/// take as long as it likes: that keeps other calls for its own session waiting, and nothing else. Pings are answered
/// meanwhile, and messages wait in the incoming queue.
///
/// Every function of the library may be called inside. Those that would wait for a later callback of the same session
/// return WS_ERR_STATE: ws_recv, ws_wait_closed; so does ws_shutdown in any callback. ws_session_free is fine: no
/// on_frame follows it, and on_close still does. After the last handle is freed, callbacks may use the session until they
/// return, and ws_session_ref returns NULL. Nothing is called for a session that ws_connect did not return, but `drop` once
/// the configurations are freed.
///
/// A callback may fork. The child has only the thread that forked: when the callback returns there, that thread ends, and
/// with it the child, with exit status 0, unless it has started other threads.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ws_callbacks {
    /// sizeof(ws_callbacks), set by the caller.
    pub struct_size: usize,
    /// The session is open. It is the first call, and there is none when opening failed. With ws_connect it may come
    /// before that has returned. If on_open frees the session before that, ws_connect returns WS_ERR_ABORTED.
    pub on_open: Option<unsafe extern "C" fn(session: *mut ws_session, user_data: *mut c_void)>,
    /// A message, or whatever else ws_recv would give; the frame is lent until the function returns. With this
    /// function ws_recv returns WS_ERR_STATE; without it, messages are received as ever.
    pub on_frame: ws_frame_callback,
    /// There is room in the outgoing queue again, after a send returned WS_ERR_TIMEOUT for want of it.
    pub on_writable: Option<unsafe extern "C" fn(session: *mut ws_session, user_data: *mut c_void)>,
    /// The session has ended, or could not be opened, with this status: the one that ws_recv returns at the end, or that
    /// ws_connect would have returned. ws_session_error and ws_close_info say more. It is the last call, and comes
    /// exactly once for every session that ws_connect or ws_connect_async returned, also when ws_shutdown ends it.
    pub on_close: Option<unsafe extern "C" fn(session: *mut ws_session, status: ws_status, user_data: *mut c_void)>,
    /// `user_data` is not used any more: all configurations with these callbacks are freed or have others, and all their
    /// sessions have ended.
    pub drop: ws_drop_callback,
    /// The session has another connection in place of one that was lost (ws_config_set_reconnect). `lost` says how, and is
    /// lent until the function returns. Messages that had come before may still follow.
    pub on_reconnect:
        Option<unsafe extern "C" fn(session: *mut ws_session, lost: *const ws_error, user_data: *mut c_void)>,
}

/// A configuration's callbacks, until nobody uses them any more.
pub(super) struct Callbacks {
    functions: ws_callbacks,
    user_data: *mut c_void,
}

// SAFETY: the header asks for functions and user data that any thread may use.
unsafe impl Send for Callbacks {}
// SAFETY: as above.
unsafe impl Sync for Callbacks {}

impl Callbacks {
    pub(super) fn takes_frames(&self) -> bool {
        self.functions.on_frame.is_some()
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        if let Some(drop) = self.functions.drop {
            assert_unlocked();
            // SAFETY: of this type by the header, and called once, by the last user.
            telling::inside(|| unsafe { drop(self.user_data) });
        }
    }
}

/// What ws_recv_callback was given.
#[derive(Clone, Copy)]
pub(super) struct Receiver {
    function: unsafe extern "C" fn(*mut ws_session, *const ws_frame, *mut c_void),
    user_data: *mut c_void,
    drop: ws_drop_callback,
}

// SAFETY: the header asks for functions and user data that any thread may use.
unsafe impl Send for Receiver {}

/// A session's callbacks.
pub(super) struct CListener {
    /// Kept, with its memory, until the last call.
    session: Arc<ws_session>,
    callbacks: Option<Arc<Callbacks>>,
}

impl CListener {
    pub(super) fn new(session: Arc<ws_session>, callbacks: Option<Arc<Callbacks>>) -> Self {
        Self { session, callbacks }
    }

    fn handle(&self) -> *mut ws_session {
        Arc::as_ptr(&self.session).cast_mut()
    }
}

impl Listener for CListener {
    fn opened(&self) {
        if let Some(callbacks) = &self.callbacks
            && let Some(on_open) = callbacks.functions.on_open
        {
            assert_unlocked();
            // SAFETY: of this type by the header; the session is kept.
            unsafe { on_open(self.handle(), callbacks.user_data) };
            fork::end_thread_of_child();
        }
    }

    fn frame(&self, frame: Frame) {
        let lent = lent_frame(&frame);
        let receiver = *self.session.receiver.lock();
        if let Some(Receiver { function, user_data, .. }) = receiver {
            assert_unlocked();
            // SAFETY: of this type by the header; the session is kept, and the frame until the call returns.
            unsafe { function(self.handle(), &raw const lent, user_data) };
        } else if let Some(callbacks) = &self.callbacks
            && let Some(on_frame) = callbacks.functions.on_frame
        {
            assert_unlocked();
            // SAFETY: as above.
            unsafe { on_frame(self.handle(), &raw const lent, callbacks.user_data) };
        }
        fork::end_thread_of_child();
    }

    fn writable(&self) {
        if let Some(callbacks) = &self.callbacks
            && let Some(on_writable) = callbacks.functions.on_writable
        {
            assert_unlocked();
            // SAFETY: of this type by the header; the session is kept.
            unsafe { on_writable(self.handle(), callbacks.user_data) };
            fork::end_thread_of_child();
        }
    }

    fn reconnected(&self, lost: &Error) {
        if let Some(callbacks) = &self.callbacks
            && let Some(on_reconnect) = callbacks.functions.on_reconnect
        {
            let lost = ws_error::new(lost.clone());
            assert_unlocked();
            // SAFETY: of this type by the header; the session is kept, and the error until the call returns.
            unsafe { on_reconnect(self.handle(), &raw const lost, callbacks.user_data) };
            fork::end_thread_of_child();
        }
    }

    fn closed(&self, error: &Error) {
        let receiver = self.session.receiver.lock().take();
        if let Some(Receiver { function, user_data, drop }) = receiver {
            assert_unlocked();
            // SAFETY: of this type by the header; the session is kept.
            unsafe { function(self.handle(), ptr::null(), user_data) };
            fork::end_thread_of_child();
            if let Some(drop) = drop {
                // SAFETY: of this type by the header, and called once.
                unsafe { drop(user_data) };
                fork::end_thread_of_child();
            }
        }
        if let Some(callbacks) = &self.callbacks
            && let Some(on_close) = callbacks.functions.on_close
        {
            assert_unlocked();
            // SAFETY: of this type by the header; the session is kept.
            unsafe { on_close(self.handle(), error.kind.into(), callbacks.user_data) };
            fork::end_thread_of_child();
        }
    }
}

/// Has sessions call functions; see ws_callbacks. NULL as `callbacks` removes those that were set.
///
/// One configuration may open many sessions with the same `user_data`; ws_set_user_data is for what belongs to one of
/// them. `user_data` has to be valid until `drop` is called.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, and for a `struct_size` that is smaller than this version's or
/// over 4096. The functions are not kept then, and `drop` is not called.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `callbacks` is NULL or points to as many bytes as its
/// `struct_size` says, with functions of these types.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_callbacks(
    config: *mut ws_config,
    callbacks: *const ws_callbacks,
    user_data: *mut c_void,
) -> ws_status {
    let mut before = None;
    let status = set_settings(config, |settings| {
        // SAFETY: the caller's promise.
        let functions = unsafe { guard::sized_struct(callbacks) }?;
        let callbacks = functions.map(|functions| Arc::new(Callbacks { functions: *functions, user_data }));
        before = std::mem::replace(&mut settings.callbacks, callbacks);
        Ok(())
    });
    // Their `drop` may use the configuration.
    guard::value((), || drop(before));
    status
}

/// Has a live session give its messages to a function from now on, those that wait already before all others. It is
/// called as ws_callbacks' on_frame, and once more, last, with NULL as the frame when the session has ended, which
/// ws_session_error and ws_close_info say more about. Then `drop`, which may be NULL, is called with `user_data`.
///
/// Calls of ws_recv that wait return WS_ERR_STATE, and so do all later ones.
///
/// Returns WS_ERR_STATE while the session is being opened, when its messages go elsewhere, to a callback already, a group, or
/// its event descriptor, and when the session has callbacks and on_close, their last call, has begun; the status of
/// ws_connect for a session that could not be opened; WS_ERR_INVALID_ARGUMENT for NULL, WS_ERR_ABORTED after ws_shutdown,
/// WS_ERR_FORKED. The function is not kept then: it is never called, and neither is `drop`.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `function` and `drop` are NULL or functions of their
/// types, and `user_data` is valid until `drop` is called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_recv_callback(
    session: *mut ws_session,
    function: ws_frame_callback,
    user_data: *mut c_void,
    drop: ws_drop_callback,
) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_handle(session, |handle| {
            let function = function.ok_or_else(|| guard::invalid("the callback is NULL"))?;
            let install = || *handle.receiver.lock() = Some(Receiver { function, user_data, drop });
            handle.session()?.tell_frames(install, || Arc::new(CListener::new(Arc::clone(handle), None)))
        })
    }
}
