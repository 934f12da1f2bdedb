//! Calls the application's functions for the events of a session.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use crate::error::Error;
use crate::ffi::frame::{lent_frame, ws_frame};
use crate::ffi::handle::{Receiver, ws_session};
use crate::ffi::status::ws_status;
use crate::fork;
use crate::lock::assert_unlocked;
use crate::protocol::Frame;
use crate::session::Listener;
use crate::session::background::callback_scope;

/// A function that receives the frames of a session. The frame is lent until the function returns.
/// See ws_callbacks.
pub type ws_frame_callback =
    Option<unsafe extern "C" fn(session: *mut ws_session, frame: *const ws_frame, user_data: *mut c_void)>;

/// A function that is called when the library no longer uses `user_data`.
pub type ws_drop_callback = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// Functions that the library calls for events of a session. The caller sets `struct_size`. Each
/// function may be NULL.
///
/// Threads of the library call them with no lock held: for one session one at a time, in order. A
/// callback may take any time. It delays only later callbacks of its own session; meanwhile the
/// library answers pings, and messages wait in the incoming queue.
///
/// A callback may call every function of the library. Functions that would wait for a later
/// callback of the same session return WS_ERR_STATE: ws_recv, ws_wait_closed and ws_session_end.
/// ws_shutdown returns WS_ERR_STATE in every callback. A callback may call ws_session_free: no
/// on_frame follows, but on_close does. If ws_connect fails, no callback is called for that
/// session.
///
/// A callback may call fork. The child has only the thread that called it. When the callback
/// returns in the child, that thread ends, and the child exits with status 0 unless it has started
/// other threads. The same holds for every function of the application that a thread of the library
/// calls.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ws_callbacks {
    /// sizeof(ws_callbacks), set by the caller.
    pub struct_size: usize,
    /// The session is open. This is the first callback. It is not called if the session could not
    /// be opened. It may be called before ws_connect returns. If it frees the session before that,
    /// ws_connect returns WS_ERR_ABORTED.
    pub on_open: Option<unsafe extern "C" fn(session: *mut ws_session, user_data: *mut c_void)>,
    /// A frame was received. It is lent until the function returns. With this function ws_recv
    /// returns WS_ERR_STATE. Without it, messages are received by the other functions.
    pub on_frame: ws_frame_callback,
    /// The outgoing queue has room again after a send returned WS_ERR_TIMEOUT because the queue was
    /// full.
    pub on_writable: Option<unsafe extern "C" fn(session: *mut ws_session, user_data: *mut c_void)>,
    /// The session has ended, or could not be opened. `status` is what ws_recv returns at the end,
    /// or what ws_connect would have returned. ws_session_error and ws_get_close_info return the
    /// details. This is the last callback. It is called exactly once for every session that
    /// ws_connect or ws_connect_async returned, also if ws_shutdown ends it.
    pub on_close: Option<unsafe extern "C" fn(session: *mut ws_session, status: ws_status, user_data: *mut c_void)>,
    /// The library no longer uses `user_data`: all configurations with these callbacks are freed or
    /// have others, and all their sessions have ended.
    pub drop: ws_drop_callback,
}

/// The callbacks of a configuration, which its copies and sessions share.
pub(super) struct Callbacks {
    functions: ws_callbacks,
    user_data: *mut c_void,
}

// SAFETY: the header asks for functions and user data that any thread may use.
unsafe impl Send for Callbacks {}
// SAFETY: as above.
unsafe impl Sync for Callbacks {}

impl Callbacks {
    pub(super) fn new(functions: ws_callbacks, user_data: *mut c_void) -> Self {
        Self { functions, user_data }
    }

    pub(super) fn has_on_frame(&self) -> bool {
        self.functions.on_frame.is_some()
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        if let Some(drop) = self.functions.drop {
            assert_unlocked();
            // SAFETY: of this type by the header; the last user calls it once.
            callback_scope::inside(|| unsafe { drop(self.user_data) });
        }
    }
}

/// Calls the callbacks of a session.
pub(super) struct CListener {
    /// Keeps the session alive until the last callback.
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

    fn frame(&self, frame: &Frame) {
        let lent = lent_frame(frame);
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
