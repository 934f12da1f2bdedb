//! Session handles: adding, freeing, state.

use std::ptr;
use std::sync::Arc;

use crate::error::{Error, Kind};
use crate::ffi::entry::{acquire_session, inspect};
use crate::ffi::guard;
use crate::ffi::handle::ws_session;
use crate::fork;
use crate::session::{Session, State};

/// The state of a session (RFC 6455 section 4.1 and 7.1).
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_session_state {
    /// The session is being opened (ws_connect_async), or its connection is lost and another one is
    /// being opened (ws_config_set_reconnect).
    WS_STATE_CONNECTING = 0,
    /// Messages can be sent and received.
    WS_STATE_OPEN = 1,
    /// The session is ending: a Close was sent or received, or the connection has failed.
    WS_STATE_CLOSING = 2,
    /// The connection is closed.
    WS_STATE_CLOSED = 3,
}

/// Adds a handle to a session, for another owner. Each handle is freed with ws_session_free.
/// Returns `session`.
///
/// Returns NULL for NULL, and in a callback of the session after its last handle was freed.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed, or of the callback that calls this.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_session_ref(session: *mut ws_session) -> *mut ws_session {
    // SAFETY: the caller's promise.
    guard::value(ptr::null_mut(), || match unsafe { acquire_session(session) } {
        Ok(kept) if kept.handles.add() => session,
        _ => ptr::null_mut(),
    })
}

/// Frees a handle. Freeing the last handle aborts the session if it has not ended, and calls that
/// wait in other threads return WS_ERR_ABORTED. For a clean end call ws_session_end instead. NULL
/// is allowed.
///
/// Received frames remain valid. Strings and errors that the session lent become invalid. In a
/// forked child the function frees the handle and sends nothing.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; after the last one nobody starts a call on it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_session_free(session: *mut ws_session) {
    guard::value((), || {
        if session.is_null() {
            return;
        }
        // SAFETY: the handle of the caller is still counted.
        let handles = unsafe { &(*session).handles };
        if !handles.remove() {
            return;
        }
        // SAFETY: `ws_session::new` left one reference with the handles, and the last handle drops it.
        let last = unsafe { Arc::from_raw(session) };
        last.close_readiness();
        if last.is_inherited() {
            // The connection belongs to the parent process.
            if let Some(descriptor) = last.open.get().and_then(|open| open.session.leave_to_parent()) {
                fork::release(descriptor);
            }
        } else {
            if !last.cancel_opening()
                && let Some(open) = last.open.get()
            {
                open.session.detach_app();
                open.session.abort();
            }
            if let Some(membership) = last.membership.get() {
                membership.forget(&last, last.open.get().map(|open| &*open.session));
            }
        }
    });
}

/// Returns 1 if the session has ended, or could not be opened, and all its messages were received,
/// else 0 (Ktor's isClosedForReceive). Returns 1 for NULL and in a forked child.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_is_closed_for_receive(session: *const ws_session) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        inspect(session, 1, |session| match session.session() {
            Ok(open) => open.recv.queue.has_ended().into(),
            Err(Error { kind: Kind::State, .. }) => 0,
            Err(_) => 1,
        })
    }
}

/// Returns the state of a session. Returns WS_STATE_CLOSED for NULL and in a forked child.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_state(session: *const ws_session) -> ws_session_state {
    // SAFETY: the caller's promise.
    unsafe {
        inspect(session, ws_session_state::WS_STATE_CLOSED, |session| match session.session().map(Session::state) {
            Ok(State::Reconnecting) => ws_session_state::WS_STATE_CONNECTING,
            Ok(State::Open) => ws_session_state::WS_STATE_OPEN,
            Ok(State::Closing) => ws_session_state::WS_STATE_CLOSING,
            Err(Error { kind: Kind::State, .. }) => ws_session_state::WS_STATE_CONNECTING,
            Ok(State::Closed) | Err(_) => ws_session_state::WS_STATE_CLOSED,
        })
    }
}
