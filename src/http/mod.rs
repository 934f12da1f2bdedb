//! HTTP/1.1 as text: the header fields of a request, the head and the body of an answer, requests that have
//! the connection become something else. It takes bytes and gives bytes: for the opening handshake, and for the proxies on
//! the way to it.

#![forbid(unsafe_code)]

pub mod connect;
pub mod exchange;
pub mod headers;
pub mod refusal_body;
pub mod response_head;

pub use connect::Connect;
pub use exchange::{Answer, Answered, Exchange};
pub use headers::Headers;
pub use refusal_body::RefusalBody;
pub use response_head::{Answerer, HeadReader, PROXY, ResponseHead, SERVER};
