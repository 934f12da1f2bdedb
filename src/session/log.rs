//! Passes log messages to the application's sink. While logging is off, a log statement costs one atomic load. Sending and
//! receiving a message executes no log statement.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::deadline::Deadline;
use super::event_count::EventCount;
use crate::fork::PerProcess;
use crate::lock::RwLock;

/// The severity of a log message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// The library cannot work.
    Error = 1,
    /// A session could not be opened, or ended with an error.
    Warning = 2,
    /// Sessions are opened and end.
    Info = 3,
    /// Internal events.
    Debug = 4,
}

/// The log callback. Any thread calls it, also several at once, with no lock held.
pub(crate) type Sink = Arc<dyn Fn(Level, u64, &str) + Send + Sync>;

static LEVEL: AtomicU32 = AtomicU32::new(0);

/// A child inherits its parent's sink, but does not wait for calls that only the parent's threads make.
static SINK: PerProcess<RwLock<Option<Arc<Installed>>>> = PerProcess::new();

/// The number of the last session. Messages of the library itself have the number 0.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

/// A sink, and the number of its calls that have not returned.
struct Installed {
    sink: Sink,
    calls: AtomicUsize,
    returned: EventCount,
}

/// A deferred message.
struct Line {
    level: Level,
    id: u64,
    message: String,
}

thread_local! {
    /// The number of calls of a sink that this thread is in.
    static INSIDE: Cell<usize> = const { Cell::new(0) };

    /// The number of [`Later`] values of the thread, whether it has lines, and the lines.
    static LATER: Cell<usize> = const { Cell::new(0) };
    static HAS_LINES: Cell<bool> = const { Cell::new(false) };
    static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Defers the calling thread's log messages until it is dropped. Code that may log under a lock creates one before it takes the
/// lock, because the sink is a function of the application.
pub(super) struct Later(());

impl Later {
    pub(super) fn begin() -> Self {
        LATER.set(LATER.get() + 1);
        Self(())
    }

    /// Whether the calling thread has deferred lines.
    pub(super) fn has_lines() -> bool {
        HAS_LINES.get()
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        LATER.set(LATER.get() - 1);
        if LATER.get() == 0 && HAS_LINES.replace(false) {
            // It fails in a thread that is ending.
            let lines = LINES.try_with(|lines| std::mem::take(&mut *lines.borrow_mut()));
            for Line { level, id, message } in lines.into_iter().flatten() {
                call_sink(level, id, &message);
            }
        }
    }
}

/// A call of a sink in progress.
struct Call(Arc<Installed>);

impl Call {
    /// Returns None if there is no sink for this level.
    fn begin(level: Level) -> Option<Self> {
        let current = sink().read();
        let installed = current.as_ref().filter(|_| is_on(level))?;
        installed.calls.fetch_add(1, Ordering::SeqCst);
        INSIDE.set(INSIDE.get() + 1);
        Some(Self(Arc::clone(installed)))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        INSIDE.set(INSIDE.get() - 1);
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
        self.0.returned.open_for_all();
    }
}

/// Returns the number of a new session.
pub(crate) fn next_id() -> u64 {
    LAST_ID.fetch_add(1, Ordering::Relaxed) + 1
}

/// Sets the level and the sink. Waits until all calls of the previous sink have returned, except those that the calling thread
/// is in.
pub(crate) fn set(level: Option<Level>, new: Option<Sink>) {
    let installed = new.map(Installed::new);
    let before = {
        let mut current = sink().write();
        LEVEL.store(level.map_or(0, |level| level as u32), Ordering::Relaxed);
        std::mem::replace(&mut *current, installed)
    };
    let Some(before) = before else { return };
    loop {
        let wait_key = before.returned.wait_key();
        if before.calls.load(Ordering::SeqCst) <= INSIDE.get() {
            return;
        }
        before.returned.wait(wait_key, Deadline::Never);
    }
}

impl Installed {
    fn new(sink: Sink) -> Arc<Self> {
        Arc::new(Self { sink, calls: AtomicUsize::new(0), returned: EventCount::default() })
    }
}

/// The sink of this process.
fn sink() -> &'static RwLock<Option<Arc<Installed>>> {
    SINK.get(|inherited| {
        // Only `set` locks it for writing. A child that is forked meanwhile begins without a sink.
        let sink = inherited.and_then(|sink| sink.try_read()?.as_ref().map(|installed| Arc::clone(&installed.sink)));
        RwLock::new(sink.map(Installed::new))
    })
}

pub(super) fn is_on(level: Level) -> bool {
    level as u32 <= LEVEL.load(Ordering::Relaxed)
}

pub(super) fn write(level: Level, id: u64, message: fmt::Arguments<'_>) {
    let message = message.to_string();
    if LATER.get() == 0 {
        return call_sink(level, id, &message);
    }
    // It fails in a thread that is ending.
    let kept = LINES.try_with(|lines| lines.borrow_mut().push(Line { level, id, message }));
    HAS_LINES.set(kept.is_ok());
}

/// Calls the sink, with no lock held.
fn call_sink(level: Level, id: u64, message: &str) {
    if let Some(call) = Call::begin(level) {
        (call.0.sink)(level, id, message);
    }
}

/// Logs a message of the session with this number.
macro_rules! log {
    ($level:ident, $id:expr, $($message:tt)+) => {
        if $crate::session::log::is_on($crate::session::log::Level::$level) {
            $crate::session::log::write($crate::session::log::Level::$level, $id, format_args!($($message)+));
        }
    };
}

pub(super) use log;
