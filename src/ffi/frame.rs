//! Frames as C sees them, and where freed ones wait to be used again.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::ffi::guard;
use crate::protocol::{Message, Payload};
use crate::session::{Memory, Spares};

/// What a frame is: the opcodes of RFC 6455 section 5.2.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_frame_type {
    /// A text message. It is valid UTF-8.
    WS_TEXT = 1,
    /// A binary message.
    WS_BINARY = 2,
    /// The peer's Close. Not delivered in this version.
    WS_CLOSE = 8,
    /// A ping. Not delivered in this version.
    WS_PING = 9,
    /// A pong. Not delivered in this version.
    WS_PONG = 10,
}

/// A received frame: a whole message in sessions of this version. It is the caller's from ws_recv until
/// ws_frame_free, whatever happens to the session; any thread may read it, and none may write to it. The library
/// allocates it, and later versions may add members at the end.
#[repr(C)]
#[derive(Debug)]
pub struct ws_frame {
    /// The payload. One NUL byte stands behind it, outside `size`. Never NULL.
    pub data: *const u8,
    /// The payload's size in bytes.
    pub size: usize,
    /// A ws_frame_type.
    pub r#type: u32,
    /// 0: reserved.
    pub flags: u32,
    /// The close code of a WS_CLOSE frame, else 0.
    pub close_code: u32,
}

/// A frame with its memory. The public part comes first, so that a pointer to one is a pointer to the other.
#[repr(C)]
pub(super) struct OwnedFrame {
    frame: ws_frame,
    payload: Payload,
    /// Where it goes when it is freed; none while it is there.
    home: Option<Arc<FreeFrames>>,
}

// SAFETY: the pointer of the public part points into the payload, which the frame owns.
unsafe impl Send for OwnedFrame {}

/// How many freed frames a session keeps, and how many bytes in them.
const KEPT_FRAMES: usize = 64;
const KEPT_BYTES: usize = 64 * 1024;

/// From this size on the memory goes to the session, which keeps that of one large message while messages flow.
const LARGE: usize = 16 * 1024;

/// Freed frames of a session.
pub(super) struct FreeFrames {
    kept: Mutex<Kept>,
    spares: Arc<Spares>,
}

#[derive(Default)]
struct Kept {
    #[expect(clippy::vec_box, reason = "frames stay where they are while they wait")]
    frames: Vec<Box<OwnedFrame>>,
    bytes: usize,
}

impl FreeFrames {
    pub(super) fn new(spares: Arc<Spares>) -> Self {
        Self { kept: Mutex::default(), spares }
    }

    fn take(&self) -> Option<Box<OwnedFrame>> {
        let mut kept = self.kept.lock();
        let frame = kept.frames.pop()?;
        kept.bytes -= frame.payload.capacity();
        Some(frame)
    }

    fn give(&self, mut frame: Box<OwnedFrame>) {
        if frame.payload.capacity() >= LARGE {
            self.spares.give(std::mem::take(&mut frame.payload).into_memory());
        }
        let mut kept = self.kept.lock();
        let bytes = kept.bytes + frame.payload.capacity();
        if kept.frames.len() < KEPT_FRAMES && bytes <= KEPT_BYTES {
            kept.bytes = bytes;
            kept.frames.push(frame);
        }
    }
}

/// Makes frames for one call.
pub(super) struct FrameMaker<'a> {
    free: &'a Arc<FreeFrames>,
    /// A frame whose memory is lent to the session.
    next: Option<Box<OwnedFrame>>,
}

impl<'a> FrameMaker<'a> {
    pub(super) fn new(free: &'a Arc<FreeFrames>) -> Self {
        Self { free, next: None }
    }

    /// The frame of a message, for the caller to free.
    pub(super) fn frame(&mut self, message: Message) -> *mut ws_frame {
        let Message { opcode, payload } = message;
        let bytes = payload.with_nul();
        let frame = ws_frame {
            data: bytes.as_ptr(),
            size: bytes.len() - 1,
            r#type: opcode as u32,
            flags: 0,
            close_code: 0,
        };
        let owned = OwnedFrame { frame, payload, home: Some(Arc::clone(self.free)) };
        let boxed = match self.next.take().or_else(|| self.free.take()) {
            Some(mut boxed) => {
                *boxed = owned;
                boxed
            }
            None => Box::new(owned),
        };
        Box::into_raw(boxed).cast()
    }
}

impl FrameMaker<'_> {
    /// Keeps the memory of a message that needs no frame.
    pub(super) fn take_back(&mut self, payload: Payload) {
        match self.next.take().or_else(|| self.free.take()) {
            Some(mut frame) => {
                frame.payload = payload;
                self.free.give(frame);
            }
            None => self.free.spares.give(payload.into_memory()),
        }
    }
}

impl Drop for FrameMaker<'_> {
    fn drop(&mut self) {
        if let Some(unused) = self.next.take() {
            self.free.give(unused);
        }
    }
}

impl Memory for FrameMaker<'_> {
    fn small(&mut self) -> Vec<u8> {
        let mut frame = self.next.take().or_else(|| self.free.take());
        let memory = frame.as_mut().map(|frame| std::mem::take(&mut frame.payload).into_memory());
        self.next = frame;
        memory.unwrap_or_default()
    }
}

/// Frees a frame. NULL is fine.
///
/// # Safety
/// `frame` is NULL or a frame of this library that is not freed; nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_frame_free(frame: *mut ws_frame) {
    guard::value((), || {
        if !frame.is_null() {
            // SAFETY: every frame was made by FrameMaker, and the caller's promise.
            let mut owned = unsafe { Box::from_raw(frame.cast::<OwnedFrame>()) };
            if let Some(home) = owned.home.take() {
                home.give(owned);
            }
        }
    });
}
