//! A session that outlives its connections: from the loss of one to the next. Only the driver reconnects; what blocks, asking the
//! application and opening, runs on blocking threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;

use super::back_off::{self, BackOff};
use super::handshaking::{Established, establish};
use super::logging::log;
use super::telling;
use super::{Config, Owner, Session, Verdict};
use crate::error::{Error, Kind, Result};
use crate::lock::Mutex;
use crate::protocol::Initiator;
use crate::transport::{CancelSources, CancelToken, Environment, Target};

/// How a session reconnects.
#[derive(Clone)]
pub(crate) struct ReconnectOptions {
    pub(crate) back_off: BackOff,
    /// How long a server can ask to be left alone.
    pub(crate) longest_retry_after: Duration,
    /// Of an outage, none for no limit.
    pub(crate) longest_outage: Option<Duration>,
    pub(crate) max_attempts: Option<u32>,
    /// Messages that are not sent go to the next connection.
    pub(crate) keeps_unsent: bool,
    /// Has the last word, where there is one.
    pub(crate) decision: Option<Arc<dyn Decision>>,
}

/// Who decides whether to try again.
pub(crate) trait Decision: Send + Sync {
    /// `suggested` is the delay by the table and the limits, with whether to try at all. None gives up.
    fn decide(
        &self,
        owner: &Arc<dyn Owner>,
        why: &Error,
        attempt: u32,
        suggested: (bool, Duration),
    ) -> Option<Duration>;
}

/// What a session has that reconnects.
pub(super) struct Reconnect {
    options: ReconnectOptions,
    target: Target,
    config: Config,
    /// As it was when the session was opened.
    environment: Arc<Environment>,
    /// Between connections.
    pub(super) is_away: AtomicBool,
    outage: Mutex<Outage>,
    pub(super) count: AtomicU64,
    /// The loss that the listener has not been told to be over.
    pub(super) over: Mutex<Option<Error>>,
}

/// What other threads need of an outage.
struct Outage {
    /// How the last connection ended.
    lost: Option<Verdict>,
    since: Instant,
    /// When the connection was opened, until it is lost.
    opened: Option<Instant>,
    /// Delays that grew in a row: a connection that does not last does not count.
    streak: u32,
    /// Ends the attempt under way.
    stop: Option<Arc<CancelToken>>,
}

/// How reconnecting ended.
pub(super) enum Outcome {
    Connected(Box<Established>),
    GaveUp(Verdict),
    /// The session has ended meanwhile.
    Ended,
}

impl Reconnect {
    pub(super) fn new(target: &Target, config: &Config, environment: Arc<Environment>) -> Option<Box<Self>> {
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
            over: Mutex::default(),
        }))
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Whether an end of the connection begins an outage.
    pub(super) fn survives(&self, verdict: &Verdict) -> bool {
        self.options.decision.is_some() || passes(verdict)
    }

    /// The connection is lost.
    pub(super) fn begin(&self, verdict: Verdict) {
        let mut outage = self.outage.lock();
        let now = Instant::now();
        if outage.opened.take().is_some_and(|opened| now - opened >= self.options.back_off.longest) {
            outage.streak = 0;
        }
        outage.lost = Some(verdict);
        outage.since = now;
        self.is_away.store(true, Ordering::Release);
    }

    /// Ends the attempt under way.
    pub(super) fn stop(&self) {
        if let Some(stop) = &self.outage.lock().stop {
            stop.cancel();
        }
    }

    /// How the connection was lost.
    pub(super) fn lost(&self) -> Verdict {
        self.outage.lock().lost.clone().unwrap_or_else(|| Verdict {
            error: Some(Error::new(Kind::ClosedAbnormally, "the connection was lost")),
            remote: None,
            initiator: Initiator::Transport,
        })
    }

    /// The delay before the next attempt, and whether to make it, by the table and the limits.
    fn suggest(&self, error: &Error, attempts: u32) -> (bool, Duration) {
        let options = &self.options;
        let (since, streak, lost) = {
            let outage = self.outage.lock();
            (outage.since, outage.streak, outage.lost.clone())
        };
        let passes = match &lost {
            Some(lost) if attempts == 0 => passes(lost),
            _ => back_off::passes(error),
        };
        let mut random = [0; 4];
        // Without random bytes all wait equally long.
        let _ = getrandom::fill(&mut random);
        let own = options.back_off.delay(streak + 1, u32::from_ne_bytes(random));
        let (now_by_date, longest) = (SystemTime::now(), options.longest_retry_after);
        let refusal = error.refusal.as_ref();
        let asked = refusal.and_then(|refusal| back_off::retry_after(refusal, now_by_date, longest));
        let delay = asked.map_or(own, |asked| asked.max(own));
        let is_in_time = options.longest_outage.is_none_or(|longest| since.elapsed().saturating_add(delay) <= longest);
        let tries = passes && is_in_time && options.max_attempts.is_none_or(|most| attempts < most);
        (tries, delay)
    }

    /// How the session ends that is given up, with the error of the last attempt.
    fn verdict(&self, last: Option<Error>, attempts: u32) -> Verdict {
        let lost = self.lost();
        let Some(last) = last else { return lost };
        let outage = self.outage.lock().since.elapsed().as_millis();
        let message = format!("gave up reconnecting after {attempts} attempts in {outage} ms: {}", last.message);
        Verdict { error: Some(Error { message: message.into(), ..last }), ..lost }
    }
}

impl Session {
    /// Goes from the loss of a connection to the next one, or to the session's end.
    pub(super) async fn reconnect(self: &Arc<Self>) -> Outcome {
        tokio::select! {
            outcome = self.make_attempts() => outcome,
            () = self.ended() => Outcome::Ended,
        }
    }

    /// Waits until the session has ended, or the library is shut down, which ends it.
    async fn ended(&self) {
        let cancel = self.runtime.cancel();
        while !self.has_ended() {
            tokio::select! {
                () = cancel.cancelled() => self.abort(),
                () = self.driver.woken() => {}
            }
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ending.is_aborted() || self.ending.verdict().is_some()
    }

    async fn make_attempts(self: &Arc<Self>) -> Outcome {
        let Some(reconnect) = &self.reconnect else { return Outcome::Ended };
        // The application learns of the connection before it is asked about its loss.
        self.told_opening().await;
        let (mut attempts, mut last) = (0, None);
        loop {
            let error = last.clone().unwrap_or_else(|| error_of(&reconnect.lost()));
            let delay = self.decide_delay(reconnect, error, attempts).await;
            if self.has_ended() {
                return Outcome::Ended;
            }
            let until = delay.and_then(|delay| Instant::now().checked_add(delay));
            let (Some(until), Some(delay)) = (until, delay) else {
                return Outcome::GaveUp(reconnect.verdict(last, attempts));
            };
            log!(Info, self.id(), "tries to reconnect in {} ms", delay.as_millis());
            {
                let mut outage = reconnect.outage.lock();
                outage.streak = outage.streak.saturating_add(1);
            }
            if !delay.is_zero() {
                tokio::time::sleep_until(until.into()).await;
            }
            attempts += 1;
            match self.attempt(reconnect).await {
                Ok(established) => {
                    log!(Info, self.id(), "reconnected after {attempts} attempts");
                    reconnect.outage.lock().opened = Some(Instant::now());
                    reconnect.count.fetch_add(1, Ordering::Relaxed);
                    *reconnect.over.lock() = Some(error_of(&reconnect.lost()));
                    return Outcome::Connected(Box::new(established));
                }
                Err(_) if self.has_ended() => return Outcome::Ended,
                Err(error) => {
                    log!(Warning, self.id(), "could not reconnect: {error}");
                    last = Some(error);
                }
            }
        }
    }

    /// Decides after which delay to try again, or not to.
    async fn decide_delay(self: &Arc<Self>, reconnect: &Reconnect, error: Error, attempts: u32) -> Option<Duration> {
        let suggested @ (tries, delay) = reconnect.suggest(&error, attempts);
        let Some(decision) = reconnect.options.decision.clone() else { return tries.then_some(delay) };
        let owner = self.owner()?;
        let (session, (answer, answered)) = (Arc::clone(self), oneshot::channel());
        self.runtime.openers().run(move || {
            // Calls that would wait for the session fail inside.
            let decide = || decision.decide(&owner, &error, attempts + 1, suggested);
            // If the session has ended meanwhile, nobody wants to know.
            let _ = answer.send(telling::inside_of(Arc::as_ptr(&session), decide));
        });
        answered.await.ok().flatten()
    }

    /// Opens another connection like the first.
    async fn attempt(self: &Arc<Self>, reconnect: &Reconnect) -> Result<Established> {
        let stop = CancelToken::new("the session was aborted while reconnecting")
            .map_err(|error| Error::os(Kind::Io, "the system gives no descriptor to wait with", &error))?;
        let stop = Arc::new(stop);
        reconnect.outage.lock().stop = Some(Arc::clone(&stop));
        if self.has_ended() {
            // The thread that ended it may have found no attempt to cancel.
            stop.cancel();
        }
        let (session, (answer, answered)) = (Arc::clone(self), oneshot::channel());
        self.runtime.openers().run(move || {
            // If the session has ended meanwhile, the connection is dropped.
            let _ = answer.send(session.reopen(&stop));
        });
        let no_thread = || Err(Error::new(Kind::Aborted, "the library has no thread to reconnect with"));
        let outcome = answered.await.unwrap_or_else(|_| no_thread());
        reconnect.outage.lock().stop = None;
        outcome
    }

    fn reopen(&self, stop: &CancelToken) -> Result<Established> {
        let Some(Reconnect { target, config, environment, .. }) = self.reconnect.as_deref() else {
            return Err(Error::new(Kind::Internal, "the session does not reconnect"));
        };
        log!(Info, self.id(), "connecting to {}", target.place());
        let sources: CancelSources<'_> = [self.runtime.stop(), stop];
        let established = establish(self.id(), target, config, environment, &self.runtime, sources)?;
        let (before, now) = (self.opened.subprotocol(), established.opened.subprotocol());
        if before != now {
            let message = format!("the server chose the subprotocol {now:?}, before it was {before:?}");
            return Err(Error::new(Kind::HandshakeInvalid, message));
        }
        Ok(established)
    }
}

fn passes(lost: &Verdict) -> bool {
    match (&lost.error, &lost.remote) {
        (Some(error), _) => back_off::passes(error),
        (None, Some(close)) => back_off::passes_close(close.code),
        (None, None) => false,
    }
}

/// Why a connection ended, also where the server ended it with a Close.
fn error_of(verdict: &Verdict) -> Error {
    verdict.error.clone().unwrap_or_else(|| {
        let code = verdict.remote.as_ref().and_then(|close| close.code).map_or(0, |code| code.0);
        Error::new(Kind::Closed, format!("the server closed the session with code {code}"))
    })
}
