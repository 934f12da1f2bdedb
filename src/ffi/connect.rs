//! Opens sessions.

use std::ffi::c_char;
use std::ptr;
use std::sync::{Arc, Weak};

use crate::error::{Error, Kind, Result};
use crate::ffi::c_extension::NegotiatedExtension;
use crate::ffi::config::{Settings, ws_config};
use crate::ffi::error::ws_error;
use crate::ffi::frame::FramePool;
use crate::ffi::guard;
use crate::ffi::handle::{OpenSession, ws_session};
use crate::ffi::listener::CListener;
use crate::ffi::status::ws_status;
use crate::session::{self, HandleHooks, Listener, Session};

/// Opens a session and waits until it is open (Ktor's webSocketSession): resolves the host,
/// connects, through a proxy if there is one, performs the TLS handshake for wss, and performs the
/// opening handshake (RFC 6455 section 4.1). The time limits of the configuration apply. In total
/// that is 25 seconds unless they are changed, redirects and requests for credentials not included;
/// see ws_config_set_open_timeout_ms.
///
/// `url` begins with ws:// or wss://; http:// and https:// mean the same. A user and a password in
/// it are sent as Basic authentication, unless the configuration has an Authorization header. A
/// fragment is refused. `config` may be NULL for the defaults. Reuse one configuration for several
/// TLS connections: the library then reads the trust store once and resumes TLS sessions.
///
/// On success `*session` is a handle, which the caller frees with ws_session_free. On failure
/// `*session` is NULL, no callback is called, and `*error`, unless `error` is NULL, is an error,
/// which the caller frees with ws_error_free.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `url` or `session` is NULL, and if settings contradict each
/// other (ws_config_set_outgoing_queue, ws_config_set_reconnect, ws_config_set_group,
/// ws_config_set_unix_socket, ws_config_set_deliver_parts). Returns the status of a refused setting
/// (ws_config_error). Returns WS_ERR_STATE if the socket of ws_config_set_socket_fd is taken or the
/// group is freed. Returns WS_ERR_FORKED for a group of the parent process. Returns WS_ERR_URL,
/// WS_ERR_RESOLVE, WS_ERR_CONNECT, WS_ERR_TLS and WS_ERR_TLS_CERTIFICATE. Returns WS_ERR_PROXY and
/// WS_ERR_PROXY_AUTH, with the proxy's answer in the error. Returns WS_ERR_HANDSHAKE_STATUS and
/// WS_ERR_TOO_MANY_REDIRECTS, with the server's answer in the error. Returns
/// WS_ERR_HANDSHAKE_INVALID for an invalid answer or a redirect that cannot be followed. Returns
/// WS_ERR_EXTENSION if an extension of the application rejects the answer. Returns WS_ERR_IO if the
/// connection is lost. Returns WS_ERR_TIMEOUT; the phase of the error names the step. Returns
/// WS_ERR_INTERRUPTED after ws_config_interrupt. Returns WS_ERR_ABORTED if another thread called
/// ws_shutdown or freed the group, and if on_open freed the session. Returns WS_ERR_NO_MEMORY for a
/// long URL. Returns WS_ERR_INTERNAL if the system provides no threads, descriptors or random
/// bytes.
///
/// # Safety
/// `url` is NULL or a C string, `config` is NULL or a configuration that is not freed, `session` and `error` are NULL
/// or point to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_connect(
    url: *const c_char,
    config: *const ws_config,
    session: *mut *mut ws_session,
    error: *mut *mut ws_error,
) -> ws_status {
    // SAFETY: the caller's promise.
    let (session, error) = unsafe { (guard::out(session, ptr::null_mut()), guard::out(error, ptr::null_mut())) };
    guard::status(|| {
        let connect = || {
            // SAFETY: the caller's promise.
            let (url, config) = unsafe { (guard::string(url)?, config.as_ref()) };
            let session = session.ok_or_else(guard::null_out)?;
            // Callbacks may change or free the configuration while the session is being opened.
            let (settings, interrupts) = match config {
                Some(config) => (config.settings.clone(), Some(Arc::clone(&config.interrupts))),
                None => (Settings::default(), None),
            };
            settings.check()?;
            let handle = ws_session::new(None, settings.user_data.0);
            let connected = settings.join_group(&handle).and_then(|()| {
                session::connect(
                    handle.id(),
                    url,
                    &settings.config,
                    Arc::<ws_session>::clone(&handle),
                    interrupts.as_deref(),
                    |opened| attach(&handle, opened, &settings),
                )
            });
            if connected.is_err() {
                handle.discard();
            }
            connected?;
            if handle.is_freed() {
                return Err(Error::new(Kind::Aborted, "the session was freed in on_open"));
            }
            *session = Arc::as_ptr(&handle).cast_mut();
            Ok(())
        };
        guard::catch(connect).inspect_err(|failure| ws_error::write_to(failure, error))
    })
}

/// Attaches an open session to its handle, its callbacks and its group. Fails if the session was aborted or freed meanwhile or
/// if the library is being shut down; then no callback is called.
pub(super) fn attach(handle: &Arc<ws_session>, session: &Arc<Session>, settings: &Settings) -> Result<()> {
    let owner: Weak<dyn HandleHooks> = Arc::<ws_session>::downgrade(handle);
    session.identity.set_hooks(owner);
    let open = OpenSession {
        frame_pool: FramePool::new(Arc::clone(&session.recv.buffer_pool)),
        extensions: session.identity.extensions.iter().map(NegotiatedExtension::new).collect(),
        session: Arc::clone(session),
    };
    let group = settings.group.as_ref().map(|group| &group.group);
    let is_group_closed = || group.is_some_and(|group| group.is_closed());
    if is_group_closed() {
        return Err(Error::new(Kind::Aborted, "the group was freed"));
    }
    let receive_mode = settings.receive_mode();
    let listener = settings.callbacks.as_ref().map(|callbacks| {
        Arc::new(CListener::new(Arc::clone(handle), Some(Arc::clone(callbacks)))) as Arc<dyn Listener>
    });
    let start = || {
        session.start(listener, receive_mode)?;
        // Each handle is attached once, so `open` is empty.
        let _ = handle.open.set(open);
        Ok(())
    };
    match &handle.opening {
        Some(opening) => opening.complete(start)?,
        None => start()?,
    }
    if is_group_closed() {
        // The thread that freed the group may have listed its sessions before this one was added.
        session.abort();
    }
    if handle.is_freed() {
        session.detach_app();
    }
    session.announce(group);
    Ok(())
}
