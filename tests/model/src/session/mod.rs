//! The files under test, what stands in for what they build on, and the models.

mod event_count;
mod loom_shim;
mod models;

#[path = "../../../../src/session/deadline.rs"]
#[allow(dead_code)]
mod deadline;
#[path = "../../../../src/session/background/dispatch_state.rs"]
#[allow(dead_code)]
mod dispatch_state;
#[path = "../../../../src/session/interrupt.rs"]
#[allow(dead_code)]
mod interrupt;
#[path = "../../../../src/session/send/token.rs"]
#[allow(dead_code)]
mod token;
#[path = "../../../../src/session/recv/read_lock/word.rs"]
#[allow(dead_code)]
mod word;

#[path = "../../../../src/session/config"]
mod config {
    #[allow(dead_code)]
    pub(crate) mod queue_bounds;
}

#[path = "../../../../src/session/recv"]
mod recv {
    #[allow(dead_code)]
    pub(crate) mod queue;
}
