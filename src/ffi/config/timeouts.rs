//! Timeouts.

use std::time::Duration;

use crate::error::Result;
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::session::config::{Timeouts, timeout_from_ms};

/// Sets the time limit for resolving the host and connecting TCP together, in milliseconds.
/// Negative: no limit. Default: 10,000. It starts again after each redirect.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_connect_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set_limit(config, "ws_config_set_connect_timeout_ms", timeout_ms, |limits| &mut limits.connect)
}

/// Sets the time limit for resolving the host, in milliseconds. Negative, the default: no limit
/// besides the connect timeout.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_resolve_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set_limit(config, "ws_config_set_resolve_timeout_ms", timeout_ms, |limits| &mut limits.resolve)
}

/// Sets the time limit for the proxy, TLS and the opening handshake together, in milliseconds.
/// Negative: no limit. Default: 15,000. It starts again after each redirect and each 401.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_handshake_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set_limit(config, "ws_config_set_handshake_timeout_ms", timeout_ms, |limits| &mut limits.handshake)
}

/// Sets the time limit for opening a tunnel through a proxy, including TLS to the proxy, in
/// milliseconds. Negative, the default: no limit besides the handshake timeout.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_proxy_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set_limit(config, "ws_config_set_proxy_timeout_ms", timeout_ms, |limits| &mut limits.proxy)
}

/// Sets the time limit for the TLS handshake with the server, in milliseconds. Negative, the
/// default: no limit besides the handshake timeout.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tls_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set_limit(config, "ws_config_set_tls_timeout_ms", timeout_ms, |limits| &mut limits.tls)
}

/// Sets the time limit for the whole opening, including redirects and requests for credentials, in
/// milliseconds. Negative, the default: no limit besides those of the steps.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_open_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set_limit(config, "ws_config_set_open_timeout_ms", timeout_ms, |limits| &mut limits.all)
}

/// Sets the time limit for the closing handshake and the end of the connection after our Close is
/// sent, in milliseconds. Then the library drops the connection. Queued messages are sent before
/// our Close; the same limit applies to the time in which the server accepts none of their bytes.
/// Negative: no limit. Default: 5,000.
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

/// Sets how long ws_send_text and ws_send_binary wait for room in the outgoing queue, in
/// milliseconds. Negative: no limit. Default: 30,000. To send without waiting, call ws_send with a
/// timeout of 0.
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

/// Ends a session from which nothing, not even a pong, was received for this time, in milliseconds.
/// The library sends Close 1001 "Idle timeout" and drops the connection, and receiving returns
/// WS_ERR_IDLE_TIMEOUT. Negative, the default: no limit. Ktor's counterpart is the socket timeout.
///
/// The time does not count while the incoming queue is full, and while the server accepts bytes.
/// The library reads all bytes that have arrived before it ends the session. A stopped process
/// (SIGSTOP, a suspended machine) therefore causes no timeout.
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
