//! Adapts an extension of the application to the protocol's traits.

use std::cell::Cell;
use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::ffi::frame::RSV_SHIFT;
use crate::ffi::guard;
use crate::ffi::status::ws_status;
use crate::ffi::vtable::{ws_extension_piece, ws_extension_vtable, ws_piece_flags, ws_sink};
use crate::fork;
use crate::frame::Opcode;
use crate::lock::assert_unlocked;
use crate::protocol::extension::header::Parameters;
use crate::protocol::extension::{Codec, Decoder, Encoder, Encoding, Extension, ExtensionInfo, MessageChunk, Sink};
use crate::session::background::callback_scope;

type Encode = unsafe extern "C" fn(*mut c_void, *const ws_extension_piece, rsv: *mut u32, output: *mut ws_sink) -> i32;
type Decode = unsafe extern "C" fn(*mut c_void, *const ws_extension_piece, output: *mut ws_sink) -> i32;

/// An extension of the application that a configuration has.
pub(super) struct CExtension(Arc<Installed>);

/// The functions and user data of an extension, which its configurations and sessions share.
struct Installed {
    name: String,
    rsv: u8,
    offer: Option<unsafe extern "C" fn(*mut c_void, *mut ws_sink) -> i32>,
    negotiate: Option<unsafe extern "C" fn(*mut c_void, *const c_char, *mut *mut c_void) -> i32>,
    encode: Encode,
    decode: Decode,
    drop: Option<unsafe extern "C" fn(*mut c_void)>,
    release: Option<unsafe extern "C" fn(*mut c_void)>,
    user_data: *mut c_void,
}

// SAFETY: the header asks for functions and user data that any thread may use.
unsafe impl Send for Installed {}
// SAFETY: as above.
unsafe impl Sync for Installed {}

impl Drop for Installed {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            assert_unlocked();
            // SAFETY: of this type by the header; the last user calls it once.
            callback_scope::inside(|| unsafe { release(self.user_data) });
        }
    }
}

/// The instance that `negotiate` made. The encoder, the decoder and the session share it.
struct Instance {
    pointer: *mut c_void,
    installed: Arc<Installed>,
}

// SAFETY: the header says which functions of an instance may run at the same time, and that any thread may call them.
unsafe impl Send for Instance {}
// SAFETY: as above.
unsafe impl Sync for Instance {}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(drop) = self.installed.drop {
            assert_unlocked();
            // SAFETY: of this type by the header; the last user calls it once.
            callback_scope::inside(|| unsafe { drop(self.pointer) });
        }
    }
}

impl CExtension {
    pub(super) fn new(name: &str, vtable: &ws_extension_vtable, user_data: *mut c_void) -> Result<Self> {
        let (Some(encode), Some(decode)) = (vtable.encode, vtable.decode) else {
            return Err(guard::invalid("an extension needs encode and decode"));
        };
        let rsv = reserved_bits(vtable.rsv)
            .ok_or_else(|| guard::invalid(format!("{:#x} has bits that are not reserved bits", vtable.rsv)))?;
        let ws_extension_vtable { offer, negotiate, drop, release, .. } = *vtable;
        let name = name.to_owned();
        Ok(Self(Arc::new(Installed { name, rsv, offer, negotiate, encode, decode, drop, release, user_data })))
    }
}

/// Converts bits of ws_frame_flags. Returns None if there are other bits.
fn reserved_bits(flags: u32) -> Option<u8> {
    let rsv = u8::try_from(flags >> RSV_SHIFT).ok()?;
    (u32::from(rsv) << RSV_SHIFT == flags).then_some(rsv)
}

impl Extension for CExtension {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn rsv(&self) -> u8 {
        self.0.rsv
    }

    fn supports_discard(&self) -> bool {
        false
    }

    fn offer(&self) -> Result<String> {
        let Some(offer) = self.0.offer else { return Ok(String::new()) };
        let mut parameters = Vec::new();
        let mut output = Output::new(Target::Bytes(&mut parameters));
        assert_unlocked();
        // SAFETY: of this type by the header; the sink is for this call.
        let status = callback_scope::inside(|| unsafe { offer(self.0.user_data, output.as_sink()) });
        output.finish(status, &self.0.name)?;
        let wrong = || guard::invalid("an extension offers parameters that are not those of a header");
        let parameters = String::from_utf8(parameters).map_err(|_| wrong())?;
        if Parameters::parse(&parameters).is_none() {
            return Err(wrong());
        }
        Ok(parameters)
    }

    fn accept(&self, parameters: &Parameters) -> Result<Codec> {
        let mut pointer = ptr::null_mut();
        if let Some(negotiate) = self.0.negotiate {
            let text = CString::new(parameters.to_string()).unwrap_or_default();
            assert_unlocked();
            // SAFETY: of this type by the header; the text and the pointer outlive the call.
            let status =
                callback_scope::inside(|| unsafe { negotiate(self.0.user_data, text.as_ptr(), &raw mut pointer) });
            if status != ws_status::WS_OK as i32 {
                return Err(failed(&self.0.name, "does not take the server's parameters", status));
            }
        }
        let instance = Arc::new(Instance { pointer, installed: Arc::clone(&self.0) });
        Ok(Codec {
            encoder: Box::new(CEncoder(Arc::clone(&instance))),
            decoder: Box::new(CDecoder { instance: Arc::clone(&instance), message: None }),
            decodes_unmarked: self.0.rsv == 0,
            instance: Some(Box::new(instance)),
        })
    }
}

/// An extension of a session. It is lent by the session. The library may add members at the end.
#[repr(C)]
#[derive(Debug)]
pub struct ws_extension {
    /// The name.
    pub name: *const c_char,
    /// The parameters that the server chose: "a; b=1", or "".
    pub parameters: *const c_char,
    /// The instance that `negotiate` wrote. NULL for permessage-deflate.
    pub instance: *mut c_void,
}

/// A [`ws_extension`] with the strings that it points to.
pub(super) struct NegotiatedExtension {
    pub(super) lent: ws_extension,
    name: CString,
    _parameters: CString,
}

// SAFETY: the strings belong to it and do not change; the application may use its instance on any thread.
unsafe impl Send for NegotiatedExtension {}
// SAFETY: as above.
unsafe impl Sync for NegotiatedExtension {}

impl NegotiatedExtension {
    pub(super) fn new(told: &ExtensionInfo) -> Self {
        let (name, parameters) = (guard::c_string(told.name.as_bytes()), guard::c_string(told.parameters.as_bytes()));
        let lent = ws_extension { name: name.as_ptr(), parameters: parameters.as_ptr(), instance: instance_of(told) };
        Self { lent, name, _parameters: parameters }
    }

    pub(super) fn has_name(&self, name: &str) -> bool {
        self.name.as_bytes().eq_ignore_ascii_case(name.as_bytes())
    }
}

/// Returns the instance that `negotiate` made. Returns NULL for extensions of the library.
fn instance_of(told: &ExtensionInfo) -> *mut c_void {
    let instance = told.instance.as_ref().and_then(|instance| instance.downcast_ref::<Arc<Instance>>());
    instance.map_or(ptr::null_mut(), |instance| instance.pointer)
}

thread_local! {
    /// This thread is in `encode` or `decode` of an extension.
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Calls `encode` or `decode`. The session's encoders or its reader are locked meanwhile, so that messages keep their order.
fn inside<T>(call: impl FnOnce() -> T) -> T {
    struct Inside(bool);

    impl Drop for Inside {
        fn drop(&mut self) {
            IS_INSIDE.set(self.0);
        }
    }

    let _inside = Inside(IS_INSIDE.replace(true));
    callback_scope::inside(call)
}

/// Fails in `encode` and `decode`, which cannot use a session.
pub(super) fn check_outside() -> Result<()> {
    if IS_INSIDE.get() {
        return Err(Error::new(Kind::State, "a function of an extension cannot use a session"));
    }
    Ok(())
}

struct CEncoder(Arc<Instance>);

impl Encoder for CEncoder {
    fn encode(&mut self, piece: &MessageChunk<'_>, output: &mut Vec<u8>) -> Result<Encoding> {
        let Instance { pointer, installed } = &*self.0;
        let c_piece = c_piece(piece.opcode, piece.payload, (piece.first, piece.last), 0);
        let mut bits = 0;
        let mut output = Output::new(Target::Bytes(output));
        // SAFETY: of this type by the header; the arguments outlive the call.
        let status =
            inside(|| unsafe { (installed.encode)(*pointer, &raw const c_piece, &raw mut bits, output.as_sink()) });
        output.finish(status, &installed.name)?;
        if !piece.first {
            return Ok(Encoding::Changed { rsv: 0 });
        }
        let rsv = reserved_bits(bits).filter(|rsv| rsv & !installed.rsv == 0).ok_or_else(|| {
            Error::new(Kind::Extension, format!("the extension {} sets bits that are not its own", installed.name))
        })?;
        Ok(if installed.rsv != 0 && rsv == 0 { Encoding::Unchanged } else { Encoding::Changed { rsv } })
    }
}

struct CDecoder {
    instance: Arc<Instance>,
    /// The type and reserved bits of the message, and whether the next piece is its first.
    message: Option<(Opcode, u8, bool)>,
}

impl Decoder for CDecoder {
    fn begin(&mut self, opcode: Opcode, rsv: u8) -> bool {
        self.message = Some((opcode, rsv, true));
        true
    }

    fn decode(&mut self, part: &[u8], last: bool, output: &mut Sink<'_>) -> Result<()> {
        let Instance { pointer, installed } = &*self.instance;
        let Some((opcode, rsv, first)) = &mut self.message else { return Ok(()) };
        let c_piece = c_piece(*opcode, part, (std::mem::take(first), last), *rsv);
        let mut output = Output::new(Target::Message(output));
        // SAFETY: of this type by the header; the arguments outlive the call.
        let status = inside(|| unsafe { (installed.decode)(*pointer, &raw const c_piece, output.as_sink()) });
        output.finish(status, &installed.name)
    }
}

fn c_piece(opcode: Opcode, bytes: &[u8], (first, last): (bool, bool), rsv: u8) -> ws_extension_piece {
    let flag = |is_set: bool, flag: ws_piece_flags| if is_set { flag as u32 } else { 0 };
    ws_extension_piece {
        data: bytes.as_ptr(),
        size: bytes.len(),
        r#type: opcode as u32,
        flags: flag(first, ws_piece_flags::WS_PIECE_FIRST) | flag(last, ws_piece_flags::WS_PIECE_LAST),
        rsv: u32::from(rsv) << RSV_SHIFT,
    }
}

/// The object behind a `ws_sink`.
pub(super) struct Output<'a, 'b> {
    target: Target<'a, 'b>,
    /// The error of a write, which counts even if the application ignores it.
    error: Option<Error>,
    /// The fork generation of the process that makes the call.
    generation: u64,
}

enum Target<'a, 'b> {
    Bytes(&'a mut Vec<u8>),
    Message(&'a mut Sink<'b>),
}

impl<'a, 'b> Output<'a, 'b> {
    fn new(target: Target<'a, 'b>) -> Self {
        Self { target, error: None, generation: fork::generation() }
    }

    fn as_sink(&mut self) -> *mut ws_sink {
        ptr::from_mut(self).cast()
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match &mut self.target {
            Target::Message(sink) => sink.write(bytes),
            Target::Bytes(output) => {
                output.try_reserve(bytes.len()).map(|()| output.extend_from_slice(bytes)).map_err(|_| {
                    Error::new(Kind::NoMemory, format!("no memory for {} bytes of an extension", bytes.len()))
                })
            }
        };
        written.inspect_err(|error| self.error = Some(error.clone()))
    }

    /// Checks the status with which the function of the application returned.
    fn finish(self, status: i32, name: &str) -> Result<()> {
        if fork::is_inherited(self.generation) {
            return Err(Error::new(Kind::Forked, "the session was opened by the parent process"));
        }
        match self.error {
            Some(error) => Err(error),
            None if status == ws_status::WS_OK as i32 => Ok(()),
            None => Err(failed(name, "failed", status)),
        }
    }
}

fn failed(name: &str, what: &str, status: i32) -> Error {
    const UTF8: i32 = ws_status::WS_ERR_UTF8 as i32;
    const COMPRESSION: i32 = ws_status::WS_ERR_COMPRESSION as i32;
    let kind = match status {
        UTF8 => Kind::Utf8,
        COMPRESSION => Kind::Compression,
        _ => Kind::Extension,
    };
    Error::new(kind, format!("the extension {name} {what}: it returned {status}"))
}
