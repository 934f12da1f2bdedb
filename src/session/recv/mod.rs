//! Receiving: who reads the socket, the receive queue, and how messages reach the application.

pub(crate) mod buffer_pool;
pub(crate) mod delivery;
pub(crate) mod group;
pub(crate) mod pushed;
pub(crate) mod queue;
pub(crate) mod read;
pub(crate) mod read_lock;
pub(crate) mod reader;
pub(crate) mod receive_mode;
pub(crate) mod receiving;
#[expect(clippy::module_inception, reason = "named for the call that it serves")]
pub(crate) mod recv;
mod start_default;
pub(crate) mod wait;
