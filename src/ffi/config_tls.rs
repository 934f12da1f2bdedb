//! Configurations: TLS.

use std::ffi::c_char;

use crate::error::{Error, Kind};
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;

/// Trusts the certificates of a PEM file, read now, and of earlier calls of this function and ws_config_set_tls_ca_pem
/// instead of the system's trust store.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, for a file that cannot be read, and for one that holds no certificate or
/// one that cannot be trusted.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `path` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tls_ca_file(config: *mut ws_config, path: *const c_char) -> ws_status {
    set(config, |config| {
        // SAFETY: the caller's promise.
        let path = unsafe { guard::string(path) }?;
        let pem = std::fs::read(path)
            .map_err(|error| Error::os(Kind::InvalidArgument, format_args!("cannot read {path:?}"), &error))?;
        config.tls_mut().add_roots(&pem)
    })
}

/// Trusts the certificates in `size` bytes of PEM text (WS_NUL_TERMINATED for a C string), and of earlier calls of
/// this function and ws_config_set_tls_ca_file instead of the system's trust store.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, and for text that holds no certificate or one that cannot be trusted.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `pem` is NULL or points to `size` bytes or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tls_ca_pem(
    config: *mut ws_config,
    pem: *const c_char,
    size: usize,
) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, |config| config.tls_mut().add_roots(unsafe { guard::text_bytes(pem, size) }?))
}

/// Sets the name that is asked for (SNI) and that the certificate must have, in place of the URL's host: a host name
/// or an IP address.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or what is neither.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `name` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tls_server_name(config: *mut ws_config, name: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, |config| config.tls_mut().set_server_name(unsafe { guard::string(name) }?))
}

/// Switches the checks of the server's certificate. Default: 1 and 1.
///
/// `peer` 1: it must be valid and trusted; 0: any certificate is accepted, whatever `host` is, and the connection can
/// be read and changed by whoever sits between. `host` 1: it must have the server's name; 0: any name will do.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or other numbers.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tls_verify(config: *mut ws_config, peer: i32, host: i32) -> ws_status {
    set(config, |config| {
        let (peer, host) = (guard::flag(peer)?, guard::flag(host)?);
        config.tls_mut().set_verify(peer, host);
        Ok(())
    })
}
