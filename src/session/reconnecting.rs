//! A session that outlives its connections: from the loss of one to the next. The driver goes through it step by step; what
//! takes long, asking the application and opening, is done by threads of the pool for opening.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::lock::{Mutex, MutexGuard};

use super::back_off::{self, BackOff};
use super::handshaking::{Established, establish};
use super::logging::log;
use super::runtime::Runtime;
use super::telling;
use super::{Config, Owner, Session, Verdict};
use crate::error::{Error, Kind, Result};
use crate::protocol::Initiator;
use crate::transport::{CancelToken, Environment, Target};

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
pub(super) struct Reconnecting {
    options: ReconnectOptions,
    target: Target,
    config: Config,
    /// As it was when the session was opened.
    environment: Arc<Environment>,
    runtime: Runtime,
    /// Between connections.
    pub(super) is_away: AtomicBool,
    outage: Mutex<Outage>,
    pub(super) count: AtomicU64,
    /// The loss that the listener has not been told to be over.
    pub(super) over: Mutex<Option<Error>>,
}

/// Where it stands.
#[derive(Default)]
struct Outage {
    stage: Stage,
    /// How the last connection ended.
    lost: Option<Verdict>,
    since: Option<Instant>,
    /// What to judge next.
    error: Option<Error>,
    attempts: u32,
    /// Delays that grew in a row: a connection that does not last does not count.
    streak: u32,
    opened: Option<Instant>,
    answer: Option<Answer>,
    /// Nothing more is to be answered.
    is_over: bool,
    stop: Option<Arc<CancelToken>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Lost,
    Asked,
    Waiting(Instant),
    Opening,
}

/// What a thread of the pool has brought.
enum Answer {
    Decided(Option<Duration>),
    Opened(Box<Result<Established>>),
}

/// What the driver does next.
pub(super) enum Next {
    /// Another step at that time, or when woken.
    Sleep(Option<Instant>),
    Connected(Box<Established>),
    GiveUp(Verdict),
}

impl Reconnecting {
    pub(super) fn new(
        target: &Target,
        config: &Config,
        environment: Arc<Environment>,
        runtime: &Runtime,
    ) -> Option<Box<Self>> {
        let options = config.reconnect.clone()?;
        Some(Box::new(Self {
            options,
            target: target.clone(),
            config: config.clone(),
            environment,
            runtime: runtime.clone(),
            is_away: AtomicBool::new(false),
            outage: Mutex::new(Outage { opened: Some(Instant::now()), ..Outage::default() }),
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
        let has_lasted = outage.opened.take().is_some_and(|opened| now - opened >= self.options.back_off.longest);
        let streak = if has_lasted { 0 } else { outage.streak };
        let error = Some(error_of(&verdict));
        *outage = Outage { lost: Some(verdict), since: Some(now), error, streak, ..Outage::default() };
        self.is_away.store(true, Ordering::Release);
    }

    /// Ends what is under way.
    pub(super) fn stop(&self) {
        if let Some(stop) = &self.outage.lock().stop {
            stop.cancel();
        }
    }

    /// The session has ended: nothing is left of an attempt.
    pub(super) fn finish(&self) {
        let mut outage = self.outage.lock();
        outage.is_over = true;
        if let Some(stop) = &outage.stop {
            stop.cancel();
        }
        let answer = outage.answer.take();
        drop(outage);
        // It may hold a connection.
        drop(answer);
    }

    /// How the connection was lost.
    pub(super) fn lost(&self) -> Verdict {
        let outage = self.outage.lock();
        outage.lost.clone().unwrap_or_else(|| Verdict {
            error: Some(Error::new(Kind::ClosedAbnormally, "the connection was lost")),
            remote: None,
            initiator: Initiator::Transport,
        })
    }

    /// Goes on as far as it goes without waiting.
    pub(super) fn advance(&self, session: &Arc<Session>) -> Next {
        let now = Instant::now();
        // What is not wanted any more is dropped with the lock released: it may hold a connection.
        let _unwanted;
        let mut outage = self.outage.lock();
        match (outage.stage, outage.answer.take()) {
            // The application learns of the connection before it is asked about its loss.
            (Stage::Lost, _) if !session.has_told_opening() => return Next::Sleep(None),
            (Stage::Lost, unasked) => _unwanted = unasked,
            (Stage::Asked, Some(Answer::Decided(delay))) => return self.wait(&mut outage, session, delay, now),
            (Stage::Opening, Some(Answer::Opened(opened))) => match *opened {
                Ok(established) => {
                    log!(Info, session.id(), "reconnected after {} attempts", outage.attempts);
                    let lost = outage.lost.as_ref().map(error_of);
                    let (streak, opened) = (outage.streak, Some(now));
                    *outage = Outage { streak, opened, ..Outage::default() };
                    drop(outage);
                    self.count.fetch_add(1, Ordering::Relaxed);
                    *self.over.lock() = lost;
                    return Next::Connected(Box::new(established));
                }
                Err(error) => {
                    log!(Warning, session.id(), "could not reconnect: {error}");
                    outage.error = Some(error);
                }
            },
            (Stage::Waiting(until), None) if until <= now => return self.open(&mut outage, session),
            (Stage::Waiting(until), None) => return Next::Sleep(Some(until)),
            (_, unasked) => {
                _unwanted = unasked;
                return Next::Sleep(None);
            }
        }
        self.judge(&mut outage, session, now)
    }

    /// Whether and when to try again after an error.
    fn judge(&self, outage: &mut MutexGuard<'_, Outage>, session: &Arc<Session>, now: Instant) -> Next {
        let options = &self.options;
        let error =
            outage.error.clone().unwrap_or_else(|| Error::new(Kind::ClosedAbnormally, "the connection was lost"));
        let passes = match &outage.lost {
            Some(lost) if outage.attempts == 0 => passes(lost),
            _ => back_off::passes(&error),
        };
        let mut random = [0; 4];
        // Without random bytes all wait equally long.
        let _ = getrandom::fill(&mut random);
        let own = options.back_off.delay(outage.streak + 1, u32::from_ne_bytes(random));
        let (now_by_date, longest) = (SystemTime::now(), options.longest_retry_after);
        let refusal = error.refusal.as_ref();
        let asked = refusal.and_then(|refusal| back_off::retry_after(refusal, now_by_date, longest));
        let delay = asked.map_or(own, |asked| asked.max(own));
        let (since, attempts) = (outage.since.unwrap_or(now), outage.attempts);
        let is_in_time = options.longest_outage.is_none_or(|longest| (now - since).saturating_add(delay) <= longest);
        let tries = passes && is_in_time && options.max_attempts.is_none_or(|most| attempts < most);
        let Some(decision) = &options.decision else {
            return self.wait(outage, session, tries.then_some(delay), now);
        };
        let Some(owner) = session.owner() else { return self.wait(outage, session, None, now) };
        outage.stage = Stage::Asked;
        let (decision, answering) = (Arc::clone(decision), Answering::new(session, || Answer::Decided(None)));
        let decide = move || {
            let session = Arc::clone(&answering.session);
            // Calls that would wait for the session fail inside.
            let decide = || decision.decide(&owner, &error, attempts + 1, (tries, delay));
            let delay = telling::inside_of(Arc::as_ptr(&session), decide);
            answering.give(Answer::Decided(delay));
        };
        // If the system provides no thread, the work is dropped, which answers too.
        MutexGuard::unlocked(outage, || self.runtime.openers.run(decide));
        Next::Sleep(None)
    }

    fn wait(
        &self,
        outage: &mut MutexGuard<'_, Outage>,
        session: &Arc<Session>,
        delay: Option<Duration>,
        now: Instant,
    ) -> Next {
        let until = delay.and_then(|delay| now.checked_add(delay));
        let (Some(until), Some(delay)) = (until, delay) else {
            return Next::GiveUp(outage.verdict(now));
        };
        log!(Info, session.id(), "tries to reconnect in {} ms", delay.as_millis());
        outage.streak = outage.streak.saturating_add(1);
        outage.stage = Stage::Waiting(until);
        if until <= now {
            return self.open(outage, session);
        }
        Next::Sleep(Some(until))
    }

    fn open(&self, outage: &mut MutexGuard<'_, Outage>, session: &Arc<Session>) -> Next {
        outage.attempts += 1;
        outage.stage = Stage::Opening;
        let stop = match CancelToken::new("the session was aborted while reconnecting") {
            Ok(stop) => Arc::new(stop),
            Err(error) => {
                outage.error = Some(Error::os(Kind::Io, "the system gives no descriptor to wait with", &error));
                return self.judge(outage, session, Instant::now());
            }
        };
        outage.stop = Some(Arc::clone(&stop));
        if session.ending.is_aborted() || session.ending.verdict().is_some() {
            // Whoever ended it may have looked before.
            stop.cancel();
        }
        let no_thread =
            || Answer::Opened(Box::new(Err(Error::new(Kind::Aborted, "the library has no thread to reconnect with"))));
        let answering = Answering::new(session, no_thread);
        let open = move || {
            let opened = answering.session.reopen(&stop);
            answering.give(Answer::Opened(Box::new(opened)));
        };
        MutexGuard::unlocked(outage, || self.runtime.openers.run(open));
        Next::Sleep(None)
    }
}

impl Outage {
    /// How the session ends that is given up.
    fn verdict(&mut self, now: Instant) -> Verdict {
        let lost = self.lost.clone();
        let last = self.error.take().filter(|_| self.attempts > 0);
        let (remote, initiator) =
            lost.as_ref().map_or((None, Initiator::Transport), |lost| (lost.remote.clone(), lost.initiator));
        match (last, lost) {
            (None, Some(lost)) => lost,
            (last, _) => {
                let error = last.unwrap_or_else(|| Error::new(Kind::ClosedAbnormally, "the connection was lost"));
                let outage = self.since.map_or(0, |since| (now - since).as_millis());
                let message =
                    format!("gave up reconnecting after {} attempts in {outage} ms: {}", self.attempts, error.message);
                Verdict { error: Some(Error { message: message.into(), ..error }), remote, initiator }
            }
        }
    }
}

impl Session {
    /// Opens another connection like the first.
    fn reopen(&self, stop: &CancelToken) -> Result<Established> {
        let Some(Reconnecting { target, config, environment, runtime, .. }) = self.reconnecting.as_deref() else {
            return Err(Error::new(Kind::Internal, "the session does not reconnect"));
        };
        log!(Info, self.id(), "connecting to {}", target.place());
        let established = establish(self.id(), target, config, environment, runtime, [&*runtime.stop, stop])?;
        let (before, now) = (self.opened.subprotocol(), established.opened.subprotocol());
        if before != now {
            let message = format!("the server chose the subprotocol {now:?}, before it was {before:?}");
            return Err(Error::new(Kind::HandshakeInvalid, message));
        }
        Ok(established)
    }
}

/// Brings an answer to the driver, also where the work for it is not done.
struct Answering {
    session: Arc<Session>,
    otherwise: fn() -> Answer,
    is_given: bool,
}

impl Answering {
    fn new(session: &Arc<Session>, otherwise: fn() -> Answer) -> Self {
        Self { session: Arc::clone(session), otherwise, is_given: false }
    }

    fn give(mut self, answer: Answer) {
        self.is_given = true;
        self.bring(answer);
    }

    fn bring(&self, answer: Answer) {
        if let Some(reconnecting) = &self.session.reconnecting {
            let mut outage = reconnecting.outage.lock();
            if outage.is_over {
                drop(outage);
                return drop(answer);
            }
            outage.answer = Some(answer);
            drop(outage);
            self.session.wake_driver();
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if !self.is_given {
            self.bring((self.otherwise)());
        }
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
