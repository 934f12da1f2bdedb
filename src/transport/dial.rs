//! Connects to a target: resolves the name, opens a socket, opens a tunnel through the proxy, starts TLS. Everything happens on
//! the calling thread except name resolution, which cannot be cancelled.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Phase, Result};
use crate::fork::PerProcess;
use crate::lock::Mutex;
use crate::transport::proxy::{Protocol, ProxyEnv, open_tunnel};
use crate::transport::resolve::resolve;
use crate::transport::tls::{self, SystemStore, TlsState};
use crate::transport::{
    BlockingShare, ConnectDeadline, ConnectionInfo, DirectStream, DnsOverrides, Endpoint, Proxy, ProxyChoice, Socket,
    Step, Target, TcpOptions, TlsOptions, happy_eyeballs,
};

const TLS_HANDSHAKE: Step = Step { phase: Phase::Tls, doing: "the TLS handshake" };
const TLS_HANDSHAKE_WITH_PROXY: Step = Step { phase: Phase::Proxy, doing: "the TLS handshake with the proxy" };
const CONNECTING_UNIX: Step = Step { phase: Phase::Connect, doing: "connecting to the Unix socket" };

/// How to connect.
#[derive(Clone, Debug)]
pub(crate) struct ConnectOptions {
    pub(crate) timeouts: Timeouts,
    pub(crate) tcp: TcpOptions,
    pub(crate) dns_overrides: DnsOverrides,
    pub(crate) proxy: ProxyChoice,
    pub(crate) connect_override: Option<ConnectOverride>,
    pub(crate) tls: TlsOptions,
    /// Built from `tls`. All later connections of the process share it and its session tickets.
    pub(crate) tls_state: Arc<PerProcess<TlsState>>,
}

/// Connects to the server in another way than by the addresses of its host.
#[derive(Clone, Debug)]
pub(crate) enum ConnectOverride {
    /// A Unix socket.
    Unix(String),
    /// A connected socket. The first session takes it.
    Socket(Arc<Mutex<Option<OwnedFd>>>),
}

/// Timeouts for the steps of connecting. `None` means no limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// For name resolution and TCP together.
    pub(crate) connect: Option<Duration>,
    pub(crate) resolve: Option<Duration>,
    /// For the proxy, TLS and the caller's own handshake together.
    pub(crate) handshake: Option<Duration>,
    pub(crate) proxy: Option<Duration>,
    pub(crate) tls: Option<Duration>,
    /// For the whole opening, including repeated attempts.
    pub(crate) all: Option<Duration>,
}

/// The duration of each step of connecting. Zero for a step that was not needed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConnectTimings {
    pub(crate) resolve: Duration,
    pub(crate) connect: Duration,
    pub(crate) proxy: Duration,
    pub(crate) tls: Duration,
}

/// A connected stream.
pub(crate) struct Connected<'a> {
    pub(crate) stream: DirectStream,
    pub(crate) socket: Arc<Socket>,
    /// Bytes that precede the bytes of the stream.
    pub(crate) early: Vec<u8>,
    pub(crate) handshake_deadline: ConnectDeadline<'a>,
    pub(crate) timings: ConnectTimings,
    pub(crate) info: ConnectionInfo,
}

/// The environment variables that connecting needs. The connecting thread reads them once per session, because another thread
/// must not change them at the same time.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    proxy: ProxyEnv,
    system_store: SystemStore,
}

impl Environment {
    /// Reads the variables that connecting with these options needs.
    pub(crate) fn read(options: &ConnectOptions) -> Self {
        let mut read = Self::default();
        if options.tls.uses_system_store() {
            read.system_store = SystemStore::read();
        }
        if matches!((&options.proxy, &options.connect_override), (ProxyChoice::Environment, None)) {
            read.proxy = ProxyEnv::read();
        }
        read
    }

    /// Returns a message for each invalid entry of no_proxy.
    pub(crate) fn ignored(&self) -> &[String] {
        self.proxy.ignored()
    }
}

/// Connects to `target`. `resolver` resolves the name.
pub(crate) fn connect<'a>(
    target: &Target,
    options: &ConnectOptions,
    environment: &Environment,
    resolver: &BlockingShare,
    deadline: ConnectDeadline<'a>,
) -> Result<Connected<'a>> {
    // A callback of the application may have run for a long time before this attempt.
    deadline.check_cancelled()?;
    let mut timings = ConnectTimings::default();
    let connect_deadline = deadline.within(options.timeouts.connect);
    let proxy = options.proxy_for(target, environment)?;
    let mut dialer = Dialer { options, resolver, deadline: connect_deadline, timings: &mut timings };
    let (socket, resolved) = match (&options.connect_override, &proxy) {
        (Some(connect_override), _) => (dialer.open_override(connect_override)?, None),
        (None, None) => (dialer.dial(&target.endpoint)?, None),
        (None, Some(proxy)) => {
            let resolved = if proxy.resolves_names() { Vec::new() } else { dialer.resolve(&target.endpoint)? };
            let socket = dialer.dial(&proxy.endpoint).map_err(|error| proxy.to_proxy_error(error))?;
            (socket, resolved.first().copied())
        }
    };
    let socket = Arc::new(socket);
    let handshake_deadline = deadline.within(options.timeouts.handshake);
    let tls = Tls { options, system_store: &environment.system_store };
    let mut stream = DirectStream::plain(Arc::clone(&socket));
    let mut early = Vec::new();
    if let Some(proxy) = &proxy {
        let deadline = handshake_deadline.within(options.timeouts.proxy);
        early = timed(&mut timings.proxy, || {
            if proxy.protocol == Protocol::Https {
                tls.start(&mut stream, &socket, &proxy.endpoint, true, &[], &deadline)
                    .map_err(|error| proxy.to_proxy_error(error))?;
            }
            open_tunnel(proxy, &mut stream, &socket, &target.endpoint, resolved, &deadline)
        })?;
    }
    if target.secure {
        let deadline = handshake_deadline.within(options.timeouts.tls);
        let early = std::mem::take(&mut early);
        timed(&mut timings.tls, || tls.start(&mut stream, &socket, &target.endpoint, false, &early, &deadline))?;
    }
    let tls = if target.secure { stream.tls_info() } else { None };
    let info = ConnectionInfo::new(&socket, proxy.as_ref().map(|proxy| proxy.place()), tls);
    Ok(Connected { stream, socket, early, handshake_deadline, timings, info })
}

/// Opens sockets to endpoints.
struct Dialer<'a, 'd> {
    options: &'a ConnectOptions,
    resolver: &'a BlockingShare,
    deadline: ConnectDeadline<'d>,
    timings: &'a mut ConnectTimings,
}

impl Dialer<'_, '_> {
    fn resolve(&mut self, endpoint: &Endpoint) -> Result<Vec<SocketAddr>> {
        let deadline = self.deadline.within(self.options.timeouts.resolve);
        timed(&mut self.timings.resolve, || resolve(endpoint, &self.options.dns_overrides, self.resolver, &deadline))
    }

    fn dial(&mut self, endpoint: &Endpoint) -> Result<Socket> {
        let addresses = self.resolve(endpoint)?;
        timed(&mut self.timings.connect, || happy_eyeballs::connect(&addresses, &self.options.tcp, &self.deadline))
    }

    fn open_override(&mut self, connect_override: &ConnectOverride) -> Result<Socket> {
        timed(&mut self.timings.connect, || connect_override.open(&self.options.tcp, &self.deadline))
    }
}

impl ConnectOptions {
    /// Returns the proxy for a target.
    fn proxy_for(&self, target: &Target, environment: &Environment) -> Result<Option<Arc<Proxy>>> {
        match (&self.proxy, &self.connect_override) {
            (ProxyChoice::This(_), Some(_)) => Err(Error::new(
                Kind::InvalidArgument,
                "a proxy cannot go with a socket that leads to the server itself",
            )),
            (ProxyChoice::This(proxy), None) => Ok(Some(Arc::clone(proxy))),
            (ProxyChoice::Environment, None) => Ok(environment.proxy.proxy(target)?.map(Arc::new)),
            (ProxyChoice::Environment, Some(_)) | (ProxyChoice::Direct, _) => Ok(None),
        }
    }
}

impl ConnectOverride {
    fn open(&self, options: &TcpOptions, deadline: &ConnectDeadline<'_>) -> Result<Socket> {
        let failed = |what: &dyn std::fmt::Display, error: io::Error| {
            Error::os(Kind::Connect, format_args!("could not connect to {what}"), &error).in_phase(Phase::Connect)
        };
        match self {
            Self::Unix(path) => {
                let opened = deadline.retry(&CONNECTING_UNIX, || Socket::unix(path))?;
                opened.map_err(|error| failed(&format_args!("the Unix socket {path:?}"), error))
            }
            Self::Socket(given) => {
                // If it is locked, another thread is taking the socket, or was taking it when the process forked.
                let Some(fd) = given.try_lock().and_then(|mut given| given.take()) else {
                    return Err(Error::new(Kind::State, "the configuration's socket was taken by another session"));
                };
                Socket::adopt(fd, options).map_err(|error| failed(&"the server: the given socket", error))
            }
        }
    }
}

fn timed<T>(total: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let outcome = work();
    *total += start.elapsed();
    outcome
}

/// The TLS settings of a connection.
struct Tls<'a> {
    options: &'a ConnectOptions,
    system_store: &'a SystemStore,
}

impl Tls<'_> {
    /// Starts TLS on the stream and performs the handshake. `early` are bytes of the peer's records that have already arrived.
    fn start(
        &self,
        stream: &mut DirectStream,
        socket: &Socket,
        peer: &Endpoint,
        is_proxy: bool,
        early: &[u8],
        deadline: &ConnectDeadline<'_>,
    ) -> Result<()> {
        let step = if is_proxy { &TLS_HANDSHAKE_WITH_PROXY } else { &TLS_HANDSHAKE };
        let ConnectOptions { tls: options, tls_state, .. } = self.options;
        let started = (|| {
            let state = tls_state.get(|_| TlsState::default());
            let connection = if is_proxy {
                tls::connection(state.for_proxy(options, self.system_store)?, peer, None)?
            } else {
                tls::connection(state.for_server(options, self.system_store)?, peer, options.server_name())?
            };
            let (receiver, sender) = stream.start_tls(connection, early);
            tls::handshake(receiver, sender, socket, step, deadline)
        })();
        started.map_err(|error: Error| match error.kind {
            // The step itself has not failed.
            Kind::Aborted | Kind::Interrupted => error,
            _ => error.in_phase(step.phase),
        })
    }
}
