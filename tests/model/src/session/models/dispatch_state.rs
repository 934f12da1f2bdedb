//! Dispatch, with threads that ask for it and jobs, as in `src/session/background/dispatch.rs`.

use std::collections::VecDeque;

use loom::cell::UnsafeCell;
use loom::thread;
use std::sync::Arc;

use super::explore;
use crate::session::dispatch_state::DispatchState;
use crate::session::loom_shim::{AtomicU32, Mutex, Ordering};

struct Dispatch {
    state: DispatchState,
    queue: Mutex<VecDeque<()>>,
    /// loom reports two threads in it at once.
    work: UnsafeCell<()>,
    /// What there is to do, and what was done.
    due: AtomicU32,
    done: AtomicU32,
}

impl Dispatch {
    fn new(state: DispatchState) -> Arc<Self> {
        let queue = Mutex::new(VecDeque::new());
        Arc::new(Self { state, queue, work: UnsafeCell::new(()), due: AtomicU32::new(0), done: AtomicU32::new(0) })
    }

    fn request(&self) {
        self.due.fetch_add(1, Ordering::Release);
        if self.state.request() {
            self.queue.lock().push_back(());
        }
    }

    /// Does what is in the queue.
    fn work(&self) {
        while self.pop() {
            self.state.begin();
            let work = self.work.get_mut();
            self.done.fetch_add(self.due.swap(0, Ordering::Acquire), Ordering::Relaxed);
            drop(work);
            if self.state.end() {
                self.queue.lock().push_back(());
            }
        }
    }

    fn pop(&self) -> bool {
        let mut queue = self.queue.lock();
        assert!(queue.len() <= 1, "it is queued twice");
        queue.pop_front().is_some()
    }
}

/// One thread at a time works, and everything that was asked for is done by those who looked into the queue last.
#[test]
fn nothing_that_was_asked_for_is_forgotten() {
    explore("dispatch", 3, || {
        let dispatch = Dispatch::new(DispatchState::new());
        let others = [0, 1].map(|_| {
            let dispatch = Arc::clone(&dispatch);
            thread::spawn(move || {
                dispatch.request();
                dispatch.work();
            })
        });
        dispatch.request();
        dispatch.work();
        others.into_iter().for_each(|thread| thread.join().unwrap());
        dispatch.work();
        assert_eq!(dispatch.due.load(Ordering::Relaxed), 0);
        assert_eq!(dispatch.done.load(Ordering::Relaxed), 3);
    });
}
