//! The receive queue and the event count before it.

use std::convert::Infallible;

use loom::thread;
use std::sync::Arc;

use super::{Notify, explore};
use crate::session::config::queue_bounds::{QueueBounds, QueuePolicy};
use crate::session::deadline::Deadline;
use crate::session::recv::queue::{RecvQueue, Taken};
use crate::transport::EventFd;

fn recv_queue(messages: usize) -> RecvQueue<u32> {
    RecvQueue::new(QueueBounds { messages, bytes: usize::MAX, policy: QueuePolicy::Wait })
}

fn take(recv_queue: &RecvQueue<u32>, wake_reader: impl FnOnce()) -> Taken<u32> {
    let Ok(taken) = recv_queue.take(|_| Ok::<(), Infallible>(()), wake_reader);
    taken
}

/// Receives until the end or `limit` messages.
fn receive(recv_queue: &RecvQueue<u32>, limit: usize, wake_reader: impl Fn()) -> Vec<u32> {
    let mut received = Vec::new();
    while received.len() < limit {
        let wait_key = recv_queue.wait_key();
        match if recv_queue.is_ready() { take(recv_queue, &wake_reader) } else { Taken::Nothing } {
            Taken::Message(message) => received.push(message),
            Taken::Nothing => recv_queue.wait(wait_key, Deadline::Never),
            Taken::Ended => break,
        }
    }
    received
}

fn check(received: &[Vec<u32>], pushed: u32) {
    assert!(received.iter().all(|mine| mine.is_sorted()), "out of order: {received:?}");
    let mut all = received.concat();
    all.sort_unstable();
    assert_eq!(all, (0..pushed).collect::<Vec<_>>());
}

/// Nothing is lost, the order is kept, and everybody hears of the end.
#[test]
fn two_receivers_until_the_end() {
    explore("recv_queue, two receivers", 2, || {
        let recv_queue = Arc::new(recv_queue(4));
        let receivers = [0, 1].map(|_| {
            let recv_queue = Arc::clone(&recv_queue);
            thread::spawn(move || receive(&recv_queue, usize::MAX, || ()))
        });
        recv_queue.push(0, 0, 0);
        recv_queue.push(1, 0, 0);
        recv_queue.end();
        recv_queue.push(2, 0, 0);
        check(&receivers.map(|receiver| receiver.join().unwrap()), 2);
        assert!(recv_queue.is_ready());
    });
}

/// One wake-up for each message is enough for receivers that take one each.
#[test]
fn each_message_finds_a_receiver() {
    explore("recv_queue, one message each", 2, || {
        let recv_queue = Arc::new(recv_queue(4));
        let receivers = [0, 1].map(|_| {
            let recv_queue = Arc::clone(&recv_queue);
            thread::spawn(move || receive(&recv_queue, 1, || ()))
        });
        recv_queue.push(0, 0, 0);
        recv_queue.push(1, 0, 0);
        check(&receivers.map(|receiver| receiver.join().unwrap()), 2);
        assert!(!recv_queue.is_ready());
    });
}

/// The reader, which alone adds messages, is never told that there are none while there are.
#[test]
fn no_news_is_no_message() {
    explore("recv_queue, news", 3, || {
        let recv_queue = Arc::new(recv_queue(4));
        let receiver = thread::spawn({
            let recv_queue = Arc::clone(&recv_queue);
            move || (0..2).map(|_| take(&recv_queue, || ())).filter(|taken| *taken != Taken::Nothing).count()
        });
        let mut left = 0;
        for message in 0..2 {
            recv_queue.push(message, 0, 0);
            if !recv_queue.is_ready() {
                assert_eq!(take(&recv_queue, || ()), Taken::Nothing);
            }
        }
        while recv_queue.is_ready() {
            left += usize::from(take(&recv_queue, || ()) != Taken::Nothing);
        }
        assert_eq!(take(&recv_queue, || ()), Taken::Nothing);
        assert_eq!(receiver.join().unwrap() + left, 2);
    });
}

/// A reader that stops for want of room goes on.
#[test]
fn the_reader_is_told_of_room() {
    explore("recv_queue, room", 3, || {
        let session = Arc::new((recv_queue(2), Notify::new()));
        let reader = thread::spawn({
            let session = Arc::clone(&session);
            move || {
                let (recv_queue, wake) = &*session;
                for message in 0..4 {
                    while !recv_queue.has_room() {
                        wake.notified();
                    }
                    recv_queue.push(message, 0, 0);
                }
                recv_queue.end();
            }
        });
        let (recv_queue, wake) = &*session;
        check(&[receive(recv_queue, usize::MAX, || wake.notify_one())], 4);
        reader.join().unwrap();
    });
}

/// Nobody receives, but somebody waits for the end: the reader comes to it.
#[test]
fn a_full_inbox_does_not_keep_the_end_away() {
    explore("recv_queue, leaving", 3, || {
        let session = Arc::new((recv_queue(1), Notify::new()));
        let reader = thread::spawn({
            let session = Arc::clone(&session);
            move || {
                let (recv_queue, wake) = &*session;
                for message in 0..2 {
                    while !recv_queue.has_room() {
                        wake.notified();
                    }
                    recv_queue.push(message, 0, 0);
                }
                recv_queue.end();
            }
        });
        let (recv_queue, wake) = &*session;
        recv_queue.set_closing();
        recv_queue.enter_leaving();
        wake.notify_one();
        reader.join().unwrap();
        assert!(recv_queue.is_leaving());
        recv_queue.exit_leaving();
        wake.notify_one();
        assert_eq!(take(recv_queue, || ()), Taken::Message(0));
        assert_eq!(take(recv_queue, || ()), Taken::Ended);
    });
}

/// A thread that polls the descriptor and then takes finds something exactly if the descriptor was readable. At the end the
/// descriptor is readable exactly if the queue has something.
#[test]
fn the_descriptor_tells_of_what_is_there() {
    explore("recv_queue, descriptor", 3, || {
        let recv_queue = Arc::new(recv_queue(4));
        let wake = Arc::new(EventFd::new().unwrap());
        recv_queue.set_signal(&wake);
        let reader = thread::spawn({
            let recv_queue = Arc::clone(&recv_queue);
            move || {
                recv_queue.push(0, 0, 0);
                recv_queue.push(1, 0, 0);
                recv_queue.end();
            }
        });
        let take = || {
            let readable = wake.is_readable();
            let taken = if recv_queue.is_ready() { take(&recv_queue, || ()) } else { Taken::Nothing };
            assert!(!readable || taken != Taken::Nothing, "it was readable for nothing");
            taken
        };
        let mut taken = [take(), take()];
        assert!(taken.iter().all(|taken| *taken != Taken::Ended));
        reader.join().unwrap();
        while taken[0] != Taken::Ended {
            assert!(wake.is_readable(), "there is something, and it is not readable");
            taken[0] = take();
        }
        assert!(wake.is_readable());
    });
}

/// A reader that waits until all is taken is told.
#[test]
fn the_reader_is_told_when_all_is_taken() {
    explore("recv_queue, all taken", 3, || {
        let session = Arc::new((recv_queue(4), Notify::new()));
        let reader = thread::spawn({
            let session = Arc::clone(&session);
            move || {
                let (recv_queue, wake) = &*session;
                recv_queue.push(0, 0, 0);
                recv_queue.push(1, 0, 0);
                while !recv_queue.is_taken() {
                    wake.notified();
                }
                recv_queue.end();
            }
        });
        let (recv_queue, wake) = &*session;
        check(&[receive(recv_queue, usize::MAX, || wake.notify_one())], 2);
        reader.join().unwrap();
    });
}

/// The descriptor is readable while the reader holds bytes, also while other threads take messages.
#[test]
fn the_descriptor_tells_of_bytes_that_the_reader_holds() {
    explore("recv_queue, held bytes", 3, || {
        let recv_queue = Arc::new(recv_queue(4));
        let wake = Arc::new(EventFd::new().unwrap());
        recv_queue.set_signal(&wake);
        let reader = thread::spawn({
            let recv_queue = Arc::clone(&recv_queue);
            move || {
                recv_queue.push(0, 0, 0);
                recv_queue.set_buffered(true);
            }
        });
        let taken = if recv_queue.is_ready() { take(&recv_queue, || ()) } else { Taken::Nothing };
        reader.join().unwrap();
        assert!(wake.is_readable());
        if taken == Taken::Nothing {
            assert_eq!(take(&recv_queue, || ()), Taken::Message(0));
        }
        recv_queue.set_buffered(false);
        assert!(!wake.is_readable());
    });
}
