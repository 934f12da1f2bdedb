//! What happens, told to whoever set a sink for it. Off, it costs a load where something is told, which is nowhere near
//! messages.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::RwLock;

use super::deadline::Deadline;
use super::gate::Gate;
use crate::fork::PerProcess;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// The library cannot do its work.
    Error = 1,
    /// A session could not be opened, or ended with an error.
    Warning = 2,
    /// Sessions come and go.
    Info = 3,
    /// What goes on inside.
    Debug = 4,
}

/// Where it goes. It is called by any thread, also by several at once, with no lock held.
pub(crate) type Sink = Arc<dyn Fn(Level, u64, &str) + Send + Sync>;

static LEVEL: AtomicU32 = AtomicU32::new(0);

/// A child takes over its parent's sink, and waits for none of the calls that its parent's threads were in.
static LOG: PerProcess<Log> = PerProcess::new();

/// The last session's number; those of the library itself are of session 0.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

#[derive(Default)]
struct Log {
    /// Counted also by the calls under way.
    sink: RwLock<Option<Arc<Sink>>>,
    /// For who waits until the calls of a sink have returned.
    returned: Gate,
}

/// The number of a session to come.
pub(crate) fn next_id() -> u64 {
    LAST_ID.fetch_add(1, Ordering::Relaxed) + 1
}

/// Sets what is told, up to a level, and to whom. The sink before is not called any more.
pub(crate) fn set(level: Option<Level>, sink: Option<Sink>) {
    let log = log_here();
    let before = {
        let mut current = log.sink.write();
        LEVEL.store(level.map_or(0, |level| level as u32), Ordering::Relaxed);
        std::mem::replace(&mut *current, sink.map(Arc::new))
    };
    let Some(before) = before else { return };
    loop {
        let ticket = log.returned.ticket();
        if Arc::strong_count(&before) == 1 {
            return;
        }
        log.returned.wait(ticket, Deadline::Never);
    }
}

fn log_here() -> &'static Log {
    LOG.get(|inherited| {
        // Only setting another one locks it for writing: a child that is forked right then begins without.
        let sink = inherited.and_then(|log| log.sink.try_read()?.as_deref().cloned());
        Log { sink: RwLock::new(sink.map(Arc::new)), returned: Gate::default() }
    })
}

pub(super) fn is_on(level: Level) -> bool {
    level as u32 <= LEVEL.load(Ordering::Relaxed)
}

pub(super) fn write(level: Level, id: u64, message: fmt::Arguments<'_>) {
    let log = log_here();
    let Some(sink) = log.sink.read().clone() else { return };
    sink(level, id, &message.to_string());
    drop(sink);
    log.returned.open_for_all();
}

/// Tells something of the session with a number.
macro_rules! log {
    ($level:ident, $id:expr, $($message:tt)+) => {
        if $crate::session::logging::is_on($crate::session::logging::Level::$level) {
            $crate::session::logging::write($crate::session::logging::Level::$level, $id, format_args!($($message)+));
        }
    };
}

pub(super) use log;
