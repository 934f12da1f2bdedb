//! Proxies.

use std::ffi::c_char;

use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;

/// Goes through a proxy: "http://", "https://" (TLS to the proxy), "socks5://" (names are resolved here) or "socks5h://"
/// (the proxy resolves them), then "user:password@" if it wants credentials (percent-encoded where need be), its host, and
/// its port, 1080 unless it is given (443 for https), as with curl. Without a scheme it is one of http. The proxy opens a
/// tunnel (CONNECT), also for ws. NULL: no proxy, whatever the environment says.
///
/// If the proxy fails, ws_connect fails with WS_ERR_PROXY, or with WS_ERR_PROXY_AUTH if the proxy refuses the credentials;
/// there is no direct fallback. The ws_error_http_ functions return the proxy's answer. The certificate of an https proxy is
/// always checked, against the same authorities as the server's.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, and for what is not such a URL.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `url` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_proxy(config: *mut ws_config, url: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, "ws_config_set_proxy", |config| config.set_proxy(unsafe { guard::optional_string(url) }?))
}

/// Takes the proxy from the environment, with 1, the default; 0: no proxy. For ws URLs the first of ws_proxy, WS_PROXY,
/// http_proxy, all_proxy and ALL_PROXY that is set counts, for wss URLs the first of wss_proxy, WSS_PROXY, https_proxy,
/// HTTPS_PROXY, all_proxy and ALL_PROXY; an empty value means no proxy. (HTTP_PROXY does not count: to a CGI program it is
/// a header.) no_proxy or NO_PROXY lists, with commas or spaces between, what is connected to directly: "*" for everything,
/// names, which mean the names below them too, addresses, networks like "10.0.0.0/8" and "fd00::/8", and names and
/// addresses with a port. The environment is read by ws_connect.
///
/// It replaces ws_config_set_proxy. A value in the environment that is malformed is WS_ERR_PROXY in ws_connect, never a
/// direct connection.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_proxy_from_env(config: *mut ws_config, on: i32) -> ws_status {
    set(config, "ws_config_set_proxy_from_env", |config| {
        config.set_proxy_from_env(guard::flag(on)?);
        Ok(())
    })
}
