//! Pings that the library sends, and their answers.

use std::time::Duration;

use crate::error::Result;
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::protocol::keepalive::{Liveness, NO_LIMIT};
use crate::session::config::timeout_from_ms;

/// What answers a ping of the library.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_ping_liveness {
    /// The pong with the payload of the ping.
    WS_LIVENESS_PONG = 0,
    /// Any byte that is received after the ping was sent.
    WS_LIVENESS_ANY = 1,
}

/// Sets the interval of the pings that the library sends, in milliseconds. 0 and negative numbers
/// disable them. Default: 0. See ws_set_ping_interval_ms.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_ping_interval_ms(config: *mut ws_config, interval_ms: i64) -> ws_status {
    set(config, "ws_config_set_ping_interval_ms", |config| {
        config.keepalive.interval = guard::positive_ms(interval_ms);
        Ok(())
    })
}

/// Sets the time limit for the answer to a ping of the library, in milliseconds. Negative: no
/// limit. Default: twice the interval. See ws_set_ping_timeout_ms.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_ping_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set(config, "ws_config_set_ping_timeout_ms", |config| {
        config.keepalive.timeout = Some(ping_timeout(timeout_ms)?);
        Ok(())
    })
}

/// Converts a ping timeout of the API.
pub(in crate::ffi) fn ping_timeout(timeout_ms: i64) -> Result<Duration> {
    match timeout_from_ms(timeout_ms) {
        Some(Duration::ZERO) => {
            Err(guard::invalid("a ping timeout of 0 ms is not possible; a negative number means no limit"))
        }
        timeout => Ok(timeout.unwrap_or(NO_LIMIT)),
    }
}

/// Sets what answers a ping of the library, a ws_ping_liveness. Default: WS_LIVENESS_PONG.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or an unknown number.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_ping_liveness(config: *mut ws_config, liveness: u32) -> ws_status {
    set(config, "ws_config_set_ping_liveness", |config| {
        config.keepalive.liveness = match liveness {
            0 => Liveness::Pong,
            1 => Liveness::Any,
            _ => return Err(guard::invalid(format!("{liveness} is not a ws_ping_liveness"))),
        };
        Ok(())
    })
}
