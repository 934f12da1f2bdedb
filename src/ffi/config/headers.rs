//! Headers and subprotocols of the opening handshake.

use std::ffi::c_char;

use crate::error::Result;
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::session::Config;

/// Adds a header to the opening handshake. Of Authorization, Host, Origin and User-Agent there is only one: it
/// replaces what was there. Without one, Host is the URL's host, with its port unless that is the scheme's own.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, a name that is not an HTTP token, a value with a control character, a Host that
/// is not a host with an optional port, and the headers that would contradict the handshake: all that begin with
/// Sec-WebSocket- (see ws_config_add_subprotocol and ws_config_install_deflate), headers of the connection (Connection,
/// HTTP2-Settings, Keep-Alive, Upgrade), headers of a body, which the request does not have (Content-Length, Expect, TE,
/// Trailer, Transfer-Encoding), and headers for a proxy (Proxy-Authorization, Proxy-Connection), which the server must not
/// see: put credentials for a proxy into the URL of ws_config_set_proxy.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `name` and `value` are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_add_header(
    config: *mut ws_config,
    name: *const c_char,
    value: *const c_char,
) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, "ws_config_add_header", |config| unsafe {
        config.headers.add(guard::string(name)?, guard::string(value)?)
    })
}

/// Sets a header of the opening handshake, in place of any of its name that were added before. A value of NULL
/// removes them.
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

/// Offers a subprotocol (RFC 6455 section 1.9), after those offered before. ws_subprotocol tells which one the server
/// chose; a server that chooses another fails the handshake.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, a name that is not an HTTP token, and one that is offered already.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `name` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_add_subprotocol(config: *mut ws_config, name: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, "ws_config_add_subprotocol", |config| config.add_subprotocol(unsafe { guard::string(name) }?))
}

/// Sets the Origin header. Default and NULL: none is sent, since a program that is not a browser has no origin.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL or the value holds a control character.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `origin` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_origin(config: *mut ws_config, origin: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, "ws_config_set_origin", |config| {
        set_or_remove(config, "Origin", unsafe { guard::optional_string(origin) }?)
    })
}

/// Sets the User-Agent header. Default: "ktorws/" and the library's version. NULL: none is sent.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL or the value holds a control character.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `user_agent` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_user_agent(config: *mut ws_config, user_agent: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, "ws_config_set_user_agent", |config| {
        set_or_remove(config, "User-Agent", unsafe { guard::optional_string(user_agent) }?)
    })
}

fn set_or_remove(config: &mut Config, name: &str, value: Option<&str>) -> Result<()> {
    match value {
        Some(value) => config.headers.set(name, value),
        None => config.headers.remove(name),
    }
}
