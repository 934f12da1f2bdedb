//! The turn to send, with threads that queue and `flush` as in `src/session/flushing.rs`.

use loom::cell::UnsafeCell;
use loom::thread;
use std::sync::Arc;

use super::super::sync::Mutex;
use super::super::turn::Turn;
use super::explore;

/// A message: who sent it, and which of theirs it is.
type Message = (usize, usize);

struct Session {
    turn: Turn,
    /// loom reports two senders at once. Nothing but the turn protects it here.
    wire: UnsafeCell<()>,
    sent: std::sync::Mutex<Vec<Message>>,
    outbox: Mutex<Vec<Message>>,
}

impl Session {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            turn: Turn::new(),
            wire: UnsafeCell::new(()),
            sent: std::sync::Mutex::default(),
            outbox: Mutex::new(Vec::new()),
        })
    }

    fn send(&self, message: Message) {
        self.outbox.lock().push(message);
        self.flush();
    }

    fn flush(&self) {
        if !self.turn.take() {
            return;
        }
        loop {
            let wire = self.wire.get_mut();
            loop {
                let loaded = std::mem::take(&mut *self.outbox.lock());
                if loaded.is_empty() {
                    break;
                }
                self.sent.lock().unwrap().extend(loaded);
            }
            drop(wire);
            if self.turn.give_back() {
                return;
            }
        }
    }

    /// Once all have returned from sending.
    fn check(&self, threads: usize, messages: usize) {
        assert!(self.outbox.lock().is_empty(), "nobody is responsible for what is left");
        let sent = self.sent.lock().unwrap();
        for thread in 0..threads {
            let theirs: Vec<_> = sent.iter().filter(|(from, _)| *from == thread).map(|(_, number)| *number).collect();
            assert_eq!(theirs, (0..messages).collect::<Vec<_>>());
        }
        assert_eq!(sent.len(), threads * messages);
    }
}

fn send_from(threads: usize, messages: usize) {
    let session = Session::new();
    let others: Vec<_> = (1..threads)
        .map(|number| {
            let session = Arc::clone(&session);
            thread::spawn(move || (0..messages).for_each(|message| session.send((number, message))))
        })
        .collect();
    (0..messages).for_each(|message| session.send((0, message)));
    others.into_iter().for_each(|thread| thread.join().unwrap());
    session.check(threads, messages);
}

#[test]
fn two_threads_send_several_messages() {
    explore("turn, two threads", 3, || send_from(2, 2));
}

#[test]
fn three_threads_send() {
    explore("turn, three threads", 2, || send_from(3, 1));
}
