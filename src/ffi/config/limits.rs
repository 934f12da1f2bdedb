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
    /// Wait: the server is held back by TCP, a sender by its timeout.
    WS_QUEUE_WAIT = 0,
    /// End the session with Close 1008 and WS_ERR_OVERFLOW. What was received before is still delivered.
    WS_QUEUE_CLOSE = 1,
    /// Drop the oldest messages that wait, as many as it takes. ws_get_stats counts them.
    WS_QUEUE_DROP_OLDEST = 2,
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
    set(config, "ws_config_set_max_frame_size", |config| {
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
    set(config, "ws_config_set_max_message_size", |config| {
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
    set(config, "ws_config_set_incoming_queue", |config| {
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
    set(config, "ws_config_set_outgoing_queue", |config| {
        config.shared_options_mut().outgoing = queue_bounds(messages, bytes, policy)?;
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
