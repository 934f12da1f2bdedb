//! Functions of the library as a whole: version, features, threads.

use std::ffi::c_char;

use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::session::background::runtime;
use crate::session::config::timeout_from_ms;

/// The features that ws_has_feature knows.
const FEATURES: &[&str] = &["deflate", "proxy", "reconnect", "tls"];

/// The library's version at run time, in the form of WS_VERSION_NUMBER: major << 16 | minor << 8 | patch.
#[unsafe(no_mangle)]
pub extern "C" fn ws_version_number() -> u32 {
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    number(env!("CARGO_PKG_VERSION_MAJOR")) << 16
        | number(env!("CARGO_PKG_VERSION_MINOR")) << 8
        | number(env!("CARGO_PKG_VERSION_PATCH"))
}

/// The library's version at run time, in the form of WS_VERSION_STRING. The string is static.
#[unsafe(no_mangle)]
pub extern "C" fn ws_version_string() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Whether this build of the library has a feature: 1 or 0; 0 also for a name that is not known, or NULL.
///
/// Known names: "deflate" (permessage-deflate), "proxy" (HTTP, HTTPS and SOCKS 5 proxies), "reconnect", "tls" (wss URLs).
///
/// # Safety
/// `name` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_has_feature(name: *const c_char) -> i32 {
    // SAFETY: the caller's promise.
    guard::value(0, || unsafe { guard::string(name) }.map_or(0, |name| FEATURES.contains(&name).into()))
}

/// Sets how many worker threads the library starts: 1 to 1024, 2 unless set. They send what the kernel did not
/// take at once, and receive while the application does not.
///
/// Returns WS_ERR_INVALID_ARGUMENT for another number, and WS_ERR_STATE once the threads run, which is from the first
/// ws_connect on until ws_shutdown.
#[unsafe(no_mangle)]
pub extern "C" fn ws_set_worker_threads(count: u32) -> ws_status {
    guard::status(|| runtime::set_workers(count))
}

/// Ends all sessions, as ws_abort does, and all threads of the library, waiting for them at most `timeout_ms`
/// milliseconds (negative: without limit).
///
/// There is no need to call it: a process may simply end. It is for hosts that want every byte and thread back, and
/// for leak checkers. Sessions still have to be freed, before or after. The library can be used again afterwards.
///
/// A ws_connect that is under way in another thread returns WS_ERR_ABORTED.
///
/// Returns WS_ERR_TIMEOUT when a thread did not end in time, for example because it waits for the system's name resolution;
/// it ends later. Returns WS_ERR_STATE in a function of the application that the library has called: callbacks, `drop`,
/// functions of extensions, filters, the log.
#[unsafe(no_mangle)]
pub extern "C" fn ws_shutdown(timeout_ms: i64) -> ws_status {
    guard::status(|| runtime::shut_down(timeout_from_ms(timeout_ms)))
}
