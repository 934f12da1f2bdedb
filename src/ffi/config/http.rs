//! Credentials that are sent without a challenge, and redirects.

use std::ffi::c_char;

use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::session::connect::authentication;

/// Sends a user name and a password with the handshake (Basic authentication, RFC 7617). It
/// replaces the Authorization header. An unencrypted connection reveals them. NULL as `user`
/// removes them.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` or `password` is NULL, for a control character, and
/// for a colon in the user name.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `user` and `password` are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_basic_auth(
    config: *mut ws_config,
    user: *const c_char,
    password: *const c_char,
) -> ws_status {
    set(config, "ws_config_set_basic_auth", |config| {
        // SAFETY: the caller's promise.
        match unsafe { guard::optional_string(user) }? {
            None => config.headers.remove("Authorization"),
            Some(user) => {
                // SAFETY: the caller's promise.
                let value = authentication::basic(user, unsafe { guard::string(password) }?)?;
                config.headers.set("Authorization", &value)
            }
        }
    })
}

/// Sends a token with the handshake (Bearer, RFC 6750). It replaces the Authorization header. NULL
/// removes it.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, and for an empty token or one with another
/// character than letters, digits and "-._~+/=".
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `token` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_bearer_token(config: *mut ws_config, token: *const c_char) -> ws_status {
    set(config, "ws_config_set_bearer_token", |config| {
        // SAFETY: the caller's promise.
        match unsafe { guard::optional_string(token) }? {
            None => config.headers.remove("Authorization"),
            Some(token) => config.headers.set("Authorization", &authentication::bearer(token)?),
        }
    })
}

/// Sets how many redirects are followed (statuses 301, 302, 303, 307 and 308): 0 to 100. Default:
/// 0, so that a redirect fails with WS_ERR_HANDSHAKE_STATUS. One redirect more fails with
/// WS_ERR_TOO_MANY_REDIRECTS. The target may be a relative URL, or one of ws, wss, http and https.
/// A redirect from wss to ws is refused. The configuration's Authorization, Cookie and Host headers
/// and the credentials of the URL are sent only to the same scheme, host and port; other headers
/// are sent to every target. A redirect that cannot be followed fails with
/// WS_ERR_HANDSHAKE_INVALID.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or more than 100.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_max_redirects(config: *mut ws_config, count: u32) -> ws_status {
    set(config, "ws_config_set_max_redirects", |config| {
        if count > 100 {
            return Err(guard::invalid(format!("{count} redirects are more than 100")));
        }
        config.max_redirects = count;
        Ok(())
    })
}
