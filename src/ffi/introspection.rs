//! What a session can tell of itself.

use std::ffi::{CStr, c_char};
use std::ptr;

use crate::ffi::error::ws_error;
use crate::ffi::guard;
use crate::ffi::session::{look_at, ws_session};
use crate::session::Opened;

/// What the opening handshake has brought, `fallback` before.
fn opened<T>(session: &ws_session, fallback: T, look: impl FnOnce(&Opened) -> T) -> T {
    session.opened().map_or(fallback, |open| look(&open.session.opened))
}

/// The subprotocol the server chose, "" if none, NULL for NULL. The string is the session's.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_subprotocol(session: *const ws_session) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe {
        look_at(session, ptr::null(), |session| opened(session, ptr::null(), |opened| opened.subprotocol().as_ptr()))
    }
}

/// The URL that was connected to, in its normal form and without user and password (Ktor's call.request.url). NULL
/// for NULL. The string is the session's.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_request_url(session: *const ws_session) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { look_at(session, ptr::null(), |session| opened(session, ptr::null(), |opened| opened.url().as_ptr())) }
}

/// A header of the handshake's request: the value of the field called `name` (in any case), the `index`-th (from 0)
/// where there are several. NULL where there is none, or an argument is NULL. The string is the session's.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `name` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_request_header(
    session: *const ws_session,
    name: *const c_char,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe {
        look_at(session, ptr::null(), |session| {
            opened(session, ptr::null(), |opened| {
                let value = guard::string(name).ok().and_then(|name| opened.request_header(name, index));
                value.map_or(ptr::null(), CStr::as_ptr)
            })
        })
    }
}

/// The HTTP status of the handshake's response: 101. 0 for NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_response_status(session: *const ws_session) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { look_at(session, 0, |session| opened(session, 0, |opened| opened.response_status.into())) }
}

/// A header of the handshake's response: the value of the field called `name` (in any case), the `index`-th (from 0)
/// where there are several. NULL where there is none, or an argument is NULL. The string is the session's. It is what
/// the server sent, which need not be UTF-8.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `name` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_response_header(
    session: *const ws_session,
    name: *const c_char,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe {
        look_at(session, ptr::null(), |session| {
            opened(session, ptr::null(), |opened| {
                let value = guard::string(name).ok().and_then(|name| opened.response_header(name, index));
                value.map_or(ptr::null(), CStr::as_ptr)
            })
        })
    }
}

/// What ended the session: NULL while nothing has, after a clean end, and for NULL. Its status is what receiving
/// returns. The error is the session's: do not free it.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_session_error(session: *const ws_session) -> *const ws_error {
    // SAFETY: the caller's promise.
    unsafe {
        look_at(session, ptr::null(), |session| {
            let verdict = || session.opened()?.session.verdict()?.error.clone();
            let Some(error) = session.failure().cloned().or_else(verdict) else { return ptr::null() };
            // The handle keeps the session, and with it the error, where it is.
            ptr::from_ref(session.error.get_or_init(|| Box::new(ws_error::new(error))))
        })
    }
}
