//! Sessions that one thread, or some, receive from: those with something wait in a queue for their turn, each once, so
//! that none can push itself before the others.

use std::any::Any;
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::lock::Mutex;

use super::Session;
use super::deadline::Deadline;
use super::delivery::no_descriptor;
use super::gate::Gate;
use super::inbox::Taken;
use super::interrupts::{Interrupts, Waiter};
use crate::error::{Error, Kind, Result};
use crate::protocol::Frame;
use crate::transport::EventFd;

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
#[derive(Default)]
pub(crate) struct Group {
    turns: Mutex<Turns>,
    /// For those who receive.
    changed: Gate,
    interrupts: Interrupts,
}

#[derive(Default)]
struct Turns {
    queue: VecDeque<Turn>,
    /// Readable while the queue holds something.
    signal: Option<EventFd>,
    /// Threads that wait.
    waiting: usize,
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

/// A turn without a message, dropped when no lock is held.
type Skipped = (Arc<Session>, Option<Arc<dyn Owner>>);

impl Group {
    /// A session has something to receive.
    pub(super) fn note(&self, session: Arc<Session>) {
        let mut turns = self.turns.lock();
        // Another thread may have taken the message already.
        let is_wanted = !turns.is_closed && !session.is_forsaken.load(Ordering::Acquire);
        if is_wanted && session.inbox.has_news() && session.group_turn.load(Ordering::Relaxed) == NO_TURN {
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
        let before = turns.queue.len();
        let left: VecDeque<_> = std::mem::take(&mut turns.queue);
        let (forgotten, kept): (VecDeque<_>, VecDeque<_>) = left.into_iter().partition(|turn| match turn {
            Turn::Session(turn) => session.is_some_and(|session| std::ptr::eq(session, &**turn)),
            Turn::Failed(turn, _) => is_same(&**turn),
        });
        turns.queue = kept;
        if before > 0 {
            turns.note_emptied();
        }
        drop(turns);
        drop(forgotten);
    }

    fn push(&self, turns: &mut Turns, turn: Turn) {
        if turns.queue.is_empty()
            && let Some(signal) = &turns.signal
        {
            signal.wake();
        }
        turns.queue.push_back(turn);
        if turns.waiting > 0 {
            self.changed.open_for_one();
        }
    }

    /// The next frame of the session whose turn it is, or its end, which is told once.
    pub(crate) fn receive(&self, deadline: Deadline) -> Result<Received> {
        let deadline = deadline.fixed();
        let mut waiter: Option<Waiter<'_>> = None;
        let mut skipped = Vec::new();
        loop {
            // An interrupt that comes after the check opens the gate for this ticket.
            let ticket = self.changed.ticket();
            skipped.clear();
            {
                let mut turns = self.turns.lock();
                if let Some(received) = turns.next(&mut skipped) {
                    // A session that has more is in the queue again: that is for another one who waits.
                    if !turns.queue.is_empty() && turns.waiting > 0 {
                        self.changed.open_for_one();
                    }
                    return Ok(received);
                }
                if turns.is_closed {
                    return Err(Error::new(Kind::Aborted, "the group was freed"));
                }
                if deadline.has_passed() {
                    return Err(Error::new(Kind::Timeout, "no message came in time"));
                }
                match &waiter {
                    Some(waiter) => waiter.check()?,
                    None => waiter = Some(self.interrupts.begin()?),
                }
                turns.waiting += 1;
            }
            self.changed.wait(ticket, deadline);
            self.turns.lock().waiting -= 1;
        }
    }

    /// The number of a descriptor that is readable exactly while receiving without waiting would give something. It stays open
    /// until the group is closed.
    pub(crate) fn event_descriptor(&self) -> Result<RawFd> {
        let mut turns = self.turns.lock();
        if turns.is_closed {
            return Err(Error::new(Kind::State, "the group is closed"));
        }
        if turns.signal.is_none() {
            let signal = EventFd::new().map_err(|error| no_descriptor(&error))?;
            if !turns.queue.is_empty() {
                signal.wake();
            }
            turns.signal = Some(signal);
        }
        let signal = turns.signal.as_ref().ok_or_else(|| Error::new(Kind::Internal, "there is no descriptor"))?;
        Ok(signal.as_raw_fd())
    }

    /// Wakes the calls that wait, else the next that would. Safe in a signal handler.
    pub(crate) fn interrupt(&self) {
        self.interrupts.interrupt();
        self.changed.open_for_all();
    }

    /// Nothing more is received. The sessions are for the caller to end.
    pub(crate) fn close(&self) {
        let mut turns = self.turns.lock();
        turns.is_closed = true;
        let signal = turns.signal.take();
        let left = std::mem::take(&mut turns.queue);
        drop(turns);
        drop(signal);
        self.changed.open_for_all();
        drop(left);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.turns.lock().is_closed
    }
}

impl Turns {
    fn next(&mut self, skipped: &mut Vec<Skipped>) -> Option<Received> {
        let received = loop {
            match self.queue.pop_front() {
                None => break None,
                Some(Turn::Failed(owner, error)) => {
                    break Some(Received { owner, outcome: Err(error), _session: None });
                }
                Some(Turn::Session(session)) => {
                    session.group_turn.store(NO_TURN, Ordering::Relaxed);
                    // A session that the application has freed is skipped.
                    let owner = match session.owner() {
                        Some(owner) if !session.is_forsaken.load(Ordering::Acquire) => owner,
                        owner => {
                            skipped.push((session, owner));
                            continue;
                        }
                    };
                    let outcome = match session.take_oldest() {
                        Taken::Nothing => {
                            skipped.push((session, Some(owner)));
                            continue;
                        }
                        Taken::Ended => {
                            // It has no other.
                            session.group_turn.store(LAST_TURN, Ordering::Relaxed);
                            Err(session.ended_error())
                        }
                        Taken::Message(frame) => {
                            if session.inbox.has_news() {
                                session.group_turn.store(HAS_TURN, Ordering::Relaxed);
                                self.queue.push_back(Turn::Session(Arc::clone(&session)));
                            }
                            Ok(frame)
                        }
                    };
                    break Some(Received { owner, outcome, _session: Some(session) });
                }
            }
        };
        self.note_emptied();
        received
    }

    /// With nothing in the queue the descriptor is not readable.
    fn note_emptied(&self) {
        if self.queue.is_empty()
            && !self.is_closed
            && let Some(signal) = &self.signal
        {
            signal.drain();
        }
    }
}
