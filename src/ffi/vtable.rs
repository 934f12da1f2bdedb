//! The C types of an extension of the application.

use std::ffi::{c_char, c_void};

/// Where a part of a message stands in it, as bits of ws_extension_piece.
#[repr(u32)]
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
    /// The type of the message: WS_FRAME_TEXT or WS_FRAME_BINARY.
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
