//! Error objects.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use crate::error::{Error, Phase};
use crate::ffi::guard;
use crate::ffi::status::ws_status;

/// A failure with its details. An error that ws_connect or ws_wait_open wrote belongs to the
/// caller, who frees it with ws_error_free. An error of ws_session_error or ws_config_error is
/// lent. An error never changes, so any number of threads can read it.
pub struct ws_error {
    error: Error,
    message: CString,
    headers: CHeaders,
}

impl ws_error {
    pub(super) fn new(error: Error) -> Self {
        let message = guard::c_string(error.message.as_bytes());
        let fields = error.refusal.iter().flat_map(|refusal| &refusal.headers);
        let headers = CHeaders::new(fields.map(|(name, value)| (name.as_str(), value.as_slice())));
        Self { error, message, headers }
    }

    pub(super) fn error(&self) -> &Error {
        &self.error
    }

    /// Writes a new error object to `out`, which is None if the caller does not want it.
    pub(super) fn write_to(failure: &Error, out: Option<&mut *mut Self>) {
        if let Some(out) = out {
            *out = Box::into_raw(Box::new(Self::new(failure.clone())));
        }
    }
}

/// Header fields as C strings.
struct CHeaders(Vec<(CString, CString)>);

impl CHeaders {
    fn new<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        Self(fields.map(|(name, value)| (guard::c_string(name.as_bytes()), guard::c_string(value))).collect())
    }

    /// Returns the value of the `index`-th field of this name, or NULL.
    fn get(&self, name: &str, index: usize) -> *const c_char {
        let name = name.as_bytes();
        let mut named = self.0.iter().filter(|(present, _)| present.to_bytes().eq_ignore_ascii_case(name));
        named.nth(index).map_or(ptr::null(), |(_, value)| value.as_ptr())
    }
}

/// The out-parameters for a header field.
pub(super) struct FieldOut<'a> {
    name: Option<&'a mut *const c_char>,
    value: Option<&'a mut *const c_char>,
}

impl FieldOut<'_> {
    /// Sets both to NULL.
    ///
    /// # Safety
    /// The pointers are NULL or point to memory for a pointer that outlives the result.
    pub(super) unsafe fn new(name: *mut *const c_char, value: *mut *const c_char) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self { name: guard::out(name, ptr::null()), value: guard::out(value, ptr::null()) } }
    }

    /// Writes a field. Returns whether there is one, as a number.
    pub(super) fn write(self, field: Option<(&CStr, &CStr)>) -> i32 {
        let Some((found_name, found_value)) = field else { return 0 };
        if let Some(name) = self.name {
            *name = found_name.as_ptr();
        }
        if let Some(value) = self.value {
            *value = found_value.as_ptr();
        }
        1
    }
}

/// The step in which a session failed.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_phase {
    /// Before the first step.
    WS_PHASE_NONE = 0,
    /// Resolving the host name.
    WS_PHASE_RESOLVE = 1,
    /// Connecting TCP.
    WS_PHASE_CONNECT = 2,
    /// Opening a tunnel through the proxy.
    WS_PHASE_PROXY = 3,
    /// The TLS handshake.
    WS_PHASE_TLS = 4,
    /// The opening handshake.
    WS_PHASE_HANDSHAKE = 5,
    /// The session was open.
    WS_PHASE_OPEN = 6,
}

/// Returns the status of an error. Returns WS_OK for NULL.
///
/// # Safety
/// `error` is NULL or an error that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_error_status(error: *const ws_error) -> ws_status {
    // SAFETY: the caller's promise.
    guard::value(ws_status::WS_ERR_INTERNAL, || match unsafe { error.as_ref() } {
        Some(error) => error.error.kind.into(),
        None => ws_status::WS_OK,
    })
}

/// Returns a sentence that describes the failure, with the numbers and names involved. It contains
/// no credentials. The string is lent until the error is freed. Returns "" for NULL.
///
/// # Safety
/// `error` is NULL or an error that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_error_message(error: *const ws_error) -> *const c_char {
    // SAFETY: the caller's promise.
    guard::value(c"".as_ptr(), || unsafe { error.as_ref() }.map_or(c"".as_ptr(), |error| error.message.as_ptr()))
}

/// Returns the step in which the session failed. Returns WS_PHASE_NONE for an invalid argument and
/// for NULL.
///
/// # Safety
/// `error` is NULL or an error that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_error_phase(error: *const ws_error) -> ws_phase {
    // SAFETY: the caller's promise.
    let phase = || match unsafe { error.as_ref() }.and_then(|error| error.error.phase) {
        None => ws_phase::WS_PHASE_NONE,
        Some(Phase::Resolve) => ws_phase::WS_PHASE_RESOLVE,
        Some(Phase::Connect) => ws_phase::WS_PHASE_CONNECT,
        Some(Phase::Proxy) => ws_phase::WS_PHASE_PROXY,
        Some(Phase::Tls) => ws_phase::WS_PHASE_TLS,
        Some(Phase::Handshake) => ws_phase::WS_PHASE_HANDSHAKE,
        Some(Phase::Open) => ws_phase::WS_PHASE_OPEN,
    };
    guard::value(ws_phase::WS_PHASE_NONE, phase)
}

/// Returns the errno of the operating system. Returns 0 if there is none, and for NULL.
///
/// # Safety
/// `error` is NULL or an error that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_error_os_errno(error: *const ws_error) -> i32 {
    // SAFETY: the caller's promise.
    guard::value(0, || unsafe { error.as_ref() }.map_or(0, |error| error.error.os_errno))
}

/// Returns the TLS alert that the server sent (RFC 8446 section 6). Returns -1 if it sent none, and
/// for NULL.
///
/// # Safety
/// `error` is NULL or an error that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_error_tls_alert(error: *const ws_error) -> i32 {
    // SAFETY: the caller's promise.
    guard::value(-1, || unsafe { error.as_ref() }.and_then(|error| error.error.tls_alert).map_or(-1, i32::from))
}

/// Returns the code of the server's Close, if the error is that the server closed the session
/// (ws_reconnect_decision, ws_attempt_last_error): 1005 if the Close had no code. Returns 0 for
/// other errors and for NULL.
///
/// # Safety
/// `error` is NULL or an error that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_error_close_code(error: *const ws_error) -> u32 {
    // SAFETY: the caller's promise.
    guard::value(0, || unsafe { error.as_ref() }.and_then(|error| error.error.close_code).map_or(0, u32::from))
}

/// Returns the HTTP status with which the server or the proxy refused the handshake. Returns 0 if
/// there is none, and for NULL.
///
/// # Safety
/// `error` is NULL or an error that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_error_http_status(error: *const ws_error) -> u32 {
    // SAFETY: the caller's promise.
    let refusal = || unsafe { error.as_ref() }.and_then(|error| error.error.refusal.as_ref());
    guard::value(0, || refusal().map_or(0, |refusal| refusal.status.into()))
}

/// Returns a header field of the answer that refused the handshake: the `index`-th (from 0) with
/// this name. Case is ignored. Returns NULL if there is no such field, and for NULL.
///
/// The string is lent until the error is freed. It is what the server sent, which need not be
/// UTF-8.
///
/// # Safety
/// `error` is NULL or an error that is not freed; `name` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_error_http_header(
    error: *const ws_error,
    name: *const c_char,
    index: usize,
) -> *const c_char {
    guard::value(ptr::null(), || {
        // SAFETY: the caller's promise.
        match (unsafe { error.as_ref() }, unsafe { guard::string(name) }) {
            (Some(error), Ok(name)) => error.headers.get(name, index),
            _ => ptr::null(),
        }
    })
}

/// Writes the `index`-th header field (from 0) of the answer that refused the handshake to `*name`
/// and `*value`. The order is the server's.
///
/// Returns 1. Returns 0, with NULL in `*name` and `*value`, after the last field, if there is no
/// such answer, and for NULL. The strings are lent until the error is freed. They are what the
/// server sent, which need not be UTF-8.
///
/// # Safety
/// `error` is NULL or an error that is not freed; `name` and `value` are NULL or point to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_error_http_header_at(
    error: *const ws_error,
    index: usize,
    name: *mut *const c_char,
    value: *mut *const c_char,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        let out = FieldOut::new(name, value);
        guard::value(0, || {
            let field = error.as_ref().and_then(|error| error.headers.0.get(index));
            out.write(field.map(|(name, value)| (name.as_c_str(), value.as_c_str())))
        })
    }
}

/// Returns the body of the answer that refused the handshake, at most its first 64 KiB, as sent.
/// Writes its size to `*size`; `size` may be NULL. The bytes are lent until the error is freed.
///
/// Returns NULL, with 0 in `*size`, if there is no body, and for NULL.
///
/// # Safety
/// `error` is NULL or an error that is not freed; `size` is NULL or points to a size_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_error_http_body(error: *const ws_error, size: *mut usize) -> *const u8 {
    guard::value(ptr::null(), || {
        // SAFETY: the caller's promise.
        let refusal = unsafe { error.as_ref() }.and_then(|error| error.error.refusal.as_ref());
        let body = refusal.map_or::<&[u8], _>(&[], |refusal| &refusal.body);
        // SAFETY: the caller's promise.
        if let Some(size) = unsafe { guard::out(size, 0) } {
            *size = body.len();
        }
        if body.is_empty() { ptr::null() } else { body.as_ptr() }
    })
}

/// Frees an error that ws_connect or ws_wait_open wrote. NULL is allowed. Do not free a lent error.
///
/// # Safety
/// `error` is NULL or an error of ws_connect that is not freed; nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_error_free(error: *mut ws_error) {
    guard::value((), || {
        if !error.is_null() {
            // SAFETY: made by Box::into_raw in ws_connect, and the caller's promise.
            drop(unsafe { Box::from_raw(error) });
        }
    });
}
