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
    /// The server's pongs, including the answers to pings of the library.
    WS_CONTROL_PONG = 2,
    /// The server's Close.
    WS_CONTROL_CLOSE = 4,
}

/// Controls the answers to the server's pings. 1, the default: each ping is answered by one pong
/// with its payload. 0: the application answers them, as RFC 6455 section 5.5.2 requires; see
/// ws_config_set_deliver_control and ws_send.
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

/// Delivers control frames among the messages, in order. `mask` is an OR of ws_control_frames. The
/// library still answers them. Default: 0, none.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or an unknown bit.
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

/// Delivers events of the session as frames among the messages, in order, by every way of
/// receiving. A program can thus locate the gap in a feed. `mask` is an OR of ws_event_frames.
/// Default: 0, none.
///
/// An event needs no room in the incoming queue. With WS_QUEUE_DROP_OLDEST it can be dropped like a
/// message. Outages with no message between them are delivered as one.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or an unknown bit.
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

/// Delivers a long message in parts, as it arrives. Each part but the last has at least `bytes`
/// bytes and the flag WS_FLAG_MORE. All parts have the type of the message. A part of a text may
/// end within a character. Parts are inflated, and the message limit applies to the whole message.
/// 0, the default: messages are whole.
///
/// It has no effect in raw sessions. Connecting fails with WS_ERR_INVALID_ARGUMENT if the incoming
/// queue has the policy WS_QUEUE_DROP_OLDEST.
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

/// Controls the check that received text is UTF-8 (RFC 6455 section 8.1). 1, the default: invalid
/// text fails the connection with Close 1007. 0: text is delivered unchecked. Close reasons and
/// text to send are always checked.
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

/// Opens raw sessions (Ktor's webSocketRawSession) with 1. Default: 0. A raw session delivers every
/// frame as received: fragments with WS_FLAG_MORE, reserved bits, and all control frames. The
/// library answers nothing: the application answers pings by ws_send, and the server's Close by
/// ws_close. The library offers no extension. The limits and the checks of RFC 6455 remain, except
/// that reserved bits are allowed, and text of a frame with such a bit need not be UTF-8.
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

/// Allows unmasked frames with 1. Default: 0. RFC 6455 section 5.3 forbids them, and servers fail
/// the connection. They are for tests, and for peers on the same machine that agree on it.
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

/// Controls masking: 1, the default, or 0.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number, and WS_ERR_STATE for 0 unless
/// ws_config_set_allow_unmasked was called with 1 before.
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
