//! permessage-deflate.

use std::ffi::c_void;
use std::sync::Arc;

use crate::error::Result;
use crate::ffi::config::{set, ws_config};
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::frame::Opcode;
use crate::lock::assert_unlocked;
use crate::protocol::deflate::{Options, PermessageDeflate, WINDOW_BITS};
use crate::session::CompressionFilter;
use crate::session::background::callback_scope;

/// Flags of ws_deflate_options, to be ORed.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_deflate_flags {
    /// Omit client_max_window_bits from the offer, for servers that decline offers with it. The
    /// server then cannot require a smaller window. The member client_max_window_bits still sets
    /// the client's window.
    WS_DEFLATE_OMIT_CLIENT_MAX_WINDOW_BITS = 1,
    /// Add a second offer without parameters, for servers that decline the first one (RFC 7692
    /// section 5.1). A server that accepts the second offer ignores server_max_window_bits and
    /// server_no_context_takeover.
    WS_DEFLATE_OFFER_FALLBACK = 2,
}

/// Options of permessage-deflate (RFC 7692; Ktor's WebSocketDeflateExtension). The caller sets
/// `struct_size`. All other members may be 0, which is the default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ws_deflate_options {
    /// sizeof(ws_deflate_options), set by the caller.
    pub struct_size: usize,
    /// The level of compression: 1 (fastest) to 9 (smallest). 0: 5.
    pub level: u32,
    /// The memory of the compressor besides its window: 1 (about 2 KiB) to 9 (about 512 KiB). 0: 8.
    pub memory_level: u32,
    /// The largest window of the client's compression, as an exponent of two: 8 to 15. It is
    /// offered as client_max_window_bits, and the server may require a smaller one. 0: 15, and the
    /// parameter is offered without a value.
    pub client_max_window_bits: u32,
    /// The largest window of the server's compression, 8 to 15. It is requested as
    /// server_max_window_bits. A server that does not agree fails the handshake. 0: no request.
    pub server_max_window_bits: u32,
    /// 1: the client compresses each message separately, and offers client_no_context_takeover. The
    /// memory of the compressor is freed while nothing is sent.
    pub client_no_context_takeover: u32,
    /// 1: the server is requested to compress each message separately (server_no_context_takeover).
    /// A server that does not agree fails the handshake.
    pub server_no_context_takeover: u32,
    /// Smaller messages, in bytes, are not compressed. Empty messages never are.
    pub min_size: usize,
    /// Called before a message, or its first fragment, is compressed. If it returns 0, the message
    /// is not compressed. The sending thread calls it with no lock held; several threads may call
    /// it at the same time. NULL: all messages are compressed.
    pub filter:
        Option<unsafe extern "C" fn(user_data: *mut c_void, r#type: u32, data: *const c_void, size: usize) -> i32>,
    /// Passed to `filter`. It must remain valid until the sessions of the configuration are freed.
    /// All their threads use it.
    pub filter_user_data: *mut c_void,
    /// An OR of ws_deflate_flags.
    pub flags: u32,
}

/// Offers permessage-deflate in the handshake. NULL as `options`: the defaults. If the server
/// accepts, messages are compressed in both directions. ws_get_deflate_info returns what was agreed
/// on. An answer that does not match the offer fails the handshake with WS_ERR_HANDSHAKE_INVALID.
///
/// Control frames and raw sessions are not compressed. WS_SEND_NO_COMPRESS excludes a message. A
/// fragmented message is compressed as one, and flushed with each fragment. The message limit
/// applies to the inflated bytes, and inflating stops at it; the frame limit applies to the bytes
/// on the wire. Invalid data fails the connection with Close 1007 and WS_ERR_COMPRESSION.
///
/// Do not send secrets and data of an attacker in one compressed session: the sizes of messages can
/// reveal secrets (RFC 7692 section 8).
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, for an option out of range, an unknown
/// flag, a wrong `struct_size`, and if permessage-deflate or an extension with the bit RSV1 is
/// installed.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `options` is NULL or points to as many bytes as its
/// `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_install_deflate(
    config: *mut ws_config,
    options: *const ws_deflate_options,
) -> ws_status {
    set(config, "ws_config_install_deflate", |config| {
        // SAFETY: the caller's promise.
        let options = unsafe { guard::sized_struct(options) }?;
        let checked = options.map(check).transpose()?.unwrap_or_default();
        config.install(Arc::new(PermessageDeflate(checked)))?;
        config.filter = options.and_then(SharedFilter::of).map(|filter| CompressionFilter {
            min_size: checked.min_size,
            predicate: Arc::new(move |opcode, payload| filter.wants(opcode, payload)),
        });
        Ok(())
    })
}

fn check(options: &ws_deflate_options) -> Result<Options> {
    let defaults = Options::default();
    let level = |number: u32, default: u8| match u8::try_from(number) {
        Ok(0) => Ok(default),
        Ok(number @ 1..=9) => Ok(number),
        _ => Err(guard::invalid(format!("level or memory_level is {number}, not 0 to 9"))),
    };
    let window_bits = |number: u32| match u8::try_from(number) {
        Ok(0) => Ok(None),
        Ok(bits) if WINDOW_BITS.contains(&bits) => Ok(Some(bits)),
        _ => Err(guard::invalid(format!("a window of {number} bits is not 0 or 8 to 15"))),
    };
    let omit = ws_deflate_flags::WS_DEFLATE_OMIT_CLIENT_MAX_WINDOW_BITS as u32;
    let fallback = ws_deflate_flags::WS_DEFLATE_OFFER_FALLBACK as u32;
    if options.flags & !(omit | fallback) != 0 {
        return Err(guard::invalid(format!("the flags {:#x} are not known", options.flags)));
    }
    let flag = |number: u32| guard::flag(i32::try_from(number).unwrap_or(-1));
    Ok(Options {
        level: level(options.level, defaults.level)?,
        memory_level: level(options.memory_level, defaults.memory_level)?,
        client_max_window_bits: window_bits(options.client_max_window_bits)?,
        server_max_window_bits: window_bits(options.server_max_window_bits)?,
        client_no_context_takeover: flag(options.client_no_context_takeover)?,
        server_no_context_takeover: flag(options.server_no_context_takeover)?,
        min_size: options.min_size,
        omits_client_max_window_bits: options.flags & omit != 0,
        offers_fallback: options.flags & fallback != 0,
    })
}

/// What a session agreed on for permessage-deflate (RFC 7692 section 7.1). The caller sets
/// `struct_size`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ws_deflate_info {
    /// sizeof(ws_deflate_info), set by the caller.
    pub struct_size: usize,
    /// The level of the client's compression, 1 to 9.
    pub level: u32,
    /// The window of the client's compression, 8 to 15.
    pub client_max_window_bits: u32,
    /// The window of the server's compression, 8 to 15.
    pub server_max_window_bits: u32,
    /// 1 if the client compresses each message separately, else 0.
    pub client_no_context_takeover: u32,
    /// 1 if the server compresses each message separately, else 0.
    pub server_no_context_takeover: u32,
}

/// The filter of the application.
#[derive(Clone, Copy)]
struct SharedFilter {
    function: unsafe extern "C" fn(*mut c_void, u32, *const c_void, usize) -> i32,
    user_data: *mut c_void,
}

// SAFETY: the header says that all threads of the configuration's sessions use the function and its data.
unsafe impl Send for SharedFilter {}
// SAFETY: as above.
unsafe impl Sync for SharedFilter {}

impl SharedFilter {
    fn of(options: &ws_deflate_options) -> Option<Self> {
        let user_data = options.filter_user_data;
        options.filter.map(|function| Self { function, user_data })
    }

    fn wants(self, opcode: Opcode, payload: &[u8]) -> bool {
        assert_unlocked();
        // SAFETY: of this type by the header; its user data is valid while there are sessions.
        let call = || unsafe { (self.function)(self.user_data, opcode as u32, payload.as_ptr().cast(), payload.len()) };
        callback_scope::inside(call) != 0
    }
}
