//! HTTP/1.1 without I/O: request header fields, response heads and bodies, and requests that turn the connection into
//! something else, such as CONNECT. The opening handshake and the connections to proxies use it.

#![forbid(unsafe_code)]

pub mod auth_challenge;
pub mod connect;
pub mod headers;
pub mod response_body;
pub mod response_head;
pub mod upgrade;

pub use auth_challenge::Challenge;
pub use connect::Connect;
pub use headers::Headers;
pub use response_body::ResponseBody;
pub use response_head::{HeadReader, PROXY, Peer, ResponseHead, SERVER};
pub use upgrade::{ResponseReader, Upgrade, UpgradeResponse};
