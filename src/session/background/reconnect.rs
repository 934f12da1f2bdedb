//! Reconnects a session after the loss of its connection. Only the driver does so. The steps that block, the decision of the
//! application and the opening, run on blocking threads.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::callback_scope;
use super::outage::Reconnect;
use crate::error::{Error, Kind, Result};
use crate::frame::CloseCode;
use crate::protocol::SessionEvent;
use crate::session::CloseOutcome;
use crate::session::Session;
use crate::session::connect::establish::{Established, establish};
use crate::session::log::log;
use crate::transport::{CancelSources, CancelToken};

/// How reconnecting ended.
pub(crate) enum Outcome {
    Connected(Box<Established>),
    GaveUp(CloseOutcome),
    /// The session has ended meanwhile.
    Ended,
}

impl Session {
    /// Makes attempts until one succeeds, or the session gives up or ends.
    pub(crate) async fn reconnect(self: &Arc<Self>) -> Outcome {
        tokio::select! {
            outcome = self.make_attempts() => outcome,
            () = self.ended() => Outcome::Ended,
        }
    }

    /// Delivers the loss of the connection, behind its messages.
    fn report_lost(&self) {
        let Some(reconnect) = &self.reconnect else { return };
        let lost = reconnect.lost();
        let code = lost.remote.as_ref().map_or(CloseCode::ABNORMAL, |close| close.code.unwrap_or(CloseCode::NO_STATUS));
        self.recv.push_event(SessionEvent::Lost, &error_of(&lost).message, code.0);
        self.notify_ready();
    }

    /// Returns why the connection is lost, during an outage.
    pub(crate) fn outage_error(&self) -> Option<Error> {
        let reconnect = self.reconnect.as_ref().filter(|_| self.is_away())?;
        Some(error_of(&reconnect.lost()))
    }

    /// Waits until the session has ended. Aborts it when the library is shut down.
    async fn ended(&self) {
        let cancel = self.runtime.tasks().cancel();
        while !self.has_ended() {
            tokio::select! {
                () = cancel.cancelled() => self.abort(),
                () = self.driver.woken() => {}
            }
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.close_state.is_aborted() || self.close_state.close_outcome().is_some()
    }

    async fn make_attempts(self: &Arc<Self>) -> Outcome {
        let Some(reconnect) = &self.reconnect else { return Outcome::Ended };
        // The listener is called for the opened session before the application decides about the loss.
        self.opened_returned().await;
        let (mut attempts, mut last) = (0, None);
        loop {
            let error = last.clone().unwrap_or_else(|| error_of(&reconnect.lost()));
            let delay = self.decide_delay(reconnect, error, attempts).await;
            if self.has_ended() {
                return Outcome::Ended;
            }
            let until = delay.and_then(|delay| Instant::now().checked_add(delay));
            let (Some(until), Some(delay)) = (until, delay) else {
                return Outcome::GaveUp(reconnect.close_outcome(last, attempts));
            };
            if attempts == 0 {
                self.report_lost();
            }
            log!(Info, self.id(), "reconnecting in {} ms", delay.as_millis());
            {
                let mut outage = reconnect.outage.lock();
                outage.streak = outage.streak.saturating_add(1);
            }
            if !delay.is_zero() {
                tokio::time::sleep_until(until.into()).await;
            }
            attempts += 1;
            let error = last.clone().unwrap_or_else(|| error_of(&reconnect.lost()));
            match self.attempt(reconnect, attempts, error).await {
                Ok(established) => {
                    log!(Info, self.id(), "reconnected after {attempts} attempts");
                    reconnect.outage.lock().opened = Some(Instant::now());
                    reconnect.count.fetch_add(1, Ordering::Relaxed);
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

    /// Returns the delay before the next attempt, or None to give up.
    async fn decide_delay(self: &Arc<Self>, reconnect: &Reconnect, error: Error, attempts: u32) -> Option<Duration> {
        let suggested @ (tries, delay) = reconnect.suggest(&error, attempts);
        let Some(decision) = reconnect.options.decision.clone() else { return tries.then_some(delay) };
        let owner = self.identity.hooks()?;
        let (session, (answer, answered)) = (Arc::clone(self), oneshot::channel());
        self.runtime.openers().run(move || {
            // Calls in the decision that would wait for the session fail.
            let decide = || decision.decide(&owner, &error, attempts + 1, suggested);
            // It fails if the session has ended meanwhile.
            let _ = answer.send(callback_scope::inside_of(Arc::as_ptr(&session), decide));
        });
        answered.await.ok().flatten()
    }

    /// Opens another connection with the configuration of the first one.
    async fn attempt(self: &Arc<Self>, reconnect: &Reconnect, number: u32, before: Error) -> Result<Established> {
        let stop = CancelToken::new("the session was aborted while reconnecting")
            .map_err(|error| Error::no_descriptor(&error))?;
        let stop = Arc::new(stop);
        reconnect.outage.lock().stop = Some(Arc::clone(&stop));
        if self.has_ended() {
            // The thread that ended it may have found no attempt to cancel.
            stop.cancel();
        }
        let (session, (answer, answered)) = (Arc::clone(self), oneshot::channel());
        self.runtime.openers().run(move || {
            // If the session has ended meanwhile, the connection is dropped.
            let _ = answer.send(session.reopen(number, &before, &stop));
        });
        let no_thread = || Err(Error::new(Kind::Aborted, "the library has no thread to reconnect with"));
        let outcome = answered.await.unwrap_or_else(|_| no_thread());
        reconnect.outage.lock().stop = None;
        outcome
    }

    /// `before` is how the connection was lost, or the attempt before has failed.
    fn reopen(&self, number: u32, before: &Error, stop: &CancelToken) -> Result<Established> {
        let (Some(reconnect), Some(owner)) = (self.reconnect.as_deref(), self.identity.hooks()) else {
            return Err(Error::new(Kind::Aborted, "the session was freed"));
        };
        let prepare = || reconnect.prepare(&owner, number, before);
        let prepared = callback_scope::inside_of(std::ptr::from_ref(self), prepare)?;
        let (target, config) =
            prepared.as_ref().map_or((&reconnect.target, &reconnect.config), |(target, config)| (target, config));
        log!(Info, self.id(), "connecting to {}", target.place());
        let sources: CancelSources<'_> = [self.runtime.stop(), stop];
        let established = establish(self.id(), target, config, &reconnect.environment, &self.runtime, sources)?;
        let (before, now) = (self.identity.handshake_info.subprotocol(), established.handshake_info.subprotocol());
        if before != now {
            let message = format!("the server chose the subprotocol {now:?} instead of {before:?}");
            return Err(Error::new(Kind::HandshakeInvalid, message));
        }
        Ok(established)
    }
}

/// Returns why a connection ended, as an error also for a Close of the server.
fn error_of(close_outcome: &CloseOutcome) -> Error {
    close_outcome.error.clone().unwrap_or_else(|| {
        let code = close_outcome.remote.as_ref().and_then(|close| close.code).map_or(0, |code| code.0);
        let close_code = close_outcome.remote.as_ref().map(|close| close.code.unwrap_or(CloseCode::NO_STATUS).0);
        Error { close_code, ..Error::new(Kind::Closed, format!("the server closed the session with code {code}")) }
    })
}
