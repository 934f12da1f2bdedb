//! Control frames, raw sessions and masking.

use crate::error::{Error, Kind};
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::session::DeliverControl;

/// Control frames, as bits.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_control_frames {
    /// The server's pings.
    WS_CONTROL_PING = 1,
    /// The server's pongs, also those that answer the library's pings.
    WS_CONTROL_PONG = 2,
    /// The server's Close.
    WS_CONTROL_CLOSE = 4,
}

/// Switches answering the server's pings. With 1, the default, each gets one pong with its payload; with 0 none: RFC
/// 6455 section 5.5.2 asks for one, so see them with ws_config_set_deliver_control and answer with ws_send_pong.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_auto_pong(config: *mut ws_config, on: i32) -> ws_status {
    set(config, |config| {
        config.auto_pong = guard::flag(on)?;
        Ok(())
    })
}

/// Has control frames delivered among the messages, in their order: `mask` is an OR of ws_control_frames. They are
/// answered all the same. Default: 0, none.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or other bits.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_deliver_control(config: *mut ws_config, mask: u32) -> ws_status {
    let is_set = |frames: ws_control_frames| mask & frames as u32 != 0;
    set(config, |config| {
        if mask & !7 != 0 {
            return Err(guard::invalid("unknown control frames"));
        }
        config.shown = DeliverControl {
            pings: is_set(ws_control_frames::WS_CONTROL_PING),
            pongs: is_set(ws_control_frames::WS_CONTROL_PONG),
            closes: is_set(ws_control_frames::WS_CONTROL_CLOSE),
        };
        Ok(())
    })
}

/// Switches raw sessions (Ktor's webSocketRawSession). In one every frame is delivered as it came: fragments by
/// themselves, with WS_FRAME_MORE but for the last, reserved bits, and all control frames. Nothing is answered: pings
/// are for ws_send_pong, the server's Close is for ws_close, which then completes the closing handshake. No extension
/// is offered. The checks of RFC 6455 stay, but for those of the reserved bits and, where such are set, of UTF-8, and
/// so do the limits. Default: 0.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_raw(config: *mut ws_config, on: i32) -> ws_status {
    set(config, |config| {
        config.raw = guard::flag(on)?;
        Ok(())
    })
}

/// Allows, with 1, to send frames unmasked, which RFC 6455 section 5.3 forbids and servers answer by ending the
/// connection. It is for tests, and for peers on the same machine that agree. Default: 0.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_allow_unmasked(config: *mut ws_config, allow: i32) -> ws_status {
    set(config, |config| {
        config.allows_unmasked = guard::flag(allow)?;
        config.masking |= !config.allows_unmasked;
        Ok(())
    })
}

/// Switches masking. Default: 1.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number, WS_ERR_STATE for 0 unless ws_config_allow_unmasked was
/// called with 1 before.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_masking(config: *mut ws_config, on: i32) -> ws_status {
    set(config, |config| {
        let on = guard::flag(on)?;
        if !on && !config.allows_unmasked {
            return Err(Error::new(Kind::State, "unmasked frames are not allowed"));
        }
        config.masking = on;
        Ok(())
    })
}
