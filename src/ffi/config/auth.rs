//! Asks the application for credentials when a server wants them.

use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

use crate::lock::{Mutex, assert_unlocked};

use crate::error::Result;
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::session::background::callback_scope;
use crate::session::connect::authentication::{self, AuthChallenge, Authenticator};

/// A request of a server for credentials: an answer to the handshake with the status 401. It is
/// lent to a ws_auth_callback until that returns.
pub struct ws_auth {
    question: AuthChallenge,
    url: CString,
    challenges: Vec<CString>,
    answer: Mutex<Option<String>>,
}

/// A function that supplies credentials. It calls ws_auth_basic, ws_auth_digest, ws_auth_bearer or
/// ws_auth_header; the last call counts. If it calls none of them, ws_connect fails with
/// WS_ERR_HANDSHAKE_STATUS.
pub type ws_auth_callback = Option<unsafe extern "C" fn(auth: *mut ws_auth, user_data: *mut c_void)>;

/// Sets the function that supplies credentials if a server requires them. The library then repeats
/// the handshake, at most 8 times. The credentials are for the server that has asked. NULL, the
/// default: none.
///
/// The thread that opens the session calls it: the one in ws_connect, or a thread of the library
/// for ws_connect_async and for reconnecting. Several sessions may call it at the same time.
/// `user_data` must remain valid as long as the configuration opens sessions and they reconnect.
/// The time in the function counts only for the limit of ws_config_set_open_timeout_ms, which does
/// not interrupt it: if it returns too late, opening fails with WS_ERR_TIMEOUT, and the error names
/// the callback.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `callback` is NULL or a function of its type that any thread may
/// call, with `user_data`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_auth_callback(
    config: *mut ws_config,
    callback: ws_auth_callback,
    user_data: *mut c_void,
) -> ws_status {
    set(config, "ws_config_set_auth_callback", |config| {
        config.authenticator = callback.map(|callback| Arc::new(CAuthenticator { callback, user_data }) as _);
        Ok(())
    })
}

struct CAuthenticator {
    callback: unsafe extern "C" fn(*mut ws_auth, *mut c_void),
    user_data: *mut c_void,
}

// SAFETY: the header asks for a function and user data that any thread may use.
unsafe impl Send for CAuthenticator {}
// SAFETY: as above.
unsafe impl Sync for CAuthenticator {}

impl Authenticator for CAuthenticator {
    fn answer(&self, question: &AuthChallenge) -> Option<String> {
        let mut auth = ws_auth {
            url: guard::c_string(question.url.as_bytes()),
            challenges: question.challenges.iter().map(|challenge| guard::c_string(challenge.as_bytes())).collect(),
            question: question.clone(),
            answer: Mutex::default(),
        };
        assert_unlocked();
        // SAFETY: of this type by the header; `auth` lives until it returns.
        callback_scope::inside(|| unsafe { (self.callback)(&raw mut auth, self.user_data) });
        auth.answer.into_inner()
    }
}

/// Returns the URL that requires credentials, without credentials. Returns "" for NULL.
///
/// # Safety
/// `auth` is NULL or what a ws_auth_callback was given and has not returned from.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_auth_url(auth: *const ws_auth) -> *const c_char {
    // SAFETY: the caller's promise.
    guard::value(c"".as_ptr(), || unsafe { auth.as_ref() }.map_or(c"".as_ptr(), |auth| auth.url.as_ptr()))
}

/// Returns the `index`-th WWW-Authenticate header (from 0). Returns NULL after the last one, and
/// for NULL.
///
/// # Safety
/// `auth` is NULL or what a ws_auth_callback was given and has not returned from.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_auth_challenge(auth: *const ws_auth, index: usize) -> *const c_char {
    guard::value(std::ptr::null(), || {
        // SAFETY: the caller's promise.
        let challenges = unsafe { auth.as_ref() }.map(|auth| &auth.challenges);
        challenges.and_then(|challenges| challenges.get(index)).map_or(std::ptr::null(), |text| text.as_ptr())
    })
}

/// Returns the number of this request in the opening, from 1. Returns 0 for NULL. From 2 on, the
/// server has refused the answer before, or requires a new digest.
///
/// # Safety
/// `auth` is NULL or what a ws_auth_callback was given and has not returned from.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_auth_attempt(auth: *const ws_auth) -> u32 {
    // SAFETY: the caller's promise.
    guard::value(0, || unsafe { auth.as_ref() }.map_or(0, |auth| auth.question.attempt))
}

/// Answers with a user name and a password (Basic, RFC 7617).
///
/// Returns WS_ERR_INVALID_ARGUMENT as ws_config_set_basic_auth does.
///
/// # Safety
/// `auth` is NULL or what a ws_auth_callback was given and has not returned from; the others are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_auth_basic(auth: *mut ws_auth, user: *const c_char, password: *const c_char) -> ws_status {
    answer(auth, |_| {
        // SAFETY: the caller's promise.
        unsafe { authentication::basic(guard::string(user)?, guard::string(password)?) }
    })
}

/// Answers with a digest of a user name and a password (RFC 7616), for the first challenge that the
/// library supports: MD5, SHA-256 or SHA-512/256, with `qop=auth` or without qop.
///
/// Returns WS_ERR_STATE if there is no such challenge, and WS_ERR_INVALID_ARGUMENT for NULL and
/// control characters.
///
/// # Safety
/// `auth` is NULL or what a ws_auth_callback was given and has not returned from; the others are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_auth_digest(auth: *mut ws_auth, user: *const c_char, password: *const c_char) -> ws_status {
    answer(auth, |question| {
        // SAFETY: the caller's promise.
        unsafe { authentication::digest(question, guard::string(user)?, guard::string(password)?) }
    })
}

/// Answers with a token (Bearer, RFC 6750).
///
/// Returns WS_ERR_INVALID_ARGUMENT as ws_config_set_bearer_token does.
///
/// # Safety
/// `auth` is NULL or what a ws_auth_callback was given and has not returned from; `token` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_auth_bearer(auth: *mut ws_auth, token: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    answer(auth, |_| authentication::bearer(unsafe { guard::string(token) }?))
}

/// Answers with the value of an Authorization header.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or a control character.
///
/// # Safety
/// `auth` is NULL or what a ws_auth_callback was given and has not returned from; `value` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_auth_header(auth: *mut ws_auth, value: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    answer(auth, |_| authentication::header(unsafe { guard::string(value) }?))
}

fn answer(auth: *mut ws_auth, make: impl FnOnce(&AuthChallenge) -> Result<String>) -> ws_status {
    guard::status(|| {
        // SAFETY: the callers of every ws_auth function promise it.
        let auth = unsafe { auth.as_ref() }.ok_or_else(|| guard::invalid("the question is NULL"))?;
        *auth.answer.lock() = Some(make(&auth.question)?);
        Ok(())
    })
}
