//! Configurations: as such, and how to connect.

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::ffi::callbacks::Callbacks;
use crate::ffi::group::ws_group;
use crate::ffi::guard;
use crate::ffi::session::ws_session;
use crate::ffi::status::ws_status;
use crate::session::{Config, ConnectInterrupts};

/// Settings for sessions to come: made by ws_config_new, changed by the ws_config_ functions, used by ws_connect,
/// freed by ws_config_free.
///
/// ws_connect and ws_connect_async copy the configuration before they call any function of the application. The application
/// may change, reuse or free it in callbacks and at any time after the call. Sessions of one configuration share its TLS
/// state, so that later connections resume TLS sessions. Only one thread may change or free a configuration, and no other
/// thread may use it meanwhile; otherwise any number of threads may use it.
pub struct ws_config {
    pub(super) settings: Settings,
    /// Of the calls that connect with it, which keep them.
    pub(super) interrupts: Arc<ConnectInterrupts>,
}

/// What sessions take from a configuration.
#[derive(Clone, Default)]
pub(super) struct Settings {
    pub(super) config: Config,
    pub(super) callbacks: Option<Arc<Callbacks>>,
    pub(super) group: Option<Arc<ws_group>>,
}

impl Settings {
    /// Has a session belong to the group, if there is one.
    pub(super) fn join_group(&self, session: &Arc<ws_session>) -> Result<()> {
        let Some(group) = &self.group else { return Ok(()) };
        if self.callbacks.as_ref().is_some_and(|callbacks| callbacks.takes_frames()) {
            return Err(guard::invalid("messages go to a group or to a callback, not to both"));
        }
        // It has none yet.
        let _ = session.membership.set(group.admit(session)?);
        Ok(())
    }
}

const LONGEST_SPIN_US: u32 = 1000;

/// A configuration with the defaults, which each setter names. NULL when it cannot be made.
///
/// The caller frees it with ws_config_free.
#[unsafe(no_mangle)]
pub extern "C" fn ws_config_new() -> *mut ws_config {
    guard::value(std::ptr::null_mut(), || {
        Box::into_raw(Box::new(ws_config { settings: Settings::default(), interrupts: Arc::default() }))
    })
}

/// A copy that changes independently. NULL for NULL. The caller frees it with ws_config_free.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_clone(config: *const ws_config) -> *mut ws_config {
    // SAFETY: the caller's promise.
    guard::value(std::ptr::null_mut(), || match unsafe { config.as_ref() } {
        Some(original) => {
            let (settings, interrupts) = (original.settings.clone(), Arc::default());
            Box::into_raw(Box::new(ws_config { settings, interrupts }))
        }
        None => std::ptr::null_mut(),
    })
}

/// Frees a configuration. NULL is fine. Sessions opened with it go on.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_free(config: *mut ws_config) {
    guard::value((), || {
        if !config.is_null() {
            // SAFETY: made by Box::into_raw above, and the caller's promise.
            drop(unsafe { Box::from_raw(config) });
        }
    });
}

/// Adds a header to the opening handshake. Of Authorization, Host, Origin and User-Agent there is only one: it
/// replaces what was there. Without one, Host is the URL's host, with its port unless that is the scheme's own.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, a name that is not an HTTP token, a value with a control character, a Host that
/// is not a host with an optional port, and the headers that would contradict the handshake: all that begin with
/// Sec-WebSocket- (see ws_config_add_subprotocol and ws_config_install_deflate), headers of the connection (Connection,
/// HTTP2-Settings, Keep-Alive, Upgrade), headers of a body, which the request does not have (Content-Length, Expect, TE,
/// Trailer, Transfer-Encoding), and headers for a proxy (Proxy-Authorization, Proxy-Connection), which the server must not
/// see: put credentials for a proxy into the URL of ws_config_set_proxy.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `name` and `value` are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_add_header(
    config: *mut ws_config,
    name: *const c_char,
    value: *const c_char,
) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, |config| unsafe { config.headers.add(guard::string(name)?, guard::string(value)?) })
}

/// Sets a header of the opening handshake, in place of any of its name that were added before. A value of NULL
/// removes them.
///
/// Returns WS_ERR_INVALID_ARGUMENT as ws_config_add_header does.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `name` and `value` are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_header(
    config: *mut ws_config,
    name: *const c_char,
    value: *const c_char,
) -> ws_status {
    set(config, |config| {
        // SAFETY: the caller's promise.
        let (name, value) = unsafe { (guard::string(name)?, guard::optional_string(value)?) };
        set_or_remove(config, name, value)
    })
}

/// Offers a subprotocol (RFC 6455 section 1.9), after those offered before. ws_subprotocol tells which one the server
/// chose; a server that chooses another fails the handshake.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, a name that is not an HTTP token, and one that is offered already.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `name` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_add_subprotocol(config: *mut ws_config, name: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, |config| config.add_subprotocol(unsafe { guard::string(name) }?))
}

/// Sets the Origin header. Default and NULL: none is sent, since a program that is not a browser has no origin.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL or the value holds a control character.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `origin` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_origin(config: *mut ws_config, origin: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, |config| set_or_remove(config, "Origin", unsafe { guard::optional_string(origin) }?))
}

/// Sets the User-Agent header. Default: "ktorws/" and the library's version. NULL: none is sent.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL or the value holds a control character.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `user_agent` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_user_agent(config: *mut ws_config, user_agent: *const c_char) -> ws_status {
    // SAFETY: the caller's promise.
    set(config, |config| set_or_remove(config, "User-Agent", unsafe { guard::optional_string(user_agent) }?))
}

/// Switches coalescing, by which small messages that follow each other quickly share a system call. With 1, the default,
/// the first message of a streak goes out at once, and later ones with the next ws_recv that waits, the next ws_flush or
/// ws_close, or when 32 KiB have come together, and at the latest after about 100 microseconds. A message that follows no
/// other within a third of a millisecond always goes out at once. With 0 every message goes out before its call returns.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_coalescing(config: *mut ws_config, on: i32) -> ws_status {
    set(config, |config| {
        config.coalescing = guard::flag(on)?;
        Ok(())
    })
}

/// Sets for how many microseconds, 0 to 1,000, a thread in ws_recv looks for bytes before it sleeps. It saves the time
/// that waking up takes, about as much as a round trip on a local network, and costs the processor that it runs on. It
/// is only done as long as it pays: bytes have come within that time lately. Default: 0.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_spin_us(config: *mut ws_config, microseconds: u32) -> ws_status {
    set(config, |config| {
        if microseconds > LONGEST_SPIN_US {
            return Err(guard::invalid("at most 1000 microseconds of spinning are possible"));
        }
        config.terms_mut().spin = Duration::from_micros(microseconds.into());
        Ok(())
    })
}

/// The frame of every setter. `config` is NULL or points to a configuration that nobody else uses.
pub(super) fn set(config: *mut ws_config, change: impl FnOnce(&mut Config) -> Result<()>) -> ws_status {
    set_settings(config, |settings| change(&mut settings.config))
}

pub(super) fn set_settings(config: *mut ws_config, change: impl FnOnce(&mut Settings) -> Result<()>) -> ws_status {
    // SAFETY: every entry on a configuration passes on the promise of its caller.
    guard::status(|| change(&mut unsafe { guard::reference_mut(config) }?.settings))
}

fn set_or_remove(config: &mut Config, name: &str, value: Option<&str>) -> Result<()> {
    match value {
        Some(value) => config.headers.set(name, value),
        None => config.headers.remove(name),
    }
}
