//! The hand-off of reading: threads of the application as `receive_if` in `src/session/recv/recv.rs` goes, the driver as
//! `watch` and `read` in `src/session/background/driver/mod.rs` go. A tick is as long as loom likes.

use std::sync::atomic::{AtomicUsize, Ordering};

use loom::cell::UnsafeCell;
use loom::thread;
use std::sync::Arc;

use super::{Notify, explore};
use crate::session::deadline::Deadline;
use crate::session::event_count::EventCount;
use crate::session::loom_shim::{AtomicBool, AtomicU32};
use crate::session::word::{AppActivity, LockWord};

struct Session {
    word: LockWord,
    /// loom reports two readers at once, and a reader that does not see what the one before did.
    reader: UnsafeCell<u32>,
    recv_queue: EventCount,
    wake: Notify,
    /// The application does not come back.
    is_gone: AtomicBool,
    /// How often the driver went to sleep until the application leaves, and was woken for that.
    sleeps: AtomicUsize,
    wakes: AtomicUsize,
}

impl Session {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            word: LockWord::new(),
            reader: UnsafeCell::new(0),
            recv_queue: EventCount::default(),
            wake: Notify::new(),
            is_gone: AtomicBool::new(false),
            sleeps: AtomicUsize::new(0),
            wakes: AtomicUsize::new(0),
        })
    }

    fn receive(&self) {
        let mut waited = false;
        loop {
            let wait_key = self.recv_queue.wait_key();
            if self.word.enter(waited) {
                self.lead();
                return self.leave();
            }
            waited = true;
            self.recv_queue.wait(wait_key, Deadline::Never);
        }
    }

    fn receive_now(&self) -> bool {
        let leads = self.word.try_enter();
        if leads {
            self.lead();
            self.leave();
        }
        leads
    }

    fn lead(&self) {
        let reading = self.reader.get_mut();
        // Sleeps on the socket.
        thread::yield_now();
        drop(reading);
    }

    fn leave(&self) {
        let left = self.word.leave();
        if left.follower {
            self.recv_queue.open_for_one();
        }
        if left.driver {
            self.wakes.fetch_add(1, Ordering::Relaxed);
            self.wake.notify_one();
        }
    }

    /// The driver, until it reads after the application is gone.
    fn drive(&self) {
        let mut seen = 0;
        loop {
            match self.word.observe_app(&mut seen) {
                AppActivity::Active => thread::yield_now(),
                AppActivity::Inside => {
                    self.sleeps.fetch_add(1, Ordering::Relaxed);
                    while !self.word.is_watched() {
                        self.wake.notified();
                    }
                }
                AppActivity::Away => {
                    let is_gone = self.is_gone.load(Ordering::Acquire);
                    if self.read() && is_gone {
                        return;
                    }
                    thread::yield_now();
                }
            }
        }
    }

    fn read(&self) -> bool {
        if !self.word.enter_as_driver() {
            return false;
        }
        drop(self.reader.get_mut());
        if self.word.leave_as_driver().follower {
            self.recv_queue.open_for_one();
        }
        true
    }

    /// Every sleep was ended by a wake-up, and there was none for nothing.
    fn check_wakes(&self) {
        assert_eq!(self.wakes.load(Ordering::Relaxed), self.sleeps.load(Ordering::Relaxed));
    }
}

/// The driver sleeps only while the application is inside, is woken when it leaves, reads once it stays away, and is
/// never woken for nothing.
#[test]
fn the_driver_follows_one_thread() {
    explore("word, one thread", 3, || {
        let session = Session::new();
        let application = thread::spawn({
            let session = Arc::clone(&session);
            move || {
                session.receive();
                session.receive();
                session.is_gone.store(true, Ordering::Release);
            }
        });
        session.drive();
        application.join().unwrap();
        session.check_wakes();
    });
}

/// The same with two threads, of which one follows the other.
#[test]
fn the_driver_follows_two_threads() {
    explore("word, two threads", 1, || {
        let session = Session::new();
        let threads = [0, 1].map(|_| {
            let session = Arc::clone(&session);
            thread::spawn(move || session.receive())
        });
        let driver = thread::spawn({
            let session = Arc::clone(&session);
            move || session.drive()
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        session.is_gone.store(true, Ordering::Release);
        driver.join().unwrap();
        session.check_wakes();
    });
}

/// Whoever waits to become the reader does: one behind the other, and behind the driver.
#[test]
fn followers_are_woken() {
    explore("word, followers", 2, || {
        let session = Session::new();
        let followers = [0, 1].map(|_| {
            let session = Arc::clone(&session);
            thread::spawn(move || session.receive())
        });
        session.receive();
        followers.into_iter().for_each(|follower| follower.join().unwrap());
        assert!(session.receive_now());
    });
}

/// The same behind the driver and a thread that does not wait.
#[test]
fn a_follower_is_woken_by_the_driver() {
    explore("word, driver and passer-by", 3, || {
        let session = Session::new();
        let follower = thread::spawn({
            let session = Arc::clone(&session);
            move || session.receive()
        });
        let passer_by = thread::spawn({
            let session = Arc::clone(&session);
            move || _ = session.receive_now()
        });
        session.read();
        follower.join().unwrap();
        passer_by.join().unwrap();
        assert!(session.receive_now());
    });
}

/// While the application comes and goes faster than the tick, the driver looks by itself, also when it finds it inside.
#[test]
fn a_busy_application_does_not_wake_its_driver() {
    explore("word, steady state", 0, || {
        let session = Session::new();
        let mut seen = 0;
        for _ in 0..3 {
            assert!(session.receive_now());
            assert!(session.word.enter(false));
            assert_eq!(session.word.observe_app(&mut seen), AppActivity::Active);
            session.leave();
        }
        session.check_wakes();
    });
}

/// A session whose socket is announced to the driver only if there is something in it when the driver looks. (loom may
/// put a plain store before an exchange that has come before it: there are none here.)
struct ListenerState {
    word: LockWord,
    socket: AtomicU32,
    /// Read and not decoded.
    decoder: AtomicU32,
    handled: AtomicU32,
    wake: Notify,
    is_woken: AtomicBool,
}

impl ListenerState {
    /// The application takes all that there is from the socket, and of that one message.
    fn receive_now(&self) {
        if !self.word.try_enter() {
            return;
        }
        let messages = self.decoder.load(Ordering::Relaxed) + self.socket.swap(0, Ordering::AcqRel);
        if messages > 0 {
            self.handled.fetch_add(1, Ordering::AcqRel);
        }
        self.decoder.store(messages.saturating_sub(1), Ordering::Relaxed);
        if self.word.leave().driver {
            self.is_woken.swap(true, Ordering::AcqRel);
            self.wake.notify_one();
        }
    }

    /// The driver, until both messages were handled.
    fn drive(&self) {
        let mut seen = 0;
        while self.handled.load(Ordering::Acquire) < 2 {
            if self.word.observe_app(&mut seen) != AppActivity::Away || !self.word.enter_as_driver() {
                thread::yield_now();
                continue;
            }
            let all = self.decoder.swap(0, Ordering::Relaxed) + self.socket.swap(0, Ordering::AcqRel);
            let handled = self.handled.fetch_add(all, Ordering::AcqRel) + all;
            self.word.leave_as_driver();
            if handled < 2 && self.word.arm(seen) {
                while self.socket.load(Ordering::Acquire) == 0 && !self.is_woken.swap(false, Ordering::AcqRel) {
                    self.wake.notified();
                }
            }
        }
    }
}

/// Two messages come in one segment while the driver sleeps, and the application takes one of them and goes away: the
/// driver handles the other one.
#[test]
fn what_the_application_leaves_behind_is_handled() {
    explore("word, left behind", 3, || {
        let session = Arc::new(ListenerState {
            word: LockWord::new(),
            socket: AtomicU32::new(0),
            decoder: AtomicU32::new(0),
            handled: AtomicU32::new(0),
            wake: Notify::new(),
            is_woken: AtomicBool::new(false),
        });
        let driver = thread::spawn({
            let session = Arc::clone(&session);
            move || session.drive()
        });
        session.socket.fetch_add(2, Ordering::AcqRel);
        session.wake.notify_one();
        session.receive_now();
        driver.join().unwrap();
    });
}

/// Once only the driver is to read it does, as soon as a thread that reads has left, which was told to.
#[test]
fn the_driver_gets_what_it_is_to_keep() {
    explore("hand-off, kept", 3, || {
        let session = Session::new();
        let application = thread::spawn({
            let session = Arc::clone(&session);
            move || (0..2).filter(|_| session.receive_now()).count()
        });
        let mut seen = 0;
        // As the driver stands while the application reads.
        let _ = session.word.observe_app(&mut seen);
        session.word.reserve();
        loop {
            if session.word.enter_as_driver() {
                drop(session.reader.get_mut());
                session.word.leave_as_driver();
                break;
            }
            if session.word.observe_app(&mut seen) == AppActivity::Inside {
                session.wake.notified();
            }
        }
        application.join().unwrap();
        assert!(session.word.is_reserved());
        assert!(!session.word.try_enter() && !session.word.enter(false));
    });
}
