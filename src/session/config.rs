//! What a session is opened with.

use std::sync::Arc;
use std::time::Duration;

use once_cell::sync::OnceCell;

use super::inbox::QueueBounds;
use crate::error::{Error, Kind, Result};
use crate::protocol::Limits;
use crate::protocol::headers::{Headers, is_token};
use crate::transport::{ConnectOptions, TlsOptions};

const USER_AGENT: &str = concat!("ktorws/", env!("CARGO_PKG_VERSION"));

const DEFAULT_LIMIT: u64 = 64 * 1024 * 1024;

/// Settings of sessions to come.
#[derive(Clone)]
pub struct Config {
    pub(crate) headers: Headers,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) connect: ConnectOptions,
    /// None for no limit, as for the other timeouts.
    pub(crate) close_timeout: Option<Duration>,
    pub(crate) send_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) incoming: QueueBounds,
    pub(crate) outgoing_bytes: usize,
    /// Small messages of a streak share a system call.
    pub(crate) coalescing: bool,
    /// The largest payload of a frame that is sent, none for any.
    pub(crate) fragment: Option<usize>,
    /// How long a receiving thread looks for bytes before it sleeps.
    pub(crate) spin: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let mut headers = Headers::default();
        // The name and the value are constants that pass.
        let _ = headers.add("User-Agent", USER_AGENT);
        Self {
            headers,
            subprotocols: Vec::new(),
            limits: Limits { max_frame_size: DEFAULT_LIMIT, max_message_size: DEFAULT_LIMIT },
            connect: ConnectOptions {
                connect_timeout: Some(Duration::from_secs(10)),
                handshake_timeout: Some(Duration::from_secs(15)),
                tcp_nodelay: true,
                tls: TlsOptions::default(),
                tls_config: Arc::default(),
            },
            close_timeout: Some(Duration::from_secs(5)),
            send_timeout: Some(Duration::from_secs(30)),
            idle_timeout: None,
            incoming: QueueBounds { messages: 1024, bytes: 4 * 1024 * 1024 },
            outgoing_bytes: 1024 * 1024,
            coalescing: true,
            fragment: None,
            spin: Duration::ZERO,
        }
    }
}

impl Config {
    /// Offers a subprotocol after those already offered.
    pub(crate) fn add_subprotocol(&mut self, name: &str) -> Result<()> {
        let invalid = |message| Err(Error::new(Kind::InvalidArgument, message));
        if !is_token(name) {
            return invalid(format!("subprotocol {name:?} is not a token"));
        }
        if self.subprotocols.iter().any(|offered| offered == name) {
            return invalid(format!("the subprotocol {name:?} is offered already"));
        }
        self.subprotocols.push(name.to_owned());
        Ok(())
    }

    /// The TLS options, to be changed: sessions opened from now on share a TLS state of their own.
    pub(crate) fn tls_mut(&mut self) -> &mut TlsOptions {
        self.connect.tls_config = Arc::new(OnceCell::new());
        &mut self.connect.tls
    }
}

/// A limit for a frame or a message that makes sense.
pub(crate) fn check_limit(bytes: u64) -> Result<u64> {
    if (1..=i64::MAX.cast_unsigned()).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(Error::new(Kind::InvalidArgument, format!("a limit of {bytes} bytes, 1 to 2^63-1 are possible")))
    }
}

/// A timeout as the API says it: negative is no limit.
pub(crate) fn timeout_from_ms(ms: i64) -> Option<Duration> {
    u64::try_from(ms).ok().map(Duration::from_millis)
}
