//! Received frames, and the pool that recycles them.

use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::{mem, ptr};

use crate::ffi::guard;
use crate::protocol::{Frame, Payload};
use crate::session::{BufferPool, BufferSource};

/// The type of a frame: an opcode of RFC 6455 section 5.2, or an event of the session.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_frame_type {
    /// A fragment that continues a message. For sending only: a received fragment has the type of
    /// its message.
    WS_FRAME_CONTINUATION = 0,
    /// A text message. It is valid UTF-8 unless ws_config_set_validate_utf8 disables the check.
    WS_FRAME_TEXT = 1,
    /// A binary message.
    WS_FRAME_BINARY = 2,
    /// The server's Close, in raw sessions and with ws_config_set_deliver_control. The payload is
    /// the reason.
    WS_FRAME_CLOSE = 8,
    /// A ping, in raw sessions and with ws_config_set_deliver_control.
    WS_FRAME_PING = 9,
    /// A pong, in raw sessions and with ws_config_set_deliver_control.
    WS_FRAME_PONG = 10,
    /// The session is open (ws_config_set_deliver_events). The payload is empty.
    WS_FRAME_OPENED = 16,
    /// The connection is lost, and the library opens another one (ws_config_set_deliver_events,
    /// ws_config_set_reconnect). It follows the last message of the lost connection. The payload is
    /// the reason, as ws_error_message returns it. `close_code` is the code of the server's Close,
    /// 1006 if there was none.
    WS_FRAME_LOST = 17,
    /// Another connection is open (ws_config_set_deliver_events). It precedes the first message of
    /// that connection. The payload is empty.
    WS_FRAME_RESUMED = 18,
}

/// Flag bits of a frame.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_frame_flags {
    /// More fragments or parts of the message follow. Set in raw sessions and with
    /// ws_config_set_deliver_parts.
    WS_FLAG_MORE = 1,
    /// The reserved bit RSV3. Set in raw sessions.
    WS_FLAG_RSV3 = 16,
    /// The reserved bit RSV2. Set in raw sessions.
    WS_FLAG_RSV2 = 32,
    /// The reserved bit RSV1. Set in raw sessions.
    WS_FLAG_RSV1 = 64,
}

/// Shifts the reserved bits to their places in ws_frame_flags, which are those of RFC 6455 section 5.2.
pub(super) const RSV_SHIFT: u32 = 4;

/// A received frame: a whole message, a part or fragment of one, a control frame, or an event. It
/// belongs to the caller from ws_recv until ws_frame_free, also after the session is freed. Any
/// thread may read it. Do not change it. The library allocates it and may add members at the end.
#[repr(C)]
#[derive(Debug)]
pub struct ws_frame {
    /// The payload, followed by a NUL byte that `size` does not count. Never NULL.
    pub data: *const u8,
    /// The size of the payload in bytes.
    pub size: usize,
    /// A ws_frame_type.
    pub r#type: u32,
    /// An OR of ws_frame_flags.
    pub flags: u32,
    /// For WS_FRAME_CLOSE the close code, 1005 if there was none. For WS_FRAME_LOST see there. Else
    /// 0.
    pub close_code: u32,
}

/// A frame with its memory. `frame` is the first member, so that a pointer to it is a pointer to the whole.
#[repr(C)]
pub(super) struct OwnedFrame {
    frame: ws_frame,
    payload: Payload,
    /// The pool that takes the frame when it is freed.
    pool: Arc<FramePool>,
    /// The next frame in the pool.
    next: *mut Self,
}

/// Returns the ws_frame_type of a frame.
#[inline]
pub(super) fn frame_type(frame: &Frame) -> u32 {
    frame.event.map_or(frame.opcode as u32, |event| event as u32)
}

/// Makes the public part of a frame. It is valid as long as the memory of the payload stays in place.
#[inline]
pub(super) fn lent_frame(frame: &Frame) -> ws_frame {
    let bytes = frame.payload.with_nul();
    ws_frame {
        data: bytes.as_ptr(),
        size: bytes.len() - 1,
        r#type: frame_type(frame),
        flags: (u32::from(frame.more) * ws_frame_flags::WS_FLAG_MORE as u32) | (u32::from(frame.rsv) << RSV_SHIFT),
        close_code: frame.close_code.into(),
    }
}

/// The maximum weight of a pool. Each frame weighs its memory in units, and one unit more.
const MAX_WEIGHT: usize = 512;
const WEIGHT_UNIT: usize = 512;

/// The lower bits of a word hold an address, the upper ones the weight of all frames.
const ADDRESS_BITS: u32 = 48;
const ADDRESS: usize = (1 << ADDRESS_BITS) - 1;

/// The word of a closed pool, which keeps no frames.
const CLOSED: usize = usize::MAX;

/// The freed frames of a session, for reuse with the memory of small messages. It is not a part of the [`BufferPool`], whose lock
/// would cost a small message more than the allocator does. It is a lock-free stack: a thread pushes one frame or takes all
/// frames, each with one atomic operation.
pub(super) struct FramePool {
    /// The address of the first frame and the weight of all frames.
    top: AtomicUsize,
    /// A frame that has lent its memory to an incomplete message. The message will need the frame.
    lender: AtomicPtr<OwnedFrame>,
    /// Takes the memory of large messages.
    buffer_pool: Arc<BufferPool>,
}

/// A list of frames that it owns.
struct Chain {
    first: *mut OwnedFrame,
    weight: usize,
}

impl FramePool {
    pub(super) fn new(buffer_pool: Arc<BufferPool>) -> Arc<Self> {
        Arc::new(Self { top: AtomicUsize::new(0), lender: AtomicPtr::default(), buffer_pool })
    }

    /// Frees the frames of the pool.
    pub(super) fn release(&self) {
        drop(self.take_all());
    }

    /// Frees the frames of the pool, which keeps none from now on. Without this call nothing would ever be freed, because each
    /// frame keeps the pool alive.
    pub(super) fn close(&self) {
        drop(self.take_lender());
        drop(Chain::from_word(self.top.swap(CLOSED, Ordering::AcqRel)));
    }

    fn take_lender(&self) -> Option<Box<OwnedFrame>> {
        if self.lender.load(Ordering::Relaxed).is_null() {
            return None;
        }
        let lender = self.lender.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: the pointer is from Box::into_raw, and is taken once.
        (!lender.is_null()).then(|| unsafe { Box::from_raw(lender) })
    }

    fn give_lender(&self, frame: Box<OwnedFrame>) {
        let before = self.lender.swap(Box::into_raw(frame), Ordering::AcqRel);
        // SAFETY: as above.
        drop((!before.is_null()).then(|| unsafe { Box::from_raw(before) }));
    }

    fn take_all(&self) -> Chain {
        let mut top = self.top.load(Ordering::Relaxed);
        while top != 0 && top != CLOSED {
            match self.top.compare_exchange_weak(top, 0, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Chain::from_word(top),
                Err(now) => top = now,
            }
        }
        Chain::EMPTY
    }

    /// Frees a frame. The frame keeps its pool alive until it is pushed or dropped; then the pool may be gone and is not
    /// accessed.
    fn give(mut frame: Box<OwnedFrame>) {
        if frame.payload.capacity() >= BufferPool::SMALLEST {
            frame.pool.buffer_pool.give(mem::take(&mut frame.payload).into_memory());
        }
        let top: *const AtomicUsize = &raw const frame.pool.top;
        // SAFETY: the frame, which is not pushed yet, keeps its pool alive.
        let mut before = unsafe { &*top }.load(Ordering::Relaxed);
        loop {
            let weight = (before >> ADDRESS_BITS) + weight(&frame);
            let has_room = (&raw const *frame).addr() & !ADDRESS == 0;
            if before == CLOSED || weight > MAX_WEIGHT || !has_room {
                return;
            }
            frame.next = ptr::with_exposed_provenance_mut(before & ADDRESS);
            let address = Box::into_raw(frame);
            let with_frame = address.expose_provenance() | weight << ADDRESS_BITS;
            // SAFETY: as above.
            match unsafe { &*top }.compare_exchange_weak(before, with_frame, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => before = now,
            }
            // SAFETY: the frame was not pushed, so nothing else has its address.
            frame = unsafe { Box::from_raw(address) };
        }
    }
}

impl Chain {
    const EMPTY: Self = Self { first: ptr::null_mut(), weight: 0 };

    fn from_word(word: usize) -> Self {
        if word == CLOSED {
            return Self::EMPTY;
        }
        Self { first: ptr::with_exposed_provenance_mut(word & ADDRESS), weight: word >> ADDRESS_BITS }
    }

    fn take(&mut self) -> Option<Box<OwnedFrame>> {
        if self.first.is_null() {
            return None;
        }
        // SAFETY: the frames of a chain are from Box::into_raw, and the chain owns them.
        let frame = unsafe { Box::from_raw(self.first) };
        self.first = frame.next;
        self.weight -= weight(&frame);
        Some(frame)
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        while self.take().is_some() {}
    }
}

fn weight(frame: &OwnedFrame) -> usize {
    1 + frame.payload.capacity() / WEIGHT_UNIT
}

/// Makes frames for one call.
pub(super) struct FrameMaker<'a> {
    pool: &'a Arc<FramePool>,
    /// Frames that were taken from the pool.
    kept: Chain,
    /// A frame that has lent its memory to the session.
    next: Option<Box<OwnedFrame>>,
}

impl<'a> FrameMaker<'a> {
    pub(super) fn new(pool: &'a Arc<FramePool>) -> Self {
        Self { pool, kept: Chain::EMPTY, next: None }
    }

    /// Makes the frame of a message, which the caller frees.
    pub(super) fn frame(&mut self, message: Frame) -> *mut ws_frame {
        Box::into_raw(self.owned(message)).cast()
    }

    /// Recycles the memory of a message that needs no frame.
    pub(super) fn recycle(&mut self, message: Frame) {
        FramePool::give(self.owned(message));
    }

    fn owned(&mut self, message: Frame) -> Box<OwnedFrame> {
        let frame = lent_frame(&message);
        let payload = message.payload;
        match self.take_frame() {
            Some(mut owned) => {
                owned.frame = frame;
                owned.payload = payload;
                owned
            }
            None => Box::new(OwnedFrame { frame, payload, pool: Arc::clone(self.pool), next: ptr::null_mut() }),
        }
    }

    fn take_frame(&mut self) -> Option<Box<OwnedFrame>> {
        self.next.take().or_else(|| self.pool.take_lender()).or_else(|| self.kept.take()).or_else(|| {
            self.kept = self.pool.take_all();
            self.kept.take()
        })
    }
}

impl Drop for FrameMaker<'_> {
    fn drop(&mut self) {
        if let Some(lender) = self.next.take() {
            self.pool.give_lender(lender);
        }
        while let Some(unused) = self.kept.take() {
            FramePool::give(unused);
        }
    }
}

impl BufferSource for FrameMaker<'_> {
    fn take(&mut self, size: u64) -> Vec<u8> {
        if size >= BufferPool::SMALLEST as u64 {
            return self.pool.buffer_pool.take(size);
        }
        let Some(mut frame) = self.take_frame() else { return Vec::new() };
        let memory = mem::take(&mut frame.payload).into_memory();
        self.next = Some(frame);
        memory
    }
}

/// Frees a frame. NULL is allowed.
///
/// # Safety
/// `frame` is NULL or a frame of this library that is not freed; nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ws_frame_free(frame: *mut ws_frame) {
    guard::value((), || {
        if !frame.is_null() {
            // SAFETY: FrameMaker makes every frame, and the caller's promise.
            FramePool::give(unsafe { Box::from_raw(frame.cast::<OwnedFrame>()) });
        }
    });
}
