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
