//! Proxies.

use std::ffi::c_char;

use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;

/// Connects through a proxy. The URL has the form "SCHEME://USER:PASSWORD@HOST:PORT". The scheme is
/// http, https (TLS to the proxy), socks5 (the library resolves names) or socks5h (the proxy
/// resolves names); without one it is http. User and password are optional and percent-encoded. The
/// default port is 1080, for https 443, as in curl. The proxy opens a tunnel by CONNECT, for ws
/// URLs too. NULL: no proxy, also not that of the environment.
///
/// If the proxy fails, ws_connect fails with WS_ERR_PROXY or WS_ERR_PROXY_AUTH; there is no direct
/// fallback. The ws_error_http_ functions return the proxy's answer. The certificate of an https
/// proxy is always verified, against the same authorities as the server's.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, and for an invalid URL.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `url` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_proxy(config: *mut ws_config, url: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, "ws_config_set_proxy", |config| config.set_proxy(unsafe { guard::optional_string(url) }?))
}

/// Controls the proxy of the environment, which ws_connect reads. 1, the default: use it. 0: no
/// proxy. It replaces ws_config_set_proxy.
///
/// For ws URLs the first variable of ws_proxy, WS_PROXY, http_proxy, all_proxy and ALL_PROXY that
/// is set is used; for wss URLs the first of wss_proxy, WSS_PROXY, https_proxy, HTTPS_PROXY,
/// all_proxy and ALL_PROXY. An empty value means no proxy. HTTP_PROXY is not used, because it is a
/// request header in CGI programs. no_proxy or NO_PROXY lists exceptions, separated by commas or
/// spaces: "*" for all hosts, names, which include their subdomains, addresses, networks
/// ("10.0.0.0/8", "fd00::/8"), and names and addresses with a port.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number. A malformed proxy in the environment
/// makes ws_connect fail with WS_ERR_PROXY; the library does not connect directly instead.
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
