//! Sessions that one thread, or some, receive from. The group has an epoll instance with the sockets of its sessions: a thread that
//! receives waits in it and reads there. Sessions with something to receive wait in a queue for their turn, each once, so that
//! none gets ahead of the others.

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

/// Where a session stands in its group's queue, which the queue's lock guards: not in it, in it, or done with it.
const NO_TURN: u8 = 0;
const HAS_TURN: u8 = 1;
const LAST_TURN: u8 = 2;

/// A group.
pub(crate) struct Group {
    ready: Mutex<ReadyQueue>,
    /// For threads that receive while another one waits in the epoll instance, and for closing.
    changed: EventCount,
    interrupts: Interrupts,
    /// Readable while the queue holds something that a thread in the epoll instance does not know of.
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
    /// Turns before the sockets are looked at again.
    round: usize,
    /// A thread waits in the epoll instance, or looks into it.
    has_leader: bool,
    /// Other threads that wait.
    waiting: usize,
    /// The application has asked for the descriptor.
    is_watched: bool,
    is_signalled: bool,
    is_closed: bool,
}

/// Something to receive.
pub(crate) enum Ready {
    /// From a session, which is in the queue once.
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

    /// A session has something to receive.
    pub(crate) fn note(&self, session: Arc<dyn GroupSession>) {
        let mut ready = self.ready.lock();
        let is_wanted = !ready.is_closed && !session.is_detached();
        if is_wanted && session.turn().load(Ordering::Relaxed) == NO_TURN {
            session.turn().store(HAS_TURN, Ordering::Relaxed);
            self.push(&mut ready, Ready::Session(session));
        }
    }

    /// A session could not be opened.
    pub(crate) fn record_failure(&self, owner: Arc<dyn HandleHooks>, error: Error) {
        let mut ready = self.ready.lock();
        if !ready.is_closed && !owner.is_freed() {
            self.push(&mut ready, Ready::Failed(owner, error));
        }
    }

    /// The application has freed a session: what is left of it is not received.
    pub(crate) fn forget(&self, owner: &dyn HandleHooks, session: Option<&dyn GroupSession>) {
        let is_same = |other: &dyn HandleHooks| std::ptr::addr_eq(other, owner);
        let mut ready = self.ready.lock();
        if session.is_some_and(|session| session.turn().load(Ordering::Relaxed) != HAS_TURN) {
            return;
        }
        let left: VecDeque<_> = std::mem::take(&mut ready.queue);
        let (forgotten, kept): (VecDeque<_>, VecDeque<_>) = left.into_iter().partition(|turn| match turn {
            Ready::Session(turn) => session.is_some_and(|session| std::ptr::addr_eq(session, &**turn)),
            Ready::Failed(turn, _) => is_same(&**turn),
        });
        ready.queue = kept;
        self.update_signal(&mut ready);
        drop(ready);
        drop(forgotten);
    }

    fn push(&self, ready: &mut ReadyQueue, turn: Ready) {
        ready.queue.push_back(turn);
        if ready.waiting > 0 {
            self.changed.open_for_one();
        }
        self.update_signal(ready);
    }

    /// Has the descriptor and the leader know whether the queue holds something.
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

    /// The next frame of the session whose turn it is, or its end, which is told once. Reads on the calling thread.
    pub(crate) fn receive(&self, deadline: Deadline) -> Result<Received> {
        let deadline = deadline.fixed();
        let _inside = self.presence.enter();
        let mut waiter: Option<Waiter<'_>> = None;
        loop {
            // An interrupt that comes after the check opens the event count for this key.
            let wait_key = self.changed.wait_key();
            let mut ready = self.ready.lock();
            if ready.round == 0 && !ready.queue.is_empty() && ready.members.len() > 1 && !ready.has_leader {
                // Others may have something by now.
                ready = self.look(ready, Deadline::Now);
                ready.round = ready.queue.len();
            }
            ready.round = ready.round.saturating_sub(1);
            let turn = ready.queue.pop_front();
            match turn {
                Some(Ready::Failed(owner, error)) => {
                    self.pass_on(&mut ready);
                    return Ok(Received { owner, outcome: Err(error), _session: None });
                }
                Some(Ready::Session(session)) => {
                    let is_over = session.turn().load(Ordering::Relaxed) == LAST_TURN;
                    if !is_over {
                        session.turn().store(NO_TURN, Ordering::Relaxed);
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
                ready = self.look(ready, Deadline::Now);
                if !ready.queue.is_empty() {
                    continue;
                }
            }
            if ready.has_leader && !self.is_leader_waiting.load(Ordering::SeqCst) {
                // Another thread is about to know what the sockets have.
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
                    ready = self.look(ready, Deadline::Now);
                    if !ready.queue.is_empty() {
                        // This call need not wait: the interrupt is for the next one that would.
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
                // An interrupt that came before nobody has woken.
                if let Some(waiter) = &waiter
                    && let Err(interrupted) = waiter.check()
                {
                    self.is_leader_waiting.store(false, Ordering::SeqCst);
                    return Err(interrupted);
                }
                let mut ready = self.look(ready, deadline);
                self.pass_on(&mut ready);
            }
        }
    }

    /// If there is more, it is for another thread that waits; else that thread is the next leader.
    fn pass_on(&self, ready: &mut ReadyQueue) {
        if ready.waiting > 0 && (!ready.has_leader || !ready.queue.is_empty()) {
            self.changed.open_for_one();
        }
        self.update_signal(ready);
    }

    /// Receives from a session that has its turn. None if there was nothing.
    fn receive_from(&self, session: Arc<dyn GroupSession>) -> Option<Received> {
        // A session that the application has freed is skipped.
        let owner = session.hooks().filter(|_| !session.is_detached())?;
        let outcome = match session.receive_for_group() {
            ForGroup::Frame(frame, has_more) => {
                if has_more {
                    self.note(Arc::clone(&session));
                }
                Ok(frame)
            }
            ForGroup::Nothing => return None,
            ForGroup::Unfinished => {
                self.note(session);
                return None;
            }
            ForGroup::Ended => {
                let ready = self.ready.lock();
                // It has no other, and tells its end once.
                if session.turn().swap(LAST_TURN, Ordering::Relaxed) == LAST_TURN {
                    drop(ready);
                    return None;
                }
                drop(ready);
                Err(session.leave_group())
            }
        };
        Some(Received { owner, outcome, _session: Some(session) })
    }

    /// Wakes the calls that wait, else the next that would. Safe in a signal handler.
    pub(crate) fn interrupt(&self) {
        self.interrupts.interrupt();
        self.changed.open_for_all();
        if self.is_leader_waiting.load(Ordering::SeqCst) {
            self.signal.wake();
        }
    }

    /// Nothing more is received. The sessions are for the caller to end.
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
