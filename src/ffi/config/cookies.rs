//! Cookie jars.

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::session::connect::cookies::CookieJar;

/// A store of cookies that sessions share (RFC 6265). ws_cookie_jar_new creates it,
/// ws_config_set_cookie_jar adds it to configurations, ws_cookie_jar_free frees it. Any thread may
/// use it at any time.
///
/// The jar exists in memory only. It holds at most 3,000 cookies and 4 MiB, and of one registrable
/// domain with its subdomains at most 180 cookies and 256 KiB. It rejects a cookie of more than
/// 4,096 bytes, and more than 180 cookies in one answer. To make room, it removes the cookie that
/// was sent or set least recently, of the domain or of all.
///
/// The jar rejects cookies for a public suffix, a domain under which anyone can register names,
/// like "co.uk". The list of the system names them (/usr/share/publicsuffix/public_suffix_list.dat,
/// Debian's package publicsuffix). Without the list, a cookie is sent only to the host that set it.
///
/// A forked child has its own copy, which is empty if another thread was changing the jar during
/// the fork.
pub struct ws_cookie_jar(Arc<CookieJar>);

/// Creates an empty jar. The caller frees it with ws_cookie_jar_free. Returns NULL if there is not
/// enough memory.
#[unsafe(no_mangle)]
pub extern "C" fn ws_cookie_jar_new() -> *mut ws_cookie_jar {
    guard::value(ptr::null_mut(), || Box::into_raw(Box::new(ws_cookie_jar(Arc::default()))))
}

/// Frees a jar. Configurations with the jar continue to use it. NULL is allowed.
///
/// # Safety
/// `jar` is NULL or a jar that is not freed; nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_cookie_jar_free(jar: *mut ws_cookie_jar) {
    guard::value((), || {
        if !jar.is_null() {
            // SAFETY: made by Box::into_raw above, and the caller's promise.
            drop(unsafe { Box::from_raw(jar) });
        }
    });
}

/// Sends the cookies of a jar with the handshake, after those of a Cookie header of the
/// configuration, and stores the cookies that servers set, also with redirects and refusals. NULL,
/// the default: no jar. The application can send a Cookie header and read Set-Cookie with
/// ws_response_header and ws_error_http_header.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed, `jar` is NULL or a jar that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_cookie_jar(config: *mut ws_config, jar: *const ws_cookie_jar) -> ws_status {
    set(config, "ws_config_set_cookie_jar", |config| {
        // SAFETY: the caller's promise.
        config.cookies = unsafe { jar.as_ref() }.map(|jar| Arc::clone(&jar.0));
        Ok(())
    })
}

/// Stores a cookie as if a server at `url` had set it. `set_cookie` is the value of a Set-Cookie
/// header.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, and for a cookie that is malformed, too long, for
/// another URL, or for a public suffix. Returns WS_ERR_URL for an invalid URL.
///
/// # Safety
/// `jar` is NULL or a jar that is not freed; the others are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_cookie_jar_add(
    jar: *mut ws_cookie_jar,
    url: *const c_char,
    set_cookie: *const c_char,
) -> ws_status {
    // SAFETY: the caller's promise.
    guard::status(|| unsafe { cookie_jar(jar)?.add(guard::string(url)?, guard::string(set_cookie)?) })
}

/// Writes the value of the Cookie header for a handshake with `url` to `buffer`, at most `capacity`
/// bytes, without a NUL, and its size to `*size`. The size is 0 if no cookie matches.
///
/// Returns WS_ERR_BUFFER_TOO_SMALL, with the required size in `*size`, WS_ERR_INVALID_ARGUMENT for
/// NULL (`buffer` may be NULL if `capacity` is 0), and WS_ERR_URL for an invalid URL.
///
/// # Safety
/// `jar` is NULL or a jar that is not freed; `url` is NULL or a C string; `buffer` is NULL or points to `capacity` bytes;
/// `size` is NULL or points to a size_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_cookie_jar_header(
    jar: *mut ws_cookie_jar,
    url: *const c_char,
    buffer: *mut c_char,
    capacity: usize,
    size: *mut usize,
) -> ws_status {
    // SAFETY: the caller's promise.
    let size = unsafe { guard::out(size, 0) };
    guard::status(|| {
        // SAFETY: the caller's promise.
        let (jar, url) = unsafe { (cookie_jar(jar)?, guard::string(url)?) };
        let size = size.ok_or_else(guard::null_out)?;
        if buffer.is_null() && capacity > 0 {
            return Err(guard::invalid("the buffer is NULL"));
        }
        let header = jar.header_for(url)?;
        *size = header.len();
        if header.len() > capacity {
            return Err(Error::new(Kind::BufferTooSmall, format!("the header has {} bytes", header.len())));
        }
        if !header.is_empty() {
            // SAFETY: it fits, and the caller's promise.
            unsafe { ptr::copy_nonoverlapping(header.as_ptr(), buffer.cast(), header.len()) };
        }
        Ok(())
    })
}

/// Removes all cookies. NULL is allowed.
///
/// # Safety
/// `jar` is NULL or a jar that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_cookie_jar_clear(jar: *mut ws_cookie_jar) {
    guard::value((), || {
        // SAFETY: the caller's promise.
        if let Ok(jar) = unsafe { cookie_jar(jar) } {
            jar.clear();
        }
    });
}

/// # Safety
/// `jar` is NULL or a jar that is not freed as long as the result is used.
unsafe fn cookie_jar<'a>(jar: *const ws_cookie_jar) -> Result<&'a CookieJar> {
    // SAFETY: the caller's promise.
    unsafe { jar.as_ref() }.map(|jar| &*jar.0).ok_or_else(|| guard::invalid("the jar is NULL"))
}
