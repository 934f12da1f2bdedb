//! The receive queue: a bounded queue between the reader and receiving threads. Below its bounds it accepts one more message of
//! any size.

mod event;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::session::config::queue_bounds::{QueueBounds, QueuePolicy};
use crate::session::deadline::Deadline;
use crate::session::event_count::{EventCount, WaitKey};
use crate::session::loom_shim::{AtomicU32, Mutex, Ordering};
use crate::transport::EventFd;

pub(crate) use event::EventPlace;

/// What a message costs besides its payload's memory: its place in the queue and the allocator's overhead.
const MESSAGE_OVERHEAD: usize = 128;

/// What [`RecvQueue::take`] returns.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<M> {
    Message(M),
    /// The queue is empty.
    Nothing,
    /// The queue is empty and has ended.
    Ended,
}

/// What [`RecvQueue::push`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// The message was accepted, and this many older ones were dropped.
    Kept { dropped: u64 },
    /// The queue is full, and its policy is to end the session.
    Overflow,
}

/// The receive queue. Messages are taken in the order in which they were added, also after the end. Only the reader adds them.
pub(crate) struct RecvQueue<M> {
    bounds: QueueBounds,
    queue: Mutex<Queue<M>>,
    /// Receivers wait here for a message, the end, or until they can become the reader.
    changed: EventCount,
    /// 1 while there is something to [`take`](Self::take): a message or the end.
    news: AtomicU32,
}

/// The size of a message in bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    payload: usize,
    /// The allocated memory, which the bound of the queue limits.
    memory: usize,
}

struct Queue<M> {
    messages: VecDeque<(M, Size)>,
    total: Size,
    ended: bool,
    /// The number of waiting receivers.
    waiting: usize,
    /// The reader has stopped because the queue was full, and has to be woken when there is room.
    reader_waits: bool,
    /// The same, when half of the room is free.
    reader_waits_for_half: bool,
    /// The reader has to be woken when the queue is empty.
    reader_waits_for_all: bool,
    /// The reader holds bytes that may be messages.
    is_buffered: bool,
    /// The reader does not decode the bytes that it holds for now.
    is_paused: bool,
    /// Readable while there is something to take, or while the reader holds bytes.
    signal: Option<Arc<EventFd>>,
    is_signalled: bool,
    /// The number of threads that wait until the session is closed.
    leaving: usize,
    /// This side has begun to close.
    closing: bool,
}

impl<M> RecvQueue<M> {
    pub(crate) fn new(bounds: QueueBounds) -> Self {
        let queue = Queue {
            messages: VecDeque::new(),
            total: Size::default(),
            ended: false,
            waiting: 0,
            reader_waits: false,
            reader_waits_for_half: false,
            reader_waits_for_all: false,
            is_buffered: false,
            is_paused: false,
            signal: None,
            is_signalled: false,
            leaving: 0,
            closing: false,
        };
        Self { bounds, queue: Mutex::new(queue), changed: EventCount::default(), news: AtomicU32::new(0) }
    }

    /// Whether the reader may add messages. If not, the [`take`](Self::take) that makes room wakes it.
    pub(crate) fn has_room(&self) -> bool {
        let mut queue = self.queue.lock();
        let room = self.has_room_for(&queue, 1);
        if !room {
            queue.reader_waits = true;
            queue.reader_waits_for_half = true;
        }
        room
    }

    /// Whether half of the room is free. If not, the [`take`](Self::take) that makes it free wakes the reader.
    pub(crate) fn has_half_room(&self) -> bool {
        let mut queue = self.queue.lock();
        let room = self.has_room_for(&queue, 2);
        queue.reader_waits_for_half = !room;
        room
    }

    fn has_room_for(&self, queue: &Queue<M>, part: usize) -> bool {
        let waits = self.bounds.policy == QueuePolicy::Wait;
        !waits || queue.ended || queue.is_discarding() || self.is_below(queue, part)
    }

    /// Whether a message that is added now is kept. With the policy DropOldest, the oldest one is dropped for it.
    pub(crate) fn takes_more(&self) -> bool {
        let queue = self.queue.lock();
        !queue.ended && (self.bounds.policy == QueuePolicy::DropOldest || self.is_below(&queue, 1))
    }

    /// Adds a message. `payload` is the size of its payload, `memory` what the payload has allocated. Drops the message after the
    /// end, and when the queue is full while a thread waits for the peer's Close, which the message would delay.
    pub(crate) fn push(&self, message: M, payload: usize, memory: usize) -> Pushed {
        let size = Size { payload, memory: memory + MESSAGE_OVERHEAD };
        let mut queue = self.queue.lock();
        let mut dropped = 0;
        let is_full = !self.is_below(&queue, 1);
        if queue.ended || (queue.is_discarding() && is_full) {
            return Pushed::Kept { dropped };
        }
        match self.bounds.policy {
            // The reader has called `has_room`.
            QueuePolicy::Wait => {}
            QueuePolicy::Close if is_full => return Pushed::Overflow,
            QueuePolicy::Close => {}
            QueuePolicy::DropOldest => {
                while !self.is_below(&queue, 1)
                    && let Some((_, size)) = queue.messages.pop_front()
                {
                    queue.total.subtract(size);
                    dropped += 1;
                }
            }
        }
        queue.total.add(size);
        queue.messages.push_back((message, size));
        self.set_news(&mut queue);
        let waiting = queue.waiting > 0;
        drop(queue);
        if waiting {
            self.changed.open_for_one();
        }
        Pushed::Kept { dropped }
    }

    /// Puts the oldest message back, for the reader that took it. It is kept regardless of the bounds, also after the end.
    pub(crate) fn put_back(&self, message: M, payload: usize, memory: usize) {
        let size = Size { payload, memory: memory + MESSAGE_OVERHEAD };
        let mut queue = self.queue.lock();
        queue.total.add(size);
        queue.messages.push_front((message, size));
        self.set_news(&mut queue);
        let waiting = queue.waiting > 0;
        drop(queue);
        if waiting {
            self.changed.open_for_one();
        }
    }

    /// Whether the queue has ended and all messages were taken.
    pub(crate) fn has_ended(&self) -> bool {
        let queue = self.queue.lock();
        queue.ended && queue.messages.is_empty()
    }

    /// Returns the number of queued messages and the bytes of their payloads.
    pub(crate) fn depth(&self) -> (usize, usize) {
        let queue = self.queue.lock();
        (queue.messages.len(), queue.total.payload)
    }

    /// Ends the queue: messages that are pushed from now on are dropped.
    pub(crate) fn end(&self) {
        let mut queue = self.queue.lock();
        queue.ended = true;
        self.set_news(&mut queue);
        drop(queue);
        self.changed.open_for_all();
    }

    /// Records that this side has begun to close.
    pub(crate) fn set_closing(&self) {
        self.queue.lock().closing = true;
    }

    /// Registers a thread that waits until the session is closed.
    pub(crate) fn enter_leaving(&self) {
        self.queue.lock().leaving += 1;
    }

    /// Unregisters a thread that waited until the session is closed.
    pub(crate) fn exit_leaving(&self) {
        self.queue.lock().leaving -= 1;
    }

    /// Whether a thread waits until the session is closed.
    pub(crate) fn is_leaving(&self) -> bool {
        self.queue.lock().leaving > 0
    }

    /// Whether there is something to take. For the reader, false stays false until it adds a message or the session ends.
    pub(crate) fn is_ready(&self) -> bool {
        self.news.load(Ordering::Acquire) != 0
    }

    /// Takes the oldest message if `fits` accepts it, else leaves it and returns the error of `fits`. Calls `wake_reader` if the
    /// reader has stopped for lack of room: once when there is room, and once when half of the room is free.
    pub(crate) fn take<E>(
        &self,
        fits: impl FnOnce(&M) -> Result<(), E>,
        wake_reader: impl FnOnce(),
    ) -> Result<Taken<M>, E> {
        let mut queue = self.queue.lock();
        if let Some((oldest, _)) = queue.messages.front() {
            fits(oldest)?;
        }
        let Some((message, size)) = queue.messages.pop_front() else {
            return Ok(if queue.ended { Taken::Ended } else { Taken::Nothing });
        };
        queue.total.subtract(size);
        let is_empty = queue.messages.is_empty();
        if is_empty && !queue.ended {
            queue.update_signal();
            self.news.store(0, Ordering::Release);
        }
        let wake_for_room = queue.reader_waits && self.is_below(&queue, 1);
        let wake_for_half = queue.reader_waits_for_half && self.is_below(&queue, 2);
        let wake_for_all = queue.reader_waits_for_all && is_empty;
        queue.reader_waits &= !wake_for_room;
        queue.reader_waits_for_half &= !wake_for_half;
        queue.reader_waits_for_all &= !wake_for_all;
        let wake = wake_for_room || wake_for_half || wake_for_all;
        drop(queue);
        if wake {
            wake_reader();
        }
        Ok(Taken::Message(message))
    }

    /// Whether the queue is empty. If not, the [`take`](Self::take) of the last message wakes the reader.
    pub(crate) fn is_taken(&self) -> bool {
        let mut queue = self.queue.lock();
        queue.reader_waits_for_all = !queue.messages.is_empty();
        queue.messages.is_empty()
    }

    /// Drops all messages, because the application has freed the session.
    pub(crate) fn clear(&self) {
        let mut queue = self.queue.lock();
        queue.total = Size::default();
        let dropped = std::mem::take(&mut queue.messages);
        if !queue.ended {
            queue.update_signal();
            self.news.store(0, Ordering::Release);
        }
        drop(queue);
        drop(dropped);
    }

    /// Sets the descriptor that is readable while there is something to take.
    pub(crate) fn set_signal(&self, signal: &Arc<EventFd>) {
        let mut queue = self.queue.lock();
        if queue.signal.is_none() {
            queue.signal = Some(Arc::clone(signal));
            queue.update_signal();
        }
    }

    /// Records whether the reader holds bytes that may be messages.
    pub(crate) fn set_buffered(&self, is_buffered: bool) {
        let mut queue = self.queue.lock();
        queue.is_buffered = is_buffered;
        queue.update_signal();
    }

    /// Makes the descriptor readable again, which is a new edge for edge-triggered polling, until
    /// [`set_buffered`](Self::set_buffered).
    pub(crate) fn signal_again(&self) {
        let mut queue = self.queue.lock();
        queue.is_buffered = true;
        if let Some(signal) = &queue.signal {
            signal.wake();
            queue.is_signalled = true;
        }
    }

    /// Records whether the reader has paused decoding. The descriptor ignores the bytes that a paused reader holds.
    pub(crate) fn set_paused(&self, is_paused: bool) {
        let mut queue = self.queue.lock();
        queue.is_paused = is_paused;
        queue.update_signal();
    }

    /// Returns the key for [`wait`](Self::wait). Take it before checking the condition.
    pub(crate) fn wait_key(&self) -> WaitKey {
        self.changed.wait_key()
    }

    /// Sleeps until there may be something to take or the reader may have left since the key was taken, or until the deadline.
    pub(crate) fn wait(&self, wait_key: WaitKey, deadline: Deadline) {
        {
            let mut queue = self.queue.lock();
            if !queue.messages.is_empty() || queue.ended {
                return;
            }
            queue.waiting += 1;
        }
        self.changed.wait(wait_key, deadline);
        self.queue.lock().waiting -= 1;
    }

    /// Wakes one waiting thread: to become the reader, or because another woken thread returned without receiving.
    pub(crate) fn wake_one(&self) {
        self.changed.open_for_one();
    }

    /// Wakes all waiting threads, which then check their conditions. Safe in a signal handler.
    pub(crate) fn wake_all(&self) {
        self.changed.open_for_all();
    }

    /// Records that there is something to take.
    fn set_news(&self, queue: &mut Queue<M>) {
        self.news.store(1, Ordering::Release);
        queue.update_signal();
    }

    /// Whether the queue is below its bounds divided by `part`.
    fn is_below(&self, queue: &Queue<M>, part: usize) -> bool {
        queue.messages.len() < self.bounds.messages.div_ceil(part)
            && queue.total.memory < self.bounds.bytes.div_ceil(part)
    }
}

impl Size {
    fn add(&mut self, other: Self) {
        self.payload += other.payload;
        self.memory += other.memory;
    }

    fn subtract(&mut self, other: Self) {
        self.payload -= other.payload;
        self.memory -= other.memory;
    }
}

impl<M> Queue<M> {
    /// Updates whether the descriptor is readable.
    fn update_signal(&mut self) {
        let is_wanted = !self.messages.is_empty() || self.ended || (self.is_buffered && !self.is_paused);
        if let Some(signal) = &self.signal
            && is_wanted != self.is_signalled
        {
            if is_wanted {
                signal.wake();
            } else {
                signal.drain();
            }
            self.is_signalled = is_wanted;
        }
    }

    fn is_discarding(&self) -> bool {
        self.closing && self.leaving > 0
    }
}
