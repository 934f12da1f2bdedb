//! Configures reconnecting.

use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::ffi::config::{set, ws_config};
use crate::ffi::error::ws_error;
use crate::ffi::guard;
use crate::ffi::handle::ws_session;
use crate::ffi::status::ws_status;
use crate::lock::assert_unlocked;
use crate::session::Decision;
use crate::session::HandleHooks;
use crate::session::background::backoff::BackOff;
use crate::session::config::reconnect::ReconnectOptions;

const DEFAULT_FIRST_DELAY: Duration = Duration::from_millis(500);
const DEFAULT_MAX_DELAY: Duration = Duration::from_secs(30);
const DEFAULT_MAX_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

/// The size of the first version of the struct.
const FIRST_SIZE: usize = std::mem::offset_of!(ws_reconnect_options, max_retry_after_ms);

/// Flags of ws_reconnect_options, to be added up.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_reconnect_flags {
    /// Messages that were accepted for sending and that the kernel has not taken go to the next connection, and meanwhile
    /// as many are accepted as fit the outgoing queue. Without it they go with the connection, and sending waits for the
    /// next one.
    WS_RECONNECT_KEEP_UNSENT = 1,
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
    /// Has the last word; NULL: the library decides by its table.
    pub decide: ws_reconnect_decision,
    /// Handed to `decide`. It has to stay valid until the sessions of the configuration are freed, and may be used by several
    /// threads at once.
    pub user_data: *mut c_void,
    /// The longest Retry-After delay that the library obeys, in milliseconds; it shortens a longer one to this. 0 means
    /// 300,000, five minutes.
    pub max_retry_after_ms: i64,
}

/// Has sessions go on with another connection when theirs is lost. NULL, the default: a session ends with its connection.
///
/// The library reconnects after: a connection that ended without a Close or was reset; a ping without an answer; the idle
/// timeout; bytes that TLS cannot decrypt; the server's close codes 1001, 1011, 1012, 1013 and 1014. It repeats an attempt that
/// failed because of the network (resolving, connecting, the proxy, timeouts, a lost connection) or because the server or the
/// proxy answered with the status 408, 425, 429, 500, 502, 503, 504 or 520 to 524. If that answer has a Retry-After, in
/// seconds or as a date, the library waits for it, but not longer than `max_retry_after_ms`. Everything else ends the session:
/// other close codes, violations of the protocol, certificates, other statuses, full queues whose policy is WS_QUEUE_CLOSE,
/// ws_close and ws_abort. The library does not repeat the first opening.
///
/// During an outage ws_state returns WS_STATE_CONNECTING. Receiving waits, by every function, for messages of the next
/// connection. Sending waits as for room in the queue, or with WS_RECONNECT_KEEP_UNSENT queues. ws_flush waits, or returns
/// WS_ERR_IO when queued messages are lost. ws_close ends the session at once. When a new connection is open, the library
/// calls on_reconnect of ws_callbacks and counts it in ws_statistics. Outages that begin and end during one callback cause one
/// call, for the latest. With WS_RECONNECT_KEEP_UNSENT a message sent in fragments is kept whole, whatever the bounds of the
/// queue.
///
/// What the application cannot assume: that messages which were sent have arrived, that none were sent to it meanwhile, and
/// that it is the same server. Subscriptions and the like have to be made again. A message of which a part is lost is never
/// delivered; when sending one in parts, the rest of it returns WS_ERR_IO once, unless it is kept. What it can assume: the same
/// URL, settings and subprotocol; another one ends the session. Functions that tell of the handshake, its headers and
/// extensions, tell of the first one.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, for a `struct_size` that is smaller than the first version's or over
/// 4096, negative numbers and unknown flags. With raw sessions, and WS_RECONNECT_KEEP_UNSENT with an outgoing queue that
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
    set(config, |config| {
        // SAFETY: the caller's promise.
        let options = unsafe { guard::grown_struct(options, FIRST_SIZE) }?;
        config.reconnect = options.as_ref().map(read).transpose()?;
        Ok(())
    })
}

fn read(options: &ws_reconnect_options) -> Result<ReconnectOptions> {
    let keep_unsent = ws_reconnect_flags::WS_RECONNECT_KEEP_UNSENT as u32;
    if options.flags & !keep_unsent != 0 {
        return Err(guard::invalid("a flag of ws_reconnect_options is unknown"));
    }
    let time = |ms: i64| match u64::try_from(ms) {
        Ok(0) => Ok(None),
        Ok(ms) => Ok(Some(Duration::from_millis(ms))),
        Err(_) => Err(guard::invalid("a time of ws_reconnect_options is negative")),
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
