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
            session.recv.set_max_frame_size(check_limit(bytes)?);
            Ok(())
        })
    }
}

/// The largest payload of one frame to accept, in bytes; 0 for NULL. Until the session is open it is the configuration's.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_max_frame_size(session: *const ws_session) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { inspect(session, 0, |session| limits(session).map_or(0, |limits| limits.max_frame_size)) }
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
            session.recv.set_max_message_size(check_limit(bytes)?);
            Ok(())
        })
    }
}

/// The largest message to accept, in bytes; 0 for NULL. Until the session is open it is the configuration's.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_max_message_size(session: *const ws_session) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { inspect(session, 0, |session| limits(session).map_or(0, |limits| limits.max_message_size)) }
}

/// Switches masking, from the next message on (Ktor's masking).
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number than 0 and 1, WS_ERR_STATE for 0 unless the configuration
/// had ws_config_set_allow_unmasked, WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_set_masking(session: *mut ws_session, on: i32) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe { with_session(session, |session| session.send.set_masking(guard::flag(on)?)) }
}

/// Whether frames are masked: 1 or 0; 0 for NULL and in a forked child. Until the session is open the configuration says so.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_masking(session: *const ws_session) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { inspect(session, 0, |session| is_masking(session).map_or(0, i32::from)) }
}

/// Sets how often the library pings the server, in milliseconds (Ktor's pingIntervalMillis); 0 and negative numbers
/// switch it off. The first ping comes after one whole interval from now; a ping under way is forgotten. At most one
/// is: the next one comes an interval after the one before was sent, and not before that one is answered.
///
/// Each ping has a payload of its own, and only the pong with the same counts, unless the configuration says otherwise
/// (ws_config_set_ping_liveness). Without an answer in time the session ends: the library sends Close 1011 "Ping
/// timeout", drops the connection without waiting for the server, and receiving returns WS_ERR_PING_TIMEOUT. Time in
/// which the library does not read, because the incoming queue is full, does not count. Pings end when the session
/// begins to close. ws_get_stats has the last round-trip time.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, WS_ERR_FORKED.
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

/// How often the library pings the server, in milliseconds; 0 if it does not, for NULL and in a forked child. Until the
/// session is open it is what the configuration says.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_ping_interval_ms(session: *const ws_session) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { inspect(session, 0, |session| ping_times(session).map_or(0, |(interval, _)| in_ms(interval))) }
}

/// Sets how long the answer to a ping of the library may take, in milliseconds (Ktor's timeoutMillis), also to one under
/// way; negative is no limit: then pings are sent whether they are answered or not. Until it is set, it is twice the interval.
///
/// The time counts from when the kernel accepts the ping. It begins anew while the server accepts bytes sent before the ping,
/// and while it is in the middle of sending a frame. The library reads all bytes that have arrived before it ends the session,
/// so a stopped process (SIGSTOP, a suspended machine) does not cause a timeout.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or 0, WS_ERR_FORKED.
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

/// How long the answer to a ping of the library may take, in milliseconds; negative for no limit; 0 if there are no pings and no
/// timeout was set, for NULL and in a forked child. Until the session is open it is what the configuration says.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_ping_timeout_ms(session: *const ws_session) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { inspect(session, 0, |session| ping_times(session).map_or(0, |(_, timeout)| in_ms(timeout))) }
}

/// Sets the pointer of the application that belongs to the session, in place of that of ws_config_set_user_data. The library does
/// not use what it points to.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL as the session.
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

/// Returns the pointer of ws_set_user_data, or else of ws_config_set_user_data. NULL if neither was called, and for NULL.
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
