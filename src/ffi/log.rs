//! The log callback.

use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

use crate::ffi::entry::inspect;
use crate::ffi::guard;
use crate::ffi::handle::ws_session;
use crate::ffi::status::ws_status;
use crate::lock::assert_unlocked;
use crate::session::background::callback_scope;
use crate::session::log::{self, Level, Sink};

/// The severity of a log line. Each level includes those before it.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_log_level {
    /// No lines.
    WS_LOG_OFF = 0,
    /// The library cannot work.
    WS_LOG_ERROR = 1,
    /// A session could not be opened, or ended with an error.
    WS_LOG_WARNING = 2,
    /// Sessions are opened, closed and end.
    WS_LOG_INFO = 3,
    /// Internal events: pings, full queues, readers.
    WS_LOG_DEBUG = 4,
}

/// A function that receives a line of the log: its ws_log_level, the ws_session_id of its session
/// or 0, and the line, UTF-8 without a line end, lent until the function returns.
pub type ws_log_callback =
    Option<unsafe extern "C" fn(level: u32, session_id: u64, message: *const c_char, user_data: *mut c_void)>;

/// The function of the application and its user data.
struct CSink {
    function: unsafe extern "C" fn(u32, u64, *const c_char, *mut c_void),
    user_data: *mut c_void,
}

// SAFETY: the header asks for a function and user data that any thread may use.
unsafe impl Send for CSink {}
// SAFETY: as above.
unsafe impl Sync for CSink {}

impl CSink {
    fn call(&self, level: Level, id: u64, message: &str) {
        assert_unlocked();
        let message: CString = guard::c_string(message.as_bytes());
        // SAFETY: of this type by the header; the string lives until the call returns.
        callback_scope::inside(|| unsafe { (self.function)(level as u32, id, message.as_ptr(), self.user_data) });
    }
}

/// Sets the function that receives the log of the process, up to `level`, a ws_log_level. NULL as
/// `function` disables the log. Default: WS_LOG_OFF.
///
/// Any thread may call the function, several at the same time. It must not call functions of the
/// library, and should return quickly, because the library waits for it. After ws_set_log_callback
/// has returned, the former function is not called any more.
///
/// Lines contain no credentials, header values, queries of URLs, payloads or close reasons.
///
/// Returns WS_ERR_INVALID_ARGUMENT for an unknown level.
///
/// # Safety
/// `function` is NULL or a function of its type; `user_data` is valid until another one is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_set_log_callback(
    level: u32,
    function: ws_log_callback,
    user_data: *mut c_void,
) -> ws_status {
    guard::status(|| {
        let level = match level {
            0 => None,
            1 => Some(Level::Error),
            2 => Some(Level::Warning),
            3 => Some(Level::Info),
            4 => Some(Level::Debug),
            _ => return Err(guard::invalid(format!("{level} is not a ws_log_level"))),
        };
        let sink = function.filter(|_| level.is_some()).map(|function| {
            let sink = CSink { function, user_data };
            Arc::new(move |level, id, message: &str| sink.call(level, id, message)) as Sink
        });
        log::set(level.filter(|_| sink.is_some()), sink);
        Ok(())
    })
}

/// Returns the number of a session in the log, counted from 1 in the process. Returns 0 for NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_session_id(session: *const ws_session) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { inspect(session, 0, ws_session::id) }
}
