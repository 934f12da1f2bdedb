//! The extensions of a session, and extensions of the application.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;

use crate::error::{Error, Kind};
use crate::ffi::c_extension::{CExtension, NegotiatedExtension, Output, ws_extension};
use crate::ffi::config::deflate::ws_deflate_info;
use crate::ffi::config::{set, ws_config};
use crate::ffi::entry::{acquire_session, inspect};
use crate::ffi::guard;
use crate::ffi::handle::ws_session;
use crate::ffi::status::ws_status;
use crate::ffi::vtable::{ws_extension_vtable, ws_sink};
use crate::protocol::deflate::Agreed;

/// Offers an extension in the handshake, after those already installed. The vtable is copied. If
/// the server accepts the extension, messages pass through it: sent messages in the order of the
/// server's answer, received ones in the opposite order.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config`, `vtable`, its name, `encode` or `decode` is NULL,
/// for a wrong `struct_size`, a name that is not an HTTP token, unknown bits, and if an extension
/// with the same name or bit is installed. After an error the library does not call `release`.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `vtable` is NULL or points to as many bytes as its
/// `struct_size` says, with functions of these types; `user_data` is valid until `release` is called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_install_extension(
    config: *mut ws_config,
    vtable: *const ws_extension_vtable,
    user_data: *mut c_void,
) -> ws_status {
    set(config, "ws_config_install_extension", |config| {
        // SAFETY: the caller's promise.
        let vtable = unsafe { guard::sized_struct(vtable) }?;
        let vtable = vtable.ok_or_else(|| guard::invalid("the vtable is NULL"))?;
        // SAFETY: the caller's promise.
        let name = unsafe { guard::string(vtable.name) }?;
        // Until the extension is accepted, the user data belongs to the caller: `release` must not be called.
        let tried = CExtension::new(name, &ws_extension_vtable { release: None, ..*vtable }, user_data)?;
        config.check_extension(&tried)?;
        config.install(Arc::new(CExtension::new(name, vtable, user_data)?))
    })
}

/// Appends `size` bytes to the output: parameters of an offer, or the result of encoding or
/// decoding. The bytes are copied. Call it only with the sink that a function of
/// ws_extension_vtable was passed, before that function returns.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL unless `size` is 0, WS_ERR_MESSAGE_TOO_BIG if a decoded
/// message exceeds the message limit, and WS_ERR_NO_MEMORY. After the latter two the connection or
/// the send fails, whatever the extension returns.
///
/// # Safety
/// `sink` is NULL or the sink of the call under way; `data` points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_sink_write(sink: *mut ws_sink, data: *const c_void, size: usize) -> ws_status {
    guard::status(|| {
        // SAFETY: the caller's promise: every sink is an Output.
        let output = unsafe { guard::reference_mut(sink.cast::<Output<'_, '_>>()) }?;
        // SAFETY: the caller's promise.
        output.write(unsafe { guard::bytes(data.cast(), size) }?)
    })
}

fn extensions(session: &ws_session) -> &[NegotiatedExtension] {
    session.if_open().map_or(&[], |open| &open.extensions)
}

/// Writes what the session agreed on for permessage-deflate.
///
/// Returns WS_ERR_STATE while the session is being opened and if it does not use
/// permessage-deflate, WS_ERR_INVALID_ARGUMENT for NULL or a wrong `struct_size`, and
/// WS_ERR_FORKED.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `info` is NULL or points to as many bytes as its
/// `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_get_deflate_info(session: *const ws_session, info: *mut ws_deflate_info) -> ws_status {
    let read = |struct_size| {
        // SAFETY: the caller's promise.
        let kept = unsafe { acquire_session(session) }?;
        let mut instances = kept.session()?.identity.extensions.iter().filter_map(|agreed| agreed.instance.as_ref());
        let agreed = instances.find_map(|instance| instance.downcast_ref::<Agreed>());
        let agreed = agreed.ok_or_else(|| Error::new(Kind::State, "the session does not have permessage-deflate"))?;
        Ok(ws_deflate_info {
            struct_size,
            level: agreed.level.into(),
            client_max_window_bits: agreed.client_max_window_bits.into(),
            server_max_window_bits: agreed.server_max_window_bits.into(),
            client_no_context_takeover: agreed.client_no_context_takeover.into(),
            server_no_context_takeover: agreed.server_no_context_takeover.into(),
        })
    };
    // SAFETY: the caller's promise.
    guard::status(|| unsafe { guard::fill_struct(info, read) })
}

/// Returns the number of extensions of a session. Returns 0 for NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_extension_count(session: *const ws_session) -> usize {
    // SAFETY: the caller's promise.
    unsafe { inspect(session, 0, |session| extensions(session).len()) }
}

/// Returns the `index`-th extension (from 0), in the order of the server's answer (Ktor's
/// extensions). It is lent until the session is freed. Returns NULL after the last one, and for
/// NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_extension_at(session: *const ws_session, index: usize) -> *const ws_extension {
    // SAFETY: the caller's promise.
    unsafe {
        inspect(session, ptr::null(), |session| {
            extensions(session).get(index).map_or(ptr::null(), |extension| &raw const extension.lent)
        })
    }
}

/// Returns the extension with this name (Ktor's extensionOrNull). Case is ignored. It is lent until
/// the session is freed. Returns NULL if there is none, and for NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `name` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_extension_find(session: *const ws_session, name: *const c_char) -> *const ws_extension {
    // SAFETY: the caller's promise.
    unsafe {
        inspect(session, ptr::null(), |session| {
            let Ok(name) = guard::string(name) else { return ptr::null() };
            let mut extensions = extensions(session).iter();
            let found = extensions.find(|extension| extension.has_name(name));
            found.map_or(ptr::null(), |extension| &raw const extension.lent)
        })
    }
}
