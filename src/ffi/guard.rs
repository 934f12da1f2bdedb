//! Shared by all entries: catching panics, checking pointers and lengths.

use std::ffi::{CStr, CString, c_char};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use crate::error::{Error, Kind, Result};
use crate::ffi::status::ws_status;

/// A text's length that means "up to the NUL": `WS_NUL_TERMINATED`.
const NUL_TERMINATED: usize = usize::MAX;

/// Runs an entry that returns a status.
pub(super) fn status(body: impl FnOnce() -> Result<()>) -> ws_status {
    match caught(body) {
        Ok(()) => ws_status::WS_OK,
        Err(error) => error.kind.into(),
    }
}

/// Runs an entry that returns a value, `fallback` after a panic.
pub(super) fn value<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    caught(|| Ok(body())).unwrap_or(fallback)
}

/// Makes a panic an error.
pub(super) fn caught<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    // What a panic leaves half done stays behind locks that do not poison; the driver's drop guard ends its session.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        // Dropping it could panic again.
        let _ = ManuallyDrop::new(panic);
        Err(Error::new(Kind::Internal, "the library has a bug: it panicked"))
    })
}

pub(super) fn invalid(message: &'static str) -> Error {
    Error::new(Kind::InvalidArgument, message)
}

/// # Safety
/// `pointer` is NULL or points to a `T` that lives, and is used by nobody else, as long as the result is used.
pub(super) unsafe fn reference_mut<'a, T>(pointer: *mut T) -> Result<&'a mut T> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_mut() }.ok_or_else(|| invalid("an argument is NULL"))
}

/// No version's struct is larger: a larger size was never set.
const MAX_STRUCT_SIZE: usize = 4096;

/// Checks the size that a caller has set in a struct of this library's version or a later one.
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

/// A struct that the caller lends, whose first member is its size; None for NULL.
///
/// # Safety
/// `pointer` is NULL or points to as many bytes as its size says, which nobody writes to as long as the result is used.
pub(super) unsafe fn sized_struct<'a, T>(pointer: *const T) -> Result<Option<&'a T>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and the caller's promise; only the first member is looked at before the size is known.
    check_struct_size::<T>(unsafe { pointer.cast::<usize>().read() })?;
    // SAFETY: as above.
    Ok(unsafe { pointer.as_ref() })
}

/// A copy of a struct that the caller lends, whose first member is its size and whose first version had `first_size` bytes. The
/// members after the caller's size are 0. None for NULL.
///
/// # Safety
/// `pointer` is NULL or points to as many bytes as its size says, which nobody writes to during the call. Bytes of 0 are a
/// valid `T`.
pub(super) unsafe fn grown_struct<T: Copy>(pointer: *const T, first_size: usize) -> Result<Option<T>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and the caller's promise; only the first member is looked at before the size is known.
    let struct_size = unsafe { pointer.cast::<usize>().read() };
    if !(first_size..=MAX_STRUCT_SIZE).contains(&struct_size) {
        return Err(wrong_size::<T>());
    }
    let mut copy = MaybeUninit::<T>::zeroed();
    let known = struct_size.min(size_of::<T>());
    // SAFETY: both have as many bytes.
    unsafe { pointer.cast::<u8>().copy_to_nonoverlapping(copy.as_mut_ptr().cast(), known) };
    // SAFETY: the caller's members, and the caller's promise for those of 0.
    Ok(Some(unsafe { copy.assume_init() }))
}

/// Fills a struct that the caller has allocated and whose size it has set; on failure with zeros, if the size is valid. Members
/// of a later version stay unchanged.
///
/// # Safety
/// `pointer` is NULL or points to as many bytes as its first member, the size, says.
pub(super) unsafe fn fill_struct<T: Copy>(pointer: *mut T, fill: impl FnOnce(usize) -> Result<T>) -> Result<()> {
    if pointer.is_null() {
        return Err(invalid("the struct to fill is NULL"));
    }
    // SAFETY: not NULL, and the caller's promise; only the first member is looked at before the size is known.
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
            // SAFETY: as above; plain numbers and pointers may be 0.
            unsafe { pointer.cast::<u8>().add(size).write_bytes(0, size_of::<T>() - size) };
            Err(error)
        }
    }
}

/// An out-parameter, set to `on_failure`; None if the pointer is NULL.
///
/// # Safety
/// `pointer` is NULL or points to memory for a `T`.
pub(super) unsafe fn out<'a, T>(pointer: *mut T, on_failure: T) -> Option<&'a mut T> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: not NULL, and the caller's promise; it is written before it is a reference.
    unsafe {
        pointer.write(on_failure);
        pointer.as_mut()
    }
}

/// The error for a required out-parameter that is NULL.
pub(super) fn no_out() -> Error {
    invalid("an out-parameter is NULL")
}

/// A payload. With a length of 0 the pointer does not matter.
///
/// # Safety
/// `length` is 0, or `data` is NULL or points to `length` bytes that are not written to as long as the result is used.
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

/// The bytes of a text whose length may be `WS_NUL_TERMINATED`.
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

/// From this length on, a string is only copied if memory for so many copies can be reserved.
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

/// A NUL-terminated UTF-8 string.
///
/// # Safety
/// `text` is NULL or ends with a NUL, and is not written to as long as the result is used.
pub(super) unsafe fn string<'a>(text: *const c_char) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { text_bytes(text, NUL_TERMINATED) }?;
    let text = std::str::from_utf8(bytes).map_err(|_| invalid("a string argument is not UTF-8"))?;
    check_memory(text)?;
    Ok(text)
}

/// Like [`string`], with NULL as none.
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

/// 0 or 1.
pub(super) fn flag(value: i32) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(invalid("a switch is neither 0 nor 1")),
    }
}

/// A C string of `bytes`, up to the first NUL.
pub(super) fn c_string(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    CString::new(&bytes[..end]).unwrap_or_default()
}

/// Header fields as C sees them.
pub(super) struct CHeaders(Vec<(String, CString)>);

impl CHeaders {
    pub(super) fn new<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        Self(fields.map(|(name, value)| (name.to_owned(), c_string(value))).collect())
    }

    /// The value of the `index`-th field of this name, or NULL.
    pub(super) fn get(&self, name: &str, index: usize) -> *const c_char {
        let mut named = self.0.iter().filter(|(present, _)| present.eq_ignore_ascii_case(name));
        named.nth(index).map_or(std::ptr::null(), |(_, value)| value.as_ptr())
    }
}
