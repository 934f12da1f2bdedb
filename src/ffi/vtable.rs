//! The C types of an extension of the application.

use std::ffi::{c_char, c_void};

/// The place of a piece in its message, as bits.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_piece_flags {
    /// The first piece of the message.
    WS_PIECE_FIRST = 1,
    /// The last piece of the message.
    WS_PIECE_LAST = 2,
}

/// A piece of a message for an extension. To encode, it is the message, or the fragment that the
/// application sends. To decode, it is what has arrived, which may be empty. The library may add
/// members at the end.
#[repr(C)]
#[derive(Debug)]
pub struct ws_extension_piece {
    /// The bytes. Never NULL.
    pub data: *const u8,
    /// The number of bytes.
    pub size: usize,
    /// The type of the message: WS_FRAME_TEXT or WS_FRAME_BINARY.
    pub r#type: u32,
    /// An OR of ws_piece_flags.
    pub flags: u32,
    /// To decode: those reserved bits of the message that the extension owns, as in ws_frame_flags.
    /// To encode: 0.
    pub rsv: u32,
}

/// The output of an extension. See ws_sink_write.
pub struct ws_sink {
    _opaque: [u8; 0],
}

/// An extension in C (RFC 6455 section 9; Ktor's WebSocketExtensionFactory). The caller sets
/// `struct_size`.
///
/// The functions return a ws_status. The library calls `encode` with the lock for sending held, and
/// `decode` with the lock for reading held, because messages must keep their order. These two must
/// not wait for a thread that sends or receives, must not take a lock that such a thread holds, and
/// must not free a session; functions on a session return WS_ERR_STATE in them. Any thread that
/// sends or receives may call them. For one instance, at most one thread at a time is in `encode`
/// and at most one in `decode`, but both may run at the same time. Several threads may call the
/// other functions at the same time.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ws_extension_vtable {
    /// sizeof(ws_extension_vtable), set by the caller.
    pub struct_size: usize,
    /// The name of the extension in the handshake, an HTTP token.
    pub name: *const c_char,
    /// The reserved bits that the extension owns, as in ws_frame_flags. It decodes only messages
    /// that have one of them. 0: it owns none, and encodes and decodes every message.
    pub rsv: u32,
    /// Writes the parameters of the offer, as they follow the name in the header: "a; b=1". NULL:
    /// none.
    pub offer: Option<unsafe extern "C" fn(user_data: *mut c_void, parameters: *mut ws_sink) -> i32>,
    /// Called if the server has accepted the extension. `parameters` has the form of the offer.
    /// Writes the instance for the session. Another status than WS_OK fails the handshake with
    /// WS_ERR_EXTENSION. NULL: every parameter is accepted, and there is no instance.
    pub negotiate: Option<
        unsafe extern "C" fn(user_data: *mut c_void, parameters: *const c_char, instance: *mut *mut c_void) -> i32,
    >,
    /// Writes the bytes that replace the piece. For the first piece of a message, `*rsv` becomes
    /// the reserved bits of the message. If an extension that owns bits sets none, all pieces of
    /// the message remain unchanged. Another status than WS_OK fails the send with
    /// WS_ERR_EXTENSION, and nothing of the message is sent.
    pub encode: Option<
        unsafe extern "C" fn(
            instance: *mut c_void,
            piece: *const ws_extension_piece,
            rsv: *mut u32,
            output: *mut ws_sink,
        ) -> i32,
    >,
    /// Writes the decoded bytes of the piece. Another status than WS_OK fails the connection:
    /// WS_ERR_UTF8 and WS_ERR_COMPRESSION with Close 1007, every other status as WS_ERR_EXTENSION
    /// with Close 1002.
    pub decode: Option<
        unsafe extern "C" fn(instance: *mut c_void, piece: *const ws_extension_piece, output: *mut ws_sink) -> i32,
    >,
    /// Called when the instance is no longer used. May be NULL.
    pub drop: Option<unsafe extern "C" fn(instance: *mut c_void)>,
    /// Called when `user_data` is no longer used: all configurations with the extension and all
    /// their sessions are freed. May be NULL.
    pub release: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
}
