//! Opens a session: with one attempt, or with as many as reconnecting would make.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::establish::{Established, establish};
use crate::error::{Error, Kind, Result};
use crate::session::background::callback_scope;
use crate::session::background::outage::Reconnect;
use crate::session::background::runtime::Runtime;
use crate::session::config::Config;
use crate::session::log::log;
use crate::session::upcalls::HandleHooks;
use crate::transport::{CancelSources, Environment, Target};

/// The attempts to open a session.
pub(super) struct OpeningAttempts {
    id: u64,
    target: Target,
    config: Config,
    environment: Arc<Environment>,
    /// The application's handle, for its functions.
    owner: Arc<dyn HandleHooks>,
    reconnect: Option<Box<Reconnect>>,
    /// The number of attempts that have failed.
    failed: u32,
    /// The error of the last attempt.
    last: Option<Error>,
}

/// An open connection and what belongs to its session.
pub(super) struct Opened {
    pub(super) established: Established,
    pub(super) reconnect: Option<Box<Reconnect>>,
}

impl OpeningAttempts {
    pub(super) fn new(
        id: u64,
        target: Target,
        config: Config,
        environment: Arc<Environment>,
        owner: Arc<dyn HandleHooks>,
    ) -> Result<Self> {
        config.check()?;
        let reconnect = Reconnect::new(&target, &config, Arc::clone(&environment));
        Ok(Self { id, target, config, environment, owner, reconnect, failed: 0, last: None })
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Makes an attempt.
    pub(super) fn attempt(&mut self, runtime: &Runtime, stops: CancelSources<'_>) -> Result<Opened> {
        let prepared = match (&self.last, &self.reconnect) {
            (Some(last), Some(reconnect)) => {
                callback_scope::inside(|| reconnect.prepare(&self.owner, self.failed, last))?
            }
            _ => None,
        };
        let (target, config) =
            prepared.as_ref().map_or((&self.target, &self.config), |(target, config)| (target, config));
        log!(Info, self.id, "connecting to {}", target.place());
        let established =
            establish(self.id, target, config, &self.environment, runtime, stops).inspect_err(|error| {
                log!(Warning, self.id, "could not open: {error}");
            })?;
        let reconnect = self.reconnect.take();
        if let Some(reconnect) = &reconnect {
            reconnect.outage.lock().opened = Some(Instant::now());
        }
        Ok(Opened { established, reconnect })
    }

    /// Returns the delay before the next attempt after an error, or the error if there is none to make.
    pub(super) fn next(&mut self, error: Error) -> Result<Duration> {
        let retries = self.reconnect.as_ref().filter(|reconnect| reconnect.options.retries_first);
        let is_ours = matches!(error.kind, Kind::Aborted | Kind::Interrupted | Kind::Forked | Kind::Internal);
        let Some(reconnect) = retries.filter(|_| !is_ours) else { return Err(error) };
        let suggested @ (tries, delay) = reconnect.suggest(&error, self.failed);
        self.failed += 1;
        let delay = match &reconnect.options.decision {
            None => tries.then_some(delay),
            Some(decision) => callback_scope::inside(|| decision.decide(&self.owner, &error, self.failed, suggested)),
        };
        let Some(delay) = delay else { return Err(error) };
        log!(Info, self.id, "trying again in {} ms", delay.as_millis());
        let mut outage = reconnect.outage.lock();
        outage.streak = outage.streak.saturating_add(1);
        drop(outage);
        self.last = Some(error);
        Ok(delay)
    }
}
