//! Decides when a message is sent: at once, or together with others that follow it.

use std::time::{Duration, Instant};

/// Messages that follow each other faster than this share a system call.
const STREAK_GAP: Duration = Duration::from_micros(50);

/// After a streak this long, the first message is expected to begin another streak.
const LONG_STREAK: u32 = 16;

/// The state of one session. A streak is a run of messages without a receive in between.
#[derive(Debug)]
pub(crate) struct Coalescing {
    on: bool,
    /// The number of messages in this streak, and in the one before.
    streak: u32,
    streak_before: u32,
    last: Option<Instant>,
    /// The delayed flush has found a pause since the last message.
    has_paused: bool,
    /// The delayed flush sends what is held back.
    pub(crate) is_watched: bool,
}

/// When a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlushTiming {
    Now,
    /// With the next messages, at the next receive, or by the delayed flush.
    Later,
}

impl Coalescing {
    pub(crate) fn new(on: bool) -> Self {
        Self { on, streak: 0, streak_before: 0, last: None, has_paused: false, is_watched: false }
    }

    /// Returns when to send a message that was queued. `received`: the application has received since the message before.
    /// `corked`: the application has said that more messages follow.
    pub(crate) fn queued(&mut self, received: bool, corked: bool) -> FlushTiming {
        if corked {
            return FlushTiming::Later;
        }
        if !self.on {
            return FlushTiming::Now;
        }
        if received {
            self.streak_before = std::mem::take(&mut self.streak);
        }
        if std::mem::take(&mut self.has_paused) {
            (self.streak, self.streak_before) = (0, 0);
        }
        self.streak = self.streak.saturating_add(1);
        // While the delayed flush sends what is held back, the clock need not be read.
        if self.is_watched {
            let expected = self.streak > 1 || self.streak_before >= LONG_STREAK;
            return if expected { FlushTiming::Later } else { FlushTiming::Now };
        }
        let now = Instant::now();
        let before = self.last.replace(now);
        if self.streak > 1 && before.is_some_and(|before| now.saturating_duration_since(before) < STREAK_GAP) {
            FlushTiming::Later
        } else {
            FlushTiming::Now
        }
    }

    /// Called when the delayed flush has found nothing to do for some ticks: the next message begins a streak.
    pub(crate) fn pause(&mut self) {
        self.has_paused = true;
    }

    /// Called when the delayed flush no longer watches the session.
    pub(crate) fn unwatch(&mut self) {
        *self = Self::new(self.on);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: u32 = LONG_STREAK;

    fn send(coalescing: &mut Coalescing, count: u32) -> Vec<FlushTiming> {
        (0..count).map(|_| coalescing.queued(false, false)).collect()
    }

    fn watched() -> Coalescing {
        Coalescing { is_watched: true, ..Coalescing::new(true) }
    }

    #[test]
    fn messages_are_sent_at_once_without_coalescing() {
        let mut coalescing = Coalescing::new(false);
        assert_eq!(send(&mut coalescing, 3), [FlushTiming::Now; 3]);
        assert_eq!(coalescing.queued(false, true), FlushTiming::Later);
        assert_eq!(coalescing.queued(false, false), FlushTiming::Now);
    }

    #[test]
    fn later_messages_of_a_streak_are_coalesced() {
        let mut coalescing = watched();
        assert_eq!(send(&mut coalescing, 3), [FlushTiming::Now, FlushTiming::Later, FlushTiming::Later]);
        assert_eq!(coalescing.queued(true, false), FlushTiming::Now);
        assert_eq!(coalescing.queued(false, true), FlushTiming::Later);
        assert_eq!(coalescing.queued(false, false), FlushTiming::Later);
    }

    #[test]
    fn after_a_long_streak_the_first_message_is_coalesced_too() {
        for (length, flush_timing) in
            [(LONG - 1, FlushTiming::Now), (LONG, FlushTiming::Later), (LONG + 1, FlushTiming::Later)]
        {
            let mut coalescing = watched();
            send(&mut coalescing, length);
            assert_eq!(coalescing.queued(true, false), flush_timing, "{length}");
            // The streak before this one was short.
            assert_eq!(coalescing.queued(true, false), FlushTiming::Now);
        }
    }

    #[test]
    fn a_pause_ends_a_streak() {
        let mut coalescing = watched();
        send(&mut coalescing, LONG);
        coalescing.pause();
        assert_eq!(send(&mut coalescing, 2), [FlushTiming::Now, FlushTiming::Later]);
        coalescing.queued(true, false);
        send(&mut coalescing, LONG);
        coalescing.pause();
        assert_eq!(coalescing.queued(true, false), FlushTiming::Now);
    }

    #[test]
    fn without_the_delayed_flush_the_clock_decides() {
        let mut coalescing = Coalescing::new(true);
        assert_eq!(coalescing.queued(false, false), FlushTiming::Now);
        // As if the next messages came long after it, and at the same time.
        coalescing.last = Instant::now().checked_sub(Duration::from_secs(1));
        assert_eq!(coalescing.queued(false, false), FlushTiming::Now);
        coalescing.last = Instant::now().checked_add(Duration::from_secs(1));
        assert_eq!(coalescing.queued(false, false), FlushTiming::Later);
        coalescing.last = Instant::now().checked_add(Duration::from_secs(1));
        assert_eq!(coalescing.queued(true, false), FlushTiming::Now);
    }

    #[test]
    fn unwatching_resets_the_streak() {
        for on in [true, false] {
            let mut coalescing = Coalescing { is_watched: true, ..Coalescing::new(on) };
            send(&mut coalescing, LONG);
            coalescing.unwatch();
            assert!(!coalescing.is_watched && coalescing.last.is_none());
            assert_eq!((coalescing.streak, coalescing.streak_before, coalescing.on), (0, 0, on));
        }
    }
}
