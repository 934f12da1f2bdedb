//! Sizes of frames, messages and queues.

use crate::error::Result;
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::session::config::check_limit;
use crate::session::config::queue_bounds::{QueueBounds, QueuePolicy};

/// The largest payload of a control frame.
const SMALLEST_FRAGMENT: usize = 125;

/// What happens when a queue is full.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_queue_policy {
    /// Wait. TCP stops the server from sending; a sending thread waits for its timeout.
    WS_QUEUE_WAIT = 0,
    /// End the session with Close 1008 and WS_ERR_OVERFLOW. Messages received before are delivered.
    WS_QUEUE_CLOSE = 1,
    /// Drop the oldest messages. ws_stats counts them.
    WS_QUEUE_DROP_OLDEST = 2,
}

/// Sets the largest payload of a received frame, in bytes: 1 to 2^63-1. Default: 64 MiB. See
/// ws_set_max_frame_size.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_max_frame_size(config: *mut ws_config, bytes: u64) -> ws_status {
    set(config, "ws_config_set_max_frame_size", |config| {
        config.limits.max_frame_size = check_limit(bytes)?;
        Ok(())
    })
}

/// Sets the largest received message, in bytes: 1 to 2^63-1. Default: 64 MiB. See
/// ws_set_max_message_size.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_max_message_size(config: *mut ws_config, bytes: u64) -> ws_status {
    set(config, "ws_config_set_max_message_size", |config| {
        config.limits.max_message_size = check_limit(bytes)?;
        Ok(())
    })
}

/// Bounds the incoming queue, which holds received messages until the application receives them.
/// `messages` is the largest number of messages; 0: no bound. `bytes` is the memory, in bytes, from
/// which the queue accepts no further message; 0: no bound. A message counts with the memory that
/// its payload has allocated (at least 128 bytes, at most twice the payload and some KiB) and 128
/// bytes for its place. `policy` is a ws_queue_policy. Default: 1,024 messages, 4 MiB,
/// WS_QUEUE_WAIT.
///
/// With WS_QUEUE_WAIT the library does not read while the queue is full. Pings of the server then
/// wait too, and the end of the connection is noticed later. With the other policies it always
/// reads. A thread that waits in ws_recv receives its message regardless of the bounds.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, if both bounds are 0, and for an unknown policy.
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
    set(config, "ws_config_set_incoming_queue", |config| {
        config.incoming = queue_bounds(messages, bytes, policy)?;
        Ok(())
    })
}

/// Bounds the messages that wait to be sent. `messages` is the largest number of messages; 0: no
/// bound. `bytes` is the largest size, in bytes, including frame headers; 0: no bound. An empty
/// queue accepts a message of any size. `policy` is a ws_queue_policy. Default: any number of
/// messages, 1 MiB, WS_QUEUE_WAIT.
///
/// With WS_QUEUE_CLOSE, a message that does not fit ends the session, and its call returns
/// WS_ERR_OVERFLOW. With WS_QUEUE_DROP_OLDEST, whole messages of which nothing was sent are
/// dropped. The message that is being sent, which then does not count, and incomplete fragmented
/// messages stay. permessage-deflate then compresses each message separately, and ws_connect
/// refuses other extensions, because a message may refer to a dropped one.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, if both bounds are 0, and for an unknown policy.
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
    set(config, "ws_config_set_outgoing_queue", |config| {
        config.shared_options_mut().outgoing = queue_bounds(messages, bytes, policy)?;
        Ok(())
    })
}

/// Sends a message larger than `bytes` in fragments of that size (RFC 6455 section 5.4), so that a
/// pong or our Close waits for one fragment at most. The server's application receives one message.
/// 0, the default: every message is one frame.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 1 to 124 bytes.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_auto_fragment(config: *mut ws_config, bytes: usize) -> ws_status {
    set(config, "ws_config_set_auto_fragment", |config| {
        if (1..SMALLEST_FRAGMENT).contains(&bytes) {
            return Err(guard::invalid(format!("fragments of {bytes} bytes are smaller than {SMALLEST_FRAGMENT}")));
        }
        config.fragment = (bytes > 0).then_some(bytes);
        Ok(())
    })
}

fn queue_bounds(messages: usize, bytes: usize, policy: u32) -> Result<QueueBounds> {
    let policy = match policy {
        0 => QueuePolicy::Wait,
        1 => QueuePolicy::Close,
        2 => QueuePolicy::DropOldest,
        _ => return Err(guard::invalid(format!("{policy} is not a ws_queue_policy"))),
    };
    if messages == 0 && bytes == 0 {
        return Err(guard::invalid("the queue has neither a bound for messages nor one for bytes"));
    }
    let bound = |number| if number == 0 { usize::MAX } else { number };
    Ok(QueueBounds { messages: bound(messages), bytes: bound(bytes), policy })
}
