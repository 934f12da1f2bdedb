//! How a session reconnects.

use std::sync::Arc;
use std::time::Duration;

use crate::session::background::backoff::BackOff;
use crate::session::upcalls::Decision;

/// The options of reconnecting.
#[derive(Clone)]
pub(crate) struct ReconnectOptions {
    pub(crate) backoff: BackOff,
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
