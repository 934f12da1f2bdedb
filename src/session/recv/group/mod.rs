//! Groups of sessions that one or more threads receive from. A group has an epoll instance with the sockets of its sessions. A
//! thread that receives waits in it, and reads the sockets itself. Sessions with something to receive stand in a queue, each
//! once, so that they are served in turn.

mod presence;
pub(crate) mod session;
mod sockets;

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use slab::Slab;

use crate::error::{Error, Kind, Result};
use crate::lock::Mutex;
use crate::protocol::Frame;
use crate::session::deadline::Deadline;
use crate::session::event_count::EventCount;
use crate::session::interrupt::{Interrupts, Waiter};
use crate::session::upcalls::HandleHooks;
use crate::transport::EventFd;
pub(crate) use presence::GroupPresence;
use session::{ForGroup, GroupSession};
pub(crate) use sockets::Member;

/// The key of [`Group::signal`] in the epoll instance.
const SIGNAL: u64 = u64::MAX;

/// The state of a session in its group's queue: not queued, queued, or ended. The queue's lock guards it.
const NOT_QUEUED: u8 = 0;
const QUEUED: u8 = 1;
const ENDED: u8 = 2;

/// A group.
pub(crate) struct Group {
    ready: Mutex<ReadyQueue>,
    /// Wakes threads that receive while another one waits in the epoll instance, and the thread that closes the group.
    changed: EventCount,
    interrupts: Interrupts,
    /// Readable while the queue holds something that the thread in the epoll instance does not know of.
    signal: EventFd,
    /// A thread waits in the epoll instance, or is about to.
    is_leader_waiting: AtomicBool,
    pub(crate) presence: GroupPresence,
}

pub(crate) struct ReadyQueue {
    /// None once the group is closed. No thread waits in it then.
    epoll: Option<Arc<OwnedFd>>,
    members: Slab<Weak<dyn GroupSession>>,
    queue: VecDeque<Ready>,
    /// How many entries are taken from the queue before the sockets are polled again.
    round: usize,
    /// How many entries at the front of the queue the drivers were made to read.
    read_in_background: usize,
    /// A thread waits in the epoll instance, or polls it.
    has_leader: bool,
    /// The number of other waiting threads.
    waiting: usize,
    /// The application has asked for the descriptor.
    is_watched: bool,
    is_signalled: bool,
    is_closed: bool,
}

/// An entry of the queue: something to receive.
pub(crate) enum Ready {
    /// A session with something to receive, which is in the queue once.
    Session(Arc<dyn GroupSession>),
    /// A session that could not be opened.
    Failed(Arc<dyn HandleHooks>, Error),
}

/// What was received: a frame, or how the session has ended.
pub(crate) struct Received {
    pub(crate) owner: Arc<dyn HandleHooks>,
    pub(crate) outcome: Result<Frame>,
    /// It may be the last reference, which is dropped when no lock is held.
    _session: Option<Arc<dyn GroupSession>>,
}

impl Group {
    pub(crate) fn new() -> Result<Self> {
        let make = || {
            let (epoll, signal) = (epoll::create(CreateFlags::CLOEXEC)?, EventFd::new()?);
            epoll::add(&epoll, &signal, EventData::new_u64(SIGNAL), EventFlags::IN)?;
            Ok((epoll, signal))
        };
        let (epoll, signal) = make().map_err(|error| Error::no_descriptor(&error))?;
        let ready = ReadyQueue {
            epoll: Some(Arc::new(epoll)),
            members: Slab::new(),
            queue: VecDeque::new(),
            round: 0,
            read_in_background: 0,
            has_leader: false,
            waiting: 0,
            is_watched: false,
            is_signalled: false,
            is_closed: false,
        };
        Ok(Self {
            ready: Mutex::new(ready),
            changed: EventCount::default(),
            interrupts: Interrupts::default(),
            signal,
            is_leader_waiting: AtomicBool::new(false),
            presence: GroupPresence::default(),
        })
    }

    /// Queues a session that has something to receive.
    pub(crate) fn add_ready(&self, session: Arc<dyn GroupSession>) {
        let mut ready = self.ready.lock();
        let is_wanted = !ready.is_closed && !session.is_detached();
        if is_wanted && session.queue_state().load(Ordering::Relaxed) == NOT_QUEUED {
            session.queue_state().store(QUEUED, Ordering::Relaxed);
            self.push(&mut ready, Ready::Session(session));
        }
    }

    /// Queues the error of a session that could not be opened.
    pub(crate) fn record_failure(&self, owner: Arc<dyn HandleHooks>, error: Error) {
        let mut ready = self.ready.lock();
        if !ready.is_closed && !owner.is_freed() {
            self.push(&mut ready, Ready::Failed(owner, error));
        }
    }

    /// Removes a session that the application has freed from the queue.
    pub(crate) fn forget(&self, owner: &dyn HandleHooks, session: Option<&dyn GroupSession>) {
        let is_same = |other: &dyn HandleHooks| std::ptr::addr_eq(other, owner);
        let mut ready = self.ready.lock();
        if session.is_some_and(|session| session.queue_state().load(Ordering::Relaxed) != QUEUED) {
            return;
        }
        let left: VecDeque<_> = std::mem::take(&mut ready.queue);
        let (forgotten, kept): (VecDeque<_>, VecDeque<_>) = left.into_iter().partition(|entry| match entry {
            Ready::Session(entry) => session.is_some_and(|session| std::ptr::addr_eq(session, &**entry)),
            Ready::Failed(entry, _) => is_same(&**entry),
        });
        ready.queue = kept;
        ready.read_in_background = 0;
        self.update_signal(&mut ready);
        drop(ready);
        drop(forgotten);
    }

    fn push(&self, ready: &mut ReadyQueue, entry: Ready) {
        ready.queue.push_back(entry);
        if ready.waiting > 0 {
            self.changed.open_for_one();
        }
        self.update_signal(ready);
    }

    /// Updates the signal, for the event descriptor and the leader, after the queue has changed.
    fn update_signal(&self, ready: &mut ReadyQueue) {
        let is_wanted = !ready.queue.is_empty() && (ready.is_watched || self.is_leader_waiting.load(Ordering::SeqCst));
        if is_wanted && !ready.is_signalled {
            ready.is_signalled = true;
            self.signal.wake();
        } else if ready.queue.is_empty() && ready.is_signalled {
            ready.is_signalled = false;
            self.signal.drain();
        }
    }

    /// Receives the next frame of the first session in the queue, or its end, which is returned once. Reads on the calling
    /// thread.
    pub(crate) fn receive(&self, deadline: Deadline) -> Result<Received> {
        let deadline = deadline.fixed();
        let _inside = self.presence.enter();
        let mut waiter: Option<Waiter<'_>> = None;
        loop {
            // An interrupt that comes after the check opens the event count for this key.
            let wait_key = self.changed.wait_key();
            let mut ready = self.ready.lock();
            if ready.round == 0 && !ready.queue.is_empty() && ready.members.len() > 1 && !ready.has_leader {
                // Other sessions may have something by now.
                ready = self.poll_sockets(ready, Deadline::Now);
                ready.round = ready.queue.len();
            }
            ready.round = ready.round.saturating_sub(1);
            ready.read_in_background = ready.read_in_background.saturating_sub(1);
            let entry = ready.queue.pop_front();
            match entry {
                Some(Ready::Failed(owner, error)) => {
                    self.pass_on(&mut ready);
                    return Ok(Received { owner, outcome: Err(error), _session: None });
                }
                Some(Ready::Session(session)) => {
                    let is_over = session.queue_state().load(Ordering::Relaxed) == ENDED;
                    if !is_over {
                        session.queue_state().store(NOT_QUEUED, Ordering::Relaxed);
                    }
                    drop(ready);
                    if is_over {
                        continue;
                    }
                    if let Some(received) = self.receive_from(session) {
                        self.pass_on(&mut self.ready.lock());
                        return Ok(received);
                    }
                    continue;
                }
                None => self.update_signal(&mut ready),
            }
            if ready.is_closed {
                return Err(Error::new(Kind::Aborted, "the group was freed"));
            }
            if !ready.has_leader && deadline.has_passed() {
                ready = self.poll_sockets(ready, Deadline::Now);
                if !ready.queue.is_empty() {
                    continue;
                }
            }
            if ready.has_leader && !self.is_leader_waiting.load(Ordering::SeqCst) {
                // The leader is polling the sockets, and does not wait.
                ready.waiting += 1;
                drop(ready);
                self.changed.wait(wait_key, Deadline::Never);
                self.ready.lock().waiting -= 1;
                continue;
            }
            if deadline.has_passed() {
                return Err(Error::new(Kind::Timeout, "no message came in time"));
            }
            let begun = match &waiter {
                Some(waiter) => waiter.check(),
                None => self.interrupts.begin().map(|begun| waiter = Some(begun)),
            };
            if let Err(interrupted) = begun {
                if waiter.is_none() && !ready.has_leader {
                    ready = self.poll_sockets(ready, Deadline::Now);
                    if !ready.queue.is_empty() {
                        // This call need not wait, so the interrupt is for the next one that would.
                        self.interrupts.interrupt();
                        continue;
                    }
                }
                return Err(interrupted);
            }
            if ready.has_leader {
                ready.waiting += 1;
                drop(ready);
                self.changed.wait(wait_key, deadline);
                self.ready.lock().waiting -= 1;
            } else {
                self.is_leader_waiting.store(true, Ordering::SeqCst);
                // An interrupt that came before this has woken no thread.
                if let Some(waiter) = &waiter
                    && let Err(interrupted) = waiter.check()
                {
                    self.is_leader_waiting.store(false, Ordering::SeqCst);
                    return Err(interrupted);
                }
                let mut ready = self.poll_sockets(ready, deadline);
                self.pass_on(&mut ready);
            }
        }
    }

    /// Wakes another waiting thread, to take the next entry or to become the leader.
    fn pass_on(&self, ready: &mut ReadyQueue) {
        if ready.waiting > 0 && (!ready.has_leader || !ready.queue.is_empty()) {
            self.changed.open_for_one();
        }
        self.update_signal(ready);
    }

    /// Receives from a session that was taken from the queue. Returns None if there was nothing.
    fn receive_from(&self, session: Arc<dyn GroupSession>) -> Option<Received> {
        // A session that the application has freed is skipped.
        let owner = session.hooks().filter(|_| !session.is_detached())?;
        let outcome = match session.receive_for_group() {
            ForGroup::Frame(frame, has_more) => {
                if has_more {
                    self.add_ready(Arc::clone(&session));
                }
                Ok(frame)
            }
            ForGroup::Nothing => return None,
            ForGroup::Unfinished => {
                self.add_ready(session);
                return None;
            }
            ForGroup::Ended => {
                let ready = self.ready.lock();
                // The session returns its end once.
                if session.queue_state().swap(ENDED, Ordering::Relaxed) == ENDED {
                    drop(ready);
                    return None;
                }
                drop(ready);
                Err(session.leave_group())
            }
        };
        Some(Received { owner, outcome, _session: Some(session) })
    }

    /// Interrupts the waiting calls, or else the next call that would wait. Safe in a signal handler.
    pub(crate) fn interrupt(&self) {
        self.interrupts.interrupt();
        self.changed.open_for_all();
        if self.is_leader_waiting.load(Ordering::SeqCst) {
            self.signal.wake();
        }
    }

    /// Closes the group, so that nothing more is received. The caller ends the sessions.
    pub(crate) fn close(&self) {
        let mut ready = self.ready.lock();
        ready.is_closed = true;
        let (epoll, left) = (ready.epoll.take(), std::mem::take(&mut ready.queue));
        drop(ready);
        drop((epoll, left));
        self.changed.open_for_all();
        self.presence.close();
        // The descriptor is closed by the thread that waits in it.
        loop {
            let wait_key = self.changed.wait_key();
            if !self.ready.lock().has_leader {
                return;
            }
            self.signal.wake();
            self.changed.wait(wait_key, Deadline::Never);
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.ready.lock().is_closed
    }
}
