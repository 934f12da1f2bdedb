//! Sending messages.

use std::ffi::{c_char, c_void};

use crate::error::Result;
use crate::ffi::guard;
use crate::ffi::receiving::ws_frame_type;
use crate::ffi::session::{with_session, ws_session};
use crate::ffi::status::ws_status;
use crate::frame::Opcode;
use crate::session::inbox::Deadline;

/// Sends a text message of `length` bytes, or of a C string with WS_NUL_TERMINATED. It must be UTF-8.
///
/// The text is copied and, as far as the kernel takes it, sent before the call returns; the library sends the rest.
/// When the outgoing queue is full the call waits, at most for the send timeout of the configuration, and then fails
/// with nothing of the message sent. Messages of one thread go out in their order; no message interrupts another.
///
/// A server that answers what it is sent may stop reading until its answers are received: a thread that sends much
/// without receiving needs another one that receives, or has to receive when a send times out.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, unless the length is 0, and for text that is not UTF-8, WS_ERR_TIMEOUT,
/// WS_ERR_CLOSED when the session is closing or closed, the status of ws_session_error when it ended otherwise,
/// WS_ERR_IO when the connection is lost, WS_ERR_NO_MEMORY, WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `text` points to `length` bytes or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_send_text(session: *mut ws_session, text: *const c_char, length: usize) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_session(session, |session| {
            session.send(Opcode::Text, guard::text_bytes(text, length)?, session.send_deadline())
        })
    }
}

/// Sends a binary message of `length` bytes. All else is as with ws_send_text.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, unless the length is 0, WS_ERR_TIMEOUT, WS_ERR_CLOSED when the session is
/// closing or closed, the status of ws_session_error when it ended otherwise, WS_ERR_IO when the connection is lost,
/// WS_ERR_NO_MEMORY, WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `data` points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_send_binary(session: *mut ws_session, data: *const c_void, length: usize) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_session(session, |session| {
            session.send(Opcode::Binary, guard::bytes(data.cast(), length)?, session.send_deadline())
        })
    }
}

/// Sends a message of a type, WS_TEXT or WS_BINARY, waiting for room at most `timeout_ms` milliseconds (0: not at all,
/// negative: without limit). `flags` must be 0: they are reserved. All else is as with ws_send_text; the length of a
/// text may be WS_NUL_TERMINATED.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, unless the length is 0, another type, flags, and text that is not UTF-8,
/// WS_ERR_TIMEOUT, WS_ERR_CLOSED when the session is closing or closed, the status of ws_session_error when it ended
/// otherwise, WS_ERR_IO when the connection is lost, WS_ERR_NO_MEMORY, WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `data` points to `length` bytes, or is a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_send(
    session: *mut ws_session,
    r#type: u32,
    data: *const c_void,
    length: usize,
    flags: u32,
    timeout_ms: i64,
) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_session(session, |session| {
            let opcode = message_type(r#type)?;
            if flags != 0 {
                return Err(guard::invalid("unknown send flags"));
            }
            let payload = match opcode {
                Opcode::Text => guard::text_bytes(data.cast(), length)?,
                _ => guard::bytes(data.cast(), length)?,
            };
            session.send(opcode, payload, Deadline::after_ms(timeout_ms))
        })
    }
}

fn message_type(number: u32) -> Result<Opcode> {
    if number == ws_frame_type::WS_TEXT as u32 {
        Ok(Opcode::Text)
    } else if number == ws_frame_type::WS_BINARY as u32 {
        Ok(Opcode::Binary)
    } else {
        Err(guard::invalid("a message is WS_TEXT or WS_BINARY"))
    }
}
