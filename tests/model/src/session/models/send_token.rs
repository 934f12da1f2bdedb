//! The turn to send, with threads that queue and `flush` as in `src/session/send/flush.rs`.

use loom::cell::UnsafeCell;
use loom::thread;
use std::sync::Arc;

use super::explore;
use crate::session::loom_shim::Mutex;
use crate::session::token::SendToken;

/// A message: who sent it, and which of theirs it is.
type Message = (usize, usize);

struct Session {
    turn: SendToken,
    /// loom reports two senders at once. Nothing but the turn protects it here.
    wire: UnsafeCell<()>,
    sent: std::sync::Mutex<Vec<Message>>,
    send_queue: Mutex<Vec<Message>>,
}

impl Session {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            turn: SendToken::new(),
            wire: UnsafeCell::new(()),
            sent: std::sync::Mutex::default(),
            send_queue: Mutex::new(Vec::new()),
        })
    }

    fn send(&self, message: Message) {
        self.send_queue.lock().push(message);
        self.flush();
    }

    fn flush(&self) {
        if !self.turn.take() {
            return;
        }
        loop {
            let wire = self.wire.get_mut();
            loop {
                let loaded = std::mem::take(&mut *self.send_queue.lock());
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
        assert!(self.send_queue.lock().is_empty(), "bytes are queued, and no thread sends them");
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
