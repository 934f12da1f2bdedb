//! Receiving messages, and the limits of what is received.

use std::ffi::c_void;
use std::ptr;

use crate::error::{Error, Kind};
use crate::ffi::guard;
use crate::ffi::session::{look_at, with_session, ws_session};
use crate::ffi::status::ws_status;
use crate::protocol::Message;
use crate::session::config::check_limit;
use crate::session::inbox::Deadline;

/// What a frame is: the opcodes of RFC 6455 section 5.2.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_frame_type {
    /// A text message. It is valid UTF-8.
    WS_TEXT = 1,
    /// A binary message.
    WS_BINARY = 2,
    /// The peer's Close. Not delivered in this version.
    WS_CLOSE = 8,
    /// A ping. Not delivered in this version.
    WS_PING = 9,
    /// A pong. Not delivered in this version.
    WS_PONG = 10,
}

/// A received frame: a whole message in sessions of this version. It is the caller's from ws_recv until
/// ws_frame_free, whatever happens to the session; any thread may read it, and none may write to it. The library
/// allocates it, and later versions may add members at the end.
#[repr(C)]
#[derive(Debug)]
pub struct ws_frame {
    /// The payload. One NUL byte stands behind it, outside `size`. Never NULL.
    pub data: *const u8,
    /// The payload's size in bytes.
    pub size: usize,
    /// A ws_frame_type.
    pub r#type: u32,
    /// 0: reserved.
    pub flags: u32,
    /// The close code of a WS_CLOSE frame, else 0.
    pub close_code: u32,
}

/// A frame with its memory. The public part comes first, so that a pointer to one is a pointer to the other.
#[repr(C)]
struct OwnedFrame {
    frame: ws_frame,
    payload: Vec<u8>,
}

fn into_frame(message: Message) -> *mut ws_frame {
    let Message { opcode, mut payload } = message;
    let size = payload.len();
    // The protocol left room for it.
    payload.push(0);
    let frame = ws_frame { data: payload.as_ptr(), size, r#type: opcode as u32, flags: 0, close_code: 0 };
    Box::into_raw(Box::new(OwnedFrame { frame, payload })).cast()
}

/// Receives a message, waiting for it at most `timeout_ms` milliseconds (0: not at all, negative: without limit).
/// Several threads may wait; each message goes to one of them.
///
/// On success `*frame` is the caller's, to be freed with ws_frame_free. What was received before the session ended is
/// delivered first, then every call returns how it ended: WS_ERR_CLOSED after a Close from both sides,
/// WS_ERR_CLOSED_ABNORMALLY, WS_ERR_PROTOCOL, WS_ERR_UTF8, WS_ERR_FRAME_TOO_BIG, WS_ERR_MESSAGE_TOO_BIG, WS_ERR_TLS,
/// WS_ERR_IO, WS_ERR_NO_MEMORY, WS_ERR_ABORTED. ws_session_error says more, ws_close_info has the close codes.
///
/// Returns also WS_ERR_TIMEOUT, after which the session goes on and nothing is lost, WS_ERR_INVALID_ARGUMENT for NULL,
/// WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `frame` is NULL or points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_recv(session: *mut ws_session, frame: *mut *mut ws_frame, timeout_ms: i64) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_session(session, |session| {
            let frame = guard::out(frame)?;
            frame.write(into_frame(session.receive(Deadline::after_ms(timeout_ms))?));
            Ok(())
        })
    }
}

/// Receives a message into the caller's buffer, without the NUL byte behind it; else as ws_recv. `*size` becomes its
/// size and `*type` its ws_frame_type; `type` may be NULL.
///
/// When the message is larger than `capacity` it stays for the next call, `*size` becomes the size it needs, and
/// WS_ERR_BUFFER_TOO_SMALL is returned. With several receiving threads the next call may meet another message.
///
/// Returns also what ws_recv does. WS_ERR_INVALID_ARGUMENT for NULL; `buffer` may be NULL if `capacity` is 0.
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
        with_session(session, |session| {
            let size = guard::out(size)?;
            if buffer.is_null() && capacity > 0 {
                return Err(guard::invalid("the buffer is NULL and its capacity is not 0"));
            }
            let message = session.receive_if(Deadline::after_ms(timeout_ms), |message| {
                let needed = message.payload.len();
                if needed <= capacity {
                    return Ok(());
                }
                size.write(needed);
                let text = format!("the message has {needed} bytes, the buffer {capacity}");
                Err(Error::new(Kind::BufferTooSmall, text))
            })?;
            let payload = &message.payload;
            if !payload.is_empty() {
                ptr::copy_nonoverlapping(payload.as_ptr(), buffer.cast(), payload.len());
            }
            size.write(payload.len());
            if let Ok(r#type) = guard::out(r#type) {
                r#type.write(message.opcode as u32);
            }
            Ok(())
        })
    }
}

/// Frees a frame. NULL is fine.
///
/// # Safety
/// `frame` is NULL or a frame of this library that is not freed; nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_frame_free(frame: *mut ws_frame) {
    guard::value((), || {
        if !frame.is_null() {
            // SAFETY: every frame was made by into_frame, and the caller's promise.
            drop(unsafe { Box::from_raw(frame.cast::<OwnedFrame>()) });
        }
    });
}

/// Sets the largest payload of one text or binary frame to accept, in bytes, 1 to 2^63-1, from the next frame on
/// (Ktor's maxFrameSize). A frame that announces more is not read: the connection is failed with Close 1009, and
/// receiving returns WS_ERR_FRAME_TOO_BIG.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range, WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_set_max_frame_size(session: *mut ws_session, bytes: u64) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_session(session, |session| {
            session.set_max_frame_size(check_limit(bytes)?);
            Ok(())
        })
    }
}

/// The largest payload of one frame to accept, in bytes; 0 for NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_max_frame_size(session: *const ws_session) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { look_at(session, 0, |session| session.session_anywhere().limits().max_frame_size) }
}

/// Sets the largest message to accept, in bytes over all its frames, 1 to 2^63-1, from the next frame on. A message
/// that grows beyond it is not read on: the connection is failed with Close 1009, and receiving returns
/// WS_ERR_MESSAGE_TOO_BIG.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range, WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_set_max_message_size(session: *mut ws_session, bytes: u64) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_session(session, |session| {
            session.set_max_message_size(check_limit(bytes)?);
            Ok(())
        })
    }
}

/// The largest message to accept, in bytes; 0 for NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_max_message_size(session: *const ws_session) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { look_at(session, 0, |session| session.session_anywhere().limits().max_message_size) }
}
