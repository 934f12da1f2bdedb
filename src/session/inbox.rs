//! Messages between the reader and the application: a bounded queue that receiving threads wait at.

use std::collections::VecDeque;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::protocol::Message;
use crate::session::config::QueueBounds;

/// What a message takes besides its payload.
const MESSAGE_OVERHEAD: usize = 64;

/// What a receiver gets.
pub(crate) enum Taken {
    Message(Message),
    /// The deadline passed.
    TimedOut,
    /// The session has ended and everything it received is taken.
    Ended,
}

/// The queue. Messages come out in the order they went in, also after the end.
pub(crate) struct Inbox {
    bounds: QueueBounds,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Message>,
    bytes: usize,
    ended: bool,
    /// Receivers that wait.
    waiting: usize,
    /// The reader has stopped for want of room and is to be told when half of it is free.
    reader_waits: bool,
    /// The reader has something that takes effect in its turn, and is to be told when a receiver finds nothing before
    /// it.
    reader_holds: bool,
    /// A receiver found nothing since.
    asked: bool,
    /// How many wait for the session to be closed.
    leaving: usize,
    /// We have begun to close.
    closing: bool,
}

impl Inbox {
    pub(super) fn new(bounds: QueueBounds) -> Self {
        Self { bounds, queue: Mutex::default(), changed: Condvar::new() }
    }

    /// Whether the reader may go on. When not, the [`take`](Self::take) that makes room says so.
    pub(super) fn has_room(&self) -> bool {
        let mut queue = self.queue.lock();
        let room = queue.ended || queue.is_discarding() || self.is_below(&queue, 1);
        queue.reader_waits = !room;
        room
    }

    /// Adds a message; after the end it is dropped, and so it is without room while it keeps the peer's Close from being
    /// read and somebody waits for that.
    pub(super) fn push(&self, message: Message) {
        let mut queue = self.queue.lock();
        if queue.ended || (queue.is_discarding() && !self.is_below(&queue, 1)) {
            return;
        }
        queue.bytes += cost(&message);
        queue.messages.push_back(message);
        drop(queue);
        self.changed.notify_one();
    }

    /// Nothing more comes.
    pub(super) fn end(&self) {
        self.queue.lock().ended = true;
        self.changed.notify_all();
    }

    /// Whether receivers have taken everything and ask for more. When not, the [`take`](Self::take) that does so says
    /// so: the application has then had its turn with what came before.
    pub(super) fn is_caught_up(&self) -> bool {
        let mut queue = self.queue.lock();
        let asked = queue.waiting > 0 || queue.leaving > 0 || std::mem::take(&mut queue.asked);
        let caught_up = queue.messages.is_empty() && asked;
        queue.reader_holds = !caught_up;
        caught_up
    }

    /// We have begun to close.
    pub(super) fn set_closing(&self) {
        self.queue.lock().closing = true;
    }

    /// Somebody starts waiting for the session to be closed.
    pub(super) fn enter_leaving(&self) {
        self.queue.lock().leaving += 1;
    }

    /// Somebody has stopped waiting for it.
    pub(super) fn exit_leaving(&self) {
        self.queue.lock().leaving -= 1;
    }

    /// Takes the oldest message if `fits` lets it go, else leaves it and returns its error. Calls `wake_reader` when
    /// there is again what the reader stopped for.
    pub(super) fn take<E>(
        &self,
        deadline: Deadline,
        mut fits: impl FnMut(&Message) -> Result<(), E>,
        wake_reader: impl Fn(),
    ) -> Result<Taken, E> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(oldest) = queue.messages.front() {
                if let Err(error) = fits(oldest) {
                    // Another receiver may have more room.
                    self.changed.notify_one();
                    return Err(error);
                }
                let Some(message) = queue.messages.pop_front() else { continue };
                queue.bytes -= cost(&message);
                if queue.reader_waits && self.is_below(&queue, 2) {
                    queue.reader_waits = false;
                    wake_reader();
                }
                return Ok(Taken::Message(message));
            }
            if queue.ended {
                return Ok(Taken::Ended);
            }
            if queue.reader_holds {
                queue.reader_holds = false;
                queue.asked = true;
                wake_reader();
            }
            queue.waiting += 1;
            let timed_out = match deadline {
                Deadline::Now => true,
                Deadline::At(at) => self.changed.wait_until(&mut queue, at).timed_out(),
                Deadline::Never => {
                    self.changed.wait(&mut queue);
                    false
                }
            };
            queue.waiting -= 1;
            if timed_out && queue.messages.is_empty() && !queue.ended {
                return Ok(Taken::TimedOut);
            }
        }
    }

    /// Whether the queue is below its bounds divided by `part`.
    fn is_below(&self, queue: &Queue, part: usize) -> bool {
        queue.messages.len() < self.bounds.messages.div_ceil(part) && queue.bytes < self.bounds.bytes.div_ceil(part)
    }
}

impl Queue {
    fn is_discarding(&self) -> bool {
        self.closing && self.leaving > 0
    }
}

/// What a message counts in the queue: without something for itself, empty ones could pile up without end.
fn cost(message: &Message) -> usize {
    message.payload.len() + MESSAGE_OVERHEAD
}

/// Until when to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deadline {
    Now,
    At(Instant),
    Never,
}

impl Deadline {
    /// poll(2)'s rule: negative waits without limit, 0 not at all.
    pub(crate) fn after_ms(timeout_ms: i64) -> Self {
        match u64::try_from(timeout_ms) {
            Ok(0) => Self::Now,
            Ok(ms) => Self::after(std::time::Duration::from_millis(ms)),
            Err(_) => Self::Never,
        }
    }

    pub(crate) fn after(timeout: std::time::Duration) -> Self {
        if timeout.is_zero() {
            return Self::Now;
        }
        // Past the end of the clock is never.
        Instant::now().checked_add(timeout).map_or(Self::Never, Self::At)
    }
}
