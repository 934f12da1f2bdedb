//! When sessions have something due.

use std::collections::BTreeSet;
use std::time::Instant;

/// Due times, each of a key.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeSet<(Instant, usize)>,
    /// When the timer goes off.
    armed: Option<Instant>,
}

impl Timers {
    /// Puts one time in place of another. Returns when to set the timer to, if it has to be.
    pub(super) fn replace(&mut self, key: usize, before: Option<Instant>, now: Option<Instant>) -> Option<Instant> {
        if before == now {
            return None;
        }
        if let Some(before) = before {
            self.due.remove(&(before, key));
        }
        let at = now?;
        self.due.insert((at, key));
        self.arm(at)
    }

    /// Takes what is due, and returns when to set the timer to.
    pub(super) fn expire(&mut self, now: Instant, mut due: impl FnMut(usize)) -> Option<Instant> {
        self.armed = None;
        while let Some((at, key)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            due(key);
        }
        self.due.first().copied().and_then(|(at, _)| self.arm(at))
    }

    /// A timer that goes off early does no harm, so it is only ever set to an earlier time.
    fn arm(&mut self, at: Instant) -> Option<Instant> {
        if self.armed.is_some_and(|armed| armed <= at) {
            return None;
        }
        self.armed = Some(at);
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_timer_is_set_to_the_earliest_time() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::default();
        assert_eq!(timers.replace(1, None, Some(at(30))), Some(at(30)));
        assert_eq!(timers.replace(2, None, Some(at(20))), Some(at(20)));
        // It goes off before these.
        assert_eq!(timers.replace(3, None, Some(at(20))), None);
        assert_eq!(timers.replace(4, None, Some(at(40))), None);
        assert_eq!(timers.replace(4, Some(at(40)), Some(at(40))), None);
        assert_eq!(timers.replace(5, None, None), None);
        assert_eq!(timers.replace(2, Some(at(20)), None), None);
        assert_eq!(timers.replace(4, Some(at(40)), Some(at(10))), Some(at(10)));
        let expire = |timers: &mut Timers, ms| {
            let mut due = Vec::new();
            let next = timers.expire(at(ms), |key| due.push(key));
            (next, due)
        };
        assert_eq!(expire(&mut timers, 9), (Some(at(10)), vec![]));
        assert_eq!(expire(&mut timers, 10), (Some(at(20)), vec![4]));
        assert_eq!(expire(&mut timers, 30), (None, vec![3, 1]));
        // What is due has to be set again.
        assert_eq!(timers.replace(1, None, Some(at(50))), Some(at(50)));
    }
}
