//! Configurations.

pub mod auth;
pub mod cookies;
pub mod deflate;
pub mod framing;
pub mod headers;
pub mod http;
pub mod keepalive;
pub mod latency;
pub mod limits;
pub mod network;
pub mod proxy;
pub mod timeouts;
pub mod tls;

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::ffi::error::ws_error;
use crate::ffi::guard;
use crate::ffi::handle::{ws_group, ws_session};
use crate::ffi::listener::Callbacks;
use crate::ffi::status::ws_status;
use crate::session::{Config, ConnectInterrupts, ReceiveMode};

/// The settings of sessions to be opened. ws_config_new creates a configuration, the setters change
/// it, ws_connect uses it, ws_config_free frees it.
///
/// A refused setting sticks: ws_config_error returns it, and connecting with the configuration
/// fails with it. A program can therefore ignore the statuses of the setters, or check them all at
/// once. To continue after a refused setting, create a new configuration.
///
/// ws_connect and ws_connect_async copy the configuration before they call any function of the
/// application. The application may change, reuse or free it afterwards. Sessions of one
/// configuration share its TLS state, so that later connections resume TLS sessions. While a thread
/// changes or frees a configuration, no other thread may use it. Otherwise any number of threads
/// may use it at the same time.
pub struct ws_config {
    pub(super) settings: Settings,
    /// Interrupts calls of ws_connect. The calls share it with the configuration.
    pub(super) interrupts: Arc<ConnectInterrupts>,
}

/// The part of a configuration that sessions copy.
#[derive(Clone, Default)]
pub(super) struct Settings {
    pub(super) config: Config,
    pub(super) callbacks: Option<Arc<Callbacks>>,
    pub(super) group: Option<Arc<ws_group>>,
    /// The pointer that ws_get_user_data returns first.
    pub(super) user_data: UserData,
    /// The first setting that was refused.
    refused: Option<Arc<ws_error>>,
}

/// A pointer of the application.
#[derive(Clone, Copy)]
pub(super) struct UserData(pub(super) *mut c_void);

impl Default for UserData {
    fn default() -> Self {
        Self(ptr::null_mut())
    }
}

// SAFETY: the library does not use what the pointer points to.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl Settings {
    /// Fails if a setting was refused.
    pub(super) fn check(&self) -> Result<()> {
        self.refused.as_ref().map_or(Ok(()), |refused| Err(refused.error().clone()))
    }

    /// Where the messages of a session go.
    pub(super) fn receive_mode(&self) -> ReceiveMode {
        match &self.group {
            Some(_) => ReceiveMode::Group,
            None if self.callbacks.as_ref().is_some_and(|callbacks| callbacks.has_on_frame()) => ReceiveMode::Callbacks,
            None => ReceiveMode::Calls,
        }
    }

    /// Adds a session to the group, if there is one.
    pub(super) fn join_group(&self, session: &Arc<ws_session>) -> Result<()> {
        let Some(group) = &self.group else { return Ok(()) };
        if self.callbacks.as_ref().is_some_and(|callbacks| callbacks.has_on_frame()) {
            return Err(guard::invalid("messages go to a group or to a callback, not to both"));
        }
        // A new session has no membership yet.
        let _ = session.membership.set(group.admit(session)?);
        Ok(())
    }
}

/// Creates a configuration with the defaults, which each setter documents. The caller frees it with
/// ws_config_free. Returns NULL if there is not enough memory.
#[unsafe(no_mangle)]
pub extern "C" fn ws_config_new() -> *mut ws_config {
    guard::value(ptr::null_mut(), || {
        Box::into_raw(Box::new(ws_config { settings: Settings::default(), interrupts: Arc::default() }))
    })
}

/// Creates a copy, which changes independently. The caller frees it with ws_config_free. Returns
/// NULL for NULL.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_clone(config: *const ws_config) -> *mut ws_config {
    // SAFETY: the caller's promise.
    guard::value(ptr::null_mut(), || match unsafe { config.as_ref() } {
        Some(original) => {
            let (settings, interrupts) = (original.settings.clone(), Arc::default());
            Box::into_raw(Box::new(ws_config { settings, interrupts }))
        }
        None => ptr::null_mut(),
    })
}

/// Frees a configuration. Sessions that were opened with it continue. NULL is allowed.
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

/// Sets the pointer that ws_get_user_data returns for sessions of the configuration. It is set
/// before the first callback. The library does not use what it points to. Default: NULL.
/// ws_set_user_data changes it for one session.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_user_data(config: *mut ws_config, user_data: *mut c_void) -> ws_status {
    set_settings(config, "ws_config_set_user_data", |settings| {
        settings.user_data = UserData(user_data);
        Ok(())
    })
}

/// Returns the first setting of the configuration that was refused: its status, and a message that
/// names the function, the value and the reason. The error is lent until the configuration is
/// freed.
///
/// Returns NULL if no setting was refused, and for NULL.
///
///     ws_config_add_tls_ca_file(config, "ca.pem");
///     ws_config_add_tls_pin_sha256(config, pin);
///     if (ws_config_error(config) != NULL)
///         fprintf(stderr, "%s\n", ws_error_message(ws_config_error(config)));
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_error(config: *const ws_config) -> *const ws_error {
    // SAFETY: the caller's promise.
    let refused = || unsafe { config.as_ref() }.and_then(|config| config.settings.refused.as_deref());
    guard::value(ptr::null(), || refused().map_or(ptr::null(), ptr::from_ref))
}

/// Runs a setter of session settings and records a refusal under the setter's name. `config` is NULL or points to a
/// configuration that no other thread uses.
pub(super) fn set(config: *mut ws_config, setter: &str, change: impl FnOnce(&mut Config) -> Result<()>) -> ws_status {
    set_settings(config, setter, |settings| change(&mut settings.config))
}

/// Like [`set`], for a setter of callbacks or the group.
pub(super) fn set_settings(
    config: *mut ws_config,
    setter: &str,
    change: impl FnOnce(&mut Settings) -> Result<()>,
) -> ws_status {
    guard::status(|| {
        // SAFETY: the callers of every setter promise it.
        let settings = &mut unsafe { guard::reference_mut(config) }?.settings;
        guard::catch(|| change(settings)).inspect_err(|failure| {
            settings.refused.get_or_insert_with(|| {
                let message = format!("{setter}: {failure}").into();
                Arc::new(ws_error::new(Error { message, ..failure.clone() }))
            });
        })
    })
}
