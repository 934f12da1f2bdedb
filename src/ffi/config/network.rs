//! Addresses, sockets and TCP options.

use std::ffi::c_char;
use std::os::fd::BorrowedFd;

use crate::error::{Error, Kind};
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;

/// Connects to `address` instead of resolving `host`, for URLs with this host and `port` (0: any
/// port). Further calls add addresses. The Host header, SNI and the certificate check still use the
/// URL's host. It has no effect behind a proxy that resolves names.
///
/// `address` is an IP address: "127.0.0.1", "::1", "fe80::1%eth0".
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, and for an invalid host or address.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `host` and `address` are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_add_resolve(
    config: *mut ws_config,
    host: *const c_char,
    port: u16,
    address: *const c_char,
) -> ws_status {
    set(config, "ws_config_add_resolve", |config| {
        // SAFETY: the caller's promise.
        let (host, address) = unsafe { (guard::string(host)?, guard::string(address)?) };
        config.connect.dns_overrides.add(host, port, address)
    })
}

/// Binds connections to this IP address of the machine. Only server addresses of its family are
/// then tried. NULL, the default: the system chooses. An address that the machine does not have
/// makes ws_connect fail with WS_ERR_CONNECT.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, and for an invalid address.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `address` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_local_address(config: *mut ws_config, address: *const c_char) -> ws_status {
    set(config, "ws_config_set_local_address", |config| {
        // SAFETY: the caller's promise.
        config.set_local_address(unsafe { guard::optional_string(address) }?)
    })
}

/// Connects to a Unix socket instead of the URL's host: a path of at most 107 bytes, or "@" and an
/// abstract name. The Host header and the name in the certificate still are the URL's. Proxies of
/// the environment are not used; with ws_config_set_proxy, ws_connect returns
/// WS_ERR_INVALID_ARGUMENT. NULL, the default: TCP. It replaces ws_config_set_socket_fd.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, and for an empty or longer path.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `path` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_unix_socket(config: *mut ws_config, path: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, "ws_config_set_unix_socket", |config| config.set_unix_socket(unsafe { guard::optional_path(path) }?))
}

/// Opens the next session on a connected stream socket. The library duplicates the descriptor: the
/// caller may close it at any time. While the session lasts, nobody else may read from the socket,
/// write to it or change its options. The first session takes the socket; further sessions of the
/// configuration, redirects and reconnecting fail with WS_ERR_STATE. Proxies are as with
/// ws_config_set_unix_socket, which it replaces. -1, the default: a new connection.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, and for an invalid descriptor. A descriptor
/// that is not a connected stream socket makes ws_connect fail with WS_ERR_CONNECT.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_socket_fd(config: *mut ws_config, fd: i32) -> ws_status {
    set(config, "ws_config_set_socket_fd", |config| {
        let socket = if fd == -1 {
            None
        } else {
            if fd < 0 {
                return Err(guard::invalid(format!("{fd} is not a descriptor")));
            }
            // SAFETY: the descriptor is only duplicated, which fails if it is not open.
            let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
            let duplicate = borrowed
                .try_clone_to_owned()
                .map_err(|error| Error::os(Kind::InvalidArgument, "cannot duplicate the descriptor", &error))?;
            Some(duplicate)
        };
        config.set_socket(socket);
        Ok(())
    })
}

/// Controls TCP_NODELAY. 1, the default: the kernel sends every message at once. 0: the kernel may
/// wait for more.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tcp_nodelay(config: *mut ws_config, on: i32) -> ws_status {
    set(config, "ws_config_set_tcp_nodelay", |config| {
        config.connect.tcp.nodelay = guard::flag(on)?;
        Ok(())
    })
}

/// Enables TCP keepalive: after `idle_s` seconds without a byte the kernel probes the connection
/// every `interval_s` seconds, and ends it after `count` unanswered probes. 0 as `idle_s`, the
/// default, disables it. Pings also check that the server program responds
/// (ws_config_set_ping_interval_ms).
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, more than 32,767 seconds, an interval of 0, or a count
/// that is not 1 to 127.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_tcp_keepalive(
    config: *mut ws_config,
    idle_s: u32,
    interval_s: u32,
    count: u32,
) -> ws_status {
    set(config, "ws_config_set_tcp_keepalive", |config| config.set_tcp_keepalive(idle_s, interval_s, count))
}
