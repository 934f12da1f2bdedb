//! Proxies: their URLs, the environment variables that name them, and the tunnels that they open.

mod env;
mod socks5;
mod tunnel;
mod url;

pub(super) use self::env::ProxyEnv;
pub(super) use self::tunnel::open_tunnel;
pub(super) use self::url::Protocol;
pub(crate) use self::url::{Proxy, ProxyChoice};
