//! Opens sessions on threads of the library.

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::error::Result;
use crate::ffi::config::{Settings, ws_config};
use crate::ffi::connect::attach;
use crate::ffi::entry::acquire_session;
use crate::ffi::error::ws_error;
use crate::ffi::guard;
use crate::ffi::handle::ws_session;
use crate::ffi::listener::CListener;
use crate::ffi::status::ws_status;
use crate::session::{self, Deadline, Listener, Opening, ReceiveMode, background::callback_scope};

/// Opens a session as ws_connect does, on a thread of the library, and returns at once. Until the
/// session is open, ws_state returns WS_STATE_CONNECTING. Then the library calls on_open of
/// ws_callbacks, or on_close if the session could not be opened. ws_wait_open and receiving wait
/// for the opening. A group receives a session that could not be opened as one that has ended.
///
/// While the session is being opened, functions that need an open session return WS_ERR_STATE.
/// ws_abort, ws_close and ws_session_free cancel the opening. The library opens at most 512
/// sessions at the same time; further ones wait.
///
/// On success `*session` is a handle, which the caller frees with ws_session_free. Callbacks may
/// receive the session before this call returns. On failure `*session` is NULL, and no callback is
/// called.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `url` or `session` is NULL. Returns the status of a refused
/// setting (ws_config_error). Returns WS_ERR_URL. Returns WS_ERR_STATE if the group is freed, and
/// WS_ERR_FORKED for a group of the parent process. Returns WS_ERR_NO_MEMORY for a long URL, and
/// WS_ERR_INTERNAL if the system provides no threads or descriptors.
///
/// # Safety
/// `url` is NULL or a C string, `config` is NULL or a configuration that is not freed, `session` is NULL or points to a
/// pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_connect_async(
    url: *const c_char,
    config: *const ws_config,
    session: *mut *mut ws_session,
) -> ws_status {
    // SAFETY: the caller's promise.
    let session = unsafe { guard::out(session, ptr::null_mut()) };
    guard::status(|| {
        // SAFETY: the caller's promise.
        let (url, config) = unsafe { (guard::string(url)?, config.as_ref()) };
        let session = session.ok_or_else(guard::null_out)?;
        let settings = config.map_or_else(Settings::default, |config| config.settings.clone());
        settings.check()?;
        let handle = ws_session::new(Some(Arc::new(Opening::new(&settings.config)?)), settings.user_data.0);
        handle.is_pushed.store(settings.receive_mode() != ReceiveMode::Calls, Ordering::Release);
        let joined = settings.join_group(&handle);
        if let Err(failure) = joined.and_then(|()| open(url, settings, &handle)) {
            handle.discard();
            return Err(failure);
        }
        *session = Arc::as_ptr(&handle).cast_mut();
        Ok(())
    })
}

fn open(url: &str, settings: Settings, handle: &Arc<ws_session>) -> Result<()> {
    let config = settings.config.clone();
    let Some(opening) = handle.opening.clone() else { return Ok(()) };
    let opened = Arc::clone(handle);
    let settings = Arc::new(settings);
    let listening = Arc::clone(&settings);
    let attach = move |session: &_| attach(&opened, session, &settings);
    let finished = Arc::clone(handle);
    session::connect_later(
        handle.id(),
        url,
        config,
        Arc::<ws_session>::clone(handle),
        opening,
        attach,
        move |outcome| finish(&finished, &listening, outcome),
    )
}

/// Records the outcome of an opening and notifies the calls that wait, the group and the callbacks.
fn finish(handle: &Arc<ws_session>, settings: &Settings, outcome: Result<()>) {
    let failure = outcome.as_ref().err().cloned();
    if let Some(opening) = &handle.opening {
        opening.finish(outcome);
        handle.forward_interrupt();
        // It fails for a session whose messages go elsewhere, which has no descriptor.
        if handle.update_readiness().is_ok()
            && let Some(open) = handle.if_open()
        {
            open.session.signal_opening();
        }
    }
    let Some(failure) = failure else { return };
    if let Some(membership) = handle.membership.get() {
        membership.record_failure(Arc::clone(handle), failure.clone());
    }
    if let Some(callbacks) = &settings.callbacks {
        let listener = CListener::new(Arc::clone(handle), Some(Arc::clone(callbacks)));
        callback_scope::inside(|| listener.closed(&failure));
    }
    if let Some(opening) = &handle.opening {
        opening.set_reported();
    }
}

/// Waits until a session is open, at most `timeout_ms` milliseconds (0: does not wait, negative: no
/// limit). A session of ws_connect is open already.
///
/// On failure `*error`, unless `error` is NULL, is an error, which the caller frees with
/// ws_error_free. On success it is NULL.
///
/// Returns the status of ws_connect if the session could not be opened, WS_ERR_ABORTED after
/// ws_abort, and WS_ERR_TIMEOUT and WS_ERR_INTERRUPTED while the opening continues. Returns
/// WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `error` is NULL or points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_wait_open(
    session: *mut ws_session,
    timeout_ms: i64,
    error: *mut *mut ws_error,
) -> ws_status {
    // SAFETY: the caller's promise.
    let error = unsafe { guard::out(error, ptr::null_mut()) };
    let wait = || {
        // SAFETY: the caller's promise.
        let kept = unsafe { acquire_session(session) }?;
        kept.wait_open(&mut Deadline::after_ms(timeout_ms))
    };
    guard::status(|| guard::catch(wait).inspect_err(|failure| ws_error::write_to(failure, error)))
}

/// Interrupts the calls of ws_connect with this configuration in other threads: they return
/// WS_ERR_INTERRUPTED. If there is none, the next call returns it. Sessions of ws_connect_async and
/// copies of the configuration are not affected. In a forked child it interrupts calls of the child
/// only.
///
/// It is async-signal-safe, and other threads may use the configuration.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_interrupt(config: *const ws_config) -> ws_status {
    guard::status(|| {
        // SAFETY: the caller's promise.
        let config = unsafe { config.as_ref() }.ok_or_else(|| guard::invalid("the configuration is NULL"))?;
        config.interrupts.interrupt();
        Ok(())
    })
}
