//! The standby task of a group: while no thread receives from the group, or threads receive slowly, it lets the drivers read, so
//! that pings are answered.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::Interest;
use tokio::time::sleep;

use super::tasks::{Hold, Tasks};
use super::watch::Watch;
use super::{GRACE, TICK};
use crate::session::recv::group::Group;

/// An application that receives less often in [`GRACE`] is slow: the turn of a session may come late.
const FEW: u64 = 8;

impl Group {
    /// Starts the standby task, unless it runs in this runtime.
    pub(crate) fn stand_by(self: &Arc<Self>, tasks: &Tasks) {
        let Some(hold) = tasks.hold() else { return };
        if self.presence.runtimes.lock().insert(tasks.address()) {
            self.presence.is_watched.store(true, Ordering::SeqCst);
            let group = Arc::clone(self);
            tasks.spawn(hold, |tasks, hold| run(group, tasks, hold));
        }
    }

    /// Waits for this long, or until the application has left. Returns false if the task has to end.
    async fn pause(&self, tasks: &Tasks, time: Duration) -> bool {
        tokio::select! {
            () = sleep(time) => {}
            () = self.presence.wake.notified() => {}
            () = tasks.cancel().cancelled() => return false,
        }
        !self.presence.is_closed.load(Ordering::Acquire)
    }
}

async fn run(group: Arc<Group>, tasks: Tasks, _hold: Hold) {
    while is_away(&group, &tasks).await && read_while_away(&group, &tasks).await {}
    group.presence.runtimes.lock().remove(&tasks.address());
    // The task of another runtime may have missed what woke this one.
    group.presence.wake.notify_one();
}

/// Waits until the application has been away for a tick, or is slow. Returns false if the task has to end.
async fn is_away(group: &Group, tasks: &Tasks) -> bool {
    let presence = &group.presence;
    let (mut first, mut ticks) = (presence.left(), 0);
    loop {
        let seen = presence.left();
        if !group.pause(tasks, TICK).await {
            return false;
        }
        ticks += 1;
        let mut is_slow = false;
        if TICK * ticks >= GRACE {
            let left = presence.left();
            is_slow = left.wrapping_sub(first) < FEW;
            (first, ticks) = (left, 0);
        }
        if presence.left() != seen && !is_slow {
            continue;
        }
        if !presence.is_inside() {
            return true;
        }
        presence.is_watched.store(false, Ordering::SeqCst);
        // The application may have left before it could see that.
        if presence.left() == seen {
            tokio::select! {
                () = presence.wake.notified() => {}
                () = tasks.cancel().cancelled() => return false,
            }
        }
        presence.is_watched.store(true, Ordering::SeqCst);
        if presence.is_closed.load(Ordering::Acquire) {
            return false;
        }
        (first, ticks) = (presence.left(), 0);
    }
}

/// Lets the drivers read until the application is back, and is not slow. Returns false if the task has to end.
async fn read_while_away(group: &Group, tasks: &Tasks) -> bool {
    let presence = &group.presence;
    let Ok(Some(nested)) = group.nested() else { return group.pause(tasks, GRACE).await };
    let Ok(watch) = Watch::new(nested, Interest::READABLE) else { return group.pause(tasks, GRACE).await };
    loop {
        tokio::select! {
            found = watch.ready() => if found.is_err() { return false },
            () = presence.wake.notified() => {}
            () = tasks.cancel().cancelled() => return false,
        }
        let mut pause = GRACE;
        loop {
            let before = presence.left();
            if !group.pause(tasks, pause).await {
                return false;
            }
            if presence.left().wrapping_sub(before) >= FEW || presence.is_inside() {
                return true;
            }
            if !group.read_in_background() {
                break;
            }
            // An application that is busy for long and receives afterwards reads the rest itself, which costs less.
            pause = TICK;
        }
    }
}
