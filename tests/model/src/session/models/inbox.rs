//! The inbox and the gate before it.

use std::convert::Infallible;

use loom::thread;
use std::sync::Arc;

use super::super::deadline::Deadline;
use super::super::inbox::{Inbox, Taken};
use super::super::queue_bounds::{QueueBounds, QueuePolicy};
use super::{Notify, explore};
use crate::transport::EventFd;

fn inbox(messages: usize) -> Inbox<u32> {
    Inbox::new(QueueBounds { messages, bytes: usize::MAX, policy: QueuePolicy::Wait })
}

fn take(inbox: &Inbox<u32>, wake_reader: impl FnOnce()) -> Taken<u32> {
    let Ok(taken) = inbox.take(|_| Ok::<(), Infallible>(()), wake_reader);
    taken
}

/// Receives until the end or `limit` messages.
fn receive(inbox: &Inbox<u32>, limit: usize, wake_reader: impl Fn()) -> Vec<u32> {
    let mut received = Vec::new();
    while received.len() < limit {
        let ticket = inbox.ticket();
        match if inbox.has_news() { take(inbox, &wake_reader) } else { Taken::Nothing } {
            Taken::Message(message) => received.push(message),
            Taken::Nothing => inbox.wait(ticket, Deadline::Never),
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
    explore("inbox, two receivers", 2, || {
        let inbox = Arc::new(inbox(4));
        let receivers = [0, 1].map(|_| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || receive(&inbox, usize::MAX, || ()))
        });
        inbox.push(0, 0, 0);
        inbox.push(1, 0, 0);
        inbox.end();
        inbox.push(2, 0, 0);
        check(&receivers.map(|receiver| receiver.join().unwrap()), 2);
        assert!(inbox.has_news());
    });
}

/// One wake-up for each message is enough for receivers that take one each.
#[test]
fn each_message_finds_a_receiver() {
    explore("inbox, one message each", 2, || {
        let inbox = Arc::new(inbox(4));
        let receivers = [0, 1].map(|_| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || receive(&inbox, 1, || ()))
        });
        inbox.push(0, 0, 0);
        inbox.push(1, 0, 0);
        check(&receivers.map(|receiver| receiver.join().unwrap()), 2);
        assert!(!inbox.has_news());
    });
}

/// The reader, which alone adds messages, is never told that there are none while there are.
#[test]
fn no_news_is_no_message() {
    explore("inbox, news", 3, || {
        let inbox = Arc::new(inbox(4));
        let receiver = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || (0..2).map(|_| take(&inbox, || ())).filter(|taken| *taken != Taken::Nothing).count()
        });
        let mut left = 0;
        for message in 0..2 {
            inbox.push(message, 0, 0);
            if !inbox.has_news() {
                assert_eq!(take(&inbox, || ()), Taken::Nothing);
            }
        }
        while inbox.has_news() {
            left += usize::from(take(&inbox, || ()) != Taken::Nothing);
        }
        assert_eq!(take(&inbox, || ()), Taken::Nothing);
        assert_eq!(receiver.join().unwrap() + left, 2);
    });
}

/// A reader that stops for want of room goes on.
#[test]
fn the_reader_is_told_of_room() {
    explore("inbox, room", 3, || {
        let session = Arc::new((inbox(2), Notify::new()));
        let reader = thread::spawn({
            let session = Arc::clone(&session);
            move || {
                let (inbox, wake) = &*session;
                for message in 0..4 {
                    while !inbox.has_room() {
                        wake.notified();
                    }
                    inbox.push(message, 0, 0);
                }
                inbox.end();
            }
        });
        let (inbox, wake) = &*session;
        check(&[receive(inbox, usize::MAX, || wake.notify_one())], 4);
        reader.join().unwrap();
    });
}

/// Nobody receives, but somebody waits for the end: the reader comes to it.
#[test]
fn a_full_inbox_does_not_keep_the_end_away() {
    explore("inbox, leaving", 3, || {
        let session = Arc::new((inbox(1), Notify::new()));
        let reader = thread::spawn({
            let session = Arc::clone(&session);
            move || {
                let (inbox, wake) = &*session;
                for message in 0..2 {
                    while !inbox.has_room() {
                        wake.notified();
                    }
                    inbox.push(message, 0, 0);
                }
                inbox.end();
            }
        });
        let (inbox, wake) = &*session;
        inbox.set_closing();
        inbox.enter_leaving();
        wake.notify_one();
        reader.join().unwrap();
        assert!(inbox.is_leaving());
        inbox.exit_leaving();
        wake.notify_one();
        assert_eq!(take(inbox, || ()), Taken::Message(0));
        assert_eq!(take(inbox, || ()), Taken::Ended);
    });
}

/// Whoever looks at the descriptor and then takes finds something exactly where it was readable; and in the end it is as
/// there is something or not.
#[test]
fn the_descriptor_tells_of_what_is_there() {
    explore("inbox, descriptor", 3, || {
        let inbox = Arc::new(inbox(4));
        let wake = Arc::new(EventFd::new().unwrap());
        inbox.set_signal(&wake);
        let reader = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || {
                inbox.push(0, 0, 0);
                inbox.push(1, 0, 0);
                inbox.end();
            }
        });
        let take = || {
            let readable = wake.is_readable();
            let taken = if inbox.has_news() { take(&inbox, || ()) } else { Taken::Nothing };
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
    explore("inbox, all taken", 3, || {
        let session = Arc::new((inbox(4), Notify::new()));
        let reader = thread::spawn({
            let session = Arc::clone(&session);
            move || {
                let (inbox, wake) = &*session;
                inbox.push(0, 0, 0);
                inbox.push(1, 0, 0);
                while !inbox.is_taken() {
                    wake.notified();
                }
                inbox.end();
            }
        });
        let (inbox, wake) = &*session;
        check(&[receive(inbox, usize::MAX, || wake.notify_one())], 2);
        reader.join().unwrap();
    });
}

/// The descriptor is readable while the reader holds bytes, whoever takes messages meanwhile.
#[test]
fn the_descriptor_tells_of_bytes_that_the_reader_holds() {
    explore("inbox, held bytes", 3, || {
        let inbox = Arc::new(inbox(4));
        let wake = Arc::new(EventFd::new().unwrap());
        inbox.set_signal(&wake);
        let reader = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || {
                inbox.push(0, 0, 0);
                inbox.set_buffered(true);
            }
        });
        let taken = if inbox.has_news() { take(&inbox, || ()) } else { Taken::Nothing };
        reader.join().unwrap();
        assert!(wake.is_readable());
        if taken == Taken::Nothing {
            assert_eq!(take(&inbox, || ()), Taken::Message(0));
        }
        inbox.set_buffered(false);
        assert!(!wake.is_readable());
    });
}
