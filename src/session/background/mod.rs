//! Background work: the runtime, the driver of each session, dispatch jobs for callbacks, and reconnecting.

pub(crate) mod attach;
pub(crate) mod backoff;
pub(crate) mod callback_scope;
pub(crate) mod callbacks;
pub(crate) mod dispatch;
pub(crate) mod dispatch_state;
pub(crate) mod driver;
pub(crate) mod group_standby;
pub(crate) mod keepalive;
pub(crate) mod keepalive_state;
pub(crate) mod lateness;
pub(crate) mod listener_state;
pub(crate) mod new_sessions;
pub(crate) mod outage;
pub(crate) mod reconnect;
pub(crate) mod runtime;
pub(crate) mod tasks;
pub(crate) mod watch;

use std::time::Duration;

/// The driver reads in place of the application after the application has been away for this long; at most twice this.
pub(crate) const TICK: Duration = Duration::from_millis(4);

/// How long the driver waits for the application after the event descriptor became readable, before it reads in its place.
pub(crate) const GRACE: Duration = Duration::from_millis(20);
