//! Sessions that one thread, or some, receive from. The group has an epoll instance with the sockets of its sessions: a thread that
//! receives waits in it and reads there. Sessions with something to receive wait in a queue for their turn, each once, so that
//! none gets ahead of the others.

mod sockets;

use std::any::Any;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use slab::Slab;

use super::Session;
use super::deadline::Deadline;
use super::delivery::no_descriptor;
use super::gate::Gate;
use super::group_presence::Presence;
use super::interrupts::{Interrupts, Waiter};
use super::receiving::ForGroup;
use crate::error::{Error, Kind, Result};
use crate::lock::Mutex;
use crate::protocol::Frame;
use crate::transport::EventFd;
pub(super) use sockets::Member;

/// The key of [`Group::signal`] in the epoll instance.
const SIGNAL: u64 = u64::MAX;

/// What the floor above knows a session as.
pub(crate) trait Owner: Any + Send + Sync {
    /// Nothing flows: memory that is kept for what might can be given back.
    fn rest(&self);

    /// The application has let go of it.
    fn is_freed(&self) -> bool;
}

/// Where a session stands in its group's queue, which the queue's lock guards: not in it, in it, or done with it.
const NO_TURN: u8 = 0;
const HAS_TURN: u8 = 1;
const LAST_TURN: u8 = 2;

/// A group.
pub(crate) struct Group {
    turns: Mutex<Turns>,
    /// For threads that receive while another one waits in the epoll instance, and for closing.
    changed: Gate,
    interrupts: Interrupts,
    /// Readable while the queue holds something that a thread in the epoll instance does not know of.
    signal: EventFd,
    /// A thread waits in the epoll instance, or is about to.
    is_leader_waiting: AtomicBool,
    pub(super) presence: Presence,
}

struct Turns {
    /// None once the group is closed. No thread waits in it then.
    epoll: Option<Arc<OwnedFd>>,
    members: Slab<Weak<Session>>,
    queue: VecDeque<Turn>,
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
enum Turn {
    /// From a session, which is in the queue once.
    Session(Arc<Session>),
    /// A session that could not be opened.
    Failed(Arc<dyn Owner>, Error),
}

/// What was received: a frame, or how the session has ended.
pub(crate) struct Received {
    pub(crate) owner: Arc<dyn Owner>,
    pub(crate) outcome: Result<Frame>,
    /// It may be the last reference, which is dropped when no lock is held.
    _session: Option<Arc<Session>>,
}

impl Group {
    pub(crate) fn new() -> Result<Self> {
        let make = || {
            let (epoll, signal) = (epoll::create(CreateFlags::CLOEXEC)?, EventFd::new()?);
            epoll::add(&epoll, &signal, EventData::new_u64(SIGNAL), EventFlags::IN)?;
            Ok((epoll, signal))
        };
        let (epoll, signal) = make().map_err(|error| no_descriptor(&error))?;
        let turns = Turns {
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
            turns: Mutex::new(turns),
            changed: Gate::default(),
            interrupts: Interrupts::default(),
            signal,
            is_leader_waiting: AtomicBool::new(false),
            presence: Presence::default(),
        })
    }

    /// A session has something to receive.
    pub(super) fn note(&self, session: Arc<Session>) {
        let mut turns = self.turns.lock();
        let is_wanted = !turns.is_closed && !session.is_forsaken.load(Ordering::Acquire);
        if is_wanted && session.group_turn.load(Ordering::Relaxed) == NO_TURN {
            session.group_turn.store(HAS_TURN, Ordering::Relaxed);
            self.push(&mut turns, Turn::Session(session));
        }
    }

    /// A session could not be opened.
    pub(crate) fn note_failure(&self, owner: Arc<dyn Owner>, error: Error) {
        let mut turns = self.turns.lock();
        if !turns.is_closed && !owner.is_freed() {
            self.push(&mut turns, Turn::Failed(owner, error));
        }
    }

    /// The application has freed a session: what is left of it is not received.
    pub(crate) fn forget(&self, owner: &dyn Owner, session: Option<&Session>) {
        let is_same = |other: &dyn Owner| std::ptr::addr_eq(other, owner);
        let mut turns = self.turns.lock();
        if session.is_some_and(|session| session.group_turn.load(Ordering::Relaxed) != HAS_TURN) {
            return;
        }
        let left: VecDeque<_> = std::mem::take(&mut turns.queue);
        let (forgotten, kept): (VecDeque<_>, VecDeque<_>) = left.into_iter().partition(|turn| match turn {
            Turn::Session(turn) => session.is_some_and(|session| std::ptr::eq(session, &**turn)),
            Turn::Failed(turn, _) => is_same(&**turn),
        });
        turns.queue = kept;
        self.update_signal(&mut turns);
        drop(turns);
        drop(forgotten);
    }

    fn push(&self, turns: &mut Turns, turn: Turn) {
        turns.queue.push_back(turn);
        if turns.waiting > 0 {
            self.changed.open_for_one();
        }
        self.update_signal(turns);
    }

    /// Has the descriptor and the leader know whether the queue holds something.
    fn update_signal(&self, turns: &mut Turns) {
        let is_wanted = !turns.queue.is_empty() && (turns.is_watched || self.is_leader_waiting.load(Ordering::SeqCst));
        if is_wanted && !turns.is_signalled {
            turns.is_signalled = true;
            self.signal.wake();
        } else if turns.queue.is_empty() && turns.is_signalled {
            turns.is_signalled = false;
            self.signal.drain();
        }
    }

    /// The next frame of the session whose turn it is, or its end, which is told once. Reads on the calling thread.
    pub(crate) fn receive(&self, deadline: Deadline) -> Result<Received> {
        let deadline = deadline.fixed();
        let _inside = self.presence.enter();
        let mut waiter: Option<Waiter<'_>> = None;
        loop {
            // An interrupt that comes after the check opens the gate for this ticket.
            let ticket = self.changed.ticket();
            let mut turns = self.turns.lock();
            if turns.round == 0 && !turns.queue.is_empty() && turns.members.len() > 1 && !turns.has_leader {
                // Others may have something by now.
                turns = self.look(turns, Deadline::Now);
                turns.round = turns.queue.len();
            }
            turns.round = turns.round.saturating_sub(1);
            let turn = turns.queue.pop_front();
            match turn {
                Some(Turn::Failed(owner, error)) => {
                    self.pass_on(&mut turns);
                    return Ok(Received { owner, outcome: Err(error), _session: None });
                }
                Some(Turn::Session(session)) => {
                    let is_over = session.group_turn.load(Ordering::Relaxed) == LAST_TURN;
                    if !is_over {
                        session.group_turn.store(NO_TURN, Ordering::Relaxed);
                    }
                    drop(turns);
                    if is_over {
                        continue;
                    }
                    if let Some(received) = self.receive_from(session) {
                        self.pass_on(&mut self.turns.lock());
                        return Ok(received);
                    }
                    continue;
                }
                None => self.update_signal(&mut turns),
            }
            if turns.is_closed {
                return Err(Error::new(Kind::Aborted, "the group was freed"));
            }
            if !turns.has_leader && deadline.has_passed() {
                turns = self.look(turns, Deadline::Now);
                if !turns.queue.is_empty() {
                    continue;
                }
            }
            if turns.has_leader && !self.is_leader_waiting.load(Ordering::SeqCst) {
                // Another thread is about to know what the sockets have.
                turns.waiting += 1;
                drop(turns);
                self.changed.wait(ticket, Deadline::Never);
                self.turns.lock().waiting -= 1;
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
                if waiter.is_none() && !turns.has_leader {
                    turns = self.look(turns, Deadline::Now);
                    if !turns.queue.is_empty() {
                        // This call need not wait: the interrupt is for the next one that would.
                        self.interrupts.interrupt();
                        continue;
                    }
                }
                return Err(interrupted);
            }
            if turns.has_leader {
                turns.waiting += 1;
                drop(turns);
                self.changed.wait(ticket, deadline);
                self.turns.lock().waiting -= 1;
            } else {
                self.is_leader_waiting.store(true, Ordering::SeqCst);
                // An interrupt that came before nobody has woken.
                if let Some(waiter) = &waiter
                    && let Err(interrupted) = waiter.check()
                {
                    self.is_leader_waiting.store(false, Ordering::SeqCst);
                    return Err(interrupted);
                }
                let mut turns = self.look(turns, deadline);
                self.pass_on(&mut turns);
            }
        }
    }

    /// If there is more, it is for another thread that waits; else that thread is the next leader.
    fn pass_on(&self, turns: &mut Turns) {
        if turns.waiting > 0 && (!turns.has_leader || !turns.queue.is_empty()) {
            self.changed.open_for_one();
        }
        self.update_signal(turns);
    }

    /// Receives from a session that has its turn. None if there was nothing.
    fn receive_from(&self, session: Arc<Session>) -> Option<Received> {
        // A session that the application has freed is skipped.
        let owner = session.owner().filter(|_| !session.is_forsaken.load(Ordering::Acquire))?;
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
                let turns = self.turns.lock();
                // It has no other, and tells its end once.
                if session.group_turn.swap(LAST_TURN, Ordering::Relaxed) == LAST_TURN {
                    drop(turns);
                    return None;
                }
                drop(turns);
                session.leave_group();
                Err(session.ended_error())
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
        let mut turns = self.turns.lock();
        turns.is_closed = true;
        let (epoll, left) = (turns.epoll.take(), std::mem::take(&mut turns.queue));
        drop(turns);
        drop((epoll, left));
        self.changed.open_for_all();
        self.presence.close();
        // The descriptor is closed by the thread that waits in it.
        loop {
            let ticket = self.changed.ticket();
            if !self.turns.lock().has_leader {
                return;
            }
            self.signal.wake();
            self.changed.wait(ticket, Deadline::Never);
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.turns.lock().is_closed
    }
}
