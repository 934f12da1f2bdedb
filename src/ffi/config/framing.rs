//! Control frames, raw sessions and masking.

use crate::error::{Error, Kind};
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::session::{DeliverControl, DeliverEvents};

const SMALLEST_PART: usize = 1024;

/// Control frames, as bits.
#[repr(u32)]
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
    set(config, "ws_config_set_auto_pong", |config| {
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
    set(config, "ws_config_set_deliver_control", |config| {
        if mask & !7 != 0 {
            return Err(guard::invalid(format!("{mask:#x} has bits that are not in ws_control_frames")));
        }
        config.shown = DeliverControl {
            pings: is_set(ws_control_frames::WS_CONTROL_PING),
            pongs: is_set(ws_control_frames::WS_CONTROL_PONG),
            closes: is_set(ws_control_frames::WS_CONTROL_CLOSE),
        };
        Ok(())
    })
}

/// Events of a session, as bits.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_event_frames {
    /// WS_FRAME_OPENED.
    WS_EVENT_OPENED = 1,
    /// WS_FRAME_LOST.
    WS_EVENT_LOST = 2,
    /// WS_FRAME_RESUMED.
    WS_EVENT_RESUMED = 4,
}

/// Delivers events of the session as frames, in their place among the messages and by every way of waiting, so that the gap in a
/// feed can be located: `mask` is an OR of ws_event_frames. Default: 0, none.
///
/// An event needs no room in the incoming queue. With WS_QUEUE_DROP_OLDEST it may be dropped like a message. Outages without a
/// message between them are delivered as one.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or other bits.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_deliver_events(config: *mut ws_config, mask: u32) -> ws_status {
    let is_set = |event: ws_event_frames| mask & event as u32 != 0;
    set(config, "ws_config_set_deliver_events", |config| {
        if mask & !7 != 0 {
            return Err(guard::invalid(format!("{mask:#x} has bits that are not in ws_event_frames")));
        }
        config.events = DeliverEvents {
            opened: is_set(ws_event_frames::WS_EVENT_OPENED),
            lost: is_set(ws_event_frames::WS_EVENT_LOST),
            resumed: is_set(ws_event_frames::WS_EVENT_RESUMED),
        };
        Ok(())
    })
}

/// Delivers a long message in parts as it arrives: a part has at least `bytes` bytes and the flag WS_FLAG_MORE, and the last part
/// has neither. All parts have the type of the message. A part of text may end within a character. permessage-deflate and other
/// extensions are applied before. The message limit holds for the whole message. 0, the default: every message is whole.
///
/// It has no effect in raw sessions. Connecting fails with WS_ERR_INVALID_ARGUMENT if the incoming queue drops messages
/// (WS_QUEUE_DROP_OLDEST).
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 1 to 1,023 bytes.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_deliver_parts(config: *mut ws_config, bytes: usize) -> ws_status {
    set(config, "ws_config_set_deliver_parts", |config| {
        if (1..SMALLEST_PART).contains(&bytes) {
            return Err(guard::invalid(format!("parts of {bytes} bytes are smaller than {SMALLEST_PART}")));
        }
        config.part_size = (bytes > 0).then_some(bytes);
        Ok(())
    })
}

/// Switches the check that received text is UTF-8 (RFC 6455 section 8.1). With 1, the default, text that is not UTF-8 fails the
/// connection with Close 1007; with 0 it is delivered. Close reasons and text to send are always checked.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_validate_utf8(config: *mut ws_config, on: i32) -> ws_status {
    set(config, "ws_config_set_validate_utf8", |config| {
        config.validates_utf8 = guard::flag(on)?;
        Ok(())
    })
}

/// Switches raw sessions (Ktor's webSocketRawSession). In one every frame is delivered as it came: fragments by
/// themselves, with WS_FLAG_MORE but for the last, reserved bits, and all control frames. Nothing is answered: pings
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
    set(config, "ws_config_set_raw", |config| {
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
pub unsafe extern "C" fn ws_config_set_allow_unmasked(config: *mut ws_config, allow: i32) -> ws_status {
    set(config, "ws_config_set_allow_unmasked", |config| {
        config.allows_unmasked = guard::flag(allow)?;
        config.masking |= !config.allows_unmasked;
        Ok(())
    })
}

/// Switches masking. Default: 1.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number, WS_ERR_STATE for 0 unless ws_config_set_allow_unmasked was
/// called with 1 before.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_masking(config: *mut ws_config, on: i32) -> ws_status {
    set(config, "ws_config_set_masking", |config| {
        let on = guard::flag(on)?;
        if !on && !config.allows_unmasked {
            return Err(Error::new(Kind::State, "unmasked frames need ws_config_set_allow_unmasked first"));
        }
        config.masking = on;
        Ok(())
    })
}
