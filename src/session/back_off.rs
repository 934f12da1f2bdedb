//! Whether and when to try again: the table of what passes, and delays that grow.

use std::time::{Duration, SystemTime};

use crate::error::{Error, Kind, Phase, Refusal};
use crate::frame::CloseCode;

/// Statuses of servers that will answer otherwise in a while.
const PASSING_STATUSES: &[u16] = &[408, 425, 429, 500, 502, 503, 504];

/// Close codes of servers that go away, or cannot go on for now (RFC 6455 section 7.4.1 and IANA's registry).
const PASSING_CODES: &[u16] = &[1001, 1011, 1012, 1013, 1014];

/// How delays grow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BackOff {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

impl BackOff {
    /// The delay before an attempt, counted from 1: twice the one before, and of that a random part, half to all.
    pub(super) fn delay(&self, attempt: u32, random: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        let full = self.first.saturating_mul(1 << doublings).min(self.longest);
        let half = full / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

/// Whether a connection that was lost this way is worth another one: by the server's Close, else by the error.
pub(super) fn passes_close(code: Option<CloseCode>) -> bool {
    code.is_some_and(|code| PASSING_CODES.contains(&code.0))
}

/// Whether an error is one that may be gone the next time.
pub(super) fn passes(error: &Error) -> bool {
    if let Some(refusal) = &error.refusal {
        return PASSING_STATUSES.contains(&refusal.status);
    }
    if error.is_cut_off {
        return true;
    }
    match error.kind {
        Kind::ClosedAbnormally | Kind::PingTimeout | Kind::Io => true,
        Kind::Resolve | Kind::Connect | Kind::Proxy | Kind::Timeout => true,
        // Of an open session: something between has changed bytes.
        Kind::Tls => error.phase == Some(Phase::Open),
        _ => false,
    }
}

/// How long a server asks to be left alone (RFC 9110 section 10.2.3).
pub(super) fn retry_after(refusal: &Refusal, now: SystemTime) -> Option<Duration> {
    let text = std::str::from_utf8(refusal.values("Retry-After").next()?).ok()?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok().map(|at| at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_vary_by_half() {
        let back_off = BackOff { first: Duration::from_millis(100), longest: Duration::from_millis(500) };
        for (attempt, least, most) in [(1, 50, 100), (2, 100, 200), (3, 200, 400), (4, 250, 500), (u32::MAX, 250, 500)]
        {
            assert_eq!(back_off.delay(attempt, 0), Duration::from_millis(least), "{attempt}");
            assert_eq!(back_off.delay(attempt, u32::MAX), Duration::from_millis(most), "{attempt}");
        }
    }

    #[test]
    fn servers_say_how_long_to_wait() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (text, expected) in [
            ("120", Some(120)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let headers = vec![("retry-after".to_owned(), text.as_bytes().to_vec())];
            let refusal = Refusal { status: 503, headers, body: Vec::new() };
            assert_eq!(retry_after(&refusal, now), expected.map(Duration::from_secs), "{text}");
        }
    }
}
