//! TLS. Files must be regular files of at most 64 MiB.

use std::ffi::c_char;
use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::session::config::{TlsVersion, read_file};

/// Trusts the certificates of a PEM file, read now, and of earlier calls of this function and ws_config_add_tls_ca_pem
/// instead of the system's trust store.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, for a file that cannot be read, is not a regular file or has more than 64 MiB, and
/// for one that holds no certificate or one that cannot be trusted.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `path` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_add_tls_ca_file(config: *mut ws_config, path: *const c_char) -> ws_status {
    set(config, "ws_config_add_tls_ca_file", |config| {
        // SAFETY: the caller's promise.
        let pem = read(unsafe { guard::string(path) }?)?;
        config.tls_mut().add_roots(&pem)
    })
}

/// Trusts the certificates in `size` bytes of PEM text (WS_NUL_TERMINATED for a C string), and of earlier calls of
/// this function and ws_config_add_tls_ca_file instead of the system's trust store.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, and for text that holds no certificate or one that cannot be trusted.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `pem` is NULL or points to `size` bytes or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_add_tls_ca_pem(
    config: *mut ws_config,
    pem: *const c_char,
    size: usize,
) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, "ws_config_add_tls_ca_pem", |config| {
        config.tls_mut().add_roots(unsafe { guard::text_bytes(pem, size) }?)
    })
}

/// Trusts the certificates in the files of a directory, read now, and of earlier calls of this function,
/// ws_config_add_tls_ca_file and ws_config_add_tls_ca_pem instead of the system's trust store. Files that hold no
/// certificate are passed over.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, for a directory that cannot be read, and for one without certificates.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `path` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_add_tls_ca_dir(config: *mut ws_config, path: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, "ws_config_add_tls_ca_dir", |config| {
        config.tls_mut().add_roots_of_directory(unsafe { guard::string(path) }?)
    })
}

/// Switches the system's trust store on or off: 1 trusts its authorities besides those that the configuration adds, 0 trusts
/// only the latter. Default: 1, unless an authority was added.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tls_system_store(config: *mut ws_config, on: i32) -> ws_status {
    set(config, "ws_config_set_tls_system_store", |config| {
        config.tls_mut().set_system_store(guard::flag(on)?);
        Ok(())
    })
}

/// Refuses certificates that the revocation lists of a PEM file name, besides those of earlier calls. The file is read now. The
/// certificates of an authority without a list are not refused. The library downloads no list and does not use OCSP.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, for a file that cannot be read, is not a regular file or has more than 64 MiB, and
/// for one that holds no list.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `path` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_add_tls_crl_file(config: *mut ws_config, path: *const c_char) -> ws_status {
    set(config, "ws_config_add_tls_crl_file", |config| {
        // SAFETY: the caller's promise.
        let pem = read(unsafe { guard::string(path) }?)?;
        config.tls_mut().add_revoked(&pem)
    })
}

/// Shows a certificate to servers that ask for one: a PEM file with it and those behind it, and one with its key, PKCS#8,
/// PKCS#1 or SEC1, not encrypted. Both are read now. NULL as `key_path`: both are in one file. NULL as
/// `certificate_path`, the default: none is shown.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, for files that cannot be read, are not regular files, have more than 64
/// MiB or do not hold them, and for a key that is not the certificate's.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; the paths are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tls_client_cert_file(
    config: *mut ws_config,
    certificate_path: *const c_char,
    key_path: *const c_char,
) -> ws_status {
    set(config, "ws_config_set_tls_client_cert_file", |config| {
        // SAFETY: the caller's promise.
        let (certificate, key) =
            unsafe { (guard::optional_string(certificate_path)?, guard::optional_string(key_path)?) };
        let Some(certificate) = certificate else {
            config.tls_mut().forget_identity();
            return Ok(());
        };
        config.tls_mut().set_identity(&read(certificate)?, &read(key.unwrap_or(certificate))?)
    })
}

/// The same from memory: each of PEM text, with its size or WS_NUL_TERMINATED. NULL as `key`: it is in `certificate` too.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `config` or `certificate` is NULL, for texts that do not hold them, and for a key
/// that is not the certificate's.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; the others are NULL or point to as many bytes or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tls_client_cert_pem(
    config: *mut ws_config,
    certificate: *const c_char,
    certificate_size: usize,
    key: *const c_char,
    key_size: usize,
) -> ws_status {
    set(config, "ws_config_set_tls_client_cert_pem", |config| {
        // SAFETY: the caller's promise.
        let certificate = unsafe { guard::text_bytes(certificate, certificate_size) }?;
        // SAFETY: the caller's promise.
        let key = if key.is_null() { certificate } else { unsafe { guard::text_bytes(key, key_size) }? };
        config.tls_mut().set_identity(certificate, key)
    })
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
    set(config, "ws_config_set_tls_server_name", |config| {
        config.tls_mut().set_server_name(unsafe { guard::string(name) }?)
    })
}

/// Switches the checks of the server's certificate on or off. The default is 1 and 1.
///
/// With `peer` 1 the certificate must be valid and trusted. With `peer` 0 every certificate is accepted, whatever `host` is, and a
/// man in the middle can read and change the connection. Only the certificate's key counts then, and the pins of
/// ws_config_add_tls_pin_sha256; the server still proves that it holds the private key. RSA keys have at least 2048 bits;
/// without verification at least 1024 bits if the server signs with PKCS #1 v1.5, which TLS 1.3 does not allow. ECDSA keys are
/// of P-256 or P-384. With `host` 1 the certificate must have the server's name; with `host` 0 it may have any name.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or other numbers.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tls_verify(config: *mut ws_config, peer: i32, host: i32) -> ws_status {
    set(config, "ws_config_set_tls_verify", |config| {
        let (peer, host) = (guard::flag(peer)?, guard::flag(host)?);
        config.tls_mut().set_verify(peer, host);
        Ok(())
    })
}

/// Versions of TLS, as ws_config_set_tls_min_version takes them.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_tls_version {
    /// TLS 1.2.
    WS_TLS_1_2 = 0x0303,
    /// TLS 1.3.
    WS_TLS_1_3 = 0x0304,
}

/// Sets the lowest version of TLS, a ws_tls_version. Default: WS_TLS_1_2; older ones are not spoken.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tls_min_version(config: *mut ws_config, version: u32) -> ws_status {
    set(config, "ws_config_set_tls_min_version", |config| {
        let version = match version {
            version if version == ws_tls_version::WS_TLS_1_2 as u32 => TlsVersion::Tls12,
            version if version == ws_tls_version::WS_TLS_1_3 as u32 => TlsVersion::Tls13,
            _ => return Err(guard::invalid(format!("{version} is not a ws_tls_version"))),
        };
        config.tls_mut().set_min_version(version);
        Ok(())
    })
}

/// Sets the protocols that are offered within TLS (ALPN, RFC 7301), separated by commas. Default: "http/1.1". NULL: none.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, and for an empty name or one over 255 bytes; WS_ERR_UNSUPPORTED for
/// "h2" and "h3", which a server might choose.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `protocols` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tls_alpn(config: *mut ws_config, protocols: *const c_char) -> ws_status {
    set(config, "ws_config_set_tls_alpn", |config| {
        // SAFETY: the caller's promise.
        let protocols = unsafe { guard::optional_string(protocols) }?;
        config.tls_mut().set_application_protocols(protocols)
    })
}

/// Accepts only servers whose certificate has this public key, or that of an earlier call, besides all other checks, and
/// also where those are switched off: the SHA-256 of its SubjectPublicKeyInfo in base64, with or without the "sha256//" that
/// curl puts in front. With another key connecting fails with WS_ERR_TLS_CERTIFICATE, and the error names it. Default: any key.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, and for what is not the base64 of 32 bytes.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `pin` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_add_tls_pin_sha256(config: *mut ws_config, pin: *const c_char) -> ws_status {
    set(config, "ws_config_add_tls_pin_sha256", |config| {
        // SAFETY: the caller's promise.
        config.tls_mut().add_pin(unsafe { guard::string(pin) }?)
    })
}

/// Appends the secrets of TLS connections to a file, in the format of NSS, with which programs like Wireshark decrypt what
/// they have recorded. The file is opened now, and made for its owner only where there is none. NULL, the default: none.
/// The environment is not looked at.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, and for a file that cannot be written to or is a pipe.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `path` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tls_key_log_file(config: *mut ws_config, path: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, "ws_config_set_tls_key_log_file", |config| {
        config.tls_mut().set_key_log(unsafe { guard::optional_string(path) }?.map(Path::new))
    })
}

fn read(path: &str) -> Result<Vec<u8>> {
    read_file(path.as_ref())
        .map_err(|error| Error::os(Kind::InvalidArgument, format_args!("cannot read {path:?}"), &error))
}
