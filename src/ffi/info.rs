//! What a session knows about itself: its handshake, its error, its statistics.

use std::ffi::{CStr, c_char};
use std::ptr;
use std::time::Duration;

use crate::ffi::c_extension::check_outside;
use crate::ffi::entry::{acquire_session, inspect};
use crate::ffi::error::{FieldOut, ws_error};
use crate::ffi::guard;
use crate::ffi::handle::{OpenSession, ws_session};
use crate::ffi::status::ws_status;
use crate::session::HandshakeInfo;
use crate::session::stats::Statistics;

/// Reads the result of the opening handshake. Returns `fallback` while the session is being opened.
fn handshake_info<T>(session: &ws_session, fallback: T, look: impl FnOnce(&HandshakeInfo) -> T) -> T {
    session.if_open().map_or(fallback, |open| look(&open.session.identity.handshake_info))
}

/// Returns the subprotocol that the server chose. Returns "" if it chose none, and NULL while the
/// session is being opened and for NULL. The string is lent until the session is freed.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_subprotocol(session: *const ws_session) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe {
        inspect(session, ptr::null(), |session| {
            handshake_info(session, ptr::null(), |info| info.subprotocol().as_ptr())
        })
    }
}

/// Returns the URL of the session in its normal form, without user and password (Ktor's
/// call.request.url). Returns NULL while the session is being opened and for NULL. The string is
/// lent until the session is freed.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_request_url(session: *const ws_session) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { inspect(session, ptr::null(), |session| handshake_info(session, ptr::null(), |info| info.url().as_ptr())) }
}

/// Returns a header field of the handshake's request: the `index`-th (from 0) with this name. Case
/// is ignored. The string is lent until the session is freed.
///
/// Returns NULL if there is no such field, while the session is being opened, and for NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `name` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_request_header(
    session: *const ws_session,
    name: *const c_char,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe {
        inspect(session, ptr::null(), |session| {
            handshake_info(session, ptr::null(), |info| {
                let value = guard::string(name).ok().and_then(|name| named(info.request_headers(), name, index));
                value.map_or(ptr::null(), CStr::as_ptr)
            })
        })
    }
}

/// Writes the `index`-th header field (from 0) of the handshake's request to `*name` and `*value`,
/// in the order in which they were sent. The strings are lent until the session is freed.
///
///     const char *name, *value;
///     for (size_t i = 0; ws_request_header_at(session, i, &name, &value); i++)
///         printf("%s: %s\n", name, value);
///
/// Returns 1. Returns 0, with NULL in `*name` and `*value`, after the last field, while the session
/// is being opened, and for NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `name` and `value` are NULL or point to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_request_header_at(
    session: *const ws_session,
    index: usize,
    name: *mut *const c_char,
    value: *mut *const c_char,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        let out = FieldOut::new(name, value);
        inspect(session, 0, |session| {
            let field =
                session.if_open().and_then(|open| open.session.identity.handshake_info.request_headers().nth(index));
            out.write(field)
        })
    }
}

/// Returns the HTTP status of the handshake's response: 101. Returns 0 while the session is being
/// opened and for NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_response_status(session: *const ws_session) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { inspect(session, 0, |session| handshake_info(session, 0, |info| info.response_status.into())) }
}

/// Returns a header field of the handshake's response: the `index`-th (from 0) with this name. Case
/// is ignored. The string is lent until the session is freed. It is what the server sent, which
/// need not be UTF-8.
///
/// Returns NULL if there is no such field, while the session is being opened, and for NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `name` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_response_header(
    session: *const ws_session,
    name: *const c_char,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe {
        inspect(session, ptr::null(), |session| {
            handshake_info(session, ptr::null(), |info| {
                let value = guard::string(name).ok().and_then(|name| named(info.response_headers(), name, index));
                value.map_or(ptr::null(), CStr::as_ptr)
            })
        })
    }
}

/// Writes the `index`-th header field (from 0) of the handshake's response to `*name` and `*value`,
/// in the order in which the server sent them. The strings are lent until the session is freed.
/// They are what the server sent, which need not be UTF-8.
///
/// Returns 1. Returns 0, with NULL in `*name` and `*value`, after the last field, while the session
/// is being opened, and for NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `name` and `value` are NULL or point to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_response_header_at(
    session: *const ws_session,
    index: usize,
    name: *mut *const c_char,
    value: *mut *const c_char,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        let out = FieldOut::new(name, value);
        inspect(session, 0, |session| {
            let field =
                session.if_open().and_then(|open| open.session.identity.handshake_info.response_headers().nth(index));
            out.write(field)
        })
    }
}

/// Returns the value of the `index`-th field with this name, in any case.
fn named<'a>(fields: impl Iterator<Item = (&'a CStr, &'a CStr)>, name: &str, index: usize) -> Option<&'a CStr> {
    let mut named = fields.filter(|(present, _)| present.to_bytes().eq_ignore_ascii_case(name.as_bytes()));
    named.nth(index).map(|(_, value)| value)
}

/// Returns the error that ended the session, or, during an outage, the error that lost its
/// connection (ws_config_set_reconnect). After the end, its status is what receiving returns. The
/// error is lent until the session is freed.
///
/// Returns NULL if there is no error, after a clean end, for NULL, and in a forked child.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_session_error(session: *const ws_session) -> *const ws_error {
    // SAFETY: the caller's promise.
    unsafe {
        inspect(session, ptr::null(), |session| {
            if session.check_process().is_err() {
                return ptr::null();
            }
            let of_open = |open: &OpenSession| match open.session.close_outcome() {
                Some(close_outcome) => close_outcome.error.clone(),
                None => open.session.outage_error(),
            };
            let Some(error) = session.failure().cloned().or_else(|| session.if_open().and_then(of_open)) else {
                return ptr::null();
            };
            // The errors live as long as the handle.
            let mut errors = session.errors.lock();
            let known = errors.iter().position(|known| *known.error() == error);
            let index = known.unwrap_or_else(|| {
                errors.push(Box::new(ws_error::new(error)));
                errors.len() - 1
            });
            ptr::from_ref(&*errors[index])
        })
    }
}

/// The statistics of a session. The caller sets `struct_size`. Sent messages count when they are
/// accepted, received ones when they are decoded.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ws_stats {
    /// sizeof(ws_stats), set by the caller.
    pub struct_size: usize,
    /// Messages sent.
    pub messages_sent: u64,
    /// Messages received.
    pub messages_received: u64,
    /// Payload bytes of sent messages, before compression.
    pub payload_sent: u64,
    /// Payload bytes of received messages, after inflating.
    pub payload_received: u64,
    /// Bytes of sent frames, including headers and control frames.
    pub wire_sent: u64,
    /// Bytes of received frames, including headers and control frames.
    pub wire_received: u64,
    /// Payload bytes of the messages that extensions encoded, before encoding.
    pub compressed_sent_before: u64,
    /// Payload bytes of these messages after encoding.
    pub compressed_sent_after: u64,
    /// Payload bytes of the messages that extensions decoded, before decoding.
    pub compressed_received_before: u64,
    /// Payload bytes of these messages after decoding.
    pub compressed_received_after: u64,
    /// Pings sent, by the library and the application.
    pub pings_sent: u64,
    /// Pings received.
    pub pings_received: u64,
    /// Pongs sent.
    pub pongs_sent: u64,
    /// Pongs received.
    pub pongs_received: u64,
    /// The time from the last answered ping of the library to its pong, in microseconds. 0 before
    /// the first one.
    pub last_rtt_us: u64,
    /// Messages in the incoming queue. Messages that were not read from the connection do not
    /// count.
    pub incoming_messages: u64,
    /// Payload bytes of these messages.
    pub incoming_bytes: u64,
    /// Messages that wait to be sent.
    pub outgoing_messages: u64,
    /// Bytes of their frames.
    pub outgoing_bytes: u64,
    /// Received messages that WS_QUEUE_DROP_OLDEST has dropped.
    pub incoming_dropped: u64,
    /// Messages to send that WS_QUEUE_DROP_OLDEST has dropped.
    pub outgoing_dropped: u64,
    /// The duration of resolving the host, in microseconds.
    pub resolve_us: u64,
    /// The duration of connecting TCP, in microseconds.
    pub connect_us: u64,
    /// The duration of the TLS handshake, in microseconds. 0 without TLS.
    pub tls_us: u64,
    /// The duration of the opening handshake, in microseconds.
    pub handshake_us: u64,
    /// The duration of opening the tunnel through a proxy, in microseconds. 0 without a proxy.
    pub proxy_us: u64,
    /// The number of connections after the first one.
    pub reconnects: u64,
}

/// Writes the statistics of a session, also after its end. While it sends and receives, the numbers
/// need not be of the same moment.
///
/// Returns WS_ERR_STATE while the session is being opened, WS_ERR_INVALID_ARGUMENT for NULL or a
/// wrong `struct_size`, and WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `stats` is NULL or points to as many bytes as its
/// `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_stats(session: *const ws_session, stats: *mut ws_stats) -> ws_status {
    guard::status(|| {
        let statistics = |struct_size| {
            // SAFETY: the caller's promise.
            let kept = unsafe { acquire_session(session) }?;
            check_outside()?;
            Ok(filled(struct_size, &kept.session()?.statistics()))
        };
        // SAFETY: the caller's promise.
        unsafe { guard::fill_struct(stats, statistics) }
    })
}

fn filled(struct_size: usize, statistics: &Statistics) -> ws_stats {
    let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let timings = &statistics.timings;
    ws_stats {
        struct_size,
        messages_sent: statistics.messages_sent,
        messages_received: statistics.messages_received,
        payload_sent: statistics.payload_sent,
        payload_received: statistics.payload_received,
        wire_sent: statistics.wire_sent,
        wire_received: statistics.wire_received,
        compressed_sent_before: statistics.encoded.plain,
        compressed_sent_after: statistics.encoded.encoded,
        compressed_received_before: statistics.decoded.encoded,
        compressed_received_after: statistics.decoded.plain,
        pings_sent: statistics.pings_sent,
        pings_received: statistics.pings_received,
        pongs_sent: statistics.pongs_sent,
        pongs_received: statistics.pongs_received,
        last_rtt_us: statistics.last_rtt.map_or(0, |rtt| us(rtt).max(1)),
        incoming_messages: statistics.incoming_messages as u64,
        incoming_bytes: statistics.incoming_bytes as u64,
        outgoing_messages: statistics.outgoing_messages as u64,
        outgoing_bytes: statistics.outgoing_bytes as u64,
        incoming_dropped: statistics.incoming_dropped,
        outgoing_dropped: statistics.outgoing_dropped,
        resolve_us: timings.resolve.into(),
        connect_us: timings.connect.into(),
        tls_us: timings.tls.into(),
        handshake_us: timings.handshake.into(),
        proxy_us: timings.proxy.into(),
        reconnects: statistics.reconnects,
    }
}
