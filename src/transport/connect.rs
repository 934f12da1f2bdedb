//! The way from a target to a connected stream: resolve, connect, have a proxy open a tunnel, TLS. All on the calling
//! thread, but for looking up names, which nothing can interrupt.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::lock::Mutex;
use once_cell::sync::OnceCell;
use rustls::ClientConfig;

use crate::error::{Error, Kind, Phase, Result};
use crate::fork::PerProcess;
use crate::transport::limit::{Step, TimeLimit};
use crate::transport::proxy::Protocol;
use crate::transport::resolve::resolve;
use crate::transport::system_store::SystemStore;
use crate::transport::tcp::TcpOptions;
use crate::transport::{
    Endpoint, Environment, KnownAddresses, PoolHandle, Proxy, ProxyChoice, Readiness, Socket, Stream, Target,
    TlsOptions, Waiting, tcp, tls,
};

const NEGOTIATING_TLS: Step = Step { phase: Phase::Tls, doing: "negotiating TLS" };
const NEGOTIATING_TLS_WITH_PROXY: Step = Step { phase: Phase::Proxy, doing: "negotiating TLS with the proxy" };
const CONNECTING_UNIX: Step = Step { phase: Phase::Connect, doing: "connecting to the Unix socket" };

/// How to connect.
#[derive(Clone, Debug)]
pub(crate) struct ConnectOptions {
    pub(crate) limits: TimeLimits,
    pub(crate) tcp: TcpOptions,
    pub(crate) known: KnownAddresses,
    pub(crate) proxy: ProxyChoice,
    pub(crate) path: Option<Path>,
    pub(crate) tls: TlsOptions,
    /// Built from `tls` and shared by all later connections of the process, with their session tickets.
    pub(crate) tls_state: Arc<PerProcess<TlsState>>,
}

/// What rustls is configured with, from the first connection on that needs it.
#[derive(Debug, Default)]
pub(crate) struct TlsState {
    server: OnceCell<Arc<ClientConfig>>,
    proxy: OnceCell<Arc<ClientConfig>>,
}

/// What leads to the server in place of its host's addresses.
#[derive(Clone, Debug)]
pub(crate) enum Path {
    /// A Unix socket.
    Unix(String),
    /// A connected socket, until a session takes it.
    Socket(Arc<Mutex<Option<OwnedFd>>>),
}

/// Limits on the parts of connecting, none for no limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimits {
    /// For resolving and TCP together.
    pub(crate) connect: Option<Duration>,
    pub(crate) resolve: Option<Duration>,
    /// For the proxy, TLS and whatever the caller negotiates next.
    pub(crate) handshake: Option<Duration>,
    pub(crate) proxy: Option<Duration>,
    pub(crate) tls: Option<Duration>,
    /// For everything, however often the caller connects for it.
    pub(crate) all: Option<Duration>,
}

/// How long the parts of connecting took; zero for what was not needed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConnectTimings {
    pub(crate) resolve: Duration,
    pub(crate) connect: Duration,
    pub(crate) proxy: Duration,
    pub(crate) tls: Duration,
}

/// A connected stream.
pub(crate) struct Connected<'a> {
    pub(crate) stream: Stream,
    pub(crate) socket: Arc<Socket>,
    /// What has come in front of everything that the stream gives.
    pub(crate) early: Vec<u8>,
    pub(crate) handshake_limit: TimeLimit<'a>,
    pub(crate) timings: ConnectTimings,
}

/// Connects to `target`, unless it is stopped. Names are looked up by `pool`.
pub(crate) fn connect<'a>(
    target: &Target,
    options: &ConnectOptions,
    environment: &Environment,
    pool: &PoolHandle,
    limit: TimeLimit<'a>,
) -> Result<Connected<'a>> {
    // A function of the application may have taken long before this attempt.
    limit.check()?;
    let mut timings = ConnectTimings::default();
    let connecting = limit.within(options.limits.connect);
    let proxy = options.proxy_for(target, environment)?;
    let mut dialer = Dialer { options, pool, limit: connecting, timings: &mut timings };
    let (socket, behind_proxy) = match (&options.path, &proxy) {
        (Some(path), _) => (dialer.take(path)?, None),
        (None, None) => (dialer.dial(&target.endpoint)?, None),
        (None, Some(proxy)) => {
            let resolved = if proxy.resolves() { Vec::new() } else { dialer.resolve(&target.endpoint)? };
            let socket = dialer.dial(&proxy.endpoint).map_err(|error| proxy.failed(error))?;
            (socket, resolved.first().copied())
        }
    };
    let socket = Arc::new(socket);
    let handshake_limit = limit.within(options.limits.handshake);
    let tls = Tls { options, system_store: &environment.system_store };
    let mut stream = Stream::plain(Arc::clone(&socket));
    let mut early = Vec::new();
    if let Some(proxy) = &proxy {
        let limit = handshake_limit.within(options.limits.proxy);
        early = timed(&mut timings.proxy, || {
            if proxy.protocol == Protocol::Https {
                tls.start(&mut stream, &socket, &proxy.endpoint, true, &[], &limit)
                    .map_err(|error| proxy.failed(error))?;
            }
            proxy.open_tunnel(&mut stream, &socket, &target.endpoint, behind_proxy, &limit)
        })?;
    }
    if target.secure {
        let limit = handshake_limit.within(options.limits.tls);
        let early = std::mem::take(&mut early);
        timed(&mut timings.tls, || tls.start(&mut stream, &socket, &target.endpoint, false, &early, &limit))?;
    }
    Ok(Connected { stream, socket, early, handshake_limit, timings })
}

/// Opens sockets to endpoints.
struct Dialer<'a, 'l> {
    options: &'a ConnectOptions,
    pool: &'a PoolHandle,
    limit: TimeLimit<'l>,
    timings: &'a mut ConnectTimings,
}

impl Dialer<'_, '_> {
    fn resolve(&mut self, endpoint: &Endpoint) -> Result<Vec<SocketAddr>> {
        let limit = self.limit.within(self.options.limits.resolve);
        timed(&mut self.timings.resolve, || resolve(endpoint, &self.options.known, self.pool, &limit))
    }

    fn dial(&mut self, endpoint: &Endpoint) -> Result<Socket> {
        let addresses = self.resolve(endpoint)?;
        timed(&mut self.timings.connect, || tcp::open(&addresses, &self.options.tcp, &self.limit))
    }

    fn take(&mut self, path: &Path) -> Result<Socket> {
        timed(&mut self.timings.connect, || path.open(&self.options.tcp, &self.limit))
    }
}

impl ConnectOptions {
    /// The proxy on the way to a target.
    fn proxy_for(&self, target: &Target, environment: &Environment) -> Result<Option<Arc<Proxy>>> {
        match (&self.proxy, &self.path) {
            (ProxyChoice::This(_), Some(_)) => Err(Error::new(
                Kind::InvalidArgument,
                "a proxy cannot go with a socket that leads to the server itself",
            )),
            (ProxyChoice::This(proxy), None) => Ok(Some(Arc::clone(proxy))),
            (ProxyChoice::Environment, None) => Ok(environment.proxy(target)?.map(Arc::new)),
            (ProxyChoice::Environment, Some(_)) | (ProxyChoice::Direct, _) => Ok(None),
        }
    }
}

impl Path {
    fn open(&self, options: &TcpOptions, limit: &TimeLimit<'_>) -> Result<Socket> {
        let failed = |what: &dyn std::fmt::Display, error: io::Error| {
            Error::os(Kind::Connect, format_args!("could not connect to {what}"), &error).in_phase(Phase::Connect)
        };
        match self {
            Self::Unix(path) => {
                let opened = limit.retry(&CONNECTING_UNIX, || Socket::unix(path))?;
                opened.map_err(|error| failed(&format_args!("the Unix socket {path:?}"), error))
            }
            Self::Socket(given) => {
                // Where it is locked another thread is taking it, or was when the process was forked.
                let Some(fd) = given.try_lock().and_then(|mut given| given.take()) else {
                    return Err(Error::new(Kind::State, "the configuration's socket was taken by another session"));
                };
                Socket::adopt(fd, options).map_err(|error| failed(&"the server: the given socket", error))
            }
        }
    }
}

fn timed<T>(taken: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let outcome = work();
    *taken += start.elapsed();
    outcome
}

/// How to encrypt.
struct Tls<'a> {
    options: &'a ConnectOptions,
    system_store: &'a SystemStore,
}

impl Tls<'_> {
    /// Has what goes through the stream from now on encrypted. `early` is what has come of the peer's records already.
    fn start(
        &self,
        stream: &mut Stream,
        socket: &Arc<Socket>,
        peer: &Endpoint,
        is_proxy: bool,
        early: &[u8],
        limit: &TimeLimit<'_>,
    ) -> Result<()> {
        let step = if is_proxy { &NEGOTIATING_TLS_WITH_PROXY } else { &NEGOTIATING_TLS };
        let ConnectOptions { tls: options, tls_state, .. } = self.options;
        let negotiated = (|| {
            let state = tls_state.get(|_| TlsState::default());
            let connection = if is_proxy {
                let config = state.proxy.get_or_try_init(|| options.build_for_proxy(self.system_store))?;
                tls::connection(config, peer, None)?
            } else {
                let config = state.server.get_or_try_init(|| options.build(self.system_store))?;
                tls::connection(config, peer, options.server_name())?
            };
            stream.start_tls(connection, early);
            negotiate(stream, socket, step, limit)
        })();
        negotiated.map_err(|error: Error| match error.kind {
            // It is not the step that has failed.
            Kind::Aborted | Kind::Interrupted => error,
            _ => error.in_phase(step.phase),
        })
    }
}

fn negotiate(stream: &mut Stream, socket: &Socket, step: &Step, limit: &TimeLimit<'_>) -> Result<()> {
    let failed = |error: io::Error| tls::error("TLS handshake failed", &error).in_phase(step.phase);
    let (mut has_early, mut has_answered) = (true, false);
    // The last of it goes out with the first bytes of what follows.
    while stream.is_tls_handshaking() {
        limit
            .hold(step, socket, Readiness::Send, || stream.sender.flush())?
            .map_err(|error| failed(alert_received(stream).unwrap_or(error)))?;
        let receiver = &mut stream.receiver;
        let is_early = std::mem::take(&mut has_early);
        let received = if is_early {
            Ok(receiver.receive_early_handshake().map(|()| 1))
        } else {
            limit.hold(step, socket, Readiness::Receive, || receiver.receive_handshake(Waiting::No))
        };
        match received? {
            Ok(0) => {
                let message = if has_answered {
                    "the server ended the connection"
                } else {
                    "the server ended the connection without an answer: is it one for ws:// or http://?"
                };
                return Err(failed(io::Error::new(io::ErrorKind::UnexpectedEof, message)));
            }
            Ok(_) => has_answered = has_answered || !is_early,
            Err(error) => {
                // The alert that tells the server why.
                let _ = stream.sender.flush();
                return Err(failed(error));
            }
        }
    }
    Ok(())
}

/// Why the peer has ended TLS, where it has said so before its connection took nothing any more.
fn alert_received(stream: &mut Stream) -> Option<io::Error> {
    loop {
        match stream.receiver.receive_handshake(Waiting::No) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return (error.kind() == io::ErrorKind::InvalidData).then_some(error),
        }
    }
}
