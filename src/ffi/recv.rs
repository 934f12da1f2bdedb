//! Receives messages.

use std::ffi::c_void;
use std::{ptr, slice};

use crate::error::{Error, Kind};
use crate::ffi::entry::{acquire_session, with_receiver};
use crate::ffi::frame::{FrameMaker, frame_type, ws_frame};
use crate::ffi::guard;
use crate::ffi::handle::ws_session;
use crate::ffi::status::ws_status;

/// Receives the next message. Waits at most `timeout_ms` milliseconds (0: does not wait, negative:
/// no limit). Several threads may wait; each message goes to one of them.
///
/// The calling thread reads the connection itself. While no thread of the application receives, the
/// library reads: it answers pings within 50 ms, and messages wait in the incoming queue.
///
/// On success `*frame` is a frame, which the caller frees with ws_frame_free. Messages that were
/// received before the end are delivered first. Then every call returns the status of the end.
///
///     ws_frame *frame;
///     ws_status status;
///     while ((status = ws_recv(session, &frame, -1)) == WS_OK) {
///         fwrite(frame->data, 1, frame->size, stdout);
///         ws_frame_free(frame);
///     }
///
/// Returns WS_ERR_TIMEOUT and WS_ERR_INTERRUPTED, after which the session continues and nothing is
/// lost. The status of the end is WS_ERR_CLOSED after a Close from both sides, or
/// WS_ERR_CLOSED_ABNORMALLY, WS_ERR_PROTOCOL, WS_ERR_UTF8, WS_ERR_FRAME_TOO_BIG,
/// WS_ERR_MESSAGE_TOO_BIG, WS_ERR_COMPRESSION, WS_ERR_EXTENSION, WS_ERR_PING_TIMEOUT,
/// WS_ERR_IDLE_TIMEOUT, WS_ERR_OVERFLOW, WS_ERR_TLS, WS_ERR_IO, WS_ERR_NO_MEMORY or WS_ERR_ABORTED;
/// ws_session_error and ws_get_close_info return the details. Returns the status of ws_connect if
/// the session could not be opened, WS_ERR_STATE if its messages go to a callback or a group,
/// WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `frame` is NULL or points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_recv(session: *mut ws_session, frame: *mut *mut ws_frame, timeout_ms: i64) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        let frame = guard::out(frame, ptr::null_mut());
        with_receiver(session, timeout_ms, |session, pool, deadline| {
            let frame = frame.ok_or_else(guard::null_out)?;
            let mut maker = FrameMaker::new(pool);
            let received = session.receive(deadline, &mut maker)?;
            *frame = maker.frame(received);
            Ok(())
        })
    }
}

/// Receives the next message into a buffer of the caller, without a NUL byte after it. Writes the
/// size of the message to `*size` and its ws_frame_type to `*type`; `type` may be NULL. It does not
/// return flags and the close code. `buffer` may be NULL if `capacity` is 0.
///
///     ws_status status;
///     while ((status = ws_recv_into(session, buffer, capacity, &size, NULL, -1)) == WS_OK ||
///            status == WS_ERR_BUFFER_TOO_SMALL) {
///         if (status == WS_OK)
///             fwrite(buffer, 1, size, stdout);
///         else if ((buffer = realloc(buffer, capacity = size)) == NULL)
///             break;
///     }
///
/// Returns WS_ERR_BUFFER_TOO_SMALL if the message is larger than `capacity`. `*size` is then the
/// required size, and the message remains for the next call; with several receiving threads the
/// next call may get another message. Else returns what ws_recv returns.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `buffer` has room for `capacity` bytes, `size` and
/// `type` are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_recv_into(
    session: *mut ws_session,
    buffer: *mut c_void,
    capacity: usize,
    size: *mut usize,
    r#type: *mut u32,
    timeout_ms: i64,
) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        let (size, r#type) = (guard::out(size, 0), guard::out(r#type, 0));
        with_receiver(session, timeout_ms, |session, pool, deadline| {
            let size = size.ok_or_else(guard::null_out)?;
            if buffer.is_null() && capacity > 0 {
                return Err(guard::invalid("the buffer is NULL and its capacity is not 0"));
            }
            let mut maker = FrameMaker::new(pool);
            let message = session.receive_if(deadline, &mut maker, |message| {
                let needed = message.payload.len();
                if needed <= capacity {
                    return Ok(());
                }
                *size = needed;
                let text = format!("the message has {needed} bytes, the buffer {capacity}");
                Err(Error::new(Kind::BufferTooSmall, text))
            })?;
            let payload = &message.payload;
            if !payload.is_empty() {
                ptr::copy_nonoverlapping(payload.as_ptr(), buffer.cast(), payload.len());
            }
            *size = payload.len();
            if let Some(r#type) = r#type {
                *r#type = frame_type(&message);
            }
            maker.recycle(message);
            Ok(())
        })
    }
}

/// Receives the messages that are available, at most `capacity`. Waits for the first one as ws_recv
/// does. Writes their number to `*count` and the frames to `frames[0]` to `frames[*count - 1]`. The
/// caller frees each with ws_frame_free.
///
///     ws_frame *frames[64];
///     size_t count;
///     while (ws_recv_batch(session, frames, 64, &count, -1) == WS_OK) {
///         for (size_t i = 0; i < count; i++) {
///             fwrite(frames[i]->data, 1, frames[i]->size, stdout);
///             ws_frame_free(frames[i]);
///         }
///     }
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or a `capacity` of 0, else what ws_recv returns.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `frames` has room for `capacity` pointers, `count` is
/// NULL or points to a size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_recv_batch(
    session: *mut ws_session,
    frames: *mut *mut ws_frame,
    capacity: usize,
    count: *mut usize,
    timeout_ms: i64,
) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        let count = guard::out(count, 0);
        with_receiver(session, timeout_ms, |session, pool, deadline| {
            let count = count.ok_or_else(guard::null_out)?;
            if frames.is_null() || capacity == 0 {
                return Err(guard::invalid("there is no room for a frame"));
            }
            let frames = slice::from_raw_parts_mut(frames.cast::<std::mem::MaybeUninit<*mut ws_frame>>(), capacity);
            let mut maker = FrameMaker::new(pool);
            let first = session.receive(deadline, &mut maker)?;
            frames[0].write(maker.frame(first));
            let mut written = 1;
            if capacity > 1 {
                session.receive_more(&mut maker, |maker, message| {
                    frames[written].write(maker.frame(message));
                    written += 1;
                    written < capacity
                });
            }
            *count = written;
            Ok(())
        })
    }
}

/// Returns a file descriptor for poll(2), epoll(7) and event loops. When it is readable, call
/// ws_recv with a timeout of 0 until it returns WS_ERR_TIMEOUT. The calling thread then reads the
/// connection itself.
///
///     struct pollfd ready = {ws_event_fd(session), POLLIN, 0};
///     ws_status status = WS_ERR_TIMEOUT;
///     while (status == WS_ERR_TIMEOUT) {
///         poll(&ready, 1, -1);
///         while ((status = ws_recv(session, &frame, 0)) == WS_OK) {
///             fwrite(frame->data, 1, frame->size, stdout);
///             ws_frame_free(frame);
///         }
///     }
///
/// The descriptor is level-triggered. It is readable while ws_recv would return something other
/// than WS_ERR_TIMEOUT: a message, the end of the session, or the failure to open it. It may also
/// be readable without a message, for example after a ping or a part of a message; ws_recv then
/// returns WS_ERR_TIMEOUT. After that, it is not readable until something arrives.
///
/// The session owns the descriptor. Each call returns the same one, also after reconnecting. The
/// last ws_session_free closes it before it returns, which removes it from every epoll set. Do not
/// close it, read it, write it or duplicate it: a duplicate stays in an epoll set.
///
/// It can be called as soon as ws_connect_async has returned. While the application does not
/// receive, the library reads in its place and answers pings within 50 ms. ws_recv can still wait.
///
/// Returns -1 for NULL, if the messages go to a callback or a group, in a forked child, and if the
/// system provides no descriptor.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_event_fd(session: *mut ws_session) -> i32 {
    guard::value(-1, || {
        // SAFETY: the caller's promise.
        let descriptor = unsafe { acquire_session(session) }.and_then(|kept| kept.event_descriptor());
        descriptor.unwrap_or(-1)
    })
}
