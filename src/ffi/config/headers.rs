//! Headers and subprotocols of the opening handshake.

use std::ffi::c_char;

use crate::error::Result;
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::session::Config;

/// Adds a header field to the opening handshake. Authorization, Host, Origin and User-Agent exist
/// only once: a new field replaces the one before. The default Host is the host of the URL, with
/// the port unless it is the default port of the scheme.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, a name that is not an HTTP token, a value with a
/// control character, a Host that is not a host with an optional port, and for reserved names:
/// those that begin with Sec-WebSocket- (see ws_config_add_subprotocol and
/// ws_config_install_deflate), those of the connection (Connection, HTTP2-Settings, Keep-Alive,
/// Upgrade), those of a body (Content-Length, Expect, TE, Trailer, Transfer-Encoding), and those
/// for a proxy (Proxy-Authorization, Proxy-Connection). Credentials of a proxy belong into the URL
/// of ws_config_set_proxy.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `name` and `value` are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_add_header(
    config: *mut ws_config,
    name: *const c_char,
    value: *const c_char,
) -> ws_status {
    set(config, "ws_config_add_header", |config| unsafe {
        // SAFETY: the caller's promise.
        config.headers.add(guard::string(name)?, guard::string(value)?)
    })
}

/// Sets a header field of the opening handshake. It replaces all fields with this name. A value of
/// NULL removes them.
///
/// Returns WS_ERR_INVALID_ARGUMENT as ws_config_add_header does.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `name` and `value` are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_header(
    config: *mut ws_config,
    name: *const c_char,
    value: *const c_char,
) -> ws_status {
    set(config, "ws_config_set_header", |config| {
        // SAFETY: the caller's promise.
        let (name, value) = unsafe { (guard::string(name)?, guard::optional_string(value)?) };
        set_or_remove(config, name, value)
    })
}

/// Offers a subprotocol (RFC 6455 section 1.9), after those already offered. ws_subprotocol returns
/// the one that the server chose. A server that chooses another one fails the handshake.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, a name that is not an HTTP token, and a name that is
/// already offered.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `name` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_add_subprotocol(config: *mut ws_config, name: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, "ws_config_add_subprotocol", |config| config.add_subprotocol(unsafe { guard::string(name) }?))
}

/// Sets the Origin header. NULL, the default, sends none: only browsers must send one (RFC 6455
/// section 10.2).
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL or the value contains a control character.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `origin` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_origin(config: *mut ws_config, origin: *const c_char) -> ws_status {
    set(config, "ws_config_set_origin", |config| {
        // SAFETY: the caller's promise.
        set_or_remove(config, "Origin", unsafe { guard::optional_string(origin) }?)
    })
}

/// Sets the User-Agent header. Default: "ktorws/" and the version of the library. NULL sends none.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL or the value contains a control character.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `user_agent` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_user_agent(config: *mut ws_config, user_agent: *const c_char) -> ws_status {
    set(config, "ws_config_set_user_agent", |config| {
        // SAFETY: the caller's promise.
        set_or_remove(config, "User-Agent", unsafe { guard::optional_string(user_agent) }?)
    })
}

fn set_or_remove(config: &mut Config, name: &str, value: Option<&str>) -> Result<()> {
    match value {
        Some(value) => config.headers.set(name, value),
        None => config.headers.remove(name),
    }
}
