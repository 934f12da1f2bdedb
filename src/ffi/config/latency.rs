//! Coalescing of small messages, and spinning.

use std::time::Duration;

use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;

const LONGEST_SPIN_US: u32 = 1000;

/// Switches coalescing, by which small messages that follow each other quickly share a system call. With 1, the default,
/// the first message of a streak goes out at once, and later ones with the next ws_recv that waits, the next ws_flush or
/// ws_close, or when 32 KiB have come together, and at the latest after about 100 microseconds. A message that follows no
/// other within a third of a millisecond always goes out at once. With 0 every message goes out before its call returns.
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

/// Sets for how many microseconds, 0 to 1,000, a thread in ws_recv looks for bytes before it sleeps. It saves the time
/// that waking up takes, about as much as a round trip on a local network, and costs the processor that it runs on. It
/// is only done as long as it pays: bytes have come within that time lately. Default: 0.
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
