//! Callbacks for the messages and state changes of a session.

use std::ffi::c_void;
use std::sync::Arc;

use crate::ffi::config::{set_settings, ws_config};
use crate::ffi::entry::with_handle;
use crate::ffi::guard;
use crate::ffi::handle::{Receiver, ws_session};
use crate::ffi::listener::{CListener, Callbacks, ws_callbacks, ws_drop_callback, ws_frame_callback};
use crate::ffi::status::ws_status;

/// Sets the functions that the library calls for sessions of the configuration; see ws_callbacks.
/// NULL as `callbacks` removes them. All sessions of the configuration share `user_data`, which
/// must remain valid until `drop` is called. For data of one session see ws_set_user_data.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, and for a wrong `struct_size`. After an
/// error the library does not call `drop`.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `callbacks` is NULL or points to as many bytes as its
/// `struct_size` says, with functions of these types.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_callbacks(
    config: *mut ws_config,
    callbacks: *const ws_callbacks,
    user_data: *mut c_void,
) -> ws_status {
    let mut before = None;
    let status = set_settings(config, "ws_config_set_callbacks", |settings| {
        // SAFETY: the caller's promise.
        let functions = unsafe { guard::sized_struct(callbacks) }?;
        let callbacks = functions.map(|functions| Arc::new(Callbacks::new(*functions, user_data)));
        before = std::mem::replace(&mut settings.callbacks, callbacks);
        Ok(())
    });
    // `drop` of the former callbacks may use the configuration.
    guard::value((), || drop(before));
    status
}

/// Delivers the messages of an open session to a function from now on, beginning with those in the
/// incoming queue. It is called like on_frame of ws_callbacks. When the session has ended, the
/// library calls it once more, with NULL as the frame; ws_session_error and ws_get_close_info
/// return the details. Then it calls `drop`, which may be NULL, with `user_data`. Calls of ws_recv,
/// also those that wait, return WS_ERR_STATE.
///
/// Returns WS_ERR_STATE while the session is being opened, if its messages go to a callback, a
/// group or the event descriptor, and if on_close of its ws_callbacks has begun. Returns the status
/// of ws_connect if the session could not be opened. Returns WS_ERR_INVALID_ARGUMENT for NULL,
/// WS_ERR_ABORTED after ws_shutdown, and WS_ERR_FORKED. After an error the library calls neither
/// the function nor `drop`.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `function` and `drop` are NULL or functions of their
/// types, and `user_data` is valid until `drop` is called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_recv_callback(
    session: *mut ws_session,
    function: ws_frame_callback,
    user_data: *mut c_void,
    drop: ws_drop_callback,
) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_handle(session, |handle| {
            let function = function.ok_or_else(|| guard::invalid("the callback is NULL"))?;
            let install = || *handle.receiver.lock() = Some(Receiver { function, user_data, drop });
            handle.session()?.deliver_to_listener(install, || Arc::new(CListener::new(Arc::clone(handle), None)))
        })
    }
}
