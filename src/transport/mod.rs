//! Opens byte streams: from a URL to a connected socket with TLS, through a proxy if needed. Makes socket calls on the calling
//! thread; only name resolution uses other threads. Knows no WebSocket frames.
//!
//! [`connect`] is the entry point. It uses `resolve`, `happy_eyeballs`, `proxy` and `tls` in this order.

pub(crate) mod address;
mod cancel;
mod connection_info;
mod deadline;
mod dial;
mod direct;
mod eventfd;
pub(crate) mod files;
mod happy_eyeballs;
mod multiplexed;
mod proxy;
mod readiness;
mod resolve;
mod socket;
mod stream;
pub(crate) mod threads;
pub(crate) mod tls;
mod unacknowledged;
mod upgrade;
mod url;

pub(crate) use address::Endpoint;
pub(crate) use cancel::{Cancel, CancelSources, CancelToken, NeverCancel};
pub(crate) use connection_info::ConnectionInfo;
pub(crate) use deadline::{ConnectDeadline, Step, pause};
pub(crate) use dial::{ConnectOptions, ConnectOverride, ConnectTimings, Connected, Environment, Timeouts, connect};
pub(crate) use direct::DirectStream;
pub(crate) use eventfd::{Broadcast, EventFd, Subscription};
pub(crate) use multiplexed::StreamReadiness;
pub(crate) use proxy::{Proxy, ProxyChoice};
pub(crate) use readiness::ReadinessFd;
pub(crate) use resolve::DnsOverrides;
pub(crate) use socket::{KERNEL_SLEEP_FROM, Readiness, Socket, TcpKeepalive, TcpOptions, Waiting};
pub(crate) use stream::{RecvHalf, SendHalf, Stream};
pub(crate) use threads::BlockingShare;
pub(crate) use tls::{TlsOptions, TlsVersion, client_certificates, client_key};
pub(crate) use upgrade::upgrade;
pub(crate) use url::Target;
