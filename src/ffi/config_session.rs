//! Configurations: what goes on in a session.

use crate::error::{Error, Kind, Result};
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::protocol::keepalive::Liveness;
use crate::session::ShownControl;
use crate::session::config::{check_limit, timeout_from_ms};
use crate::session::queue_bounds::{QueueBounds, QueuePolicy};

/// The size of a control frame's payload.
const SMALLEST_FRAGMENT: usize = 125;

/// What happens when a queue is full.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_queue_policy {
    /// Wait: the server is held back by TCP, a sender by its timeout.
    WS_QUEUE_WAIT = 0,
    /// End the session with Close 1008 and WS_ERR_OVERFLOW. What was received before is still delivered.
    WS_QUEUE_CLOSE = 1,
    /// Drop the oldest messages that wait, as many as it takes. ws_stats counts them.
    WS_QUEUE_DROP_OLDEST = 2,
}

/// What counts as the answer to a ping of the library.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_ping_liveness {
    /// The pong with the ping's payload.
    WS_LIVENESS_PONG = 0,
    /// Any byte that came after the ping was sent.
    WS_LIVENESS_ANY = 1,
}

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

/// Sets the largest payload of one frame to accept, in bytes: 1 to 2^63-1. Default: 64 MiB. See
/// ws_set_max_frame_size.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_max_frame_size(config: *mut ws_config, bytes: u64) -> ws_status {
    set(config, |config| {
        config.limits.max_frame_size = check_limit(bytes)?;
        Ok(())
    })
}

/// Sets the largest message to accept, in bytes: 1 to 2^63-1. Default: 64 MiB. See ws_set_max_message_size.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_max_message_size(config: *mut ws_config, bytes: u64) -> ws_status {
    set(config, |config| {
        config.limits.max_message_size = check_limit(bytes)?;
        Ok(())
    })
}

/// Bounds the incoming queue, which holds the messages that wait to be received: at most `messages`, and no further message
/// once they hold `bytes` of memory; 0 means no bound. A message counts with the memory that its payload has allocated, at
/// least 128 bytes and at most twice the payload's size plus some KiB, and 128 bytes for its place in the queue. `policy` is
/// a ws_queue_policy. Default: 1,024 messages, 4 MiB, WS_QUEUE_WAIT.
///
/// With WS_QUEUE_WAIT the library stops reading when the queue is full: pings of the server wait as well, and that the
/// connection has ended is noticed once there is room. With the others it always reads. A message that finds a thread
/// waiting in ws_recv needs no room in any case.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, two zeros or an unknown policy.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_incoming_queue(
    config: *mut ws_config,
    messages: usize,
    bytes: usize,
    policy: u32,
) -> ws_status {
    set(config, |config| {
        config.incoming = queue_bounds(messages, bytes, policy)?;
        Ok(())
    })
}

/// Bounds the messages that wait to be sent, and their bytes, frame headers included; 0 leaves one of the two
/// unbounded. A message that does not fit waits, whole, as long as its send may; an empty queue takes a message of any
/// size. `policy` is a ws_queue_policy. Default: any number of messages, 1 MiB, WS_QUEUE_WAIT.
///
/// With WS_QUEUE_CLOSE the send that does not fit returns WS_ERR_OVERFLOW, and the session has ended. With
/// WS_QUEUE_DROP_OLDEST whole messages that have not begun to go out make room; what is under way, which the bounds do
/// not count then, and a fragmented message that is not complete stay. permessage-deflate then compresses each message
/// by itself, and ws_connect refuses other extensions: they may refer to a message that was dropped.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, two zeros or an unknown policy.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_outgoing_queue(
    config: *mut ws_config,
    messages: usize,
    bytes: usize,
    policy: u32,
) -> ws_status {
    set(config, |config| {
        config.terms_mut().outgoing = queue_bounds(messages, bytes, policy)?;
        Ok(())
    })
}

/// Sends a message that is larger than `bytes` as fragments of that size (RFC 6455 section 5.4), so that a pong or our
/// Close waits for one of them at most; the server's application sees one message all the same. 0, the default: every
/// message is one frame.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 1 to 124 bytes.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_auto_fragment(config: *mut ws_config, bytes: usize) -> ws_status {
    set(config, |config| {
        if (1..SMALLEST_FRAGMENT).contains(&bytes) {
            return Err(guard::invalid("fragments of less than 125 bytes would be mostly headers"));
        }
        config.fragment = (bytes > 0).then_some(bytes);
        Ok(())
    })
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
        config.keepalive.interval = positive_ms(interval_ms);
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
        config.keepalive.timeout = positive_ms(timeout_ms);
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
        config.shown = ShownControl {
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

fn queue_bounds(messages: usize, bytes: usize, policy: u32) -> Result<QueueBounds> {
    let policy = match policy {
        0 => QueuePolicy::Wait,
        1 => QueuePolicy::Close,
        2 => QueuePolicy::DropOldest,
        _ => return Err(guard::invalid("unknown queue policy")),
    };
    if messages == 0 && bytes == 0 {
        return Err(guard::invalid("a queue needs a bound"));
    }
    let bound = |number| if number == 0 { usize::MAX } else { number };
    Ok(QueueBounds { messages: bound(messages), bytes: bound(bytes), policy })
}

/// A time as the API says it: 0 and negative is none.
pub(super) fn positive_ms(ms: i64) -> Option<std::time::Duration> {
    timeout_from_ms(ms).filter(|time| !time.is_zero())
}
