//! What happens, told to whoever set a sink for it. Off, it costs a load where something is told, which is nowhere near
//! messages.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{RwLock, RwLockWriteGuard};

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

/// Where it goes. It is called by any thread, also by several at once.
pub(crate) type Sink = Box<dyn Fn(Level, u64, &str) + Send + Sync>;

static LEVEL: AtomicU32 = AtomicU32::new(0);
static SINK: RwLock<Option<Sink>> = RwLock::new(None);

/// The last session's number; those of the library itself are of session 0.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

/// How long a fork waits for sinks that do not return.
const FORK_PATIENCE: Duration = Duration::from_secs(1);

thread_local! {
    /// The lock, while the thread forks: in the child nobody else could give it back.
    static HELD: RefCell<Option<RwLockWriteGuard<'static, Option<Sink>>>> = const { RefCell::new(None) };
}

/// The number of a session to come.
pub(crate) fn next_id() -> u64 {
    LAST_ID.fetch_add(1, Ordering::Relaxed) + 1
}

/// Sets what is told, up to a level, and to whom. The sink before is not called any more.
pub(crate) fn set(level: Option<Level>, sink: Option<Sink>) {
    let before = {
        let mut current = SINK.write();
        LEVEL.store(level.map_or(0, |level| level as u32), Ordering::Relaxed);
        std::mem::replace(&mut *current, sink)
    };
    drop(before);
}

pub(super) fn is_on(level: Level) -> bool {
    level as u32 <= LEVEL.load(Ordering::Relaxed)
}

pub(super) fn write(level: Level, id: u64, message: fmt::Arguments<'_>) {
    if let Some(sink) = &*SINK.read() {
        sink(level, id, &message.to_string());
    }
}

/// The process is about to be forked by this thread.
pub(super) fn hold_for_fork() {
    HELD.set(SINK.try_write_for(FORK_PATIENCE));
}

/// It was, in both processes.
pub(super) fn let_go_after_fork() {
    drop(HELD.take());
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
