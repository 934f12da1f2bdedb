//! The library's worker threads and the events that they wait for: sockets, timers, and requests to run a session's driver.
//! Any of them runs the next piece of work, so that no session depends on one thread.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::lock::Mutex;
use slab::Slab;

use super::Session;
use super::crew::{Crew, KEEP_ALIVE};
use super::deadline::Deadline;
use super::driver::{Next, TICK};
use super::logging::log;
use super::timers::Timers;
use crate::error::{Error, Kind, Result};
use crate::fork;
use crate::transport::{Event, Events, Interest, Poller, Socket};

/// After so many pieces of work a thread looks for events.
const WORK_PER_LOOK: usize = 64;

/// The key of sessions to come, which have none yet.
const NEWCOMERS: usize = usize::MAX - 2;

thread_local! {
    /// The thread is a reactor's, and not in a call of a listener: it looks into the queue next.
    static IS_AT_WORK: Cell<bool> = const { Cell::new(false) };
}

/// The reactor of a runtime.
pub(super) struct Reactor {
    poller: Poller,
    members: Mutex<Slab<Arc<Session>>>,
    newcomers: Mutex<Newcomers>,
    timers: Mutex<Timers>,
    queue: Mutex<Queue>,
    /// Threads that wait for events, or are about to.
    waiting: AtomicUsize,
    pub(super) crew: Crew,
}

/// Queued work, and the holds that keep threads for it.
#[derive(Default)]
struct Queue {
    work: VecDeque<Work>,
    holds: usize,
    /// The last thread has ended.
    has_ended: bool,
}

/// While there is one, threads run queued work, also while the library is being shut down.
pub(super) struct Hold {
    reactor: Arc<Reactor>,
    generation: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        // In a child that was forked meanwhile, a thread that only the parent has may hold the lock.
        if fork::is_inherited(self.generation) {
            return;
        }
        self.reactor.queue.lock().holds -= 1;
        if self.reactor.crew.is_stopping() {
            self.reactor.poller.wake();
        }
    }
}

/// What a thread does next.
enum Work {
    /// A step of a session's driver.
    Drive(Arc<Session>),
    /// Calls of a session's listener, which may take long.
    Tell(Arc<Session>),
    Call(Box<dyn FnOnce() + Send>),
}

/// Sessions that were just opened. Until its first tick a driver would have nothing to do.
#[derive(Default)]
struct Newcomers {
    /// Weak, because dropping a session before its first tick ends it.
    sessions: Vec<Weak<Session>>,
    is_closed: bool,
}

impl Reactor {
    /// Starts so many threads.
    pub(super) fn start(threads: usize) -> Result<Arc<Self>> {
        let poller = Poller::new()
            .map_err(|error| Error::os(Kind::Internal, "the system gives no descriptors to wait with", &error))?;
        let reactor = Arc::new(Self {
            poller,
            members: Mutex::default(),
            newcomers: Mutex::default(),
            timers: Mutex::default(),
            queue: Mutex::default(),
            waiting: AtomicUsize::new(0),
            crew: Crew::new(threads),
        });
        for _ in 0..threads {
            if let Err(error) = reactor.start_thread() {
                reactor.stop(Deadline::Never);
                return Err(Error::os(Kind::Internal, "could not start the library's threads", &error));
            }
        }
        Ok(reactor)
    }

    pub(super) fn start_thread(self: &Arc<Self>) -> std::io::Result<()> {
        let reactor = Arc::clone(self);
        self.crew.start(move || reactor.work())
    }

    /// Has a session driven from its first tick on, or from when something is to be done. Returns false when the library
    /// is being shut down.
    pub(super) fn add(&self, session: &Arc<Session>) -> bool {
        let mut newcomers = self.newcomers.lock();
        if newcomers.is_closed {
            return false;
        }
        let is_first = newcomers.sessions.is_empty();
        newcomers.sessions.push(Arc::downgrade(session));
        drop(newcomers);
        if is_first {
            self.set_deadline(NEWCOMERS, None, Some(Instant::now() + TICK));
        }
        true
    }

    /// Has a step of the session's driver done.
    pub(super) fn drive(&self, session: Arc<Session>) {
        self.enqueue(Work::Drive(session));
    }

    /// Has the session's listener told.
    pub(super) fn tell(&self, session: Arc<Session>) {
        self.enqueue(Work::Tell(session));
    }

    /// Has something else done that does not wait.
    pub(super) fn call(&self, work: Box<dyn FnOnce() + Send>) {
        self.enqueue(Work::Call(work));
    }

    /// Keeps threads until the hold is dropped. Returns None once they have ended.
    pub(super) fn hold(self: &Arc<Self>) -> Option<Hold> {
        let mut queue = self.queue.lock();
        if queue.has_ended {
            return None;
        }
        queue.holds += 1;
        Some(Hold { reactor: Arc::clone(self), generation: fork::generation() })
    }

    fn enqueue(&self, work: Work) {
        let mut queue = self.queue.lock();
        if queue.has_ended {
            drop(queue);
            // The session has ended, and its listener knows.
            return drop(work);
        }
        queue.work.push_back(work);
        drop(queue);
        // A thread checks the queue before it waits; this thread does too if it belongs to the reactor.
        if !IS_AT_WORK.get() && self.waiting.load(Ordering::SeqCst) > 0 {
            self.poller.wake();
        }
    }

    /// A key for a session that is driven from now on.
    pub(super) fn enter(&self, session: Arc<Session>) -> usize {
        self.members.lock().insert(session)
    }

    /// The session is not driven any more.
    pub(super) fn exit(&self, key: usize) {
        let session = self.members.lock().try_remove(key);
        // It may be the last that knows of it.
        drop(session);
        if self.crew.is_stopping() {
            self.poller.wake();
        }
    }

    /// Drops a session in a forked child.
    pub(super) fn forget(&self, session: &Session, key: Option<usize>) {
        let member = key.and_then(|key| self.members.try_lock()?.try_remove(key));
        // The caller has it as well: it is not the last.
        debug_assert!(member.as_ref().is_none_or(|member| std::ptr::eq(&**member, session)));
    }

    /// In a forked child: replaces the inherited descriptors, which only the parent uses from now on.
    pub(super) fn release(&self) {
        self.poller.release();
    }

    /// Changes what a session's socket is watched for.
    pub(super) fn watch(&self, socket: &Socket, key: usize, before: Interest, now: Interest) -> std::io::Result<()> {
        self.poller.watch(socket, key, before, now)
    }

    /// Changes when a session's driver is to have a step.
    pub(super) fn set_deadline(&self, key: usize, before: Option<Instant>, now: Option<Instant>) {
        let mut timers = self.timers.lock();
        if let Some(at) = timers.replace(key, before, now) {
            // With the lock held, so that an earlier time stays.
            self.poller.set_timer(at);
        }
    }

    /// Ends all sessions and then the threads. Returns whether that was done in time; if not, it goes on.
    pub(super) fn stop(self: &Arc<Self>, deadline: Deadline) -> bool {
        let hold = self.hold();
        self.crew.stop();
        let newcomers = {
            let mut newcomers = self.newcomers.lock();
            newcomers.is_closed = true;
            std::mem::take(&mut newcomers.sessions)
        };
        let members: Vec<_> = self.members.lock().iter().map(|(_, session)| Arc::clone(session)).collect();
        for session in newcomers.iter().filter_map(Weak::upgrade).chain(members) {
            session.abort();
        }
        drop(hold);
        self.crew.join(deadline.fixed(), || self.poller.wake())
    }

    fn work(self: Arc<Self>) {
        let leaving = Leaving(&self);
        IS_AT_WORK.set(true);
        let mut events = Events::new();
        loop {
            for _ in 0..WORK_PER_LOOK {
                let Some(work) = self.take() else { break };
                self.run(work);
            }
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let is_busy = !self.queue.lock().work.is_empty();
            if !is_busy && self.crew.is_stopping() && self.may_end() {
                self.waiting.fetch_sub(1, Ordering::SeqCst);
                std::mem::forget(leaving);
                // The next one ends as well.
                self.poller.wake();
                return;
            }
            let timeout = match (is_busy, self.crew.is_enlarged()) {
                (true, _) => Some(Duration::ZERO),
                (false, true) => Some(KEEP_ALIVE),
                (false, false) => None,
            };
            let mut has_come = is_busy;
            let waited = self.poller.wait(&mut events, timeout, |event| {
                has_come = true;
                self.note(event);
            });
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            debug_assert!(waited.is_ok(), "{waited:?}");
            // It was not needed for a while.
            if !has_come && self.crew.is_enlarged() && self.crew.may_leave(&self) {
                // What came in between is for the others: one of them waits, or looks into the queue next.
                std::mem::forget(leaving);
                return;
            }
        }
    }

    fn take(&self) -> Option<Work> {
        self.queue.lock().work.pop_front()
    }

    /// Whether the calling thread may end because the library is shut down; it is then no longer counted. Only the reactor's
    /// threads add members.
    fn may_end(&self) -> bool {
        if !self.members.lock().is_empty() {
            return false;
        }
        let mut queue = self.queue.lock();
        if !queue.work.is_empty() || queue.holds > 0 {
            return false;
        }
        queue.has_ended = self.crew.leave();
        true
    }

    /// Queues what an event makes to be done; this thread looks into the queue next.
    fn note(&self, event: Event) {
        match event {
            Event::Woken => {}
            Event::Timer => self.expire(),
            Event::Ready(key, ready) => {
                let Some(session) = self.members.lock().get(key).cloned() else { return };
                if session.note_ready(ready) {
                    self.queue.lock().work.push_back(Work::Drive(session));
                }
            }
        }
    }

    fn expire(&self) {
        let mut keys = Vec::new();
        {
            let mut timers = self.timers.lock();
            if let Some(at) = timers.expire(Instant::now(), |key| keys.push(key)) {
                self.poller.set_timer(at);
            }
        }
        let newcomers =
            if keys.contains(&NEWCOMERS) { std::mem::take(&mut self.newcomers.lock().sessions) } else { Vec::new() };
        let due: Vec<_> = {
            let members = self.members.lock();
            keys.iter().filter_map(|key| members.get(*key).cloned()).collect()
        };
        let newcomers = newcomers.iter().filter_map(Weak::upgrade);
        // Before the queue is locked: one of them may be the last that knows of its session.
        let asked: Vec<_> = newcomers.chain(due).filter(|session| session.task.ask()).collect();
        self.queue.lock().work.extend(asked.into_iter().map(Work::Drive));
    }

    /// Wakes another thread for the queued work, because this one makes a call that may take long.
    fn hand_on(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 && !self.queue.lock().work.is_empty() {
            self.poller.wake();
        }
    }

    fn run(self: &Arc<Self>, work: Work) {
        match work {
            Work::Call(work) => work(),
            Work::Tell(session) => {
                session.telling.begin();
                self.hand_on();
                let tell = || catch_unwind(AssertUnwindSafe(|| session.tell())).unwrap_or(false);
                IS_AT_WORK.set(false);
                let has_more = self.crew.call(self, tell);
                IS_AT_WORK.set(true);
                if has_more {
                    session.telling.ask();
                }
                if session.telling.end() {
                    self.queue.lock().work.push_back(Work::Tell(session));
                } else {
                    session.has_told();
                }
            }
            Work::Drive(session) => {
                session.task.begin();
                // Where it panics the session ends.
                let step = || catch_unwind(AssertUnwindSafe(|| session.step())).unwrap_or_else(|_| panicked(&session));
                let outcome = if session.extensions.is_empty() {
                    step()
                } else {
                    // Functions of an extension may take long.
                    self.hand_on();
                    IS_AT_WORK.set(false);
                    let outcome = self.crew.call(self, step);
                    IS_AT_WORK.set(true);
                    outcome
                };
                match outcome {
                    Next::Wait => {}
                    Next::Again => drop(session.task.ask()),
                    Next::Over => {
                        session.end_driving();
                        return;
                    }
                }
                if session.task.end() {
                    self.queue.lock().work.push_back(Work::Drive(session));
                }
            }
        }
    }
}

fn panicked(session: &Session) -> Next {
    log!(Error, session.id, "the library has a bug: a step of the driver panicked");
    Next::Over
}

/// A panic ends the thread.
struct Leaving<'a>(&'a Arc<Reactor>);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue.lock();
        queue.has_ended = self.0.crew.leave();
        drop(queue);
        self.0.poller.wake();
    }
}
