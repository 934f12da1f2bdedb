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

/// Opens a session: resolves the URL's host, connects, through a proxy if there is one, negotiates TLS for wss, and does the
/// opening handshake (RFC 6455 section 4.1; Ktor's webSocketSession). It waits for all that on the calling thread, at most
/// for the timeouts of the configuration: those of connect and handshake begin anew with each redirect and each answer to a
/// question for credentials, ws_config_set_open_timeout_ms is for all of it.
///
/// `url` begins with ws:// or wss://; http:// and https:// mean the same. A user and a password in it are sent as
/// Basic authentication unless the configuration has an Authorization header. It must not have a fragment. `config`
/// may be NULL for the defaults. The call copies it before it calls any function of the application, so callbacks may change
/// or free it. Use one configuration for several TLS connections: the library then reads the trust store once and resumes TLS
/// sessions.
///
/// On success `*session` is a handle that the caller frees with ws_session_free, and `*error` is NULL. On failure `*session`
/// is NULL, no callback is called, and, unless `error` is NULL, `*error` is an error that the caller frees with
/// ws_error_free.
///
/// Returns WS_ERR_INVALID_ARGUMENT when `url` or `session` is NULL and when the configuration contradicts itself
/// (ws_config_set_outgoing_queue, ws_config_set_reconnect, ws_config_set_group, ws_config_set_unix_socket), WS_ERR_STATE when
/// the socket of ws_config_set_socket_fd was taken or the group was freed, WS_ERR_FORKED for a group of the parent
/// process, WS_ERR_URL, WS_ERR_RESOLVE, WS_ERR_CONNECT, WS_ERR_PROXY and WS_ERR_PROXY_AUTH (with the proxy's answer in the
/// error), WS_ERR_TLS, WS_ERR_TLS_CERTIFICATE, WS_ERR_HANDSHAKE_STATUS and WS_ERR_TOO_MANY_REDIRECTS (with the server's answer in
/// the error), WS_ERR_HANDSHAKE_INVALID, also for a redirect that cannot be followed, WS_ERR_EXTENSION when an extension of
/// ws_config_install_extension rejects the server's answer, WS_ERR_IO when the connection was lost, WS_ERR_TIMEOUT (the
/// error's phase names the step), WS_ERR_INTERRUPTED after ws_config_interrupt, WS_ERR_ABORTED when another thread called
/// ws_shutdown or freed the group and when on_open freed the session, WS_ERR_NO_MEMORY for a long URL, and WS_ERR_INTERNAL
/// when the system provides no threads, descriptors or random bytes.
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
