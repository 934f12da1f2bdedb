//! Configures reconnecting.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::ffi::config::{set, ws_config};
use crate::ffi::error::ws_error;
use crate::ffi::guard;
use crate::ffi::handle::ws_session;
use crate::ffi::status::ws_status;
use crate::lock::assert_unlocked;
use crate::session::HandleHooks;
use crate::session::background::backoff::BackOff;
use crate::session::config::reconnect::ReconnectOptions;
use crate::session::connect::attempt::Attempt;
use crate::session::{Decision, Preparation};

const DEFAULT_FIRST_DELAY: Duration = Duration::from_millis(500);
const DEFAULT_MAX_DELAY: Duration = Duration::from_secs(30);
const DEFAULT_MAX_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

/// Flags of ws_reconnect_options, to be ORed.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_reconnect_flags {
    /// Messages that the kernel has not accepted are sent on the next connection, and during an
    /// outage messages are accepted as long as they fit the outgoing queue. Without the flag they
    /// are lost with the connection, and sending waits for the next one.
    WS_RECONNECT_KEEP_UNSENT = 1,
    /// The first opening is repeated too, by the same rules. ws_connect returns an error, and a
    /// session of ws_connect_async fails, only if no further attempt is made. max_outage_ms counts
    /// from the call. The time limits of the configuration apply to each attempt.
    WS_RECONNECT_FIRST = 2,
}

/// A function that decides whether to make another attempt. It is called when the connection is
/// lost, and after each failed attempt, but not before on_open has returned.
///
/// `why` is the error of the loss or of the attempt, lent until the function returns; its status is
/// WS_ERR_CLOSED if the server closed the session. `attempt` is the number of the next attempt,
/// from 1. `suggested` is 1 if the library would make it, else 0. `*delay_ms` is the delay before
/// it, in milliseconds, which the function may change.
///
/// It returns 1 to make the attempt, or 0 to give up: the session then ends with the error of the
/// last attempt, or as it would have ended without reconnecting. A thread of the library calls it
/// with no lock held; for the first opening, the thread in ws_connect. It may take any time. Do not
/// wait for this session inside it: ws_recv, ws_wait_closed and ws_shutdown return WS_ERR_STATE,
/// and sending and ws_flush wait for their timeouts.
pub type ws_reconnect_decision = Option<
    unsafe extern "C" fn(
        session: *mut ws_session,
        why: *const ws_error,
        attempt: u32,
        suggested: i32,
        delay_ms: *mut i64,
        user_data: *mut c_void,
    ) -> i32,
>;

/// An attempt to connect that follows a loss or a failed attempt. It is lent to a
/// ws_reconnect_preparation until that returns.
pub struct ws_attempt {
    _private: [u8; 0],
}

/// The object behind a `ws_attempt`.
struct CAttempt<'a, 'b> {
    attempt: &'a mut Attempt<'b>,
    /// The error that ws_attempt_last_error lends.
    error: ws_error,
}

/// A function that prepares an attempt. It may set another URL and header fields for this attempt
/// only. It is called like a ws_reconnect_decision, and the same restrictions apply.
pub type ws_reconnect_preparation =
    Option<unsafe extern "C" fn(session: *mut ws_session, attempt: *mut ws_attempt, user_data: *mut c_void)>;

/// Returns the number of the attempt in this outage, from 1. Returns 0 for NULL.
///
/// # Safety
/// `attempt` is NULL or the attempt of the call under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_attempt_number(attempt: *const ws_attempt) -> u32 {
    // SAFETY: the caller's promise: every attempt is a CAttempt.
    guard::value(0, || unsafe { attempt.cast::<CAttempt<'_, '_>>().as_ref() }.map_or(0, |lent| lent.attempt.number))
}

/// Returns the error of the attempt before, or for the first attempt the error of the loss. The
/// error is lent until the ws_reconnect_preparation returns. Returns NULL for NULL.
///
/// # Safety
/// As for `ws_attempt_number`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_attempt_last_error(attempt: *const ws_attempt) -> *const ws_error {
    // SAFETY: as above.
    let lent = || unsafe { attempt.cast::<CAttempt<'_, '_>>().as_ref() };
    guard::value(ptr::null(), || lent().map_or(ptr::null(), |lent| &raw const lent.error))
}

/// Connects to another URL in this attempt. If its scheme, host or port differs, the
/// configuration's Authorization, Cookie and Host headers are not sent; those of
/// ws_attempt_set_header are. ws_request_url still returns the first URL.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_URL. After an error the attempt fails with
/// it.
///
/// # Safety
/// `attempt` is NULL or the attempt of the call under way; `url` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_attempt_set_url(attempt: *mut ws_attempt, url: *const c_char) -> ws_status {
    guard::status(|| {
        // SAFETY: the caller's promise: every attempt is a CAttempt.
        let lent = unsafe { guard::reference_mut(attempt.cast::<CAttempt<'_, '_>>()) }?;
        // SAFETY: the caller's promise.
        lent.attempt.change(|attempt| attempt.set_url(unsafe { guard::string(url) }?))
    })
}

/// Sets a header field of the opening handshake of this attempt, for example a new Authorization.
/// It replaces all fields with this name. A value of NULL removes them.
///
/// Returns WS_ERR_INVALID_ARGUMENT as ws_config_add_header does. After an error the attempt fails
/// with it.
///
/// # Safety
/// `attempt` is NULL or the attempt of the call under way; `name` and `value` are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_attempt_set_header(
    attempt: *mut ws_attempt,
    name: *const c_char,
    value: *const c_char,
) -> ws_status {
    guard::status(|| {
        // SAFETY: the caller's promise: every attempt is a CAttempt.
        let lent = unsafe { guard::reference_mut(attempt.cast::<CAttempt<'_, '_>>()) }?;
        lent.attempt.change(|attempt| {
            // SAFETY: the caller's promise.
            let (name, value) = unsafe { (guard::string(name)?, guard::optional_string(value)?) };
            attempt.set_header(name, value)
        })
    })
}

/// How a session reconnects. The caller sets `struct_size`. All other members may be 0, which is
/// the default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ws_reconnect_options {
    /// sizeof(ws_reconnect_options), set by the caller.
    pub struct_size: usize,
    /// The delay before the first attempt, in milliseconds. It doubles with each attempt. The
    /// actual delay is a random part of it, between half and all. 0: 500.
    pub first_delay_ms: i64,
    /// The longest delay, in milliseconds. 0: 30,000. A connection that lasts less does not reset
    /// the delay.
    pub max_delay_ms: i64,
    /// The longest outage, in milliseconds, after which no attempt is made. 0: no limit.
    pub max_outage_ms: i64,
    /// The largest number of attempts in an outage. 0: no limit.
    pub max_attempts: u32,
    /// An OR of ws_reconnect_flags.
    pub flags: u32,
    /// The longest Retry-After of a server that is obeyed, in milliseconds. A longer one is
    /// shortened to it. 0: 300,000.
    pub max_retry_after_ms: i64,
    /// Makes the final decision. NULL: the library decides.
    pub decide: ws_reconnect_decision,
    /// Called before each attempt. NULL: the attempts are equal.
    pub prepare: ws_reconnect_preparation,
    /// Passed to `decide` and `prepare`. Several threads may use it at the same time. The end of a
    /// session does not wait for a call of these functions that has begun: it must remain valid
    /// until that returns, which it has done when ws_shutdown returns WS_OK.
    pub user_data: *mut c_void,
}

/// Opens another connection when the connection of a session is lost. NULL, the default: the
/// session ends with its connection.
///
/// The library reconnects after: the end of the connection without a Close, a reset, a ping without
/// an answer, the idle timeout, TLS records that cannot be decrypted, and the close codes 1001,
/// 1011, 1012, 1013 and 1014 of the server. It repeats an attempt that failed because of the
/// network (resolving, connecting, the proxy, timeouts, a lost connection), and after the HTTP
/// statuses 408, 425, 429, 500, 502, 503, 504 and 520 to 524 of the server or the proxy. A
/// Retry-After of such an answer, in seconds or as a date, is obeyed up to `max_retry_after_ms`.
/// Everything else ends the session: other close codes, protocol violations, certificates, other
/// statuses, full queues with WS_QUEUE_CLOSE, ws_close and ws_abort.
///
/// During an outage ws_state returns WS_STATE_CONNECTING, and ws_session_error returns why the
/// connection is lost. Receiving waits for messages of the next connection. Sending waits as for
/// room in the queue, or with WS_RECONNECT_KEEP_UNSENT queues the message. ws_flush waits, or
/// returns WS_ERR_IO if queued messages are lost. ws_close ends the session at once.
/// ws_config_set_deliver_events delivers the loss and the new connection in their place among the
/// messages; ws_stats counts the new connections.
///
/// Messages that were sent before the loss may not have arrived, the server may have sent messages
/// in between, and the new connection may lead to another server: repeat subscriptions and the
/// like. A message of which a part is lost is never delivered. If it was being sent in fragments,
/// the next fragment returns WS_ERR_IO once, unless WS_RECONNECT_KEEP_UNSENT keeps the message. The
/// settings, the subprotocol and, unless `prepare` changes it, the URL remain the same; a server
/// that chooses another subprotocol ends the session. ws_request_url, the header functions and the
/// extensions describe the first connection.
///
///     ws_reconnect_options options = {0};
///     options.struct_size = sizeof options;
///     ws_config_set_reconnect(config, &options);
///     ws_config_set_ping_interval_ms(config, 20000);
///     ws_config_set_deliver_events(config, WS_EVENT_OPENED | WS_EVENT_RESUMED);
///     if (ws_connect(url, config, &session, NULL) == WS_OK) {
///         while (ws_recv(session, &frame, -1) == WS_OK) {
///             if (frame->type == WS_FRAME_OPENED || frame->type == WS_FRAME_RESUMED)
///                 ws_send_text(session, "subscribe", WS_NUL_TERMINATED);
///             else
///                 fwrite(frame->data, 1, frame->size, stdout);
///             ws_frame_free(frame);
///         }
///         ws_session_free(session);
///     }
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, for a wrong `struct_size`, a negative
/// number and an unknown flag. ws_connect returns it for a raw session, and for
/// WS_RECONNECT_KEEP_UNSENT with an outgoing queue that drops messages.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `options` is NULL or points to as many bytes as its `struct_size`
/// says, with a function of its type that any thread may call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_reconnect(
    config: *mut ws_config,
    options: *const ws_reconnect_options,
) -> ws_status {
    set(config, "ws_config_set_reconnect", |config| {
        // SAFETY: the caller's promise.
        let options = unsafe { guard::sized_struct(options) }?;
        config.reconnect = options.map(read).transpose()?;
        Ok(())
    })
}

fn read(options: &ws_reconnect_options) -> Result<ReconnectOptions> {
    let keep_unsent = ws_reconnect_flags::WS_RECONNECT_KEEP_UNSENT as u32;
    let first_too = ws_reconnect_flags::WS_RECONNECT_FIRST as u32;
    if options.flags & !(keep_unsent | first_too) != 0 {
        return Err(guard::invalid(format!("the flags {:#x} are not known", options.flags)));
    }
    let time = |ms: i64| match u64::try_from(ms) {
        Ok(0) => Ok(None),
        Ok(ms) => Ok(Some(Duration::from_millis(ms))),
        Err(_) => Err(guard::invalid(format!("a time is negative: {ms} ms"))),
    };
    let first = time(options.first_delay_ms)?.unwrap_or(DEFAULT_FIRST_DELAY);
    let longest = time(options.max_delay_ms)?.unwrap_or(DEFAULT_MAX_DELAY);
    let user_data = options.user_data;
    Ok(ReconnectOptions {
        backoff: BackOff { first, longest: longest.max(first) },
        longest_retry_after: time(options.max_retry_after_ms)?.unwrap_or(DEFAULT_MAX_RETRY_AFTER),
        longest_outage: time(options.max_outage_ms)?,
        max_attempts: (options.max_attempts > 0).then_some(options.max_attempts),
        keeps_unsent: options.flags & keep_unsent != 0,
        retries_first: options.flags & first_too != 0,
        preparation: options.prepare.map(|prepare| Arc::new(CPreparation { prepare, user_data }) as _),
        decision: options.decide.map(|decide| Arc::new(CDecision { decide, user_data }) as _),
    })
}

struct CDecision {
    decide: unsafe extern "C" fn(*mut ws_session, *const ws_error, u32, i32, *mut i64, *mut c_void) -> i32,
    user_data: *mut c_void,
}

// SAFETY: the header asks for a function and user data that any thread may use.
unsafe impl Send for CDecision {}
// SAFETY: as above.
unsafe impl Sync for CDecision {}

impl Decision for CDecision {
    fn decide(
        &self,
        owner: &Arc<dyn HandleHooks>,
        why: &Error,
        attempt: u32,
        suggested: (bool, Duration),
    ) -> Option<Duration> {
        let (tries, delay) = suggested;
        let error = ws_error::new(why.clone());
        let mut delay_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        // ws_session is the only implementation of HandleHooks.
        let session = Arc::as_ptr(owner).cast::<ws_session>().cast_mut();
        assert_unlocked();
        // SAFETY: of this type by the header; the session is kept, and the error lives until it returns.
        let goes_on = unsafe {
            (self.decide)(session, &raw const error, attempt, tries.into(), &raw mut delay_ms, self.user_data)
        };
        (goes_on != 0).then(|| Duration::from_millis(u64::try_from(delay_ms).unwrap_or(0)))
    }
}

struct CPreparation {
    prepare: unsafe extern "C" fn(*mut ws_session, *mut ws_attempt, *mut c_void),
    user_data: *mut c_void,
}

// SAFETY: the header asks for a function and user data that any thread may use.
unsafe impl Send for CPreparation {}
// SAFETY: as above.
unsafe impl Sync for CPreparation {}

impl Preparation for CPreparation {
    fn prepare(&self, owner: &Arc<dyn HandleHooks>, attempt: &mut Attempt<'_>) {
        let error = ws_error::new(attempt.error.clone());
        let mut lent = CAttempt { attempt, error };
        // ws_session is the only implementation of HandleHooks.
        let session = Arc::as_ptr(owner).cast::<ws_session>().cast_mut();
        assert_unlocked();
        // SAFETY: of this type by the header; the session is kept, and the attempt lives until it returns.
        unsafe { (self.prepare)(session, (&raw mut lent).cast(), self.user_data) };
    }
}
