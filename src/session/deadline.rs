//! The deadline of a call.

use std::time::{Duration, Instant};

/// How long a thread waits at a time for another thread that holds a resource and does not block.
pub(crate) const MOMENT: Duration = Duration::from_millis(1);

/// The time until which a call waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    Now,
    /// This long after the first wait begins. The clock is not read before that.
    Within(Duration),
    At(Instant),
    Never,
}

impl Deadline {
    /// Converts a timeout as in poll(2): a negative one waits without limit, 0 does not wait.
    pub(crate) fn after_ms(timeout_ms: i64) -> Self {
        match u64::try_from(timeout_ms) {
            Ok(0) => Self::Now,
            Ok(ms) => Self::Within(Duration::from_millis(ms)),
            Err(_) => Self::Never,
        }
    }

    /// Replaces `Within` by a point in time.
    pub(crate) fn fixed(self) -> Self {
        match self {
            Self::Within(Duration::ZERO) => Self::Now,
            // A time beyond the range of the clock is never.
            Self::Within(timeout) => Instant::now().checked_add(timeout).map_or(Self::Never, Self::At),
            fixed => fixed,
        }
    }

    /// Returns the remaining time, or None for no limit.
    pub(crate) fn left(self) -> Option<Duration> {
        match self {
            Self::Now => Some(Duration::ZERO),
            Self::Within(timeout) => Some(timeout),
            Self::At(at) => Some(at.saturating_duration_since(Instant::now())),
            Self::Never => None,
        }
    }

    pub(crate) fn has_passed(self) -> bool {
        self.left() == Some(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Duration = Duration::from_secs(3600);

    #[test]
    fn timeouts_in_milliseconds_follow_poll() {
        assert_eq!(Deadline::after_ms(0), Deadline::Now);
        assert_eq!(Deadline::after_ms(1), Deadline::Within(Duration::from_millis(1)));
        assert_eq!(Deadline::after_ms(-1), Deadline::Never);
        assert_eq!(Deadline::after_ms(i64::MIN), Deadline::Never);
    }

    #[test]
    fn a_fixed_deadline_is_a_point_in_time() {
        let before = Instant::now();
        let Deadline::At(at) = Deadline::Within(LATER).fixed() else { panic!("not a point in time") };
        assert!(at >= before + LATER && at <= Instant::now() + LATER);
        assert_eq!(Deadline::At(at).fixed(), Deadline::At(at));
        assert_eq!(Deadline::Within(Duration::ZERO).fixed(), Deadline::Now);
        assert_eq!(Deadline::Within(Duration::MAX).fixed(), Deadline::Never);
        assert_eq!((Deadline::Now.fixed(), Deadline::Never.fixed()), (Deadline::Now, Deadline::Never));
    }

    #[test]
    fn the_remaining_time() {
        let now = Instant::now();
        assert_eq!((Deadline::Now.left(), Deadline::Never.left()), (Some(Duration::ZERO), None));
        assert_eq!(Deadline::Within(LATER).left(), Some(LATER));
        assert_eq!(Deadline::At(now).left(), Some(Duration::ZERO));
        assert!(Deadline::At(now + LATER).left().is_some_and(|left| left > LATER / 2 && left <= LATER));
        for (deadline, has_passed) in [
            (Deadline::Now, true),
            (Deadline::Never, false),
            (Deadline::Within(LATER), false),
            (Deadline::At(now), true),
            (Deadline::At(now + LATER), false),
        ] {
            assert_eq!(deadline.has_passed(), has_passed, "{deadline:?}");
        }
    }
}
