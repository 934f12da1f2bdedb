//! The extensions of a session, and those that C brings.

use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::Arc;

use crate::ffi::c_extension::{CExtension, Output, instance_of};
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::session::{look_at, ws_session};
use crate::ffi::status::ws_status;
use crate::protocol::extension::ExtensionInfo;

/// Where a part of a message stands in it, as bits of ws_extension_piece.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_piece_flags {
    /// It begins the message.
    WS_PIECE_FIRST = 1,
    /// It ends the message.
    WS_PIECE_LAST = 2,
}

/// A part of a message for an extension. To encode, it is the message, or the fragment of it that the application sends;
/// to decode, whatever has arrived of it, which may be nothing. The library may add members at the end.
#[repr(C)]
#[derive(Debug)]
pub struct ws_extension_piece {
    /// The bytes; not NULL.
    pub data: *const u8,
    /// Their number.
    pub size: usize,
    /// The type of the message: WS_TEXT or WS_BINARY.
    pub r#type: u32,
    /// ws_piece_flags.
    pub flags: u32,
    /// To decode: those of the extension's reserved bits that the message has, as in ws_frame_flags. To encode: 0.
    pub rsv: u32,
}

/// Where an extension writes: see ws_sink_write.
pub struct ws_sink {
    _opaque: [u8; 0],
}

/// An extension in C (RFC 6455 section 9; Ktor's WebSocketExtensionFactory), for ws_config_install_extension, which
/// copies it. The caller sets `struct_size`; later versions may add members at the end.
///
/// The functions return a ws_status. The library holds the lock for sending while it calls `encode`, and the one for reading
/// while it calls `decode`, so that messages keep their order. Therefore the two must not wait for a thread that sends or
/// receives, must not take a lock that such a thread holds, and must not free a session. Other functions on a session return
/// WS_ERR_STATE in them. Any thread that sends or receives may call them: for one instance, at most one thread at a time is
/// in `encode` and at most one in `decode`, but both may run at the same time. Several threads may call the other functions
/// at the same time.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ws_extension_vtable {
    /// sizeof(ws_extension_vtable), set by the caller.
    pub struct_size: usize,
    /// The extension's name in the handshake, an HTTP token.
    pub name: *const c_char,
    /// The reserved bits that the extension owns, as in ws_frame_flags. It decodes only messages that have one of these bits.
    /// 0: it owns none, and encodes and decodes every message.
    pub rsv: u32,
    /// Writes the parameters to offer, as they stand in the header behind the name: "a; b=1". NULL offers none.
    pub offer: Option<unsafe extern "C" fn(user_data: *mut c_void, parameters: *mut ws_sink) -> i32>,
    /// The server has accepted, with these parameters in the same form. Makes the instance for the session; a status
    /// other than WS_OK fails the handshake with WS_ERR_EXTENSION. NULL accepts any, without an instance.
    pub negotiate: Option<
        unsafe extern "C" fn(user_data: *mut c_void, parameters: *const c_char, instance: *mut *mut c_void) -> i32,
    >,
    /// Writes what goes out in place of the piece. In the first piece of a message `*rsv` becomes the bits that the message
    /// gets; an extension that owns bits and sets none leaves the message as it is, with all its pieces. A status other
    /// than WS_OK fails the send with WS_ERR_EXTENSION: nothing of the message goes out.
    pub encode: Option<
        unsafe extern "C" fn(
            instance: *mut c_void,
            piece: *const ws_extension_piece,
            rsv: *mut u32,
            output: *mut ws_sink,
        ) -> i32,
    >,
    /// Writes what the piece stands for. A status other than WS_OK fails the connection: WS_ERR_UTF8 and
    /// WS_ERR_COMPRESSION with Close 1007, any other one as WS_ERR_EXTENSION with Close 1002.
    pub decode: Option<
        unsafe extern "C" fn(instance: *mut c_void, piece: *const ws_extension_piece, output: *mut ws_sink) -> i32,
    >,
    /// The instance is not used any more. May be NULL.
    pub drop: Option<unsafe extern "C" fn(instance: *mut c_void)>,
    /// `user_data` is not used any more: all configurations with the extension and all their sessions are freed. May be
    /// NULL.
    pub release: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
}

/// An extension that a session has. All of it is lent by the session; later versions may add members at the end.
#[repr(C)]
#[derive(Debug)]
pub struct ws_extension {
    /// Its name.
    pub name: *const c_char,
    /// The parameters the server chose: "a; b=1", "" for none.
    pub parameters: *const c_char,
    /// What its `negotiate` made; NULL for permessage-deflate.
    pub instance: *mut c_void,
}

/// A [`ws_extension`] with its strings.
pub(super) struct NegotiatedExtension {
    lent: ws_extension,
    name: CString,
    _parameters: CString,
}

// SAFETY: the strings are its own and do not change; what the instance points to is the application's, for any thread.
unsafe impl Send for NegotiatedExtension {}
// SAFETY: as above.
unsafe impl Sync for NegotiatedExtension {}

impl NegotiatedExtension {
    pub(super) fn new(told: &ExtensionInfo) -> Self {
        let (name, parameters) = (guard::c_string(told.name.as_bytes()), guard::c_string(told.parameters.as_bytes()));
        let lent = ws_extension { name: name.as_ptr(), parameters: parameters.as_ptr(), instance: instance_of(told) };
        Self { lent, name, _parameters: parameters }
    }

    fn is_called(&self, name: &str) -> bool {
        self.name.as_bytes().eq_ignore_ascii_case(name.as_bytes())
    }
}

/// Offers an extension in the handshake, behind those installed before. If the server chooses it, messages pass through
/// it: those that go out in the order of the server's answer, those that come in the other way round.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL as the configuration, the vtable, its name, `encode` or `decode`, a
/// `struct_size` that is smaller than this version's or over 4096, a name that is not an HTTP token, other bits than
/// those of ws_frame_flags, and when an extension with the name or one of the bits is installed already. After an error the
/// library does not use the functions and does not call `release`.
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
    set(config, |config| {
        // SAFETY: the caller's promise.
        let vtable = unsafe { guard::sized_struct(vtable) }?;
        let vtable = vtable.ok_or_else(|| guard::invalid("the vtable is NULL"))?;
        // SAFETY: the caller's promise.
        let name = unsafe { guard::string(vtable.name) }?;
        // Until it is clear that it is taken, the user data stays the caller's.
        let tried = CExtension::new(name, &ws_extension_vtable { release: None, ..*vtable }, user_data)?;
        config.check_extension(&tried)?;
        config.install(Arc::new(CExtension::new(name, vtable, user_data)?))
    })
}

/// Writes `size` bytes behind those written before: parameters of an offer, or what a piece is encoded or decoded to. The
/// bytes are copied. Only to be called with the sink that a function of ws_extension_vtable was given, before it
/// returns.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, unless the size is 0, WS_ERR_MESSAGE_TOO_BIG when a decoded message gets
/// larger than the message limit, and WS_ERR_NO_MEMORY. After the latter two the connection or the send fails, whatever
/// the extension does.
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
    session.opened().map_or(&[], |open| &open.extensions)
}

/// How many extensions the session has; 0 for NULL.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_extension_count(session: *const ws_session) -> usize {
    // SAFETY: the caller's promise.
    unsafe { look_at(session, 0, |session| extensions(session).len()) }
}

/// The `index`-th extension (from 0), in the order of the server's answer (Ktor's extensions). NULL where there is none,
/// and for NULL. It is the session's.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_extension_at(session: *const ws_session, index: usize) -> *const ws_extension {
    // SAFETY: the caller's promise.
    unsafe {
        look_at(session, ptr::null(), |session| {
            extensions(session).get(index).map_or(ptr::null(), |extension| &raw const extension.lent)
        })
    }
}

/// The extension of this name, in any case (Ktor's extensionOrNull). NULL where there is none, and for NULL. It is the
/// session's.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed; `name` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_extension_find(session: *const ws_session, name: *const c_char) -> *const ws_extension {
    // SAFETY: the caller's promise.
    unsafe {
        look_at(session, ptr::null(), |session| {
            let Ok(name) = guard::string(name) else { return ptr::null() };
            let mut extensions = extensions(session).iter();
            let found = extensions.find(|extension| extension.is_called(name));
            found.map_or(ptr::null(), |extension| &raw const extension.lent)
        })
    }
}
