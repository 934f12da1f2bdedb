//! Who is responsible for a message that was queued: a thread that sends, the driver or the delayed flush. The steps are those
//! of `src/session/send/send.rs`, `flush.rs` and `delayed_flush.rs`, with counts in place of bytes.
//!
//! The kernel stays full until the driver waits for it: whoever relies on the driver without waking it is stuck.

use std::sync::Arc;

use loom::sync::Condvar;
use loom::thread;

use super::{Notify, explore};
use crate::session::deadline::Deadline;
use crate::session::event_count::EventCount;
use crate::session::loom_shim::{AtomicBool, Mutex, MutexGuard, Ordering};
use crate::session::token::SendToken;

#[derive(Clone, Copy, PartialEq, Eq)]
enum FlushTiming {
    Now,
    Later,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flushed {
    Done,
    Blocked,
}

/// What the stream is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// What was encrypted counts as sent.
    Tls,
}

#[derive(Default)]
struct SendQueue {
    unloaded: u32,
    queued: u32,
    sent: u32,
    is_watched: bool,
    waiting: u32,
}

#[derive(Default)]
struct SocketWriter {
    /// What the sender has of the send queue, and how much of that is sent.
    flight: u32,
    flight_sent: u32,
    records: u32,
}

#[derive(Default)]
struct Kernel {
    room: u32,
    taken: u32,
}

#[derive(Default)]
struct Watched {
    session: bool,
    is_running: bool,
    is_stopped: bool,
}

struct Session {
    kind: Kind,
    turn: SendToken,
    wire: Mutex<SocketWriter>,
    send_queue: Mutex<SendQueue>,
    holds_back: AtomicBool,
    is_blocked: AtomicBool,
    sent: EventCount,
    /// Wakes the driver.
    wake: Notify,
    kernel: Mutex<Kernel>,
    kernel_took: Condvar,
    watched: Mutex<Watched>,
    watched_changed: EventCount,
    /// The delayed flush's thread ends as soon as it has nothing to do.
    is_hasty: bool,
    is_over: AtomicBool,
}

impl Session {
    fn new(kind: Kind, room: u32, is_hasty: bool) -> Arc<Self> {
        Arc::new(Self {
            kind,
            turn: SendToken::new(),
            wire: Mutex::new(SocketWriter::default()),
            send_queue: Mutex::new(SendQueue::default()),
            holds_back: AtomicBool::new(false),
            is_blocked: AtomicBool::new(false),
            sent: EventCount::default(),
            wake: Notify::new(),
            kernel: Mutex::new(Kernel { room, taken: 0 }),
            kernel_took: Condvar::new(),
            watched: Mutex::new(Watched::default()),
            watched_changed: EventCount::default(),
            is_hasty,
            is_over: AtomicBool::new(false),
        })
    }

    // sending.rs

    fn send(self: &Arc<Self>, flush_timing: FlushTiming) {
        let mut send_queue = self.send_queue.lock();
        send_queue.unloaded += 1;
        send_queue.queued += 1;
        let queued = send_queue.queued;
        let flush_timing = self.flush_timing(&mut send_queue, flush_timing);
        drop(send_queue);
        if flush_timing == FlushTiming::Later || self.is_blocked.load(Ordering::Relaxed) {
            return;
        }
        self.send_queued(queued);
    }

    fn flush_timing(
        self: &Arc<Self>,
        send_queue: &mut MutexGuard<'_, SendQueue>,
        flush_timing: FlushTiming,
    ) -> FlushTiming {
        if flush_timing == FlushTiming::Now {
            return FlushTiming::Now;
        }
        if !send_queue.is_watched {
            if !self.watch() {
                return FlushTiming::Now;
            }
            send_queue.is_watched = true;
        }
        self.holds_back.store(true, Ordering::Relaxed);
        FlushTiming::Later
    }

    fn send_queued(&self, queued: u32) {
        let mut sent = None;
        while self.flush() != Flushed::Done {
            let now_sent = self.send_queue.lock().sent;
            let moves = sent.replace(now_sent) != Some(now_sent);
            if now_sent >= queued || !moves {
                self.wake.notify_one();
                return;
            }
            // Patience.
            thread::yield_now();
        }
    }

    /// `flush_all`.
    fn wait_until_sent(&self, queued: u32) {
        let mut send_queue = self.send_queue.lock();
        loop {
            let wait_key = self.sent.wait_key();
            if send_queue.sent >= queued {
                return;
            }
            send_queue.waiting += 1;
            drop(send_queue);
            self.wake.notify_one();
            self.sent.wait(wait_key, Deadline::Never);
            send_queue = self.send_queue.lock();
            send_queue.waiting -= 1;
        }
    }

    // flushing.rs

    fn flush(&self) -> Flushed {
        if !self.turn.take() {
            return Flushed::Done;
        }
        loop {
            let flushed = self.flush_in_turn();
            if self.turn.give_back() {
                return flushed;
            }
        }
    }

    fn flush_or_leave(&self) {
        if self.flush() != Flushed::Done {
            self.wake.notify_one();
        }
    }

    fn flush_in_turn(&self) -> Flushed {
        let mut wire = self.wire.lock();
        loop {
            let mut send_queue = self.send_queue.lock();
            self.holds_back.store(false, Ordering::Relaxed);
            self.is_blocked.store(false, Ordering::Relaxed);
            send_queue.load(&mut wire);
            if send_queue.waiting > 0 {
                self.sent.open_for_all();
            }
            drop(send_queue);
            match self.send_some(&mut wire) {
                Some(true) => {}
                Some(false) => return Flushed::Done,
                None => {
                    let mut send_queue = self.send_queue.lock();
                    send_queue.load(&mut wire);
                    self.is_blocked.store(true, Ordering::Relaxed);
                    return Flushed::Blocked;
                }
            }
        }
    }

    /// None for `WouldBlock`.
    fn send_some(&self, wire: &mut SocketWriter) -> Option<bool> {
        match self.kind {
            Kind::Plain if wire.flight == 0 => Some(false),
            Kind::Plain => {
                let count = self.give(wire.flight);
                (wire.flight, wire.flight_sent) = (wire.flight - count, wire.flight_sent + count);
                (count > 0).then_some(true)
            }
            Kind::Tls => {
                self.flush_records(wire)?;
                if wire.flight == 0 {
                    return Some(false);
                }
                (wire.flight, wire.flight_sent, wire.records) = (wire.flight - 1, wire.flight_sent + 1, 1);
                // What does not fit is for the next time.
                let _ = self.flush_records(wire);
                Some(true)
            }
        }
    }

    fn flush_records(&self, wire: &mut SocketWriter) -> Option<()> {
        if wire.records > 0 {
            wire.records -= self.give(wire.records);
        }
        (wire.records == 0).then_some(())
    }

    /// send(2).
    fn give(&self, count: u32) -> u32 {
        let mut kernel = self.kernel.lock();
        let count = count.min(kernel.room);
        (kernel.room, kernel.taken) = (kernel.room - count, kernel.taken + count);
        self.kernel_took.notify_all();
        count
    }

    // delayed flush.rs

    fn watch(self: &Arc<Self>) -> bool {
        let mut watched = self.watched.lock();
        if watched.is_stopped {
            return false;
        }
        let sleeps = !watched.session;
        watched.session = true;
        let starts = !std::mem::replace(&mut watched.is_running, true);
        drop(watched);
        if starts {
            let session = Arc::clone(self);
            thread::spawn(move || session.work());
        } else if sleeps {
            self.watched_changed.open_for_all();
        }
        true
    }

    fn stop(&self) {
        self.watched.lock().is_stopped = true;
        self.watched_changed.open_for_all();
    }

    fn work(&self) {
        while self.wait_for_work() {
            let was_watched = std::mem::take(&mut self.watched.lock().session);
            self.send_held_back();
            // As soon as it can be: the ticks of quiet before only make it rarer.
            if was_watched && !self.end_streak() {
                self.watched.lock().session = true;
                thread::yield_now();
            }
        }
        let mut watched = self.watched.lock();
        watched.is_running = false;
        let left = std::mem::take(&mut watched.session);
        drop(watched);
        if left {
            while !self.end_streak() {
                self.send_held_back();
            }
        }
    }

    fn wait_for_work(&self) -> bool {
        loop {
            let wait_key = self.watched_changed.wait_key();
            let watched = self.watched.lock();
            if !watched.is_stopped && watched.session {
                return true;
            }
            if watched.is_stopped || self.is_hasty {
                return false;
            }
            drop(watched);
            self.watched_changed.wait(wait_key, Deadline::Never);
        }
    }

    fn send_held_back(&self) -> bool {
        let sends = self.is_held_back(&self.send_queue.lock());
        if sends {
            self.flush_or_leave();
        }
        sends
    }

    fn end_streak(&self) -> bool {
        let mut send_queue = self.send_queue.lock();
        let is_over = !self.is_held_back(&send_queue);
        if is_over {
            send_queue.is_watched = false;
        }
        is_over
    }

    fn is_held_back(&self, send_queue: &SendQueue) -> bool {
        send_queue.unloaded > 0 && !self.is_blocked.load(Ordering::Relaxed)
    }

    // driver.rs

    /// The driver, which nothing but `wake` and the kernel wakes.
    fn drive(&self) {
        loop {
            if self.is_blocked.load(Ordering::Relaxed) {
                self.kernel.lock().room = u32::MAX;
                self.flush();
                // The next time that it is writable.
                thread::yield_now();
            } else if self.is_over.load(Ordering::Acquire) {
                return;
            } else {
                self.wake.notified();
            }
        }
    }

    // receiving.rs

    /// A receiver about to sleep.
    fn flush_held_back(&self) {
        if self.holds_back.load(Ordering::Relaxed) {
            self.flush_or_leave();
        }
    }

    // the models

    /// Waits for whoever is responsible, without waking anybody.
    fn expect_sent(&self, count: u32) {
        let mut kernel = self.kernel.lock();
        while kernel.taken < count {
            kernel = self.kernel_took.wait(kernel).unwrap();
        }
        assert_eq!(kernel.taken, count);
    }

    fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        self.wake.notify_one();
        self.stop();
    }
}

impl SendQueue {
    fn load(&mut self, wire: &mut SocketWriter) {
        self.sent += std::mem::take(&mut wire.flight_sent);
        if wire.flight == 0 {
            wire.flight = std::mem::take(&mut self.unloaded);
        }
    }
}

use FlushTiming::{Later, Now};

fn spawn(session: &Arc<Session>, run: impl FnOnce(&Arc<Session>) + 'static) -> thread::JoinHandle<()> {
    let session = Arc::clone(session);
    thread::spawn(move || run(&session))
}

/// The kernel is full behind a thread's own message, or within what it encrypted.
#[test]
fn the_driver_sends_what_a_full_kernel_leaves() {
    for (name, kind, room) in [("plain", Kind::Plain, 1), ("TLS", Kind::Tls, 0)] {
        explore(&format!("sending, full kernel, {name}"), 2, move || {
            let session = Session::new(kind, room, true);
            let driver = spawn(&session, |session| session.drive());
            let other = spawn(&session, |session| session.send(Now));
            session.send(Now);
            session.expect_sent(2);
            other.join().unwrap();
            session.end();
            driver.join().unwrap();
        });
    }
}

/// A thread that waits for all to be sent is told.
#[test]
fn flushing_ends() {
    explore("sending, flush", 1, || {
        let session = Session::new(Kind::Plain, 1, true);
        let driver = spawn(&session, |session| session.drive());
        let other = spawn(&session, |session| session.send(Now));
        session.send(Now);
        session.wait_until_sent(2);
        other.join().unwrap();
        session.end();
        driver.join().unwrap();
    });
}

/// What is held back goes out with the delayed flush, with another message or with a receive.
#[test]
fn the_backstop_sends_what_is_held_back() {
    explore("sending, held back", 2, || {
        let session = Session::new(Kind::Plain, u32::MAX, false);
        let other = spawn(&session, |session| {
            session.send(Later);
            session.flush_held_back();
        });
        session.send(Later);
        session.send(Later);
        session.expect_sent(3);
        other.join().unwrap();
        session.end();
    });
}

/// The delayed flush's thread ends while the next message is held back.
#[test]
fn the_backstop_ends_and_starts_again() {
    explore("sending, delayed_flush ends", 5, || {
        let session = Session::new(Kind::Plain, u32::MAX, true);
        session.send(Later);
        session.send(Later);
        session.send(Later);
        session.expect_sent(3);
    });
}

/// What is held back meets a full kernel.
#[test]
fn the_driver_sends_what_was_held_back() {
    for (name, departures) in [("alone", [Later, Later]), ("mixed", [Now, Later])] {
        explore(&format!("sending, held back, full kernel, {name}"), 1, move || {
            let session = Session::new(Kind::Plain, 0, true);
            let driver = spawn(&session, |session| session.drive());
            departures.into_iter().for_each(|flush_timing| session.send(flush_timing));
            session.expect_sent(2);
            session.end();
            driver.join().unwrap();
        });
    }
}
