//! Events of the session among the messages of the receive queue.

use super::{MESSAGE_OVERHEAD, RecvQueue, Size};
use crate::session::loom_shim::Ordering;

/// The place of an event, which the last message in the queue decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventPlace {
    /// Behind the last message.
    Last,
    /// The last message is the same event: nothing is added.
    Repeated,
    /// The event undoes the last message, which is removed: nothing is added.
    Cancelled,
}

impl<M> RecvQueue<M> {
    /// Adds an event at its place, which depends on the last message. It is kept regardless of the bounds: `place` bounds the number
    /// of events by that of messages.
    pub(crate) fn push_event(&self, event: M, payload: usize, memory: usize, place: impl FnOnce(&M) -> EventPlace) {
        let size = Size { payload, memory: memory + MESSAGE_OVERHEAD };
        let mut queue = self.queue.lock();
        if queue.ended {
            return;
        }
        match queue.messages.back().map_or(EventPlace::Last, |(last, _)| place(last)) {
            EventPlace::Repeated => {}
            EventPlace::Cancelled => {
                if let Some((_, size)) = queue.messages.pop_back() {
                    queue.total.subtract(size);
                }
                if queue.messages.is_empty() {
                    queue.update_signal();
                    self.news.store(0, Ordering::Release);
                }
            }
            EventPlace::Last => {
                queue.total.add(size);
                queue.messages.push_back((event, size));
                self.set_news(&mut queue);
                drop(queue);
                self.changed.open_for_one();
            }
        }
    }
}
