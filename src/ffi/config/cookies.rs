//! Cookie jars.

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::session::connect::cookies::CookieJar;

/// Cookies that sessions share (RFC 6265): made by ws_cookie_jar_new, given to configurations by
/// ws_config_set_cookie_jar, freed by ws_cookie_jar_free. Any thread may use it at any time. The jar exists in memory only. It
/// holds at most 3,000 cookies and 4 MiB in total, and at most 180 cookies and 256 KiB for a registrable domain and all names
/// below it. It does not accept a cookie of more than 4,096 bytes, or more than 180 cookies of one answer. To make room it
/// removes the least recently used cookie (sent or set), of the domain or of all.
///
/// A forked child has a copy of its own. The copy is empty if another thread of the parent was changing the jar during the
/// fork.
///
/// The jar accepts no cookie for a public suffix, which is a domain under which anyone can register names, like "co.uk". The
/// system's list (/usr/share/publicsuffix/public_suffix_list.dat, Debian's package publicsuffix) names them. Without that
/// list, a cookie is sent only to the host that set it.
pub struct ws_cookie_jar(Arc<CookieJar>);

/// An empty jar. NULL when it cannot be made.
///
/// The caller frees it with ws_cookie_jar_free.
#[unsafe(no_mangle)]
pub extern "C" fn ws_cookie_jar_new() -> *mut ws_cookie_jar {
    guard::value(ptr::null_mut(), || Box::into_raw(Box::new(ws_cookie_jar(Arc::default()))))
}

/// Frees a jar. NULL is fine. Configurations that have it go on using it.
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

/// Sends the jar's cookies with the handshake, behind those of a Cookie header of the configuration, and takes those that
/// servers set in their answers, redirects and refusals included. NULL, the default: cookies are the application's, which
/// sends a Cookie header and reads Set-Cookie with ws_response_header and ws_error_http_header.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL.
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

/// Takes a cookie as a server at `url` would set it: the value of a Set-Cookie header.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL and for a cookie that is malformed, too long, not for this URL, or for a domain
/// that is a public suffix; WS_ERR_URL.
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

/// The Cookie header for a handshake with `url`: at most `capacity` bytes, without a NUL, to `buffer`, and how many to
/// `*size`; 0 where no cookie is for it.
///
/// Returns WS_ERR_BUFFER_TOO_SMALL with the size that is needed in `*size`, WS_ERR_INVALID_ARGUMENT for NULL (`buffer` may be
/// NULL when `capacity` is 0), WS_ERR_URL.
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

/// Removes all cookies. NULL is fine.
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
