//! Closes, aborts and interrupts sessions.

use std::ffi::c_char;

use crate::error::{Error, Kind, Result};
use crate::ffi::entry::{acquire_session, with_handle};
use crate::ffi::guard;
use crate::ffi::handle::ws_session;
use crate::ffi::session::ws_session_free;
use crate::ffi::status::ws_status;
use crate::frame::CloseCode;
use crate::protocol::{Close, Initiator};
use crate::session::Deadline;

/// Close codes (RFC 6455 section 7.4.1 and the IANA registry). 3000 to 3999 are for libraries and
/// frameworks, 4000 to 4999 for applications.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_close_code {
    /// The purpose of the session is fulfilled.
    WS_CLOSE_NORMAL = 1000,
    /// The endpoint goes away.
    WS_CLOSE_GOING_AWAY = 1001,
    /// The peer violated the protocol.
    WS_CLOSE_PROTOCOL_ERROR = 1002,
    /// A type of data that the endpoint cannot accept.
    WS_CLOSE_CANNOT_ACCEPT = 1003,
    /// The Close had no code. Never sent.
    WS_CLOSE_NO_STATUS = 1005,
    /// There was no Close. Never sent.
    WS_CLOSE_ABNORMAL = 1006,
    /// Data that does not match its type, for example text that is not UTF-8.
    WS_CLOSE_NOT_CONSISTENT = 1007,
    /// A message that violates a policy.
    WS_CLOSE_VIOLATED_POLICY = 1008,
    /// A message that is too big.
    WS_CLOSE_TOO_BIG = 1009,
    /// The server did not accept a required extension.
    WS_CLOSE_NO_EXTENSION = 1010,
    /// An unexpected condition.
    WS_CLOSE_INTERNAL_ERROR = 1011,
    /// The service restarts.
    WS_CLOSE_SERVICE_RESTART = 1012,
    /// The service is overloaded.
    WS_CLOSE_TRY_AGAIN_LATER = 1013,
    /// A gateway received an invalid answer.
    WS_CLOSE_BAD_GATEWAY = 1014,
}

/// The side that began the end of a session.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_close_initiator {
    /// This side: by ws_close, ws_abort, ws_shutdown or a timeout, also while the session was being
    /// opened.
    WS_CLOSED_BY_LOCAL = 1,
    /// The server sent the first Close.
    WS_CLOSED_BY_REMOTE = 2,
    /// This side, because the server violated the protocol or a limit.
    WS_CLOSED_BY_PROTOCOL = 3,
    /// The connection ended without a Close.
    WS_CLOSED_BY_TRANSPORT = 4,
}

/// How a session was closed (Ktor's closeReason). The caller sets `struct_size`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ws_close_info {
    /// sizeof(ws_close_info), set by the caller.
    pub struct_size: usize,
    /// The code of our Close. 1005 if it had none, 0 if none was sent.
    pub local_code: u32,
    /// The code of the server's Close. 1005 if it had none, 1006 if none was received.
    pub remote_code: u32,
    /// The reason of the server's Close, NUL-terminated UTF-8; "" if it had none. It is lent until
    /// the session is freed.
    pub reason: *const c_char,
    /// The size of the reason in bytes, at most 123.
    pub reason_size: usize,
    /// 1 if both sides sent a Close, else 0.
    pub clean: u32,
    /// A ws_close_initiator.
    pub initiator: u32,
}

/// Starts the closing handshake (RFC 6455 section 7.1.2) and returns at once. Our Close is sent
/// after the queued messages. From now on nothing can be sent. What the server sends before its
/// Close can still be received. ws_wait_closed waits for the end.
///
/// `code` is 1000 to 1003, 1007 to 1014 or 3000 to 4999. `reason` has at most 123 bytes of UTF-8;
/// `length` may be WS_NUL_TERMINATED. If `code` is 0 and the reason is empty, the Close has
/// neither.
///
/// On a session that is closing or closed it does nothing and returns WS_OK. It ends a session
/// whose connection is lost at once (ws_config_set_reconnect).
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, another code, a longer reason or one that is not
/// UTF-8, and WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `reason` points to `length` bytes or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_close(
    session: *mut ws_session,
    code: u32,
    reason: *const c_char,
    length: usize,
) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe { with_handle(session, |handle| handle.close(close_frame(code, reason, length)?)) }
}

/// Waits until the connection is closed and on_close of ws_callbacks has returned, at most
/// `timeout_ms` milliseconds (0: does not wait, negative: no limit). It does not close the session
/// itself: ws_close, the server or an error does. The close timeout bounds the closing handshake
/// (ws_config_set_close_timeout_ms).
///
/// While a call waits after ws_close, messages that find a full incoming queue are dropped, because
/// the server's Close follows them and no thread may be receiving. To get all messages, receive
/// until WS_ERR_CLOSED first. In a callback of the session, a closed connection suffices.
///
/// Returns WS_OK regardless of how the session ended. Returns WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED,
/// WS_ERR_STATE in a callback of the session that would have to wait, WS_ERR_INVALID_ARGUMENT for
/// NULL, and WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_wait_closed(session: *mut ws_session, timeout_ms: i64) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe { with_handle(session, |handle| handle.wait_closed(Deadline::after_ms(timeout_ms))) }
}

/// Ends a session cleanly and frees the handle: closes it with code 1000 as ws_close does, waits as
/// ws_wait_closed does, at most `timeout_ms` milliseconds (0: does not wait, negative: no limit),
/// and frees the handle as ws_session_free does. A session that has not closed in time is aborted
/// with its last handle.
///
/// The handle is freed whatever the function returns, except for WS_ERR_STATE.
///
/// Returns WS_OK if the session is closed, WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED, WS_ERR_STATE in a
/// callback of the session that would have to wait, WS_ERR_INVALID_ARGUMENT for NULL, and
/// WS_ERR_FORKED.
///
/// # Safety
/// As for `ws_session_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_session_end(session: *mut ws_session, timeout_ms: i64) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        let deadline = Deadline::after_ms(timeout_ms).fixed();
        let ended = with_handle(session, |handle| {
            if let Ok(open) = handle.session() {
                open.check_wait_for_end(deadline)?;
            }
            handle.close(Close::new(CloseCode::NORMAL.0.into(), "")?)?;
            handle.wait_closed(deadline)
        });
        if ended != ws_status::WS_ERR_STATE {
            ws_session_free(session);
        }
        ended
    }
}

/// Writes how the session was closed. It is known once receiving has returned the end of the
/// session. `local_code` and `clean` are final once ws_wait_closed has returned WS_OK; before, they
/// may be 0 because our Close waits behind queued messages.
///
/// Returns WS_ERR_STATE while the session has not ended, WS_ERR_INVALID_ARGUMENT for NULL or a
/// wrong `struct_size`, and WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `info` is NULL or points to as many bytes as its
/// `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_close_info(session: *const ws_session, info: *mut ws_close_info) -> ws_status {
    guard::status(|| {
        // SAFETY: the caller's promise.
        unsafe { guard::fill_struct(info, |struct_size| close_reason(&*acquire_session(session)?, struct_size)) }
    })
}

/// Makes a Close from the arguments of ws_close.
///
/// # Safety
/// `reason` points to `length` bytes or a C string.
pub(super) unsafe fn close_frame(code: u32, reason: *const c_char, length: usize) -> Result<Close> {
    // SAFETY: the caller's promise.
    let reason = unsafe { guard::text_bytes(reason, length) }?;
    let reason = std::str::from_utf8(reason).map_err(|_| guard::invalid("the close reason is not UTF-8"))?;
    Close::new(code, reason)
}

fn close_reason(kept: &ws_session, struct_size: usize) -> Result<ws_close_info> {
    const ABNORMAL: u32 = CloseCode::ABNORMAL.0 as u32;
    kept.check_process()?;
    if let Some(failure) = kept.failure() {
        // ws_abort, ws_close, ws_shutdown and timeouts end an opening from this side.
        let initiator = match failure.kind {
            Kind::Aborted | Kind::Timeout => ws_close_initiator::WS_CLOSED_BY_LOCAL,
            _ => ws_close_initiator::WS_CLOSED_BY_TRANSPORT,
        };
        return Ok(ws_close_info {
            struct_size,
            local_code: 0,
            remote_code: ABNORMAL,
            reason: c"".as_ptr(),
            reason_size: 0,
            clean: 0,
            initiator: initiator as u32,
        });
    }
    let session = kept.session()?;
    let Some(close_outcome) = session.close_outcome() else {
        return Err(Error::new(Kind::State, "the session has not ended"));
    };
    let code = |close: &Close| close.code.unwrap_or(CloseCode::NO_STATUS).0.into();
    let reason = kept.close_reason.get_or_init(|| {
        let mut reason = close_outcome.remote.as_ref().map_or_else(Vec::new, |close| close.reason.clone().into_bytes());
        reason.push(0);
        reason.into()
    });
    let initiator = match close_outcome.initiator {
        Initiator::Local => ws_close_initiator::WS_CLOSED_BY_LOCAL,
        Initiator::Remote => ws_close_initiator::WS_CLOSED_BY_REMOTE,
        Initiator::Protocol => ws_close_initiator::WS_CLOSED_BY_PROTOCOL,
        Initiator::Transport => ws_close_initiator::WS_CLOSED_BY_TRANSPORT,
    };
    let local = session.sent_close();
    Ok(ws_close_info {
        struct_size,
        local_code: local.as_ref().map_or(0, code),
        remote_code: close_outcome.remote.as_ref().map_or(ABNORMAL, code),
        reason: reason.as_ptr().cast(),
        reason_size: reason.len() - 1,
        clean: (close_outcome.error.is_none() && local.is_some()).into(),
        initiator: initiator as u32,
    })
}

/// Closes the connection at once, without a closing handshake. Calls that wait return
/// WS_ERR_ABORTED. Messages that the library has read can still be received, as many as the
/// incoming queue holds. What it has not read is lost. On a session that has ended, it closes what
/// is left of the connection and does not change how the session ended.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_abort(session: *mut ws_session) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_handle(session, |handle| {
            handle.abort();
            Ok(())
        })
    }
}

/// Interrupts the calls that wait on the session in other threads: they return WS_ERR_INTERRUPTED.
/// If none waits, the next call that would wait returns it. No message is lost.
///
/// The calls return at once, with one exception. If the latest bytes of the server came within 2
/// milliseconds, a ws_recv returns up to two ticks of the kernel's clock (8 milliseconds at 250 Hz)
/// after the first interrupt of the session.
///
/// It is async-signal-safe, unless another thread may free the last handle of the session
/// meanwhile.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_interrupt(session: *mut ws_session) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe { with_handle(session, |handle| handle.interrupt()) }
}
