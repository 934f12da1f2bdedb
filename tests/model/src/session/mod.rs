//! The files under test, what stands in for what they build on, and the models.

mod gate;
mod models;
mod sync;

#[path = "../../../../src/session/deadline.rs"]
#[allow(dead_code)]
mod deadline;
#[path = "../../../../src/session/dispatch_state.rs"]
#[allow(dead_code)]
mod dispatch_state;
#[path = "../../../../src/session/handoff.rs"]
#[allow(dead_code)]
mod handoff;
#[path = "../../../../src/session/inbox.rs"]
#[allow(dead_code)]
mod inbox;
#[path = "../../../../src/session/interrupts.rs"]
#[allow(dead_code)]
mod interrupts;
#[path = "../../../../src/session/queue_bounds.rs"]
#[allow(dead_code)]
mod queue_bounds;
#[path = "../../../../src/session/turn.rs"]
#[allow(dead_code)]
mod turn;
