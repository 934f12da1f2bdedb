//! Functions of the library as a whole: version, features, threads.

use std::ffi::c_char;

use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::session::background::runtime;
use crate::session::config::timeout_from_ms;

/// The features that ws_has_feature knows.
const FEATURES: &[&str] = &["deflate", "proxy", "reconnect", "tls"];

/// Returns the version of the library at run time, in the form of WS_VERSION_NUMBER.
#[unsafe(no_mangle)]
pub extern "C" fn ws_version_number() -> u32 {
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    number(env!("CARGO_PKG_VERSION_MAJOR")) << 16
        | number(env!("CARGO_PKG_VERSION_MINOR")) << 8
        | number(env!("CARGO_PKG_VERSION_PATCH"))
}

/// Returns the version of the library at run time, for example "0.1.0". The string is static.
#[unsafe(no_mangle)]
pub extern "C" fn ws_version_string() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Returns 1 if this build of the library has the feature `name`, else 0. Returns 0 for an unknown
/// name and for NULL.
///
/// Features: "deflate" (permessage-deflate), "proxy" (HTTP, HTTPS and SOCKS 5 proxies),
/// "reconnect", "tls" (wss URLs).
///
/// # Safety
/// `name` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_has_feature(name: *const c_char) -> i32 {
    // SAFETY: the caller's promise.
    guard::value(0, || unsafe { guard::string(name) }.map_or(0, |name| FEATURES.contains(&name).into()))
}

/// Sets the number of worker threads of the library, 1 to 1024. Default: 2. The worker threads send
/// what the kernel did not accept at once, and receive while the application does not.
///
/// Returns WS_ERR_INVALID_ARGUMENT for another number, and WS_ERR_STATE while the threads run: from
/// the first ws_connect until ws_shutdown.
#[unsafe(no_mangle)]
pub extern "C" fn ws_set_worker_threads(count: u32) -> ws_status {
    guard::status(|| runtime::set_workers(count))
}

/// Aborts every session of the process, as ws_abort does, and ends the threads of the library.
/// Waits for the threads at most `timeout_ms` milliseconds (negative: no limit). A ws_connect in
/// another thread returns WS_ERR_ABORTED. The handles of sessions remain valid and must still be
/// freed. The next ws_connect starts the threads again.
///
/// A program need not call it: a process can end at any time. It is for programs that use leak
/// checkers or unload the library. A library must not call it, because other users of ktorws in the
/// process lose their sessions.
///
/// Returns WS_ERR_TIMEOUT if a thread did not end in time, for example because it waits for the
/// system's name resolution. Returns WS_ERR_STATE inside a function of the application that the
/// library has called.
#[unsafe(no_mangle)]
pub extern "C" fn ws_shutdown(timeout_ms: i64) -> ws_status {
    guard::status(|| runtime::shut_down(timeout_from_ms(timeout_ms)))
}
