//! Timeouts.

use std::time::Duration;

use crate::error::Result;
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::session::config::{Timeouts, timeout_from_ms};

/// Sets how long resolving the host and connecting TCP may take together, in milliseconds; negative is no limit.
/// Default: 10,000.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_connect_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set_limit(config, "ws_config_set_connect_timeout_ms", timeout_ms, |limits| &mut limits.connect)
}

/// Sets how long resolving a host may take, in milliseconds; negative, the default, is no limit of its own: it counts for the connect timeout.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_resolve_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set_limit(config, "ws_config_set_resolve_timeout_ms", timeout_ms, |limits| &mut limits.resolve)
}

/// Sets how long a proxy, TLS and the opening handshake may take together, in milliseconds; negative is no limit. Default:
/// 15,000.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_handshake_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set_limit(config, "ws_config_set_handshake_timeout_ms", timeout_ms, |limits| &mut limits.handshake)
}

/// Sets how long having a proxy open a tunnel may take, TLS to the proxy included, in milliseconds; negative, the default, is no limit of its own: it counts for the handshake timeout.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_proxy_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set_limit(config, "ws_config_set_proxy_timeout_ms", timeout_ms, |limits| &mut limits.proxy)
}

/// Sets how long negotiating TLS with the server may take, in milliseconds; negative, the default, is no limit of its own: it counts for the handshake timeout.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tls_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set_limit(config, "ws_config_set_tls_timeout_ms", timeout_ms, |limits| &mut limits.tls)
}

/// Sets how long opening a session may take in all, redirects and questions for credentials included, in milliseconds;
/// negative, the default, is no limit besides those of the parts, which begin anew with each redirect.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_open_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set_limit(config, "ws_config_set_open_timeout_ms", timeout_ms, |limits| &mut limits.all)
}

/// Sets how long the closing handshake and the end of the connection may take once our Close is sent, in milliseconds;
/// negative is no limit. Then the connection is dropped. Before our Close goes out whatever is queued, and this is how
/// long it may wait without the server taking anything of it. Default: 5,000.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_close_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set(config, "ws_config_set_close_timeout_ms", |config| {
        config.shared_options_mut().close_timeout = timeout(timeout_ms)?;
        Ok(())
    })
}

/// Sets how long ws_send_text and ws_send_binary wait for room in the outgoing queue, in milliseconds; negative is no limit.
/// Default: 30,000. To send without waiting, call ws_send with a timeout of 0.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_send_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set(config, "ws_config_set_send_timeout_ms", |config| {
        config.shared_options_mut().send_timeout = timeout(timeout_ms)?;
        Ok(())
    })
}

/// Ends a session on which nothing, not even a pong, has come from the server for this many milliseconds: it sends
/// Close 1001 "Idle timeout" and drops the connection, and receiving returns WS_ERR_IDLE_TIMEOUT. Negative, the default, is no
/// limit. Ktor's counterpart is the socket timeout.
///
/// The time does not count while the library does not read because the incoming queue is full, nor while the server accepts
/// sent bytes. The library reads all bytes that have arrived before it ends the session, so a stopped process (SIGSTOP, a
/// suspended machine) does not cause a timeout.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_idle_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set(config, "ws_config_set_idle_timeout_ms", |config| {
        config.shared_options_mut().idle_timeout = timeout(timeout_ms)?;
        Ok(())
    })
}

fn set_limit(
    config: *mut ws_config,
    setter: &str,
    timeout_ms: i64,
    limit: impl FnOnce(&mut Timeouts) -> &mut Option<Duration>,
) -> ws_status {
    set(config, setter, |config| {
        *limit(&mut config.connect.timeouts) = timeout(timeout_ms)?;
        Ok(())
    })
}

fn timeout(timeout_ms: i64) -> Result<Option<Duration>> {
    if timeout_ms == 0 {
        return Err(guard::invalid("a time limit of 0 ms is not possible; a negative number means no limit"));
    }
    Ok(timeout_from_ms(timeout_ms))
}
