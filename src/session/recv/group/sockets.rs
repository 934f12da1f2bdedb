//! The epoll instance of a group, with the sockets of its sessions.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::Group;
use super::NOT_QUEUED;
use super::QUEUED;
use super::Ready;
use super::ReadyQueue;
use super::SIGNAL;
use super::session::GroupSession;
use crate::error::{Error, Kind, Result};
use crate::fork;
use crate::lock::MutexGuard;
use crate::session::deadline::Deadline;
use crate::transport::Socket;

/// The largest number of events that a thread takes at once.
const EVENTS: usize = 64;

/// The membership of a session.
pub(crate) struct Member {
    pub(crate) group: Arc<Group>,
    key: OnceLock<usize>,
    generation: u64,
}

impl Group {
    /// Adds the socket of a session to the epoll instance.
    pub(crate) fn watch(&self, member: &Member, session: Weak<dyn GroupSession>, socket: &Socket) {
        let mut ready = self.ready.lock();
        if ready.is_closed {
            return;
        }
        let key = *member.key.get_or_init(|| ready.members.insert(session));
        if let Some(epoll) = &ready.epoll {
            let flags = EventFlags::IN | EventFlags::RDHUP;
            // It fails only without memory. Then the driver reads.
            let _ = epoll::add(epoll, socket.as_fd(), EventData::new_u64(key as u64), flags);
        }
    }

    /// Removes a socket from the epoll instance.
    pub(crate) fn unwatch(&self, socket: &Socket) {
        if let Some(epoll) = &self.ready.lock().epoll {
            // It fails only if the socket is not in it.
            let _ = epoll::delete(epoll, socket.as_fd());
        }
    }

    /// Removes a session.
    fn remove(&self, key: usize) {
        let member = self.ready.lock().members.try_remove(key);
        drop(member);
    }

    /// Queues the sessions whose sockets are readable. Waits until the deadline for one.
    pub(crate) fn poll_sockets<'a>(
        &'a self,
        ready: MutexGuard<'a, ReadyQueue>,
        deadline: Deadline,
    ) -> MutexGuard<'a, ReadyQueue> {
        let mut queued_before = Vec::new();
        let (mut ready, _) = self.poll_some(ready, deadline, &mut queued_before);
        if !queued_before.is_empty() {
            drop(ready);
            // The last reference to a session may be among them. Its drop locks the group to remove the session.
            drop(queued_before);
            ready = self.ready.lock();
        }
        ready
    }

    /// Queues at most [`EVENTS`] sessions whose sockets are readable. Adds those that were queued before to `queued_before`. Returns
    /// whether there may be others.
    fn poll_some<'a>(
        &'a self,
        mut ready: MutexGuard<'a, ReadyQueue>,
        deadline: Deadline,
        queued_before: &mut Vec<Arc<dyn GroupSession>>,
    ) -> (MutexGuard<'a, ReadyQueue>, bool) {
        let Some(epoll) = ready.epoll.clone() else { return (ready, false) };
        ready.has_leader = true;
        drop(ready);
        let mut events = [const { MaybeUninit::uninit() }; EVENTS];
        let timeout = deadline.left().and_then(|left| Timespec::try_from(left).ok());
        // A signal handler ends the wait as well: the caller checks again.
        let events = epoll::wait(&epoll, &mut events, timeout.as_ref()).map_or(&mut [][..], |(events, _)| events);
        // Dropped before other threads see that there is no leader: `close` waits for that.
        drop(epoll);
        let mut ready = self.ready.lock();
        ready.has_leader = false;
        self.is_leader_waiting.store(false, Ordering::SeqCst);
        if ready.is_closed {
            self.changed.open_for_all();
            return (ready, false);
        }
        let is_full = events.len() == EVENTS;
        let mut has_signal = false;
        for event in events {
            if event.data.u64() == SIGNAL {
                has_signal = true;
                continue;
            }
            let key = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            let Some(session) = ready.members.get(key).and_then(Weak::upgrade) else { continue };
            if session.queue_state().load(Ordering::Relaxed) == NOT_QUEUED {
                session.queue_state().store(QUEUED, Ordering::Relaxed);
                ready.queue.push_back(Ready::Session(session));
            } else {
                queued_before.push(session);
            }
        }
        if has_signal {
            // An interrupt sets it as well. The event descriptor has to stay readable while the queue is not empty.
            ready.is_signalled = ready.is_watched && !ready.queue.is_empty();
            if !ready.is_signalled {
                self.signal.drain();
            }
        }
        if ready.waiting > 0 {
            // Another thread has to become the leader, or to receive.
            self.changed.open_for_one();
        }
        (ready, is_full)
    }

    /// Makes the drivers read the sessions that have something to receive, because the application is away. Returns whether
    /// there may be others.
    pub(crate) fn read_in_background(&self) -> bool {
        let mut sessions = Vec::new();
        let ready = self.ready.lock();
        if ready.has_leader {
            return false;
        }
        // Sockets that stay readable move to the end of the epoll instance's list, so the others come next.
        let (mut ready, has_others) = self.poll_some(ready, Deadline::Now, &mut sessions);
        self.update_signal(&mut ready);
        sessions.extend(ready.queue.iter().skip(ready.read_in_background).filter_map(|entry| match entry {
            Ready::Session(session) => Some(Arc::clone(session)),
            Ready::Failed(..) => None,
        }));
        ready.read_in_background = ready.queue.len();
        drop(ready);
        for session in sessions {
            session.read_in_background();
        }
        has_others
    }

    /// Returns a descriptor that is readable while a call that does not wait may receive something. It stays open until the group
    /// is closed.
    pub(crate) fn event_descriptor(&self) -> Result<RawFd> {
        let mut ready = self.ready.lock();
        ready.is_watched = true;
        self.update_signal(&mut ready);
        let epoll = ready.epoll.as_ref().ok_or_else(|| Error::new(Kind::State, "the group is closed"))?;
        Ok(epoll.as_raw_fd())
    }

    /// Returns an epoll instance that contains the group's. The standby task watches it, so that the task does not keep the
    /// group's open.
    pub(crate) fn nested(&self) -> std::io::Result<Option<OwnedFd>> {
        let ready = self.ready.lock();
        let Some(epoll) = &ready.epoll else { return Ok(None) };
        let nested = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&nested, epoll, EventData::new_u64(0), EventFlags::IN | EventFlags::ET)?;
        Ok(Some(nested))
    }
}

impl Member {
    pub(crate) fn new(group: Arc<Group>) -> Self {
        Self { group, key: OnceLock::new(), generation: fork::generation() }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // In a forked child, a thread that only the parent has may hold the lock.
        if let Some(key) = self.key.get()
            && !fork::is_inherited(self.generation)
        {
            self.group.remove(*key);
        }
    }
}
