//! The reconnect state of a session: the options and the outage.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::backoff;
use crate::error::{Error, Kind, Result};
use crate::lock::Mutex;
use crate::protocol::Initiator;
use crate::session::close_state::CloseOutcome;
use crate::session::config::Config;
use crate::session::config::reconnect::ReconnectOptions;
use crate::session::connect::attempt::Attempt;
use crate::session::upcalls::HandleHooks;
use crate::transport::{CancelToken, Environment, Target};

/// The reconnect state of a session.
pub(crate) struct Reconnect {
    pub(crate) options: ReconnectOptions,
    pub(crate) target: Target,
    pub(crate) config: Config,
    /// The environment at the time when the session was opened.
    pub(crate) environment: Arc<Environment>,
    /// The session is between two connections.
    pub(crate) is_away: AtomicBool,
    pub(crate) outage: Mutex<Outage>,
    pub(crate) count: AtomicU64,
}

/// The part of an outage that threads share.
pub(crate) struct Outage {
    /// How the last connection ended.
    pub(crate) lost: Option<CloseOutcome>,
    pub(crate) since: Instant,
    /// When the connection was opened. None once it is lost.
    pub(crate) opened: Option<Instant>,
    /// The number of attempts that count for the delay. Only a connection that lasts resets it.
    pub(crate) streak: u32,
    /// Cancels the current attempt.
    pub(crate) stop: Option<Arc<CancelToken>>,
}

impl Reconnect {
    pub(crate) fn new(target: &Target, config: &Config, environment: Arc<Environment>) -> Option<Box<Self>> {
        let options = config.reconnect.clone()?;
        let now = Instant::now();
        Some(Box::new(Self {
            options,
            target: target.clone(),
            config: config.clone(),
            environment,
            is_away: AtomicBool::new(false),
            outage: Mutex::new(Outage { lost: None, since: now, opened: Some(now), streak: 0, stop: None }),
            count: AtomicU64::new(0),
        }))
    }

    /// Whether an end of the connection begins an outage. Otherwise it ends the session.
    pub(crate) fn begins_outage(&self, close_outcome: &CloseOutcome) -> bool {
        self.options.decision.is_some() || is_retryable(close_outcome)
    }

    /// Records the loss of the connection.
    pub(crate) fn begin(&self, close_outcome: CloseOutcome) {
        let mut outage = self.outage.lock();
        let now = Instant::now();
        if outage.opened.take().is_some_and(|opened| now - opened >= self.options.backoff.longest) {
            outage.streak = 0;
        }
        outage.lost = Some(close_outcome);
        outage.since = now;
        self.is_away.store(true, Ordering::Release);
    }

    /// Cancels the current attempt.
    pub(crate) fn stop(&self) {
        if let Some(stop) = &self.outage.lock().stop {
            stop.cancel();
        }
    }

    /// Returns how the connection was lost.
    pub(crate) fn lost(&self) -> CloseOutcome {
        self.outage.lock().lost.clone().unwrap_or_else(|| CloseOutcome {
            error: Some(Error::new(Kind::ClosedAbnormally, "the connection was lost")),
            remote: None,
            initiator: Initiator::Transport,
        })
    }

    /// Returns whether to make the next attempt and the delay before it, according to the table and the limits.
    pub(crate) fn suggest(&self, error: &Error, attempts: u32) -> (bool, Duration) {
        let options = &self.options;
        let (since, streak, lost) = {
            let outage = self.outage.lock();
            (outage.since, outage.streak, outage.lost.clone())
        };
        let is_retryable = match &lost {
            Some(lost) if attempts == 0 => is_retryable(lost),
            _ => backoff::is_retryable(error),
        };
        let mut random = [0; 4];
        // Without random bytes, all clients wait equally long.
        let _ = getrandom::fill(&mut random);
        let own = options.backoff.delay(streak + 1, u32::from_ne_bytes(random));
        let (now_by_date, longest) = (SystemTime::now(), options.longest_retry_after);
        let refusal = error.refusal.as_ref();
        let asked = refusal.and_then(|refusal| backoff::retry_after(refusal, now_by_date, longest));
        let delay = asked.map_or(own, |asked| asked.max(own));
        let is_in_time = options.longest_outage.is_none_or(|longest| since.elapsed().saturating_add(delay) <= longest);
        let tries = is_retryable && is_in_time && options.max_attempts.is_none_or(|most| attempts < most);
        (tries, delay)
    }

    /// Has the application prepare an attempt. Returns the target and the configuration that it has changed, if it has.
    pub(crate) fn prepare(
        &self,
        owner: &Arc<dyn HandleHooks>,
        number: u32,
        error: &Error,
    ) -> Result<Option<(Target, Config)>> {
        let Some(preparation) = &self.options.preparation else { return Ok(None) };
        let mut attempt = Attempt::new(number, error);
        preparation.prepare(owner, &mut attempt);
        let changed = attempt.finish(&self.target, &self.config.headers)?;
        Ok(changed.map(|(target, headers)| (target, Config { headers, ..self.config.clone() })))
    }

    /// Returns the outcome of a session that gives up reconnecting, with the error of the last attempt.
    pub(crate) fn close_outcome(&self, last: Option<Error>, attempts: u32) -> CloseOutcome {
        let lost = self.lost();
        let Some(last) = last else { return lost };
        let outage = self.outage.lock().since.elapsed().as_millis();
        let message = format!("gave up reconnecting after {attempts} attempts in {outage} ms: {}", last.message);
        CloseOutcome { error: Some(Error { message: message.into(), ..last }), ..lost }
    }
}

fn is_retryable(lost: &CloseOutcome) -> bool {
    match (&lost.error, &lost.remote) {
        (Some(error), _) => backoff::is_retryable(error),
        (None, Some(close)) => backoff::is_retryable_close(close.code),
        (None, None) => false,
    }
}
