//! Dispatch jobs: they call the callbacks of sessions, on blocking threads of the runtime. As many jobs run as the runtime has
//! workers. While all of them are in callbacks that do not return, further jobs start, up to [`MOST_JOBS`].

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::Session;
use super::logging::log;
use super::runtime::{Hold, Runtime};
use crate::lock::Mutex;

/// How many jobs there are at most. With all of them in callbacks, further callbacks queue.
pub(super) const MOST_JOBS: usize = 256;

/// A job that has not come back from callbacks for this long does not count as running.
const STUCK: Duration = Duration::from_millis(2);

/// The sessions whose callbacks are to be called, and the jobs that do so.
pub(super) struct Dispatch {
    usual: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<Session>>,
    jobs: usize,
    /// Jobs that wait for a thread.
    starting: usize,
    /// Jobs that wait for the next message of a session.
    lingering: usize,
    /// How often a job has taken a session.
    taken: u64,
    /// A task looks whether the jobs are stuck.
    is_watched: bool,
}

impl Dispatch {
    pub(super) fn new(workers: usize) -> Self {
        Self { usual: workers, state: Mutex::default() }
    }

    /// Queues a session.
    pub(super) fn submit(&self, runtime: &Runtime, hold: Hold, session: Arc<Session>) {
        let (starts, watches) = {
            let mut state = self.state.lock();
            state.queue.push_back(session);
            let starts = state.jobs < self.usual + state.lingering;
            (starts && state.add_job(), !std::mem::replace(&mut state.is_watched, true))
        };
        if watches {
            runtime.spawn(hold.clone(), watch);
        }
        if starts {
            start_job(runtime, hold);
        }
    }

    /// Lets the calling job wait for the next message of its session, unless there is other work or enough jobs do.
    pub(super) fn linger(&self) -> Option<Lingering<'_>> {
        let mut state = self.state.lock();
        let may = state.queue.is_empty() && state.lingering < self.usual;
        state.lingering += usize::from(may);
        may.then(|| Lingering(self))
    }

    fn next(&self) -> Option<Arc<Session>> {
        let mut state = self.state.lock();
        let session = state.queue.pop_front();
        match session {
            Some(_) => state.taken += 1,
            None => state.jobs -= 1,
        }
        session
    }
}

/// A job that waits for the next message of its session.
pub(super) struct Lingering<'a>(&'a Dispatch);

impl Drop for Lingering<'_> {
    fn drop(&mut self) {
        self.0.state.lock().lingering -= 1;
    }
}

impl State {
    fn add_job(&mut self) -> bool {
        self.jobs += 1;
        self.starting += 1;
        true
    }
}

fn start_job(runtime: &Runtime, hold: Hold) {
    let own = runtime.clone();
    runtime.spawn_blocking(move || {
        let _hold = hold;
        own.dispatch().state.lock().starting -= 1;
        while let Some(session) = own.dispatch().next() {
            run(&session);
        }
    });
}

/// Calls a session's callbacks. A panic of the library's own code ends the call only.
fn run(session: &Arc<Session>) {
    session.telling.begin();
    if catch_unwind(AssertUnwindSafe(|| session.tell())).unwrap_or(false) {
        session.telling.ask();
    }
    if session.telling.end() {
        Arc::clone(session).dispatch();
    } else {
        session.has_told();
    }
}

/// Starts further jobs while sessions are queued and no job takes one.
async fn watch(runtime: Runtime, hold: Hold) {
    let dispatch = runtime.dispatch();
    let mut taken = None;
    loop {
        tokio::time::sleep(STUCK).await;
        let (is_stuck, waits_for_thread, jobs) = {
            let mut state = dispatch.state.lock();
            if state.queue.is_empty() {
                state.is_watched = false;
                return;
            }
            let is_stuck = taken.replace(state.taken) == Some(state.taken);
            let waits_for_thread = is_stuck && state.starting > 0;
            (is_stuck && !waits_for_thread && state.jobs < MOST_JOBS && state.add_job(), waits_for_thread, state.jobs)
        };
        if waits_for_thread {
            // Has tokio ask the system again for a thread.
            runtime.spawn_blocking(|| ());
        } else if is_stuck {
            log!(Debug, 0, "all {} dispatch jobs are in callbacks: starting another one", jobs - 1);
            start_job(&runtime, hold.clone());
        }
    }
}
