//! Floor 3: from a URL to a connected byte stream. Plain socket calls on the calling thread; only names are looked up
//! elsewhere. Knows nothing of WebSocket frames.

pub(crate) mod connect;
pub(crate) mod limit;
pub(crate) mod poller;
pub(crate) mod socket;
pub(crate) mod stream;
mod tcp;
pub(crate) mod threads;
pub(crate) mod tls;
mod tls_buffer;
mod tls_engine;
mod tls_stream;
#[cfg(test)]
mod tls_tests;
mod tls_verifier;
pub(crate) mod url;
mod wake;

pub(crate) use connect::{ConnectOptions, ConnectTimings, Connected, connect};
pub(crate) use limit::{Step, Stop, Stopping, Stops, TimeLimit, Unstoppable};
pub(crate) use poller::{Event, Events, Interest, Poller, ready};
pub(crate) use socket::{KERNEL_SLEEP, KERNEL_SLEEP_FROM, Readiness, Socket, Waiting};
pub(crate) use stream::{Receiver, Sender, Stream};
pub(crate) use threads::{Pool, PoolHandle};
pub(crate) use tls::TlsOptions;
pub(crate) use url::Target;
pub(crate) use wake::Wake;
