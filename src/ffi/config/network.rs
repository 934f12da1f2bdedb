//! Addresses, sockets and TCP options.

use std::ffi::c_char;
use std::os::fd::BorrowedFd;

use crate::error::{Error, Kind};
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;

/// Connects to `address` where a URL names `host` and `port` (0: any port), and does not resolve the host. Further calls for
/// the same host and port add addresses. The Host header, SNI and the check of the certificate still use the URL's host. It has
/// no effect behind a proxy that resolves names.
///
/// `address` is an IP address: "127.0.0.1", "::1", "fe80::1%eth0".
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, and for what is not a host or an address.
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

/// Connects from this IP address of the machine. Only addresses of its family are connected to then. NULL, the default:
/// from the one that the system chooses.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, and for what is not an address. One that the machine does not
/// have is WS_ERR_CONNECT in ws_connect.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `address` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_local_address(config: *mut ws_config, address: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, "ws_config_set_local_address", |config| {
        config.set_local_address(unsafe { guard::optional_string(address) }?)
    })
}

/// Connects to a Unix socket in place of the URL's host: a path of at most 107 bytes, or with an "@" in front an abstract
/// name. The Host header, and the name in the certificate for wss, are still the URL's. No proxy of the environment is used;
/// with one of ws_config_set_proxy ws_connect returns WS_ERR_INVALID_ARGUMENT. NULL, the default: TCP. It replaces
/// ws_config_set_socket_fd.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, and for an empty or longer path.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `path` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_unix_socket(config: *mut ws_config, path: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, "ws_config_set_unix_socket", |config| config.set_unix_socket(unsafe { guard::optional_string(path) }?))
}

/// Opens the next session on a stream socket that is connected already. It is duplicated: the descriptor stays the
/// caller's, to be closed at any time, but nobody else may read from it, write to it or change its options while the
/// session lasts, which leaves other timeouts and TCP options behind. The first session takes it; later ones of the
/// configuration, redirects and reconnecting get WS_ERR_STATE. As to proxies, see ws_config_set_unix_socket. -1, the default: a new connection. It replaces ws_config_set_unix_socket.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, and for what is not an open descriptor. What is not a connected
/// stream socket is WS_ERR_CONNECT in ws_connect.
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

/// Switches TCP_NODELAY: with 1, the default, the kernel sends every message at once; with 0 it may wait for more.
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

/// Has the kernel probe a connection on which nothing has come for `idle_s` seconds, every `interval_s` seconds, and end
/// it after `count` probes without an answer (TCP keepalive). 0 as `idle_s`, the default: not at all. Pings
/// (ws_config_set_ping_interval_ms) also tell whether the server itself is alive.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, for more than 32,767 seconds, no interval, or a count that is not 1 to 127.
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
