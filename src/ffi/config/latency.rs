//! Coalescing of small messages, and spinning.

use std::time::Duration;

use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;

const LONGEST_SPIN_US: u32 = 1000;

/// Controls whether small messages that follow each other quickly share a system call. 1, the
/// default: the first message of a burst is sent at once. The next ones are sent by the next
/// ws_recv that waits, by ws_flush or ws_close, when they reach 32 KiB, or after about 100
/// microseconds. A message that follows no other message within a third of a millisecond is always
/// sent at once. 0: every message is sent before its call returns.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_coalescing(config: *mut ws_config, on: i32) -> ws_status {
    set(config, "ws_config_set_coalescing", |config| {
        config.coalescing = guard::flag(on)?;
        Ok(())
    })
}

/// Sets how many microseconds, 0 to 1,000, a thread in ws_recv polls for bytes before it sleeps.
/// Polling saves the time that waking up takes, about one round trip on a local network. It
/// occupies a processor. The thread polls only while that has paid off recently. Default: 0.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_spin_us(config: *mut ws_config, microseconds: u32) -> ws_status {
    set(config, "ws_config_set_spin_us", |config| {
        if microseconds > LONGEST_SPIN_US {
            return Err(guard::invalid(format!("{microseconds} microseconds are more than {LONGEST_SPIN_US}")));
        }
        config.shared_options_mut().spin = Duration::from_micros(microseconds.into());
        Ok(())
    })
}
