//! The configuration of a session: reconnecting.

use std::sync::Arc;
use std::time::Duration;

use crate::session::background::backoff::BackOff;
use crate::session::upcalls::{Decision, Preparation};

/// The options of reconnecting.
#[derive(Clone)]
pub(crate) struct ReconnectOptions {
    pub(crate) backoff: BackOff,
    /// The upper limit for a Retry-After of the server.
    pub(crate) longest_retry_after: Duration,
    /// The longest outage, or None for no limit.
    pub(crate) longest_outage: Option<Duration>,
    pub(crate) max_attempts: Option<u32>,
    /// Unsent messages are sent on the next connection.
    pub(crate) keeps_unsent: bool,
    /// The first opening is tried again as well.
    pub(crate) retries_first: bool,
    pub(crate) preparation: Option<Arc<dyn Preparation>>,
    /// If set, makes the final decision.
    pub(crate) decision: Option<Arc<dyn Decision>>,
}
