//! Tasks, with threads that ask for one and threads that work, as in `src/session/reactor.rs`.

use std::collections::VecDeque;

use loom::cell::UnsafeCell;
use loom::thread;
use std::sync::Arc;

use super::super::sync::{AtomicU32, Mutex, Ordering};
use super::super::task::Task;
use super::explore;

struct Reactor {
    task: Task,
    queue: Mutex<VecDeque<()>>,
    /// loom reports two threads in it at once.
    work: UnsafeCell<()>,
    /// What there is to do, and what was done.
    due: AtomicU32,
    done: AtomicU32,
}

impl Reactor {
    fn new(task: Task) -> Arc<Self> {
        let queue = Mutex::new(VecDeque::new());
        Arc::new(Self { task, queue, work: UnsafeCell::new(()), due: AtomicU32::new(0), done: AtomicU32::new(0) })
    }

    fn ask(&self) {
        self.due.fetch_add(1, Ordering::Release);
        if self.task.ask() {
            self.queue.lock().push_back(());
        }
    }

    /// Does what is in the queue.
    fn work(&self) {
        while self.pop() {
            self.task.begin();
            let work = self.work.get_mut();
            self.done.fetch_add(self.due.swap(0, Ordering::Acquire), Ordering::Relaxed);
            drop(work);
            if self.task.end() {
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
    explore("task", 3, || {
        let reactor = Reactor::new(Task::idle());
        let others = [0, 1].map(|_| {
            let reactor = Arc::clone(&reactor);
            thread::spawn(move || {
                reactor.ask();
                reactor.work();
            })
        });
        reactor.ask();
        reactor.work();
        others.into_iter().for_each(|thread| thread.join().unwrap());
        reactor.work();
        assert_eq!(reactor.due.load(Ordering::Relaxed), 0);
        assert_eq!(reactor.done.load(Ordering::Relaxed), 3);
    });
}

/// Either the task begins, or somebody does without it.
#[test]
fn a_new_task_is_claimed_or_begins() {
    explore("task, claimed", 3, || {
        let reactor = Reactor::new(Task::new());
        let claiming = thread::spawn({
            let reactor = Arc::clone(&reactor);
            move || reactor.task.claim()
        });
        reactor.ask();
        let claimed = claiming.join().unwrap();
        assert_eq!(reactor.queue.lock().is_empty(), claimed);
        reactor.work();
        assert_eq!(reactor.done.load(Ordering::Relaxed), u32::from(!claimed));
    });
}
