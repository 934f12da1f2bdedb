//! TLS. Files must be regular files of at most 64 MiB.

use std::ffi::c_char;
use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::session::config::{TlsVersion, client_certificates, client_key, read_file};

/// Trusts the certificates of a PEM file, which is read now. The system's trust store is then not
/// used, unless ws_config_set_tls_system_store says so.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, for a file that cannot be read, is not a regular file
/// or is larger than 64 MiB, and for a file without a usable certificate.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `path` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_add_tls_ca_file(config: *mut ws_config, path: *const c_char) -> ws_status {
    set(config, "ws_config_add_tls_ca_file", |config| {
        // SAFETY: the caller's promise.
        let path = unsafe { guard::path(path) }?;
        config.tls_mut().add_roots(&read(path)?).map_err(|error| of_file(path, error))
    })
}

/// Trusts the certificates in `size` bytes of PEM text (WS_NUL_TERMINATED for a C string), as
/// ws_config_add_tls_ca_file does.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, and for a text without a usable certificate.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `pem` is NULL or points to `size` bytes or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_add_tls_ca_pem(
    config: *mut ws_config,
    pem: *const c_char,
    size: usize,
) -> ws_status {
    set(config, "ws_config_add_tls_ca_pem", |config| {
        // SAFETY: the caller's promise.
        config.tls_mut().add_roots(unsafe { guard::text_bytes(pem, size) }?)
    })
}

/// Trusts the certificates in the files of a directory, which are read now, as
/// ws_config_add_tls_ca_file does. Files without a certificate are ignored.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, for a directory that cannot be read, and for a
/// directory without a usable certificate.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `path` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_add_tls_ca_dir(config: *mut ws_config, path: *const c_char) -> ws_status {
    set(config, "ws_config_add_tls_ca_dir", |config| {
        // SAFETY: the caller's promise.
        config.tls_mut().add_roots_of_directory(unsafe { guard::path(path) }?)
    })
}

/// Controls the system's trust store. 1: trust its authorities, and those that the configuration
/// adds. 0: trust only the latter. Default: 1 unless an authority was added.
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

/// Rejects certificates that the revocation lists of a PEM file name. The file is read now. Further
/// calls add lists. Certificates of an authority without a list are not rejected. The library
/// downloads no list and does not use OCSP.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, for a file that cannot be read, is not a regular file
/// or is larger than 64 MiB, and for a file without a list.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `path` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_add_tls_crl_file(config: *mut ws_config, path: *const c_char) -> ws_status {
    set(config, "ws_config_add_tls_crl_file", |config| {
        // SAFETY: the caller's promise.
        let path = unsafe { guard::path(path) }?;
        config.tls_mut().add_revoked(&read(path)?).map_err(|error| of_file(path, error))
    })
}

/// Sets the client certificate: a PEM file with the certificate and its chain, and a PEM file with
/// its key (PKCS #8, PKCS #1 or SEC1, not encrypted). Both are read now. NULL as `key_path`: both
/// are in one file. NULL as `certificate_path`, the default: no client certificate.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, for a file that cannot be read, is not a
/// regular file, is larger than 64 MiB or lacks its object, and for a key that does not match the
/// certificate.
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
        let (certificate_path, key_path) =
            unsafe { (guard::optional_path(certificate_path)?, guard::optional_path(key_path)?) };
        let Some(certificate_path) = certificate_path else {
            config.tls_mut().forget_identity();
            return Ok(());
        };
        let key_path = key_path.unwrap_or(certificate_path);
        let certificates =
            client_certificates(&read(certificate_path)?).map_err(|error| of_file(certificate_path, error))?;
        let key = client_key(&read(key_path)?).map_err(|error| of_file(key_path, error))?;
        config.tls_mut().set_identity(certificates, key).map_err(|error| of_file(key_path, error))
    })
}

/// Sets the client certificate from PEM text, as ws_config_set_tls_client_cert_file does. Each size
/// may be WS_NUL_TERMINATED. NULL as `key`: the key is in `certificate`.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` or `certificate` is NULL, for a text that lacks its
/// object, and for a key that does not match the certificate.
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
        config.tls_mut().set_identity(client_certificates(certificate)?, client_key(key)?)
    })
}

/// Sets the name that is requested (SNI) and that the certificate must have, instead of the URL's
/// host: a host name or an IP address.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or an invalid name.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `name` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tls_server_name(config: *mut ws_config, name: *const c_char) -> ws_status {
    set(config, "ws_config_set_tls_server_name", |config| {
        // SAFETY: the caller's promise.
        config.tls_mut().set_server_name(unsafe { guard::string(name) }?)
    })
}

/// Controls the verification of the server's certificate. Default: 1 and 1.
///
/// `peer` 1: the certificate must be valid and trusted. 0: every certificate is accepted,
/// regardless of `host`, and a man in the middle can read and change the connection. The server
/// still proves that it holds the private key of its certificate, and pins are still checked
/// (ws_config_add_tls_pin_sha256). `host` 1: the certificate must have the server's name. 0: it may
/// have any name.
///
/// RSA keys need 2,048 bits; without verification 1,024 bits suffice if the server signs with PKCS
/// #1 v1.5, which TLS 1.3 does not allow. ECDSA keys are of P-256 or P-384.
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

/// Versions of TLS, with the numbers of the protocol.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_tls_version {
    /// TLS 1.2.
    WS_TLS_1_2 = 0x0303,
    /// TLS 1.3.
    WS_TLS_1_3 = 0x0304,
}

/// Sets the lowest version of TLS, a ws_tls_version. Default: WS_TLS_1_2. The library does not
/// support older versions.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or an unknown number.
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

/// Sets the protocols to offer within TLS (ALPN, RFC 7301), separated by commas. Default:
/// "http/1.1". NULL: none.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, and for an empty name or one of more than
/// 255 bytes. Returns WS_ERR_UNSUPPORTED for "h2" and "h3", which a server could choose.
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

/// Accepts only servers whose certificate has this public key, or that of an earlier call. The pin
/// is checked besides the certificate, also if verification is off. It is the SHA-256 of the
/// SubjectPublicKeyInfo in base64, with or without curl's prefix "sha256//". Another key makes
/// ws_connect fail with WS_ERR_TLS_CERTIFICATE, and the error shows it. Default: any key.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, and if the pin is not the base64 of 32 bytes.
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

/// Appends the secrets of TLS connections to a file, in the NSS format that Wireshark reads. The
/// file is opened now. If it does not exist, it is created for its owner only. NULL, the default:
/// none. The library does not use SSLKEYLOGFILE.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, and for a file that cannot be written or is
/// a pipe.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `path` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tls_key_log_file(config: *mut ws_config, path: *const c_char) -> ws_status {
    set(config, "ws_config_set_tls_key_log_file", |config| {
        // SAFETY: the caller's promise.
        config.tls_mut().set_key_log(unsafe { guard::optional_path(path) }?.map(Path::new))
    })
}

/// Names the file in an error about its content.
fn of_file(path: &str, error: Error) -> Error {
    Error { message: format!("{path:?}: {error}").into(), ..error }
}

fn read(path: &str) -> Result<Vec<u8>> {
    read_file(path.as_ref())
        .map_err(|error| Error::os(Kind::InvalidArgument, format_args!("cannot read {path:?}"), &error))
}
