//! The configuration of a session.

mod network;
pub(crate) mod queue_bounds;
pub(crate) mod reconnect;

use std::sync::Arc;
use std::time::Duration;

use super::connect::authentication::Authenticator;
use super::connect::cookies::CookieJar;
use crate::error::{Error, Kind, Result};
use crate::frame::Opcode;
use crate::http::headers::{Headers, is_token};
use crate::protocol::Limits;
use crate::protocol::extension::{self, Extension};
use crate::protocol::keepalive::KeepaliveOptions;
pub(crate) use crate::transport::files::read as read_file;
use crate::transport::{ConnectOptions, DnsOverrides, ProxyChoice, TcpOptions, TlsOptions};
pub(crate) use crate::transport::{Timeouts, TlsVersion, client_certificates, client_key};
use queue_bounds::{QueueBounds, QueuePolicy};
use reconnect::ReconnectOptions;

const USER_AGENT: &str = concat!("ktorws/", env!("CARGO_PKG_VERSION"));

const DEFAULT_LIMIT: u64 = 64 * 1024 * 1024;

/// The configuration of sessions to be opened.
#[derive(Clone)]
pub struct Config {
    pub(crate) headers: Headers,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) connect: ConnectOptions,
    pub(crate) max_redirects: u32,
    /// Supplies credentials when a server requires them.
    pub(crate) authenticator: Option<Arc<dyn Authenticator>>,
    pub(crate) cookies: Option<Arc<CookieJar>>,
    pub(crate) reconnect: Option<ReconnectOptions>,
    pub(crate) shared_options: Arc<SharedOptions>,
    pub(crate) incoming: QueueBounds,
    /// The extensions, in the order in which they are offered.
    pub(crate) extensions: Vec<Arc<dyn Extension>>,
    /// A filter that is called before permessage-deflate compresses a message.
    pub(crate) filter: Option<CompressionFilter>,
    pub(crate) keepalive: KeepaliveOptions,
    /// The application receives every frame unchanged, and answers it itself.
    pub(crate) raw: bool,
    /// The library answers pings with pongs.
    pub(crate) auto_pong: bool,
    pub(crate) shown: DeliverControl,
    pub(crate) events: DeliverEvents,
    /// Whether received text is checked to be UTF-8.
    pub(crate) validates_utf8: bool,
    /// The least size of the parts in which long messages are delivered, or None for whole messages.
    pub(crate) part_size: Option<usize>,
    pub(crate) masking: bool,
    /// Masking may be switched off.
    pub(crate) allows_unmasked: bool,
    /// Small messages that follow each other quickly share a system call.
    pub(crate) coalescing: bool,
    /// The largest payload of a sent frame, or None for no limit.
    pub(crate) fragment: Option<usize>,
}

/// Whether to compress a message of this type that begins with these bytes.
type CompressionPredicate = dyn Fn(Opcode, &[u8]) -> bool + Send + Sync;

/// Which messages permessage-deflate compresses.
#[derive(Clone)]
pub(crate) struct CompressionFilter {
    /// Smaller messages are not compressed.
    pub(crate) min_size: usize,
    /// Selects among the other messages, by their type and first bytes.
    pub(crate) predicate: Arc<CompressionPredicate>,
}

/// The options that do not change during a session. Sessions of one configuration share them.
#[derive(Clone)]
pub(crate) struct SharedOptions {
    /// None for no limit, as for the other timeouts.
    pub(crate) close_timeout: Option<Duration>,
    pub(crate) send_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) outgoing: QueueBounds,
    /// How long a receiving thread spins before it sleeps.
    pub(crate) spin: Duration,
}

impl Default for SharedOptions {
    fn default() -> Self {
        Self {
            close_timeout: Some(Duration::from_secs(5)),
            send_timeout: Some(Duration::from_secs(30)),
            idle_timeout: None,
            outgoing: QueueBounds { messages: usize::MAX, bytes: 1024 * 1024, policy: QueuePolicy::Wait },
            spin: Duration::ZERO,
        }
    }
}

/// The control frames that the application receives among its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeliverControl {
    pub(crate) pings: bool,
    pub(crate) pongs: bool,
    pub(crate) closes: bool,
}

impl DeliverControl {
    pub(super) const ALL: Self = Self { pings: true, pongs: true, closes: true };
}

/// The events that the application receives among the messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeliverEvents {
    pub(crate) opened: bool,
    pub(crate) lost: bool,
    pub(crate) resumed: bool,
}

impl Default for Config {
    fn default() -> Self {
        let mut headers = Headers::default();
        // It does not fail for these constants.
        let _ = headers.add("User-Agent", USER_AGENT);
        Self {
            headers,
            subprotocols: Vec::new(),
            limits: Limits { max_frame_size: DEFAULT_LIMIT, max_message_size: DEFAULT_LIMIT },
            connect: ConnectOptions {
                timeouts: Timeouts {
                    connect: Some(Duration::from_secs(10)),
                    resolve: None,
                    handshake: Some(Duration::from_secs(15)),
                    proxy: None,
                    tls: None,
                    all: None,
                },
                tcp: TcpOptions { nodelay: true, keepalive: None, local: None },
                dns_overrides: DnsOverrides::default(),
                proxy: ProxyChoice::Environment,
                connect_override: None,
                tls: TlsOptions::default(),
                tls_state: Arc::default(),
            },
            max_redirects: 0,
            authenticator: None,
            cookies: None,
            reconnect: None,
            shared_options: Arc::default(),
            incoming: QueueBounds { messages: 1024, bytes: 4 * 1024 * 1024, policy: QueuePolicy::Wait },
            extensions: Vec::new(),
            filter: None,
            keepalive: KeepaliveOptions::default(),
            raw: false,
            auto_pong: true,
            shown: DeliverControl::default(),
            events: DeliverEvents::default(),
            validates_utf8: true,
            part_size: None,
            masking: true,
            allows_unmasked: false,
            coalescing: true,
            fragment: None,
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
            return invalid(format!("the subprotocol {name:?} is already offered"));
        }
        self.subprotocols.push(name.to_owned());
        Ok(())
    }

    /// Offers an extension after those already offered.
    pub(crate) fn install(&mut self, extension: Arc<dyn Extension>) -> Result<()> {
        self.check_extension(&*extension)?;
        self.extensions.push(extension);
        Ok(())
    }

    /// Fails if an extension cannot be installed besides the installed ones.
    pub(crate) fn check_extension(&self, extension: &dyn Extension) -> Result<()> {
        extension::check_installation(extension, self.extensions.iter().map(|installed| &**installed))
    }

    /// Returns the extensions to offer: none in a raw session. Fails if the send queue may drop messages and an extension does
    /// not support that.
    pub(crate) fn offered(&self) -> Result<Vec<&dyn Extension>> {
        if self.raw {
            return Ok(Vec::new());
        }
        let drops = self.shared_options.outgoing.policy == QueuePolicy::DropOldest;
        if let Some(extension) = self.extensions.iter().find(|extension| drops && !extension.supports_discard()) {
            let name = extension.name();
            let message = format!("the extension {name} cannot be combined with an outgoing queue that drops messages");
            return Err(Error::new(Kind::InvalidArgument, message));
        }
        Ok(self.extensions.iter().map(|extension| &**extension).collect())
    }

    /// Fails if options contradict each other.
    pub(super) fn check(&self) -> Result<()> {
        if self.part_size.is_some() && self.incoming.policy == QueuePolicy::DropOldest {
            let message = "parts of messages cannot be delivered with an incoming queue that drops messages";
            return Err(Error::new(Kind::InvalidArgument, message));
        }
        let Some(reconnect) = &self.reconnect else { return Ok(()) };
        if self.raw {
            return Err(Error::new(
                Kind::InvalidArgument,
                "a raw session cannot reconnect: the application handles its Close",
            ));
        }
        if reconnect.keeps_unsent && self.shared_options.outgoing.policy == QueuePolicy::DropOldest {
            let message = "unsent messages cannot be kept with an outgoing queue that drops messages";
            return Err(Error::new(Kind::InvalidArgument, message));
        }
        Ok(())
    }

    /// Returns the shared options for a change. Open sessions keep the previous values.
    pub(crate) fn shared_options_mut(&mut self) -> &mut SharedOptions {
        Arc::make_mut(&mut self.shared_options)
    }

    /// Returns the TLS options for a change. Sessions opened from now on share a new TLS state.
    pub(crate) fn tls_mut(&mut self) -> &mut TlsOptions {
        self.connect.tls_state = Arc::default();
        &mut self.connect.tls
    }
}

/// Checks a limit for frames or messages.
pub(crate) fn check_limit(bytes: u64) -> Result<u64> {
    if (1..=i64::MAX.cast_unsigned()).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(Error::new(Kind::InvalidArgument, format!("a limit of {bytes} bytes is not between 1 and 2^63-1")))
    }
}

/// Converts a timeout of the API: a negative one is no limit.
pub(crate) fn timeout_from_ms(ms: i64) -> Option<Duration> {
    u64::try_from(ms).ok().map(Duration::from_millis)
}
