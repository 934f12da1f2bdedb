//! Keepalive pings, with a clock that the test controls.

use std::time::{Duration, Instant};

use ktorws::protocol::Keepalive;
use ktorws::protocol::keepalive::{KeepaliveAction, KeepaliveOptions, Liveness};

use crate::peer::now;

const INTERVAL: Duration = Duration::from_secs(10);

fn at(seconds: u64) -> Instant {
    now() + Duration::from_secs(seconds)
}

fn pinging(liveness: Liveness) -> Keepalive {
    Keepalive::new(KeepaliveOptions { interval: Some(INTERVAL), timeout: None, liveness }, now())
}

fn ping(keepalive: &mut Keepalive, now: Instant) -> [u8; 8] {
    match keepalive.poll([1, 2, 3, 4], now) {
        Some(KeepaliveAction::Ping(payload)) => payload,
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_an_interval_there_are_no_pings() {
    let mut keepalive = Keepalive::new(KeepaliveOptions::default(), now());
    assert_eq!((keepalive.deadline(), keepalive.timeout()), (None, None));
    assert_eq!(keepalive.poll([0; 4], at(1_000_000)), None);
}

#[test]
fn pings_are_due_every_interval() {
    let mut keepalive = pinging(Liveness::Pong);
    assert_eq!(keepalive.poll([0; 4], at(9)), None);
    assert_eq!(keepalive.deadline(), Some(at(10)));
    assert!(!keepalive.awaits_pong());
    let first = ping(&mut keepalive, at(10));
    assert!(keepalive.awaits_pong());
    assert_eq!(keepalive.poll([0; 4], at(11)), None);
    assert!(keepalive.pong_received(&first, at(12)));
    assert!(!keepalive.awaits_pong());
    assert_eq!(keepalive.last_rtt(), Some(Duration::from_secs(2)));
    assert_eq!(keepalive.deadline(), Some(at(20)));
    let second = ping(&mut keepalive, at(20));
    assert_ne!(first, second);
    // An answer that takes longer than the interval: the next ping follows at once.
    assert!(keepalive.pong_received(&second, at(35)));
    assert_eq!(keepalive.deadline(), Some(at(35)));
}

#[test]
fn only_the_matching_pong_counts() {
    let mut keepalive = pinging(Liveness::Pong);
    let first = ping(&mut keepalive, at(10));
    assert!(keepalive.pong_received(&first, at(10)));
    let second = ping(&mut keepalive, at(20));
    for other in [&first[..], b"", &second[..7]] {
        assert!(!keepalive.pong_received(other, at(21)));
    }
    assert!(!keepalive.bytes_received(at(21)));
    // Twice the interval.
    assert_eq!(keepalive.poll([0; 4], at(39)), None);
    assert_eq!(keepalive.poll([0; 4], at(40)), Some(KeepaliveAction::Timeout));
}

#[test]
fn any_byte_counts_with_liveness_any() {
    let mut keepalive = pinging(Liveness::Any);
    ping(&mut keepalive, at(10));
    assert!(keepalive.bytes_received(at(11)));
    assert_eq!(keepalive.deadline(), Some(at(20)));
    // What comes before the ping does not.
    assert!(!keepalive.bytes_received(at(12)));
    ping(&mut keepalive, at(20));
    assert_eq!(keepalive.poll([0; 4], at(40)), Some(KeepaliveAction::Timeout));
}

#[test]
fn a_late_ping_has_the_full_timeout() {
    let mut keepalive = Keepalive::new(KeepaliveOptions::default(), now());
    assert_eq!(keepalive.interval(), None);
    keepalive.set_interval(Some(INTERVAL), at(100));
    assert_eq!(keepalive.interval(), Some(INTERVAL));
    assert_eq!(keepalive.timeout(), Some(2 * INTERVAL));
    assert_eq!(keepalive.deadline(), Some(at(110)));
    ping(&mut keepalive, at(110));
    assert_eq!(keepalive.poll([0; 4], at(129)), None);
    keepalive.set_interval(None, at(129));
    assert_eq!(keepalive.deadline(), None);
}

#[test]
fn set_timeout_applies_to_the_outstanding_ping() {
    let mut keepalive = pinging(Liveness::Pong);
    ping(&mut keepalive, at(10));
    keepalive.set_timeout(Some(Duration::from_secs(1)), at(10));
    assert_eq!(keepalive.deadline(), Some(at(11)));
    keepalive.set_timeout(None, at(10));
    assert_eq!(keepalive.deadline(), Some(at(30)));
}

#[test]
fn restart_timeout_extends_the_deadline() {
    let mut keepalive = pinging(Liveness::Pong);
    ping(&mut keepalive, at(10));
    keepalive.restart_timeout(at(29));
    assert_eq!(keepalive.poll([0; 4], at(48)), None);
    assert_eq!(keepalive.poll([0; 4], at(49)), Some(KeepaliveAction::Timeout));
}

#[test]
fn the_pong_timeout_starts_when_the_ping_is_sent() {
    let mut keepalive = pinging(Liveness::Pong);
    let first = ping(&mut keepalive, at(10));
    keepalive.ping_sent(at(25));
    assert_eq!(keepalive.poll([0; 4], at(44)), None);
    assert_eq!(keepalive.deadline(), Some(at(45)));
    assert!(keepalive.pong_received(&first, at(27)));
    assert_eq!(keepalive.last_rtt(), Some(Duration::from_secs(2)));
    assert_eq!(keepalive.deadline(), Some(at(35)));
    // There is none under way.
    keepalive.ping_sent(at(28));
    assert_eq!(keepalive.deadline(), Some(at(35)));
}

#[test]
fn stop_ends_pings() {
    let mut keepalive = pinging(Liveness::Pong);
    ping(&mut keepalive, at(10));
    keepalive.stop();
    assert_eq!(keepalive.poll([0; 4], at(100)), None);
}
