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

/// Flags of ws_reconnect_options, to be added up.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_reconnect_flags {
    /// Messages that were accepted for sending and that the kernel has not taken go to the next connection, and meanwhile
    /// as many are accepted as fit the outgoing queue. Without it they go with the connection, and sending waits for the
    /// next one.
    WS_RECONNECT_KEEP_UNSENT = 1,
    /// The first opening is tried again as well, by the same rules: ws_connect returns, and a session of ws_connect_async fails,
    /// only when no further attempt is made. max_outage_ms counts from the call.
    WS_RECONNECT_FIRST = 2,
}

/// A function that decides whether to try again. It is called when a connection was lost, and after each attempt that has
/// failed, but not before `on_open` has returned.
///
/// `why` is the error of the loss or of the attempt, lent until the function returns; its status is WS_ERR_CLOSED where the
/// server has closed the session. `attempt` is the number of the one to come, from 1. `suggested` is 1 where the library
/// would try again, else 0, and `*delay_ms` in how many milliseconds; the function may change that.
///
/// It returns 1 to try, or 0 to give up: the session then ends as it would have ended without reconnecting, or with the error
/// of the last attempt. A thread of the library calls it with no lock held. It may take any time. Do not wait for this session
/// inside it: ws_recv, ws_wait_closed and ws_shutdown return WS_ERR_STATE, and sending and ws_flush wait for their timeouts.
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

/// An attempt to connect that follows a loss or a failed attempt. It is lent to a ws_reconnect_preparation until that returns.
pub struct ws_attempt {
    _private: [u8; 0],
}

/// The object behind a `ws_attempt`.
struct CAttempt<'a, 'b> {
    attempt: &'a mut Attempt<'b>,
    /// The error that ws_attempt_last_error lends.
    error: ws_error,
}

/// A function that prepares an attempt: it may set another URL and headers, for this attempt only. A thread of the library calls
/// it with no lock held, or for the first opening the thread in ws_connect. It may take any time. As in a
/// ws_reconnect_decision, do not wait for this session.
pub type ws_reconnect_preparation =
    Option<unsafe extern "C" fn(session: *mut ws_session, attempt: *mut ws_attempt, user_data: *mut c_void)>;

/// Returns the number of the attempt in this outage, from 1; 0 for NULL.
///
/// # Safety
/// `attempt` is NULL or the attempt of the call under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_attempt_number(attempt: *const ws_attempt) -> u32 {
    // SAFETY: the caller's promise: every attempt is a CAttempt.
    guard::value(0, || unsafe { attempt.cast::<CAttempt<'_, '_>>().as_ref() }.map_or(0, |lent| lent.attempt.number))
}

/// Returns the error of the attempt before, or for the first one that of the lost connection, lent until the function returns; its
/// status is WS_ERR_CLOSED if the server has closed the session. NULL for NULL.
///
/// # Safety
/// As for `ws_attempt_number`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_attempt_last_error(attempt: *const ws_attempt) -> *const ws_error {
    // SAFETY: as above.
    let lent = || unsafe { attempt.cast::<CAttempt<'_, '_>>().as_ref() };
    guard::value(ptr::null(), || lent().map_or(ptr::null(), |lent| &raw const lent.error))
}

/// Connects to another URL in this attempt. If it has another scheme, host or port, the configuration's Authorization, Cookie and
/// Host headers are not sent; those of ws_attempt_set_header are. ws_request_url still returns the first URL.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL and WS_ERR_URL. After an error the attempt fails with it, and no other follows.
///
/// # Safety
/// `attempt` is NULL or the attempt of the call under way; `url` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_attempt_set_url(attempt: *mut ws_attempt, url: *const c_char) -> ws_status {
    guard::status(|| {
        // SAFETY: the caller's promise: every attempt is a CAttempt.
        let lent = unsafe { guard::reference_mut(attempt.cast::<CAttempt<'_, '_>>()) }?;
        // SAFETY: the caller's promise.
        lent.attempt.set_url(unsafe { guard::string(url) }?)
    })
}

/// Sets a header of the opening handshake of this attempt, in place of any of its name, like a fresh Authorization. A value of NULL
/// removes them.
///
/// Returns WS_ERR_INVALID_ARGUMENT as ws_config_add_header does. After an error the attempt fails with it, and no other follows.
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
        // SAFETY: the caller's promise.
        let (name, value) = unsafe { (guard::string(name)?, guard::optional_string(value)?) };
        lent.attempt.set_header(name, value)
    })
}

/// How a session reconnects. The caller sets `struct_size` and may leave all else 0, which is the default; later versions
/// may add members at the end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ws_reconnect_options {
    /// sizeof(ws_reconnect_options), set by the caller.
    pub struct_size: usize,
    /// The delay before the first attempt, in milliseconds. Each further one is twice as long as the one before, and of each
    /// a random part is waited, half to all. 0 stands for 500.
    pub first_delay_ms: i64,
    /// The longest such delay. 0 stands for 30,000. After a connection that did not last as long, delays go on growing.
    pub max_delay_ms: i64,
    /// How long an outage may last until no attempt is made any more, in milliseconds; 0 is no limit.
    pub max_outage_ms: i64,
    /// How many attempts are made in an outage; 0 is no limit.
    pub max_attempts: u32,
    /// A sum of ws_reconnect_flags.
    pub flags: u32,
    /// The longest Retry-After delay that the library obeys, in milliseconds; it shortens a longer one to this. 0 means
    /// 300,000, five minutes.
    pub max_retry_after_ms: i64,
    /// Has the last word; NULL: the library decides by its table.
    pub decide: ws_reconnect_decision,
    /// Called before each attempt that follows a loss or a failed attempt. NULL: the attempts are alike.
    pub prepare: ws_reconnect_preparation,
    /// Passed to `decide` and `prepare`. It must stay valid until the sessions of the configuration are freed. Several threads may
    /// use it at the same time.
    pub user_data: *mut c_void,
}

/// Has sessions go on with another connection when theirs is lost. NULL, the default: a session ends with its connection.
///
/// The library reconnects after: a connection that ended without a Close or was reset; a ping without an answer; the idle
/// timeout; bytes that TLS cannot decrypt; the server's close codes 1001, 1011, 1012, 1013 and 1014. It repeats an attempt that
/// failed because of the network (resolving, connecting, the proxy, timeouts, a lost connection) or because the server or the
/// proxy answered with the status 408, 425, 429, 500, 502, 503, 504 or 520 to 524. If that answer has a Retry-After, in
/// seconds or as a date, the library waits for it, but not longer than `max_retry_after_ms`. Everything else ends the session:
/// other close codes, violations of the protocol, certificates, other statuses, full queues whose policy is WS_QUEUE_CLOSE,
/// ws_close and ws_abort. The library repeats the first opening only with WS_RECONNECT_FIRST.
///
/// During an outage ws_state returns WS_STATE_CONNECTING. Receiving waits, by every function, for messages of the next
/// connection. Sending waits as for room in the queue, or with WS_RECONNECT_KEEP_UNSENT queues. ws_flush waits, or returns
/// WS_ERR_IO when queued messages are lost. ws_close ends the session at once. ws_session_error returns why the connection is
/// lost. ws_config_set_deliver_events delivers the loss and the new connection in their place among the messages, and ws_stats
/// counts the new connections. With WS_RECONNECT_KEEP_UNSENT a message sent in fragments is kept whole, whatever the bounds of
/// the queue.
///
/// What the application cannot assume: that messages which were sent have arrived, that none were sent to it meanwhile, and
/// that it is the same server. Subscriptions and the like have to be made again. A message of which a part is lost is never
/// delivered; when sending one in parts, the rest of it returns WS_ERR_IO once, unless it is kept. What it can assume: the same
/// URL (unless `prepare` sets another one), settings and subprotocol; another subprotocol ends the session. Functions that tell of the handshake, its headers and
/// extensions, tell of the first one.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, for a `struct_size` that is smaller than this version's or over 4096, negative numbers and unknown flags. With raw sessions, and WS_RECONNECT_KEEP_UNSENT with an outgoing queue that
/// drops the oldest, ws_connect returns it.
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
