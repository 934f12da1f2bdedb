//! Floor 3: from a URL to a connected byte stream. Plain socket calls on the calling thread; only names are looked up
//! elsewhere. Knows nothing of WebSocket frames.

pub(crate) mod address;
pub(crate) mod connect;
mod environment;
mod exchange;
pub(crate) mod files;
pub(crate) mod limit;
pub(crate) mod proxy;
mod resolve;
pub(crate) mod socket;
mod socks5;
pub(crate) mod stream;
mod system_store;
mod tcp;
pub(crate) mod threads;
pub(crate) mod tls;
mod tls_buffer;
mod tls_certificates;
mod tls_engine;
mod tls_key_log;
mod tls_pins;
mod tls_stream;
#[cfg(test)]
mod tls_tests;
mod tls_unverified;
mod tls_verifier;
mod unacknowledged;
pub(crate) mod url;
mod wake;

pub(crate) use address::Endpoint;
pub(crate) use connect::{ConnectOptions, ConnectTimings, Connected, Path, TimeLimits, connect};
pub(crate) use environment::Environment;
pub(crate) use exchange::exchange;
pub(crate) use limit::{Step, Stop, Stopping, Stops, TimeLimit, Unstoppable};
pub(crate) use proxy::{Proxy, ProxyChoice};
pub(crate) use resolve::KnownAddresses;
pub(crate) use socket::{KERNEL_SLEEP_FROM, Readiness, Socket, Waiting};
pub(crate) use stream::{Receiver, Sender, Stream};
pub(crate) use tcp::{TcpKeepalive, TcpOptions};
pub(crate) use threads::{Pool, PoolHandle};
pub(crate) use tls::{TlsOptions, TlsVersion};
pub(crate) use url::Target;
pub(crate) use wake::{Broadcast, Subscription, Wake};
