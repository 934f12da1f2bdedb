//! The way from a pointer of the application to its session.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use crate::error::Result;
use crate::ffi::c_extension;
use crate::ffi::frame::FramePool;
use crate::ffi::guard;
use crate::ffi::handle::ws_session;
use crate::ffi::status::ws_status;
use crate::session::{Deadline, Session};

/// Returns the session of a call. The call keeps it alive, even if another thread frees it meanwhile.
///
/// # Safety
/// `session` is NULL or a session of which a handle is not freed.
pub(super) unsafe fn acquire_session(session: *const ws_session) -> Result<Arc<ws_session>> {
    if session.is_null() {
        return Err(guard::invalid("the session is NULL"));
    }
    // SAFETY: handles that are not freed own a reference.
    let kept = ManuallyDrop::new(unsafe { Arc::from_raw(session) });
    Ok(Arc::clone(&kept))
}

/// Runs a function on an open session that returns a status.
///
/// # Safety
/// As for [`acquire_session`].
pub(super) unsafe fn with_session(session: *const ws_session, body: impl FnOnce(&Session) -> Result<()>) -> ws_status {
    guard::status(|| {
        // SAFETY: the caller's promise.
        let kept = unsafe { acquire_session(session) }?;
        c_extension::check_outside()?;
        body(kept.session()?)
    })
}

/// Runs a function on a session that may not be open yet.
///
/// # Safety
/// As for [`acquire_session`].
pub(super) unsafe fn with_handle(
    session: *const ws_session,
    body: impl FnOnce(&Arc<ws_session>) -> Result<()>,
) -> ws_status {
    guard::status(|| {
        // SAFETY: the caller's promise.
        let kept = unsafe { acquire_session(session) }?;
        c_extension::check_outside()?;
        kept.check_process()?;
        body(&kept)
    })
}

/// Runs a function that receives. Waits until the session is open.
///
/// # Safety
/// As for [`acquire_session`].
pub(super) unsafe fn with_receiver(
    session: *const ws_session,
    timeout_ms: i64,
    body: impl FnOnce(&Session, &Arc<FramePool>, Deadline) -> Result<()>,
) -> ws_status {
    guard::status(|| {
        // SAFETY: the caller's promise.
        let kept = unsafe { acquire_session(session) }?;
        c_extension::check_outside()?;
        let mut deadline = Deadline::after_ms(timeout_ms);
        if kept.open.get().is_none() {
            kept.wait_open(&mut deadline)?;
        }
        let open = kept.open_session()?;
        body(&open.session, &open.frame_pool, deadline)
    })
}

/// Runs a function that returns a plain value of a session. Returns `fallback` for NULL. Pointers that the function lends stay
/// valid until the last handle is freed.
///
/// # Safety
/// As for [`acquire_session`].
pub(super) unsafe fn inspect<T: Copy>(
    session: *const ws_session,
    fallback: T,
    body: impl FnOnce(&ws_session) -> T,
) -> T {
    // SAFETY: the caller's promise.
    guard::value(fallback, || unsafe { acquire_session(session) }.map_or(fallback, |kept| body(&kept)))
}
