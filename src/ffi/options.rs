//! Options of an open session.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::ffi::config::keepalive::ping_timeout;
use crate::ffi::entry::{acquire_session, inspect, with_session};
use crate::ffi::guard;
use crate::ffi::handle::ws_session;
use crate::ffi::status::ws_status;
use crate::protocol::Limits;
use crate::protocol::keepalive::NO_LIMIT;
use crate::session::config::check_limit;
use crate::session::{Configured, Session};

/// Sets the largest payload of a received text or binary frame, in bytes: 1 to 2^63-1 (Ktor's
/// maxFrameSize). It takes effect with the next frame. A frame that announces more is not read: the
/// connection is failed with Close 1009, and receiving returns WS_ERR_FRAME_TOO_BIG.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range, and WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_set_max_frame_size(session: *mut ws_session, bytes: u64) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_session(session, |session| {
            session.recv.set_max_frame_size(check_limit(bytes)?);
            Ok(())
        })
    }
}

/// Returns the largest payload of a received frame, in bytes; of the configuration until the
/// session is open. Returns 0 for NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_max_frame_size(session: *const ws_session) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { inspect(session, 0, |session| limits(session).map_or(0, |limits| limits.max_frame_size)) }
}

/// Sets the largest received message, in bytes over all its frames: 1 to 2^63-1. It takes effect
/// with the next frame. If a message exceeds it, the connection is failed with Close 1009, and
/// receiving returns WS_ERR_MESSAGE_TOO_BIG.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range, and WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_set_max_message_size(session: *mut ws_session, bytes: u64) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_session(session, |session| {
            session.recv.set_max_message_size(check_limit(bytes)?);
            Ok(())
        })
    }
}

/// Returns the largest received message, in bytes; of the configuration until the session is open.
/// Returns 0 for NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_max_message_size(session: *const ws_session) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { inspect(session, 0, |session| limits(session).map_or(0, |limits| limits.max_message_size)) }
}

/// Controls masking (Ktor's masking): 1 or 0. It takes effect with the next message.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number, WS_ERR_STATE for 0 unless the
/// configuration allows it (ws_config_set_allow_unmasked), and WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_set_masking(session: *mut ws_session, on: i32) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe { with_session(session, |session| session.send.set_masking(guard::flag(on)?)) }
}

/// Returns 1 if frames are masked, else 0; of the configuration until the session is open. Returns
/// 0 for NULL and in a forked child.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_masking(session: *const ws_session) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { inspect(session, 0, |session| is_masking(session).map_or(0, i32::from)) }
}

/// Sets the interval of the pings that the library sends, in milliseconds (Ktor's
/// pingIntervalMillis). 0 and negative numbers disable them. The first ping is sent one interval
/// from now. The next one is sent one interval after the one before, but not before that was
/// answered.
///
/// Each ping has its own payload, and only the pong with that payload answers it
/// (ws_config_set_ping_liveness). If it is not answered in time, the library sends Close 1011 "Ping
/// timeout" and drops the connection, and receiving returns WS_ERR_PING_TIMEOUT. The time in which
/// the library does not read, because the incoming queue is full, does not count. Pings end when
/// the session begins to close. ws_get_stats returns the last round-trip time.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_set_ping_interval_ms(session: *mut ws_session, interval_ms: i64) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_session(session, |session| {
            session.set_ping_interval(guard::positive_ms(interval_ms));
            Ok(())
        })
    }
}

/// Returns the interval of the pings, in milliseconds; of the configuration until the session is
/// open. Returns 0 if there are none, for NULL and in a forked child.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_ping_interval_ms(session: *const ws_session) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { inspect(session, 0, |session| ping_times(session).map_or(0, |(interval, _)| in_ms(interval))) }
}

/// Sets the time limit for the answer to a ping of the library, in milliseconds (Ktor's
/// timeoutMillis), also for an outstanding ping. Negative: no limit, and pings are sent whether
/// they are answered or not. Until it is set, it is twice the interval.
///
/// The time starts when the kernel accepts the ping. It starts again while the server accepts bytes
/// that were sent before the ping, and while a frame of the server is arriving. The library reads
/// all bytes that have arrived before it ends the session. A stopped process (SIGSTOP, a suspended
/// machine) therefore causes no timeout.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0, and WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_set_ping_timeout_ms(session: *mut ws_session, timeout_ms: i64) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_session(session, |session| {
            session.set_ping_timeout(Some(ping_timeout(timeout_ms)?));
            Ok(())
        })
    }
}

/// Returns the time limit for the answer to a ping, in milliseconds, -1 for no limit; of the
/// configuration until the session is open. Returns 0 if there are no pings and no limit was set,
/// for NULL and in a forked child.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_ping_timeout_ms(session: *const ws_session) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { inspect(session, 0, |session| ping_times(session).map_or(0, |(_, timeout)| in_ms(timeout))) }
}

/// Turns a raw session into a default one, as if ws_config_set_raw had not been called (Ktor's
/// DefaultWebSocketSession). From the next frame on, messages are whole, and the library answers
/// pings and the server's Close. Frames in the incoming queue remain as they are. Extensions are not
/// used. `ping_interval_ms` and `ping_timeout_ms` are as in ws_set_ping_interval_ms and
/// ws_set_ping_timeout_ms, but a timeout of 0 is twice the interval.
///
/// Returns WS_ERR_STATE if the session is not raw, while it is being opened, while another thread is
/// in a function that receives, after its end, and if a message of the server is not complete.
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_start_default(
    session: *mut ws_session,
    ping_interval_ms: i64,
    ping_timeout_ms: i64,
) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_session(session, |session| {
            let timeout = (ping_timeout_ms != 0).then(|| ping_timeout(ping_timeout_ms)).transpose()?;
            session.start_default(guard::positive_ms(ping_interval_ms), timeout)
        })
    }
}

/// Sets the pointer that ws_get_user_data returns for this session. The library does not use what
/// it points to.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `session` is NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_set_user_data(session: *mut ws_session, user_data: *mut c_void) -> ws_status {
    guard::status(|| {
        // SAFETY: the caller's promise.
        unsafe { acquire_session(session) }?.user_data.store(user_data, Ordering::Release);
        Ok(())
    })
}

/// Returns the pointer of ws_set_user_data, or else of ws_config_set_user_data. Returns NULL if
/// neither was called, and for NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_user_data(session: *const ws_session) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { inspect(session, ptr::null_mut(), |session| session.user_data.load(Ordering::Acquire)) }
}

/// Reads a setting of the session, or of the configuration until the session is open.
fn setting<T>(
    handle: &ws_session,
    of_session: impl FnOnce(&Session) -> T,
    of_configuration: impl FnOnce(&Configured) -> T,
) -> Option<T> {
    match handle.if_open() {
        Some(open) => Some(of_session(&open.session)),
        None => handle.opening.as_ref().map(|opening| of_configuration(opening.configured())),
    }
}

fn limits(handle: &ws_session) -> Option<Limits> {
    setting(handle, |session| session.recv.limits(), |configured| configured.limits)
}

/// Returns None in a forked child, where the lock may be held for good.
fn ping_times(handle: &ws_session) -> Option<(Option<Duration>, Option<Duration>)> {
    handle.check_process().ok()?;
    setting(handle, Session::ping_times, |configured| configured.ping_times)
}

/// Returns None in a forked child, as [`ping_times`] does.
fn is_masking(handle: &ws_session) -> Option<bool> {
    handle.check_process().ok()?;
    setting(handle, |session| session.send.is_masking(), |configured| configured.is_masking)
}

fn in_ms(time: Option<Duration>) -> i64 {
    time.map_or(0, |time| if time == NO_LIMIT { -1 } else { i64::try_from(time.as_millis()).unwrap_or(i64::MAX) })
}
