//! Sends messages and control frames.

use std::ffi::{c_char, c_void};
use std::slice;

use crate::error::{Error, Kind, Result};
use crate::ffi::entry::{inspect, with_session};
use crate::ffi::frame::ws_frame_type;
use crate::ffi::guard;
use crate::ffi::handle::ws_session;
use crate::ffi::status::ws_status;
use crate::frame::Opcode;
use crate::protocol::Close;
use crate::session::{Deadline, Item, Session};

/// How to send, as bits.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_send_flags {
    /// This is a fragment of a message (RFC 6455 section 5.4), and more fragments follow, as WS_FRAME_CONTINUATION. Only for
    /// ws_send.
    WS_SEND_MORE = 1,
    /// The message is not compressed. For a message in fragments, set it on the first fragment.
    WS_SEND_NO_COMPRESS = 2,
    /// More messages follow at once: this one is sent with them, with the next ws_recv, ws_flush or ws_close, or after
    /// about 100 microseconds, whichever comes first. It has no effect on fragments.
    WS_SEND_CORK = 4,
}

/// A message of ws_send_batch. The caller fills all members; the layout does not change.
#[repr(C)]
#[derive(Debug)]
pub struct ws_message {
    /// The payload; may be NULL if `size` is 0.
    pub data: *const c_void,
    /// The payload's size in bytes.
    pub size: usize,
    /// WS_FRAME_TEXT or WS_FRAME_BINARY.
    pub r#type: u32,
    /// ws_send_flags.
    pub flags: u32,
}

/// Sends a text message of `length` bytes, or of a C string with WS_NUL_TERMINATED. It must be UTF-8.
///
/// The text is copied and, as far as the kernel takes it, sent before the call returns; the library sends the rest. Only
/// messages that follow others quickly may share a system call with later ones (see ws_config_set_coalescing).
/// When the outgoing queue is full the call waits for room, at most for the send timeout of the configuration, and then fails
/// with nothing of the message queued. It also waits until a message that another thread sends in fragments (ws_send) is
/// complete. The messages of one thread are sent in order; messages are never interleaved.
///
/// A server that answers what it is sent may stop reading until its answers are received: a thread that sends much
/// without receiving needs another one that receives, or has to receive when a send times out.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, unless the length is 0, and for text that is not UTF-8, WS_ERR_STATE when a
/// message that this thread sends in fragments is not complete and in a function of an extension, WS_ERR_TIMEOUT,
/// WS_ERR_INTERRUPTED, WS_ERR_OVERFLOW when the queue is full and its policy is WS_QUEUE_CLOSE, WS_ERR_CLOSED when the session is closing or closed, the status of ws_session_error when it ended
/// otherwise, WS_ERR_EXTENSION when an extension failed, WS_ERR_IO when the connection is lost, WS_ERR_NO_MEMORY,
/// WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `text` points to `length` bytes or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_send_text(session: *mut ws_session, text: *const c_char, length: usize) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_session(session, |session| {
            let item = Item::new(Opcode::Text, guard::text_bytes(text, length)?, true)?;
            session.send(item, session.send_deadline())
        })
    }
}

/// Sends a binary message of `length` bytes. All else is as with ws_send_text.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, unless the length is 0, WS_ERR_STATE when a message that this thread sends in
/// fragments is not complete and in a function of an extension, WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED, WS_ERR_OVERFLOW when the
/// queue is full and its policy is WS_QUEUE_CLOSE, WS_ERR_CLOSED when the session is closing or closed, the status of ws_session_error when it ended otherwise, WS_ERR_EXTENSION when an
/// extension failed, WS_ERR_IO when the connection is lost, WS_ERR_NO_MEMORY, WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `data` points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_send_binary(session: *mut ws_session, data: *const c_void, length: usize) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_session(session, |session| {
            let item = Item::new(Opcode::Binary, guard::bytes(data.cast(), length)?, true)?;
            session.send(item, session.send_deadline())
        })
    }
}

/// Sends a message or a fragment of a message. Waits for room at most `timeout_ms` milliseconds (0: not at all, negative:
/// without limit). `flags` is an OR of ws_send_flags. `length` may be WS_NUL_TERMINATED unless the type is WS_FRAME_BINARY.
/// Otherwise it works as ws_send_text.
///
/// A whole message has the type WS_FRAME_TEXT or WS_FRAME_BINARY. The first fragment of a message has the type WS_FRAME_TEXT or WS_FRAME_BINARY and
/// the flag WS_SEND_MORE. The other fragments have the type WS_FRAME_CONTINUATION, and all but the last have WS_SEND_MORE. A
/// fragment is sent at once. A fragment of text may end within a character. Pings and pongs may be sent between fragments.
///
/// Until a message in fragments is complete, messages of other threads wait, for their own timeouts; after WS_ERR_TIMEOUT
/// nothing of them is queued. The thread that sent the latest fragment cannot send another message. Any thread may send the
/// next fragment. A message also waits while an extension encodes another thread's message.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, unless the length is 0, for another type or flag, and for text that is not
/// UTF-8, WS_ERR_STATE for a WS_FRAME_CONTINUATION when no message in fragments has begun, for another message of the thread that
/// sends one in fragments, and in a function of an extension, WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED, WS_ERR_OVERFLOW when the
/// queue is full and its policy is WS_QUEUE_CLOSE (ws_config_set_outgoing_queue), WS_ERR_CLOSED when the session is closing
/// or closed, the status of ws_session_error when it ended otherwise, WS_ERR_EXTENSION when an extension
/// failed, WS_ERR_IO when the connection is lost, WS_ERR_NO_MEMORY, WS_ERR_FORKED.
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
            let payload = payload(r#type, data, length)?;
            send_any(session, r#type, payload, flags, Deadline::after_ms(timeout_ms))
        })
    }
}

/// A part of a message of ws_sendv. The caller fills all members; the layout does not change.
#[repr(C)]
#[derive(Debug)]
pub struct ws_slice {
    /// The bytes; may be NULL if `size` is 0.
    pub data: *const c_void,
    /// Their number.
    pub size: usize,
}

/// Sends a message or a fragment of a message that lies in `count` pieces in memory, one after the other, as ws_send sends one. A
/// message in more than one piece is copied once more.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, unless `count` or the size of the piece is 0; else what ws_send returns.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `slices` points to `count` pieces, and they to their data.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_sendv(
    session: *mut ws_session,
    r#type: u32,
    slices: *const ws_slice,
    count: usize,
    flags: u32,
    timeout_ms: i64,
) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_session(session, |session| {
            let deadline = Deadline::after_ms(timeout_ms);
            if slices.is_null() && count > 0 {
                return Err(guard::invalid("the slices are NULL and their number is not 0"));
            }
            let slices = if count == 0 { &[] } else { slice::from_raw_parts(slices, count) };
            let pieces = || slices.iter().map(|slice| guard::bytes(slice.data.cast(), slice.size));
            let size = pieces().try_fold(0, |size: usize, piece| Ok(size.saturating_add(piece?.len())))?;
            if let [only] = slices {
                return send_any(session, r#type, guard::bytes(only.data.cast(), size)?, flags, deadline);
            }
            let mut whole = Vec::new();
            whole
                .try_reserve_exact(size)
                .map_err(|_| Error::new(Kind::NoMemory, format!("no memory for a message of {size} bytes")))?;
            pieces().flatten().for_each(|piece| whole.extend_from_slice(piece));
            send_any(session, r#type, &whole, flags, deadline)
        })
    }
}

/// Sends `count` messages as one call: each as ws_send does, all of them with as few system calls as possible. Waits for
/// room at most `timeout_ms` milliseconds in all. Messages of other threads may come between them.
///
/// `*accepted`, unless `accepted` is NULL, becomes the number of messages that were taken, also when an error comes in
/// between: those before it go out, those from it on do not. A text's size may be WS_NUL_TERMINATED.
///
/// Returns WS_ERR_INVALID_ARGUMENT, with nothing sent, when a message could not be given to ws_send or is a fragment,
/// and for NULL, unless the count is 0; else what ws_send returns.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `items` points to `count` messages, and they to their
/// data; `accepted` is NULL or points to a size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_send_batch(
    session: *mut ws_session,
    items: *const ws_message,
    count: usize,
    accepted: *mut usize,
    timeout_ms: i64,
) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        let accepted = guard::out(accepted, 0);
        with_session(session, |session| {
            if items.is_null() && count > 0 {
                return Err(guard::invalid("the messages are NULL and their number is not 0"));
            }
            let messages = if count == 0 { &[] } else { slice::from_raw_parts(items, count) };
            let items = || messages.iter().map(|m| whole(item(m.r#type, payload(m.r#type, m.data, m.size)?, m.flags)?));
            let mut taken = 0;
            let outcome = items()
                .try_for_each(|item| item.map(drop))
                .and_then(|()| session.send_batch(items().flatten(), &mut taken, Deadline::after_ms(timeout_ms)));
            if let Some(accepted) = accepted {
                *accepted = taken;
            }
            outcome
        })
    }
}

/// Waits until the kernel has taken everything that was sent before, on any thread, at most `timeout_ms` milliseconds
/// (0: not at all, negative: without limit). It does not say that the server has received it.
///
/// Returns WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED, WS_ERR_IO when a session that reconnects has lost its connection with what was
/// sent, WS_ERR_INVALID_ARGUMENT for NULL, WS_ERR_FORKED, and why the session has ended if that came first.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_flush(session: *mut ws_session, timeout_ms: i64) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe { with_session(session, |session| session.flush_all(Deadline::after_ms(timeout_ms))) }
}

/// How many bytes wait to be sent, frame headers included (bufferedAmount of the browsers' WebSocket counts payloads); 0
/// for NULL and in a forked child. Over TLS, the last 256 KiB that are encrypted already may not be counted.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_buffered_amount(session: *const ws_session) -> usize {
    // SAFETY: the caller's promise.
    unsafe { inspect(session, 0, |session| session.session().map_or(0, |session| session.buffered())) }
}

/// Borrows the payload of a frame. Only a text and a fragment may be a C string.
///
/// # Safety
/// `data` points to `length` bytes, or to a C string if `length` is WS_NUL_TERMINATED.
unsafe fn payload<'a>(r#type: u32, data: *const c_void, length: usize) -> Result<&'a [u8]> {
    const TEXT: u32 = ws_frame_type::WS_FRAME_TEXT as u32;
    const CONTINUATION: u32 = ws_frame_type::WS_FRAME_CONTINUATION as u32;
    // SAFETY: the caller's promise.
    unsafe {
        match r#type {
            TEXT | CONTINUATION => guard::text_bytes(data.cast(), length),
            _ => guard::bytes(data.cast(), length),
        }
    }
}

/// Sends a frame of any type.
fn send_any(session: &Session, r#type: u32, payload: &[u8], flags: u32, deadline: Deadline) -> Result<()> {
    match control_type(r#type) {
        Some(opcode) => send_control(session, opcode, payload, flags, deadline),
        None => session.send(item(r#type, payload, flags)?, deadline),
    }
}

/// Checks a message to send.
fn item(r#type: u32, payload: &[u8], flags: u32) -> Result<Item<'_>> {
    let opcode = message_type(r#type)?;
    let is_set = |flag: ws_send_flags| flags & flag as u32 != 0;
    if flags >= 8 {
        return Err(guard::invalid(format!("the flags {flags:#x} are not known")));
    }
    let item = Item::new(opcode, payload, !is_set(ws_send_flags::WS_SEND_MORE))?;
    let (corked, compress) = (is_set(ws_send_flags::WS_SEND_CORK), !is_set(ws_send_flags::WS_SEND_NO_COMPRESS));
    Ok(Item { corked, compress, ..item })
}

/// Sends a control frame.
fn send_control(session: &Session, opcode: Opcode, payload: &[u8], flags: u32, deadline: Deadline) -> Result<()> {
    if flags != 0 {
        return Err(guard::invalid(format!("a control frame cannot have the flags {flags:#x}")));
    }
    if opcode == Opcode::Close {
        session.close(Close::from_payload(payload)?);
        return Ok(());
    }
    session.send_control(opcode, payload, deadline)
}

fn whole(item: Item<'_>) -> Result<Item<'_>> {
    if item.outbound.is_whole() { Ok(item) } else { Err(guard::invalid("a batch is of whole messages")) }
}

fn control_type(number: u32) -> Option<Opcode> {
    const CLOSE: u32 = ws_frame_type::WS_FRAME_CLOSE as u32;
    const PING: u32 = ws_frame_type::WS_FRAME_PING as u32;
    const PONG: u32 = ws_frame_type::WS_FRAME_PONG as u32;
    match number {
        CLOSE => Some(Opcode::Close),
        PING => Some(Opcode::Ping),
        PONG => Some(Opcode::Pong),
        _ => None,
    }
}

fn message_type(number: u32) -> Result<Opcode> {
    const CONTINUATION: u32 = ws_frame_type::WS_FRAME_CONTINUATION as u32;
    const TEXT: u32 = ws_frame_type::WS_FRAME_TEXT as u32;
    const BINARY: u32 = ws_frame_type::WS_FRAME_BINARY as u32;
    match number {
        CONTINUATION => Ok(Opcode::Continuation),
        TEXT => Ok(Opcode::Text),
        BINARY => Ok(Opcode::Binary),
        _ => Err(guard::invalid(format!("{number} is not a ws_frame_type that can be sent here"))),
    }
}
