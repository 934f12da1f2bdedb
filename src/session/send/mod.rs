//! Sending on the calling thread: it queues a message, and sends what the kernel accepts.

pub(crate) mod coalescing;
pub(crate) mod delayed_flush;
pub(crate) mod flush;
pub(crate) mod fragments;
pub(crate) mod held_back;
pub(crate) mod message;
pub(crate) mod queue;
pub(crate) mod resend;
pub(crate) mod room;
#[expect(clippy::module_inception, reason = "named for the call that it serves")]
pub(crate) mod send;
pub(crate) mod sending;
pub(crate) mod token;
