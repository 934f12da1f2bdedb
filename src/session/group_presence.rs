//! Whether the application receives from a group. A task of the runtime stands by: while the application is away it has the drivers
//! read, so that pings are answered.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::Interest;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::driver::{GRACE, TICK};
use super::group::Group;
use super::runtime::{Hold, Runtime};
use super::watch::Watch;
use crate::lock::Mutex;

/// Threads of the application that receive.
const INSIDE: u64 = 1;
/// The rest of the word counts how often one has left.
const LEFT: u64 = 1 << 32;

/// The presence of the application.
#[derive(Default)]
pub(super) struct Presence {
    word: AtomicU64,
    /// The task looks by itself; else a thread that leaves wakes it.
    is_watched: AtomicBool,
    /// The runtimes that have a task, by address. There are several only while all but the last one shut down.
    runtimes: Mutex<BTreeSet<usize>>,
    is_closed: AtomicBool,
    wake: Notify,
}

/// A thread of the application that receives.
pub(super) struct Inside<'a>(&'a Presence);

impl Presence {
    pub(super) fn enter(&self) -> Inside<'_> {
        self.word.fetch_add(INSIDE, Ordering::SeqCst);
        Inside(self)
    }

    /// Ends the task.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    fn left(&self) -> u64 {
        self.word.load(Ordering::SeqCst) / LEFT
    }

    fn is_inside(&self) -> bool {
        !self.word.load(Ordering::SeqCst).is_multiple_of(LEFT)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let presence = self.0;
        presence.word.fetch_add(LEFT - INSIDE, Ordering::SeqCst);
        if !presence.is_watched.load(Ordering::SeqCst) && !presence.is_watched.swap(true, Ordering::SeqCst) {
            presence.wake.notify_one();
        }
    }
}

impl Group {
    /// Starts the task that stands by, unless it runs in this runtime.
    pub(super) fn stand_by(self: &Arc<Self>, runtime: &Runtime) {
        let Some(hold) = runtime.hold() else { return };
        if self.presence.runtimes.lock().insert(runtime.address()) {
            self.presence.is_watched.store(true, Ordering::SeqCst);
            let group = Arc::clone(self);
            runtime.spawn(hold, |runtime, hold| run(group, runtime, hold));
        }
    }

    /// Waits for as long, or until the application has left. Returns false if the task is to end.
    async fn pause(&self, runtime: &Runtime, time: Duration) -> bool {
        tokio::select! {
            () = sleep(time) => {}
            () = self.presence.wake.notified() => {}
            () = runtime.cancel().cancelled() => return false,
        }
        !self.presence.is_closed.load(Ordering::Acquire)
    }
}

async fn run(group: Arc<Group>, runtime: Runtime, _hold: Hold) {
    while is_away(&group, &runtime).await && read_while_away(&group, &runtime).await {}
    group.presence.runtimes.lock().remove(&runtime.address());
    // The task of another runtime may have missed what woke this one.
    group.presence.wake.notify_one();
}

/// Waits until the application is away for a tick. Returns false if the task is to end.
async fn is_away(group: &Group, runtime: &Runtime) -> bool {
    let presence = &group.presence;
    loop {
        let seen = presence.left();
        if !group.pause(runtime, TICK).await {
            return false;
        }
        if presence.left() != seen {
            continue;
        }
        if !presence.is_inside() {
            return true;
        }
        presence.is_watched.store(false, Ordering::SeqCst);
        // It may have left before it could see that.
        if presence.left() == seen {
            tokio::select! {
                () = presence.wake.notified() => {}
                () = runtime.cancel().cancelled() => return false,
            }
        }
        presence.is_watched.store(true, Ordering::SeqCst);
        if presence.is_closed.load(Ordering::Acquire) {
            return false;
        }
    }
}

/// Has the drivers read until the application is back. Returns false if the task is to end.
async fn read_while_away(group: &Group, runtime: &Runtime) -> bool {
    let presence = &group.presence;
    let seen = presence.left();
    let Ok(Some(nested)) = group.nested() else { return group.pause(runtime, GRACE).await };
    let Ok(watch) = Watch::new(nested, Interest::READABLE) else { return group.pause(runtime, GRACE).await };
    loop {
        tokio::select! {
            found = watch.ready() => if found.is_err() { return false },
            () = presence.wake.notified() => {}
            () = runtime.cancel().cancelled() => return false,
        }
        if !group.pause(runtime, GRACE).await {
            return false;
        }
        if presence.left() != seen || presence.is_inside() {
            return true;
        }
        group.read_in_background();
    }
}
