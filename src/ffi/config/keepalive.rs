//! Pings that the library sends, and their answers.

use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::protocol::keepalive::Liveness;

/// What counts as the answer to a ping of the library.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_ping_liveness {
    /// The pong with the ping's payload.
    WS_LIVENESS_PONG = 0,
    /// Any byte that came after the ping was sent.
    WS_LIVENESS_ANY = 1,
}

/// Sets how often the library pings the server, in milliseconds; 0 and negative numbers switch it off, which is the
/// default. See ws_set_ping_interval_ms.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_ping_interval_ms(config: *mut ws_config, interval_ms: i64) -> ws_status {
    set(config, |config| {
        config.keepalive.interval = guard::positive_ms(interval_ms);
        Ok(())
    })
}

/// Sets how long the answer to a ping of the library may take, in milliseconds; 0 and negative numbers stand for twice
/// the interval, which is the default. See ws_set_ping_timeout_ms.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_ping_timeout_ms(config: *mut ws_config, timeout_ms: i64) -> ws_status {
    set(config, |config| {
        config.keepalive.timeout = guard::positive_ms(timeout_ms);
        Ok(())
    })
}

/// Sets what counts as the answer to a ping of the library, a ws_ping_liveness. Default: WS_LIVENESS_PONG.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_ping_liveness(config: *mut ws_config, liveness: u32) -> ws_status {
    set(config, |config| {
        config.keepalive.liveness = match liveness {
            0 => Liveness::Pong,
            1 => Liveness::Any,
            _ => return Err(guard::invalid("unknown ping liveness")),
        };
        Ok(())
    })
}
