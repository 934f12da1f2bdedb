//! Whether and when to reconnect: the table of retryable errors, and exponential delays.

use std::time::{Duration, SystemTime};

use crate::error::{Error, Kind, Phase, Refusal};
use crate::frame::CloseCode;

/// Statuses of temporary failures. From 520 on they are Cloudflare's, for an origin server that does not answer.
const TEMPORARY_STATUSES: &[u16] = &[408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524];

/// Close codes of servers that go away or fail temporarily (RFC 6455 section 7.4.1 and IANA's registry).
const TEMPORARY_CODES: &[u16] = &[1001, 1011, 1012, 1013, 1014];

/// The bounds of the delays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BackOff {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

impl BackOff {
    /// Returns the delay before an attempt, counted from 1. It doubles with each attempt; a random part of it, up to half, is
    /// subtracted.
    pub(crate) fn delay(&self, attempt: u32, random: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        let full = self.first.saturating_mul(1 << doublings).min(self.longest);
        let half = full / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

/// Whether to reconnect after a Close of the server with this code.
pub(crate) fn is_retryable_close(code: Option<CloseCode>) -> bool {
    code.is_some_and(|code| TEMPORARY_CODES.contains(&code.0))
}

/// Whether to try again after this error.
pub(crate) fn is_retryable(error: &Error) -> bool {
    if let Some(refusal) = &error.refusal {
        return TEMPORARY_STATUSES.contains(&refusal.status);
    }
    if error.is_cut_off {
        return true;
    }
    match error.kind {
        Kind::ClosedAbnormally | Kind::PingTimeout | Kind::IdleTimeout | Kind::Io => true,
        Kind::Resolve | Kind::Connect | Kind::Proxy | Kind::Timeout => true,
        // In an open session, bytes were changed on the way.
        Kind::Tls => error.phase == Some(Phase::Open),
        _ => false,
    }
}

/// Returns the delay of a Retry-After (RFC 9110 section 10.2.3), at most `most`. The value is a number of seconds, of any length,
/// or a date. Returns None for other values.
pub(crate) fn retry_after(refusal: &Refusal, now: SystemTime, most: Duration) -> Option<Duration> {
    let text = std::str::from_utf8(refusal.values("Retry-After").next()?).ok()?;
    let asked = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // It fails only for more than 64 bits.
        text.parse().map_or(Duration::MAX, Duration::from_secs)
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(asked.min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_vary_by_half() {
        let backoff = BackOff { first: Duration::from_millis(100), longest: Duration::from_millis(500) };
        for (attempt, least, most) in [(1, 50, 100), (2, 100, 200), (3, 200, 400), (4, 250, 500), (u32::MAX, 250, 500)]
        {
            assert_eq!(backoff.delay(attempt, 0), Duration::from_millis(least), "{attempt}");
            assert_eq!(backoff.delay(attempt, u32::MAX), Duration::from_millis(most), "{attempt}");
        }
    }

    #[test]
    fn retry_after_is_parsed_and_limited() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (text, expected) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("000", Some(0)),
            ("301", Some(300)),
            ("31536000", Some(300)),
            ("18446744073709551615", Some(300)),
            ("18446744073709551616", Some(300)),
            ("99999999999999999999999999999999999999999", Some(300)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:54:38 GMT", Some(300)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(300)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", Some(0)),
            ("soon", None),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("1, 2", None),
        ] {
            let headers = vec![("retry-after".to_owned(), text.as_bytes().to_vec())];
            let refusal = Refusal { status: 503, headers, body: Vec::new() };
            assert_eq!(
                retry_after(&refusal, now, Duration::from_secs(300)),
                expected.map(Duration::from_secs),
                "{text}"
            );
        }
    }

    #[test]
    fn temporary_errors_are_retryable() {
        for (code, expected) in [(1000, false), (1001, true), (1002, false), (1008, false), (1011, true), (1012, true)]
            .into_iter()
            .chain([(1013, true), (1014, true), (4000, false)])
        {
            assert_eq!(is_retryable_close(Some(CloseCode(code))), expected, "{code}");
        }
        assert!(!is_retryable_close(None));
        let refused = |status| {
            let refusal = Refusal { status, headers: Vec::new(), body: Vec::new() };
            Error { refusal: Some(Box::new(refusal)), ..Error::new(Kind::HandshakeStatus, "refused") }
        };
        for (status, expected) in
            [(404, false), (401, false), (408, true), (429, true), (500, true), (501, false), (503, true)]
        {
            assert_eq!(is_retryable(&refused(status)), expected, "{status}");
        }
        for (kind, expected) in [
            (Kind::ClosedAbnormally, true),
            (Kind::IdleTimeout, true),
            (Kind::PingTimeout, true),
            (Kind::Io, true),
            (Kind::Resolve, true),
            (Kind::Connect, true),
            (Kind::Proxy, true),
            (Kind::Timeout, true),
            (Kind::HandshakeInvalid, false),
            (Kind::Protocol, false),
            (Kind::Tls, false),
        ] {
            assert_eq!(is_retryable(&Error::new(kind, "failed")), expected, "{kind:?}");
        }
        assert!(is_retryable(&Error { is_cut_off: true, ..Error::new(Kind::HandshakeInvalid, "cut off") }));
        assert!(is_retryable(&Error::new(Kind::Tls, "changed").in_phase(Phase::Open)));
        assert!(!is_retryable(&Error::new(Kind::Tls, "refused").in_phase(Phase::Tls)));
    }
}
