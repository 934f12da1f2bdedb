//! Interrupts: of calls that wait at a event count, and of the one that sleeps on the socket.

use loom::thread;
use std::sync::Arc;

use super::{Notify, explore};
use crate::error::{Kind, Result};
use crate::session::deadline::Deadline;
use crate::session::event_count::EventCount;
use crate::session::interrupt::Interrupts;
use crate::session::loom_shim::{AtomicBool, Mutex, Ordering};

#[derive(Default)]
struct Session {
    interrupts: Interrupts,
    event_count: EventCount,
    /// What the calls wait for besides.
    is_done: AtomicBool,
    /// Only one thread reads.
    reader: Reader,
}

struct Reader(Mutex<()>);

impl Default for Reader {
    fn default() -> Self {
        Self(Mutex::new(()))
    }
}

impl Session {
    /// As `interrupt` in `src/session/mod.rs`.
    fn interrupt(&self) {
        self.interrupts.interrupt();
        self.event_count.open_for_all();
    }

    /// A call that waits at the event count, as a follower does.
    fn wait(&self) -> Result<()> {
        let mut waiter = None;
        loop {
            let wait_key = self.event_count.wait_key();
            if self.is_done.load(Ordering::Acquire) {
                return Ok(());
            }
            if waiter.is_none() {
                waiter = Some(self.interrupts.begin()?);
            }
            if let Some(waiter) = &waiter {
                waiter.check()?;
            }
            self.event_count.wait(wait_key, Deadline::Never);
        }
    }

    /// A call that sleeps on the socket, as `Sleep::poll` in `src/session/recv/recv.rs`.
    fn sleep(&self) -> Result<()> {
        let _reader = self.reader.0.lock();
        let waiter = self.interrupts.begin()?;
        loop {
            let wake = self.interrupts.wake()?;
            waiter.check()?;
            wake.sleep();
            wake.drain();
            waiter.check()?;
        }
    }

    /// What nobody was woken for is for the next one.
    fn is_kept(&self) -> bool {
        self.interrupts.begin().is_err()
    }
}

fn interrupted(outcome: Result<()>) -> bool {
    matches!(outcome, Err(error) if error.kind == Kind::Interrupted)
}

#[test]
fn one_who_waits_is_woken() {
    explore("interrupts, one waits", 3, || {
        let session = Arc::new(Session::default());
        let waits = thread::spawn({
            let session = Arc::clone(&session);
            move || session.wait()
        });
        session.interrupt();
        assert!(interrupted(waits.join().unwrap()));
        assert!(!session.is_kept());
    });
}

/// With the call ending for another reason at the same time, the interrupt is for it or for the next one.
#[test]
fn none_is_lost_or_doubled() {
    explore("interrupts, a call that ends", 3, || {
        let session = Arc::new(Session::default());
        let waits = thread::spawn({
            let session = Arc::clone(&session);
            move || session.wait()
        });
        let ends = thread::spawn({
            let session = Arc::clone(&session);
            move || {
                session.is_done.store(true, Ordering::Release);
                session.event_count.open_for_all();
            }
        });
        session.interrupt();
        ends.join().unwrap();
        let interrupted = interrupted(waits.join().unwrap());
        assert_ne!(interrupted, session.is_kept());
        assert!(!session.is_kept());
    });
}

/// Of two that wait when it comes, both are woken; of one, that one.
#[test]
fn all_who_wait_are_woken() {
    explore("interrupts, two wait", 2, || {
        let session = Arc::new(Session::default());
        let calls = [0, 1].map(|_| {
            let session = Arc::clone(&session);
            thread::spawn(move || session.wait())
        });
        session.interrupt();
        session.is_done.store(true, Ordering::Release);
        session.event_count.open_for_all();
        let woken = calls.map(|call| interrupted(call.join().unwrap())).into_iter().filter(|woken| *woken).count();
        let is_kept = session.is_kept();
        assert!(woken > 0 || is_kept);
        assert!(!session.is_kept());
    });
}

/// The event descriptor is made while the interrupt comes.
#[test]
fn one_who_sleeps_on_the_socket_is_woken() {
    explore("interrupts, one sleeps", 3, || {
        let session = Arc::new(Session::default());
        let sleeps = thread::spawn({
            let session = Arc::clone(&session);
            move || session.sleep()
        });
        session.interrupt();
        assert!(interrupted(sleeps.join().unwrap()));
        assert!(!session.is_kept());
    });
}

/// One reader after the other, the second with the descriptor of the first.
#[test]
fn readers_share_the_descriptor() {
    explore("interrupts, two sleep in turn", 3, || {
        let session = Arc::new((Session::default(), Notify::new()));
        let sleeps = thread::spawn({
            let session = Arc::clone(&session);
            move || {
                let (session, first) = &*session;
                assert!(interrupted(session.sleep()));
                first.notify_one();
                assert!(interrupted(session.sleep()));
            }
        });
        let (session, first) = &*session;
        session.interrupt();
        first.notified();
        session.interrupt();
        sleeps.join().unwrap();
        assert!(!session.is_kept());
    });
}
