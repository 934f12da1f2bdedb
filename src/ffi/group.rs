//! Groups: one thread receives from many sessions.

use std::any::Any;
use std::ffi::c_char;
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::ffi::close::close_frame;
use crate::ffi::config::{set_settings, ws_config};
use crate::ffi::frame::{FrameMaker, ws_frame};
use crate::ffi::guard;
use crate::ffi::handle::{ws_group, ws_session};
use crate::ffi::status::ws_status;
use crate::session::Deadline;

/// The group of a call, kept alive until the call returns even if another thread frees it.
///
/// # Safety
/// `group` is NULL or a group that is not freed.
unsafe fn group_of_call(group: *const ws_group) -> Result<Arc<ws_group>> {
    if group.is_null() {
        return Err(guard::invalid("the group is NULL"));
    }
    // SAFETY: it is from Arc::into_raw, and owns a count until it is freed.
    let kept = ManuallyDrop::new(unsafe { Arc::from_raw(group) });
    Ok(Arc::clone(&kept))
}

/// Runs a function on a group that returns a status.
///
/// # Safety
/// As for [`group_of_call`].
unsafe fn with_group(group: *const ws_group, body: impl FnOnce(&Arc<ws_group>) -> Result<()>) -> ws_status {
    guard::status(|| {
        // SAFETY: the caller's promise.
        let kept = unsafe { group_of_call(group) }?;
        kept.check_process()?;
        body(&kept)
    })
}

/// Creates an empty group. The caller frees it with ws_group_free. Returns NULL on failure.
#[unsafe(no_mangle)]
pub extern "C" fn ws_group_new() -> *mut ws_group {
    guard::value(ptr::null_mut(), || ws_group::new().map_or(ptr::null_mut(), |group| Arc::into_raw(group).cast_mut()))
}

/// Frees a group and aborts its sessions, as ws_abort does (structured lifetime, as Ktor's
/// CoroutineScope). The application still frees their handles. Calls that wait in other threads
/// return WS_ERR_ABORTED. A ws_connect for the group in another thread returns WS_ERR_ABORTED, or a
/// session that is aborted. For a clean end call ws_group_close first. NULL is allowed.
///
/// A configuration with the group can be used again after ws_config_set_group with another group or
/// NULL. In a forked child the function only frees the handle.
///
/// # Safety
/// `group` is NULL or a group that is not freed; nobody starts a call on it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_group_free(group: *mut ws_group) {
    guard::value((), || {
        if group.is_null() {
            return;
        }
        // SAFETY: it gives back the count that Arc::into_raw left with it.
        let last = unsafe { Arc::from_raw(group) };
        if last.check_process().is_err() {
            return;
        }
        last.group.close();
        for session in last.sessions() {
            session.abort();
        }
    });
}

/// Adds the sessions that are opened with the configuration to a group. ws_group_recv receives
/// their messages, and ws_recv on one of them returns WS_ERR_STATE. NULL as `group`, the default:
/// no group.
///
/// The configuration may have callbacks, but not on_frame: ws_connect then returns
/// WS_ERR_INVALID_ARGUMENT. In a forked child connecting with a group of the parent returns
/// WS_ERR_FORKED.
///
/// Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL.
///
/// # Safety
/// `config` is NULL or a configuration that is not freed; `group` is NULL or a group that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_config_set_group(config: *mut ws_config, group: *mut ws_group) -> ws_status {
    set_settings(config, "ws_config_set_group", |settings| {
        // SAFETY: the caller's promise.
        settings.group = if group.is_null() { None } else { Some(unsafe { group_of_call(group) }?) };
        Ok(())
    })
}

/// Receives the next message of any session of a group. Waits at most `timeout_ms` milliseconds (0:
/// does not wait, negative: no limit). Sessions take turns: each session with messages delivers one
/// before any delivers a second. The cost does not depend on the number of sessions. Several
/// threads may wait.
///
/// On success `*session` is the session that received the message, and `*frame` is a frame, which
/// the caller frees with ws_frame_free. If a session has ended, or could not be opened, the
/// function returns its status once, after its messages, with the session in `*session` and NULL in
/// `*frame`. The session then no longer belongs to the group.
///
///     while (ws_group_size(group) > 0) {
///         ws_status status = ws_group_recv(group, &session, &frame, -1);
///         if (status == WS_OK) {
///             fwrite(frame->data, 1, frame->size, stdout);
///             ws_frame_free(frame);
///         } else if (session != NULL) {
///             ws_session_free(session);
///         } else {
///             break;
///         }
///     }
///
/// `*session` is lent: the handle belongs to the owner that opened the session. A thread that frees
/// a session must make sure that no other thread uses it after ws_group_recv.
///
/// Returns, with NULL in `*session` and `*frame`, WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED,
/// WS_ERR_ABORTED if the group was freed, WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
///
/// # Safety
/// `group` is NULL or a group that is not freed; `session` and `frame` are NULL or point to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_group_recv(
    group: *mut ws_group,
    session: *mut *mut ws_session,
    frame: *mut *mut ws_frame,
    timeout_ms: i64,
) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        let (session, frame) = (guard::out(session, ptr::null_mut()), guard::out(frame, ptr::null_mut()));
        with_group(group, |group| {
            let (session, frame) = (session.ok_or_else(guard::null_out)?, frame.ok_or_else(guard::null_out)?);
            let received = group.group.receive(Deadline::after_ms(timeout_ms))?;
            let Ok(handle) = (received.owner as Arc<dyn Any + Send + Sync>).downcast::<ws_session>() else {
                return Err(Error::new(Kind::Internal, "the group has something that is no session"));
            };
            *session = Arc::as_ptr(&handle).cast_mut();
            match received.outcome {
                Ok(message) => {
                    let Some(open) = handle.if_open() else { return Ok(()) };
                    *frame = FrameMaker::new(&open.frame_pool).frame(message);
                    Ok(())
                }
                Err(end) => {
                    if let Some(membership) = handle.membership.get() {
                        membership.end();
                    }
                    Err(end)
                }
            }
        })
    }
}

/// Returns a file descriptor for poll(2), epoll(7) and event loops. It is readable while
/// ws_group_recv with a timeout of 0 would return something other than WS_ERR_TIMEOUT.
///
/// The group owns the descriptor. Each call returns the same one. ws_group_free closes it, which
/// removes it from every epoll set. Do not close it, read it, write it or duplicate it.
///
/// Returns -1 for NULL, in a forked child, and if the system provides no descriptor.
///
/// # Safety
/// `group` is NULL or a group that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_group_event_fd(group: *mut ws_group) -> i32 {
    guard::value(-1, || {
        // SAFETY: the caller's promise.
        let descriptor = unsafe { group_of_call(group) }.and_then(|group| {
            group.check_process()?;
            group.group.event_descriptor()
        });
        descriptor.unwrap_or(-1)
    })
}

/// Closes all sessions of a group, as ws_close does, and waits until they are closed, as
/// ws_wait_closed does, at most `timeout_ms` milliseconds (0: does not wait, negative: no limit).
/// It cancels the opening of sessions of ws_connect_async. Messages that arrived before the end can
/// still be received.
///
/// Returns WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED if ws_interrupt was called on the session that it
/// waits for, and WS_ERR_STATE in a callback of one of the sessions. After these three, closing
/// continues. Returns WS_ERR_INVALID_ARGUMENT as ws_close does, and WS_ERR_FORKED; these two close
/// nothing.
///
/// # Safety
/// `group` is NULL or a group that is not freed; `reason` points to `length` bytes or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_group_close(
    group: *mut ws_group,
    code: u32,
    reason: *const c_char,
    length: usize,
    timeout_ms: i64,
) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_group(group, |group| {
            let close = close_frame(code, reason, length)?;
            let deadline = Deadline::after_ms(timeout_ms).fixed();
            let sessions = group.sessions();
            // Checked before the sessions are closed: a session that has ended already would not report the error.
            let allowed = sessions
                .iter()
                .filter_map(|session| session.session().ok())
                .try_for_each(|session| session.check_wait_for_end(deadline));
            for session in &sessions {
                // One that could not be opened, or is being opened by ws_connect, is not open.
                let _ = session.close(close.clone());
            }
            allowed?;
            let open: Vec<_> = sessions.iter().filter_map(|session| session.session().ok()).collect();
            open.iter().for_each(|session| session.enter_leaving());
            let outcome = open.iter().try_for_each(|session| session.wait_closed(deadline));
            open.iter().for_each(|session| session.exit_leaving());
            outcome
        })
    }
}

/// Interrupts the calls of ws_group_recv that wait in other threads: they return
/// WS_ERR_INTERRUPTED. If none waits, the next call that would wait returns it. No message is lost.
/// It is async-signal-safe, unless another thread may free the group meanwhile.
///
/// Returns WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
///
/// # Safety
/// `group` is NULL or a group that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_group_interrupt(group: *mut ws_group) -> ws_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_group(group, |group| {
            group.group.interrupt();
            Ok(())
        })
    }
}

/// Returns the number of sessions in a group: those that are being opened or open, and those whose
/// end was not received yet. Returns 0 for NULL and in a forked child.
///
/// # Safety
/// `group` is NULL or a group that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_group_size(group: *const ws_group) -> usize {
    // SAFETY: the caller's promise.
    guard::value(0, || match unsafe { group_of_call(group) } {
        Ok(group) if group.check_process().is_ok() => group.members.lock().len(),
        _ => 0,
    })
}
