//! The clients, and the works that each can do.

mod fastwebsockets;
mod hop;
#[cfg(feature = "libcurl")]
mod libcurl;
mod raw_epoll_tls;
mod sockudo_ws;
mod sockudo_ws_deflate;
mod tokio_tungstenite;
mod tokio_websockets;
mod tungstenite;

use tokio::io::BufWriter;

use self::fastwebsockets::FastWebSockets;
use self::hop::Hop;
#[cfg(feature = "libcurl")]
use self::libcurl::LibCurl;
use self::raw_epoll_tls::RawEpollTls;
use self::sockudo_ws::SockudoWs;
use self::sockudo_ws_deflate::SockudoWsDeflate;
use self::tokio_tungstenite::TokioTungstenite;
use self::tokio_websockets::TokioWebSockets;
use self::tungstenite::Tungstenite;
use crate::options::Options;
use crate::session::{Result, Session};
use crate::transport::Stream;
use crate::works;

pub struct Client {
    pub name: &'static str,
    pub works: Vec<&'static str>,
    pub settings: fn() -> String,
    pub run: fn(&Options) -> Result<String>,
}

const MESSAGES: &[&str] = &["rtt-64", "rtt-4k", "burst-64", "stream-64", "duplex-64", "big-1m"];
const SESSIONS: &[&str] = &["connect", "idle"];
const TLS: &[&str] = &[
    "tls-rtt-64",
    "tls-rtt-4k",
    "tls-burst-64",
    "tls-stream-64",
    "tls-big-1m",
    "tls-connect",
    "tls-connect-resumed",
    "tls-idle",
];
/// Of those that receive in the event loop of a runtime.
const CALLBACK: &[&str] =
    &["callback-rtt-64", "callback-rtt-4k", "callback-burst-64", "callback-big-1m", "tls-callback-rtt-64"];
const THREADS: &[&str] = &["threads-64"];
const TEXTS: &[&str] = &["json-4k", "json-64k", "deflate-4k", "deflate-alone-4k", "deflate-64k"];
const BATCH: &[&str] = &["burst-64", "stream-64", "tls-burst-64", "tls-stream-64"];

pub fn all() -> Vec<Client> {
    let every = [MESSAGES, SESSIONS, TLS, CALLBACK].concat();
    let with_texts = [MESSAGES, SESSIONS, TLS, CALLBACK, TEXTS].concat();
    let with_threads = [MESSAGES, THREADS, SESSIONS, TLS].concat();
    let plain = |name, works: &[&'static str], settings, run| Client { name, works: works.to_vec(), settings, run };
    vec![
        plain("tungstenite", &with_threads, tungstenite::settings, send::<Tungstenite>),
        plain("tungstenite+batch", BATCH, tungstenite::settings, batch::<Tungstenite>),
        plain("tokio-tungstenite", &every, tokio_tungstenite::settings, send::<TokioTungstenite>),
        plain("tokio-tungstenite+batch", BATCH, tokio_tungstenite::settings, batch::<TokioTungstenite>),
        plain("fastwebsockets", &every, fastwebsockets::settings, send::<FastWebSockets<Stream>>),
        plain("fastwebsockets+batch", BATCH, fastwebsockets::settings, batch::<FastWebSockets<BufWriter<Stream>>>),
        plain("tokio-websockets", &every, tokio_websockets::settings, send::<TokioWebSockets>),
        plain("tokio-websockets+batch", BATCH, tokio_websockets::settings, batch::<TokioWebSockets>),
        plain("sockudo-ws", &with_texts, sockudo_ws::settings, sockudo_ws),
        plain("sockudo-ws+batch", BATCH, sockudo_ws::settings, batch::<SockudoWs>),
        #[cfg(feature = "libcurl")]
        plain("libcurl", &with_threads, libcurl::settings, send::<LibCurl>),
        plain("raw-epoll-tls", &["tls-callback-rtt-64"], raw_epoll_tls::settings, send::<RawEpollTls>),
        plain("hop", &["rtt-64", "threads-64"], hop::settings, send::<Hop>),
    ]
}

pub fn find(name: &str) -> Option<Client> {
    all().into_iter().find(|client| client.name == name)
}

fn send<S: Session>(options: &Options) -> Result<String> {
    works::run::<S>(options, false)
}

fn sockudo_ws(options: &Options) -> Result<String> {
    if options.work.starts_with("deflate-") { send::<SockudoWsDeflate>(options) } else { send::<SockudoWs>(options) }
}

fn batch<S: Session>(options: &Options) -> Result<String> {
    works::run::<S>(options, true)
}

/// The version of a package that this program is built with.
fn version(package: &str) -> &'static str {
    const LOCK: &str = include_str!("../../Cargo.lock");
    let entry = format!("name = \"{package}\"\nversion = \"");
    LOCK.split_once(&entry).and_then(|(_, rest)| rest.split_once('"')).map_or("unknown", |(version, _)| version)
}
