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

/// Flags for sending, to be ORed.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_send_flags {
    /// The frame is a fragment (RFC 6455 section 5.4), and more fragments follow as
    /// WS_FRAME_CONTINUATION. Not for ws_send_batch.
    WS_SEND_MORE = 1,
    /// The message is not compressed. For a fragmented message, set it on the first fragment.
    WS_SEND_NO_COMPRESS = 2,
    /// More messages follow immediately. The message is sent together with them, by the next
    /// ws_recv, ws_flush or ws_close, or after about 100 microseconds. No effect on fragments.
    WS_SEND_CORK = 4,
}

/// A message for ws_send_batch. The caller sets all members. The layout never changes.
#[repr(C)]
#[derive(Debug)]
pub struct ws_message {
    /// The payload. May be NULL if `size` is 0.
    pub data: *const c_void,
    /// The size of the payload in bytes.
    pub size: usize,
    /// WS_FRAME_TEXT or WS_FRAME_BINARY.
    pub r#type: u32,
    /// An OR of ws_send_flags.
    pub flags: u32,
}

/// Sends a text message of `length` bytes, or a C string with WS_NUL_TERMINATED.
///
/// The text is copied. What the kernel accepts is sent before the call returns; the library sends
/// the rest in the background. A message that follows others quickly may be sent a moment later,
/// together with them (ws_config_set_coalescing). If the outgoing queue is full, the call waits for
/// room, at most for the send timeout of the configuration. It also waits while another thread
/// sends a fragmented message. If it fails, nothing of the message is sent. The messages of one
/// thread are sent in order, and messages are never interleaved.
///
/// A server may stop reading until its answers are received. A thread that sends much without
/// receiving therefore needs another thread that receives, or must receive after WS_ERR_TIMEOUT.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL unless `length` is 0. Returns WS_ERR_UTF8 if the text
/// is not UTF-8. Returns WS_ERR_STATE while the session is being opened, if this thread has an
/// incomplete fragmented message, and in a function of an extension. Returns WS_ERR_TIMEOUT and
/// WS_ERR_INTERRUPTED. Returns WS_ERR_OVERFLOW if the queue is full and its policy is
/// WS_QUEUE_CLOSE. Returns WS_ERR_CLOSED if the session is closing or closed; if it ended
/// otherwise, the status of ws_session_error. Returns WS_ERR_EXTENSION if an extension failed,
/// WS_ERR_IO if the connection is lost, WS_ERR_NO_MEMORY and WS_ERR_FORKED.
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

/// Sends a binary message of `length` bytes, as ws_send_text sends a text.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL unless `length` is 0. Returns WS_ERR_STATE,
/// WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED, WS_ERR_OVERFLOW, WS_ERR_CLOSED, WS_ERR_EXTENSION, WS_ERR_IO,
/// WS_ERR_NO_MEMORY and WS_ERR_FORKED as ws_send_text does.
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

/// Sends a frame of any type (Ktor's send(Frame)). Waits for room at most `timeout_ms` milliseconds
/// (0: does not wait, negative: no limit). `flags` is an OR of ws_send_flags. `length` may be
/// WS_NUL_TERMINATED for text. Messages are sent as ws_send_text sends them.
///
/// A whole message has the type WS_FRAME_TEXT or WS_FRAME_BINARY. A fragmented message begins with
/// this type and WS_SEND_MORE. Its other fragments have the type WS_FRAME_CONTINUATION, and all but
/// the last have WS_SEND_MORE. A fragment is sent at once. A fragment of text may end within a
/// character. Until the message is complete, messages of other threads wait; the thread that sent
/// the latest fragment cannot send another message. Any thread may send the next fragment. Control
/// frames may come between.
///
///     ws_send(session, WS_FRAME_TEXT, "Hel", 3, WS_SEND_MORE, -1);
///     ws_send(session, WS_FRAME_CONTINUATION, "lo", 2, 0, -1);
///
/// WS_FRAME_PING and WS_FRAME_PONG have a payload of at most 125 bytes and are sent before messages
/// that wait. Pongs are received with ws_config_set_deliver_control. To detect a dead server use
/// ws_config_set_ping_interval_ms. WS_FRAME_CLOSE has the payload of RFC 6455 section 5.5.1, a code
/// of two bytes and the reason, and does the same as ws_close. Control frames have no flags.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL unless `length` is 0, for an unknown type or flag, for
/// a control frame with flags or a payload of more than 125 bytes, and for an invalid Close.
/// Returns WS_ERR_UTF8 if a text is not UTF-8. Returns WS_ERR_STATE while the session is being
/// opened, for a WS_FRAME_CONTINUATION without a message, for another message of a thread with an
/// incomplete one, and in a function of an extension. Returns WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED,
/// WS_ERR_OVERFLOW, WS_ERR_CLOSED, WS_ERR_EXTENSION, WS_ERR_IO, WS_ERR_NO_MEMORY and WS_ERR_FORKED
/// as ws_send_text does.
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

/// A piece of a message for ws_sendv. The caller sets all members. The layout never changes.
#[repr(C)]
#[derive(Debug)]
pub struct ws_slice {
    /// The bytes. May be NULL if `size` is 0.
    pub data: *const c_void,
    /// The number of bytes.
    pub size: usize,
}

/// Sends a frame as ws_send does, whose payload consists of `count` pieces. A payload of more than
/// one piece is copied once more than by ws_send.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL unless `count` or the size of the piece is 0, else what
/// ws_send returns.
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

/// Sends `count` messages, as ws_send does, with as few system calls as possible. Waits for room at
/// most `timeout_ms` milliseconds in total. Messages of other threads may come between them. The
/// size of a text may be WS_NUL_TERMINATED.
///
/// Writes the number of accepted messages to `*accepted`, also on failure; `accepted` may be NULL.
/// The messages before the number are sent, the others are not.
///
///     size_t sent = 0, accepted;
///     while (sent < count) {
///         ws_status status = ws_send_batch(session, items + sent, count - sent, &accepted, 1000);
///         sent += accepted;
///         if (status != WS_OK && status != WS_ERR_TIMEOUT) break;
///     }
///
/// Returns WS_ERR_INVALID_ARGUMENT and WS_ERR_UTF8, with nothing sent, if one of the messages is
/// invalid or a fragment, and WS_ERR_INVALID_ARGUMENT for NULL unless `count` is 0. Else returns
/// what ws_send returns.
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

/// Waits until the kernel has accepted everything that was sent before, by any thread, at most
/// `timeout_ms` milliseconds (0: does not wait, negative: no limit). The server need not have
/// received it.
///
/// Returns WS_ERR_TIMEOUT and WS_ERR_INTERRUPTED. Returns WS_ERR_IO if the connection of a session
/// that reconnects was lost with queued messages. Returns the status of the end if the session
/// ended before. Returns WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_flush(session: *mut ws_session, timeout_ms: i64) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe { with_session(session, |session| session.flush_all(Deadline::after_ms(timeout_ms))) }
}

/// Returns the number of bytes that wait to be sent, including frame headers (bufferedAmount of
/// browsers counts payloads). With TLS, the last 256 KiB that are encrypted may not count. Returns
/// 0 for NULL and in a forked child.
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
