//! Catches panics, and checks and converts the arguments of the C API.

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::ffi::status::ws_status;
use crate::session::config::timeout_from_ms;

/// The length of a text that ends at its first NUL byte: `WS_NUL_TERMINATED`.
const NUL_TERMINATED: usize = usize::MAX;

/// Runs a function of the API that returns a status.
pub(super) fn status(body: impl FnOnce() -> Result<()>) -> ws_status {
    match catch(body) {
        Ok(()) => ws_status::WS_OK,
        Err(error) => error.kind.into(),
    }
}

/// Runs a function of the API that returns a value. Returns `fallback` after a panic.
pub(super) fn value<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch(|| Ok(body())).unwrap_or(fallback)
}

/// Turns a panic into an error.
pub(super) fn catch<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    // Locks do not poison, so that other calls can go on. If the driver panics, its drop guard ends the session.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        // Dropping the payload could panic again.
        let _ = ManuallyDrop::new(panic);
        Err(Error::new(Kind::Internal, "the library has a bug: it panicked"))
    })
}

pub(super) fn invalid(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(Kind::InvalidArgument, message)
}

/// # Safety
/// `pointer` is NULL or points to a `T` that outlives the result and that nothing else uses meanwhile.
pub(super) unsafe fn reference_mut<'a, T>(pointer: *mut T) -> Result<&'a mut T> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_mut() }.ok_or_else(|| invalid("a pointer is NULL"))
}

/// The largest `struct_size` to accept. A larger number is most likely uninitialized memory.
const MAX_STRUCT_SIZE: usize = 4096;

/// Checks the `struct_size` of a struct that must have all members of this version.
pub(super) fn check_struct_size<T>(struct_size: usize) -> Result<()> {
    if (size_of::<T>()..=MAX_STRUCT_SIZE).contains(&struct_size) {
        return Ok(());
    }
    Err(wrong_size::<T>())
}

fn wrong_size<T>() -> Error {
    let name = std::any::type_name::<T>().rsplit("::").next().unwrap_or_default();
    Error::new(Kind::InvalidArgument, format!("struct_size is not sizeof({name})"))
}

/// Borrows a struct of the caller, whose first member is its size. Returns None for NULL.
///
/// # Safety
/// `pointer` is NULL or points to as many bytes as its size says, which nothing writes to while the result lives.
pub(super) unsafe fn sized_struct<'a, T>(pointer: *const T) -> Result<Option<&'a T>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and the caller's promise; before the size is known, only the first member is read.
    check_struct_size::<T>(unsafe { pointer.cast::<usize>().read() })?;
    // SAFETY: as above.
    Ok(unsafe { pointer.as_ref() })
}

/// Fills a struct that the caller has allocated and whose size it has set. On failure the members become 0 if the size is
/// valid. Members of later versions stay unchanged.
///
/// # Safety
/// `pointer` is NULL or points to as many bytes as its first member, the size, says.
pub(super) unsafe fn fill_struct<T: Copy>(pointer: *mut T, fill: impl FnOnce(usize) -> Result<T>) -> Result<()> {
    if pointer.is_null() {
        return Err(invalid("the struct to fill is NULL"));
    }
    // SAFETY: not NULL, and the caller's promise; before the size is known, only the first member is read.
    let struct_size = unsafe { pointer.cast::<usize>().read() };
    check_struct_size::<T>(struct_size)?;
    match fill(struct_size) {
        Ok(filled) => {
            // SAFETY: the caller's promise, and the size is not smaller.
            unsafe { pointer.write(filled) };
            Ok(())
        }
        Err(error) => {
            let size = size_of::<usize>();
            // SAFETY: as above; numbers and pointers may be 0.
            unsafe { pointer.cast::<u8>().add(size).write_bytes(0, size_of::<T>() - size) };
            Err(error)
        }
    }
}

/// Sets an out-parameter to `on_failure` and returns it. Returns None for NULL.
///
/// # Safety
/// `pointer` is NULL or points to memory for a `T`.
pub(super) unsafe fn out<'a, T>(pointer: *mut T, on_failure: T) -> Option<&'a mut T> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: not NULL, and the caller's promise; the memory is written before it becomes a reference.
    unsafe {
        pointer.write(on_failure);
        pointer.as_mut()
    }
}

/// The error for a required out-parameter that is NULL.
pub(super) fn null_out() -> Error {
    invalid("an out-parameter is NULL")
}

/// Borrows a payload. If the length is 0, the pointer is ignored.
///
/// # Safety
/// `length` is 0, or `data` is NULL or points to `length` bytes that nothing writes to while the result lives.
pub(super) unsafe fn bytes<'a>(data: *const u8, length: usize) -> Result<&'a [u8]> {
    if length == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(invalid("the data is NULL and its length is not 0"));
    }
    if length > isize::MAX.cast_unsigned() {
        return Err(invalid("the length is more than memory can hold"));
    }
    // SAFETY: not NULL, and the caller's promise.
    Ok(unsafe { slice::from_raw_parts(data, length) })
}

/// Borrows the bytes of a text whose length may be `WS_NUL_TERMINATED`.
///
/// # Safety
/// As for [`bytes`]; with that length, `text` is NULL or ends with a NUL.
pub(super) unsafe fn text_bytes<'a>(text: *const c_char, length: usize) -> Result<&'a [u8]> {
    if length != NUL_TERMINATED {
        // SAFETY: the caller's promise.
        return unsafe { bytes(text.cast(), length) };
    }
    if text.is_null() {
        return Err(invalid("a text argument is NULL"));
    }
    // SAFETY: not NULL, and the caller's promise.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// A string of at least this length is accepted only if memory for `COPIES` copies of it can be reserved.
const LONG_TEXT: usize = 64 * 1024;
const COPIES: usize = 8;

/// Fails if there is no memory for the copies of a string.
fn check_memory(text: &str) -> Result<()> {
    if text.len() < LONG_TEXT {
        return Ok(());
    }
    let size = text.len();
    let mut memory: Vec<u8> = Vec::new();
    memory
        .try_reserve_exact(size.saturating_mul(COPIES))
        .map_err(|_| Error::new(Kind::NoMemory, format!("no memory for a string of {size} bytes")))
}

/// Borrows a NUL-terminated UTF-8 string.
///
/// # Safety
/// `text` is NULL or ends with a NUL, and nothing writes to it while the result lives.
pub(super) unsafe fn string<'a>(text: *const c_char) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { text_bytes(text, NUL_TERMINATED) }?;
    let text = std::str::from_utf8(bytes).map_err(|_| invalid("a string argument is not UTF-8"))?;
    check_memory(text)?;
    Ok(text)
}

/// Like [`string`]. Returns None for NULL.
///
/// # Safety
/// As for [`string`].
pub(super) unsafe fn optional_string<'a>(text: *const c_char) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    unsafe { string(text) }.map(Some)
}

/// Like [`string`], for a path: the error shows it.
///
/// # Safety
/// As for [`string`].
pub(super) unsafe fn path<'a>(text: *const c_char) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { text_bytes(text, NUL_TERMINATED) }?;
    if std::str::from_utf8(bytes).is_err() {
        return Err(invalid(format!("the path \"{}\" is not UTF-8", bytes.escape_ascii())));
    }
    // SAFETY: the caller's promise.
    unsafe { string(text) }
}

/// Like [`path`]. Returns None for NULL.
///
/// # Safety
/// As for [`string`].
pub(super) unsafe fn optional_path<'a>(text: *const c_char) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    unsafe { path(text) }.map(Some)
}

/// Converts a switch: 0 or 1.
pub(super) fn flag(value: i32) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(invalid(format!("{value} is neither 0 nor 1"))),
    }
}

/// Copies `bytes` up to the first NUL to a C string.
pub(super) fn c_string(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    CString::new(&bytes[..end]).unwrap_or_default()
}

/// Converts a time in milliseconds. Returns None for 0 and negative numbers.
pub(super) fn positive_ms(ms: i64) -> Option<Duration> {
    timeout_from_ms(ms).filter(|time| !time.is_zero())
}
