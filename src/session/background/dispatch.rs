//! Dispatch jobs: they call the callbacks of sessions, on blocking threads of the runtime. As many jobs run as the runtime has
//! workers. While all of them are in callbacks that do not return, further jobs start, up to [`MOST_JOBS`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::tasks::{Hold, Tasks};
use crate::lock::Mutex;
use crate::session::log::log;

/// The largest number of jobs. While all of them are in callbacks, further sessions wait in the queue.
pub(crate) const MOST_JOBS: usize = 256;

/// If no job takes a session from the queue for this long, the jobs count as stuck in callbacks.
const STUCK: Duration = Duration::from_millis(2);

/// A session with callbacks.
pub(crate) trait Dispatched: Send + Sync {
    /// Calls the callbacks that are due.
    fn run_callbacks(self: Arc<Self>);
}

/// The sessions whose callbacks are to be called, and the jobs that do so.
pub(crate) struct Dispatch {
    tasks: Tasks,
    usual: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<dyn Dispatched>>,
    jobs: usize,
    /// Jobs that wait for a thread.
    starting: usize,
    /// Jobs that wait for the next message of a session.
    lingering: usize,
    /// How often a job has taken a session.
    taken: u64,
    /// A task checks whether the jobs are stuck.
    is_watched: bool,
}

impl Dispatch {
    pub(crate) fn new(tasks: Tasks, workers: usize) -> Self {
        Self { tasks, usual: workers, state: Mutex::default() }
    }

    /// Queues a session. Starts a job if there are fewer than usual.
    pub(crate) fn submit(self: &Arc<Self>, hold: Hold, session: Arc<dyn Dispatched>) {
        let (starts, watches) = {
            let mut state = self.state.lock();
            state.queue.push_back(session);
            let starts = state.jobs < self.usual + state.lingering;
            (starts && state.add_job(), !std::mem::replace(&mut state.is_watched, true))
        };
        if watches {
            self.tasks.spawn(hold.clone(), |_, hold| watch(Arc::clone(self), hold));
        }
        if starts {
            self.start_job(hold);
        }
    }

    /// Permits the calling job to wait for the next message of its session, unless sessions are queued or enough jobs wait.
    pub(crate) fn linger(&self) -> Option<Lingering<'_>> {
        let mut state = self.state.lock();
        let may = state.queue.is_empty() && state.lingering < self.usual;
        state.lingering += usize::from(may);
        may.then(|| Lingering(self))
    }

    fn start_job(self: &Arc<Self>, hold: Hold) {
        let dispatch = Arc::clone(self);
        self.tasks.spawn_blocking(move || {
            let _hold = hold;
            dispatch.state.lock().starting -= 1;
            while let Some(session) = dispatch.next() {
                session.run_callbacks();
            }
        });
    }

    fn next(&self) -> Option<Arc<dyn Dispatched>> {
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
pub(crate) struct Lingering<'a>(&'a Dispatch);

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

/// Starts further jobs while sessions are queued and no job takes one.
async fn watch(dispatch: Arc<Dispatch>, hold: Hold) {
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
            // Makes tokio try again to start a thread.
            dispatch.tasks.spawn_blocking(|| ());
        } else if is_stuck {
            log!(Debug, 0, "all {} dispatch jobs are in callbacks: starting another one", jobs - 1);
            dispatch.start_job(hold.clone());
        }
    }
}
