//! The models. A thread that waits for good where somebody ought to have woken it is a deadlock, which loom reports.

#![allow(clippy::arc_with_non_send_sync, reason = "loom runs its threads by turns on one")]

mod dispatch_state;
mod interrupts;
mod read_lock;
mod recv_queue;
mod send_token;
mod sending;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use loom::sync::Condvar;

use crate::session::loom_shim::Mutex;

/// Runs a model under all interleavings with so many preemptions, and says how many these were.
fn explore(name: &str, preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let start = Instant::now();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 10_000;
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    println!("model: {name}: {} interleavings in {:.1} s", runs.load(Ordering::Relaxed), start.elapsed().as_secs_f64());
}

/// Like `tokio::sync::Notify` with one who waits: a notification is kept until it is taken.
struct Notify {
    is_notified: Mutex<bool>,
    changed: Condvar,
}

impl Notify {
    fn new() -> Self {
        Self { is_notified: Mutex::new(false), changed: Condvar::new() }
    }

    fn notify_one(&self) {
        *self.is_notified.lock() = true;
        self.changed.notify_one();
    }

    fn notified(&self) {
        let mut is_notified = self.is_notified.lock();
        while !*is_notified {
            is_notified = self.changed.wait(is_notified).unwrap();
        }
        *is_notified = false;
    }
}
