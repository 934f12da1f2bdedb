//! What is known about a session's connection.

use std::ffi::c_char;
use std::ptr;

use crate::ffi::entry::{acquire_session, inspect};
use crate::ffi::guard;
use crate::ffi::handle::ws_session;
use crate::ffi::status::ws_status;

/// The connection of a session. The caller sets `struct_size`. The texts are NUL-terminated; a text
/// that does not fit is truncated.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ws_session_info {
    /// sizeof(ws_session_info), set by the caller.
    pub struct_size: usize,
    /// The version of HTTP of the handshake: 0x0101 for HTTP/1.1.
    pub http_version: u32,
    /// The version of TLS, a ws_tls_version. 0 without TLS.
    pub tls_version: u32,
    /// 1 if TLS resumed a session of an earlier connection, else 0.
    pub tls_resumed: u32,
    /// The address and port of this side: "127.0.0.1:40000", "[::1]:40000". For a Unix socket its
    /// path, which is usually "".
    pub local_address: [c_char; 112],
    /// The address and port of the server, or of the proxy if there is one. For a Unix socket its
    /// path.
    pub peer_address: [c_char; 112],
    /// The URL of the proxy without credentials. "" without a proxy.
    pub proxy: [c_char; 280],
    /// The cipher suite of TLS. "" without TLS.
    pub tls_cipher_suite: [c_char; 48],
    /// The group of the TLS key exchange, for example "X25519". "" without TLS.
    pub tls_key_exchange_group: [c_char; 32],
    /// The protocol that the server chose within TLS (ALPN), for example "http/1.1". "" if it chose
    /// none.
    pub alpn: [c_char; 32],
}

const HTTP_1_1: u32 = 0x0101;

/// Writes the facts about the connection of a session: the current one, or the last one after the
/// end.
///
/// Returns WS_ERR_STATE while the session is being opened, the status of ws_connect if it could not
/// be opened, WS_ERR_INVALID_ARGUMENT for NULL or a wrong `struct_size`, and WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `info` is NULL or points to as many bytes as its
/// `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_session_info(session: *const ws_session, info: *mut ws_session_info) -> ws_status {
    let read = |struct_size| {
        // SAFETY: the caller's promise.
        let kept = unsafe { acquire_session(session) }?;
        let connection = kept.session()?.connection_info.lock();
        let tls = connection.tls.as_deref();
        Ok(ws_session_info {
            struct_size,
            http_version: HTTP_1_1,
            tls_version: tls.map_or(0, |tls| tls.version.into()),
            tls_resumed: tls.is_some_and(|tls| tls.is_resumed).into(),
            local_address: text(connection.local_address.as_bytes()),
            peer_address: text(connection.peer_address.as_bytes()),
            proxy: text(connection.proxy.as_deref().unwrap_or_default().as_bytes()),
            tls_cipher_suite: text(tls.map_or("", |tls| &tls.cipher_suite).as_bytes()),
            tls_key_exchange_group: text(tls.map_or("", |tls| tls.key_exchange_group).as_bytes()),
            alpn: text(tls.map_or(&[], |tls| &tls.alpn)),
        })
    };
    // SAFETY: the caller's promise.
    guard::status(|| unsafe { guard::fill_struct(info, read) })
}

/// Fills a member with a text, up to its first NUL.
fn text<const SIZE: usize>(bytes: &[u8]) -> [c_char; SIZE] {
    let mut member = [0; SIZE];
    for (to, from) in member[..SIZE - 1].iter_mut().zip(bytes.iter().take_while(|byte| **byte != 0)) {
        *to = from.cast_signed();
    }
    member
}

/// Writes the `index`-th certificate of the server, as DER (RFC 5280), to `*der`, and its size in
/// bytes to `*size`. Number 0 is the server's own, the others are its chain.
///
/// The first call reads the certificates from the connection. Later calls return the same ones,
/// also after the end and after reconnecting. They are lent until the session is freed.
///
/// Returns 1. Returns 0, with NULL in `*der` and 0 in `*size`, after the last certificate, without
/// TLS, while the session is being opened, if the connection is gone at the first call, for NULL,
/// and in a forked child.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `der` and `size` are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_peer_certificate(
    session: *const ws_session,
    index: usize,
    der: *mut *const u8,
    size: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        let (der, size) = (guard::out(der, ptr::null()), guard::out(size, 0));
        inspect(session, 0, |handle| {
            let Ok(session) = handle.session() else { return 0 };
            if handle.certificates.get().is_none() {
                let found = session.connection_info.lock().tls.as_ref().map_or_else(Vec::new, |tls| tls.certificates());
                if !found.is_empty() {
                    // Another thread may have set the same.
                    let _ = handle.certificates.set(Box::new(found));
                }
            }
            let Some(found) = handle.certificates.get().and_then(|found| found.get(index)) else { return 0 };
            if let Some(der) = der {
                *der = found.as_ptr();
            }
            if let Some(size) = size {
                *size = found.len();
            }
            1
        })
    }
}
