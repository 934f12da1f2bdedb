//! Until when to wait.

use std::time::{Duration, Instant};

/// Until when to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    Now,
    /// So much later than the first wait: the clock is read only for that.
    Within(Duration),
    At(Instant),
    Never,
}

impl Deadline {
    /// poll(2)'s rule: negative waits without limit, 0 not at all.
    pub(crate) fn after_ms(timeout_ms: i64) -> Self {
        match u64::try_from(timeout_ms) {
            Ok(0) => Self::Now,
            Ok(ms) => Self::Within(Duration::from_millis(ms)),
            Err(_) => Self::Never,
        }
    }

    /// As a point in time.
    pub(crate) fn fixed(self) -> Self {
        match self {
            Self::Within(Duration::ZERO) => Self::Now,
            // Past the end of the clock is never.
            Self::Within(timeout) => Instant::now().checked_add(timeout).map_or(Self::Never, Self::At),
            fixed => fixed,
        }
    }

    /// The time that is left, none for no limit.
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
