//! The way from a target to a connected stream: resolve, connect, TLS. All on the calling thread, but for looking up
//! names, which nothing can interrupt.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;
use rustls::ClientConfig;

use crate::error::{Phase, Result};
use crate::transport::limit::{Step, Stops, TimeLimit};
use crate::transport::{PoolHandle, Readiness, Socket, Stream, Target, TlsOptions, tcp, tls};

const NEGOTIATING_TLS: Step = Step { phase: Phase::Tls, doing: "negotiating TLS" };

/// How to connect.
#[derive(Clone, Debug)]
pub(crate) struct ConnectOptions {
    /// For resolving and TCP together; none for no limit.
    pub(crate) connect_timeout: Option<Duration>,
    /// For TLS and whatever the caller negotiates next; none for no limit.
    pub(crate) handshake_timeout: Option<Duration>,
    pub(crate) tcp_nodelay: bool,
    pub(crate) tls: TlsOptions,
    /// Built from `tls` at the first `wss` connection and shared by all later ones, with its session tickets.
    pub(crate) tls_config: Arc<OnceCell<Arc<ClientConfig>>>,
}

/// How long the parts of connecting took; zero for what was not needed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConnectTimings {
    pub(crate) resolve: Duration,
    pub(crate) connect: Duration,
    pub(crate) tls: Duration,
}

/// A connected stream.
pub(crate) struct Connected<'a> {
    pub(crate) stream: Stream,
    pub(crate) socket: Arc<Socket>,
    pub(crate) handshake_limit: TimeLimit<'a>,
    pub(crate) timings: ConnectTimings,
}

/// Connects to `target`, unless it is stopped. Names are looked up by `pool`.
pub(crate) fn connect<'a>(
    target: &Target,
    options: &ConnectOptions,
    pool: &PoolHandle,
    stops: Stops<'a>,
) -> Result<Connected<'a>> {
    let limit = TimeLimit::starting_now(options.connect_timeout, stops);
    let mut timings = ConnectTimings::default();
    let addresses = timed(&mut timings.resolve, || tcp::resolve(target, pool, &limit))?;
    let socket = timed(&mut timings.connect, || tcp::open(&addresses, options.tcp_nodelay, &limit))?;
    let socket = Arc::new(socket);
    let handshake_limit = TimeLimit::starting_now(options.handshake_timeout, stops);
    let stream = if target.secure {
        let config = options.tls_config.get_or_try_init(|| options.tls.build())?;
        let mut stream = Stream::tls(Arc::clone(&socket), options.tls.connection(config, &target.host)?);
        timed(&mut timings.tls, || negotiate(&mut stream, &socket, &handshake_limit))?;
        stream
    } else {
        Stream::plain(Arc::clone(&socket))
    };
    Ok(Connected { stream, socket, handshake_limit, timings })
}

fn timed<T>(taken: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let outcome = work();
    *taken = start.elapsed();
    outcome
}

fn negotiate(stream: &mut Stream, socket: &Socket, limit: &TimeLimit<'_>) -> Result<()> {
    let failed = |error: io::Error| tls::error("TLS handshake failed", &error).in_phase(Phase::Tls);
    // The last of it goes out with the first bytes of what follows.
    while stream.is_tls_handshaking() {
        limit.hold(&NEGOTIATING_TLS, socket, Readiness::Send, |_| stream.sender.flush())?.map_err(failed)?;
        let receiver = &mut stream.receiver;
        match limit.hold(&NEGOTIATING_TLS, socket, Readiness::Receive, |waiting| receiver.receive_handshake(waiting))? {
            Ok(0) => {
                return Err(failed(io::Error::new(io::ErrorKind::UnexpectedEof, "the server ended the connection")));
            }
            Ok(_) => {}
            Err(error) => {
                // The alert that tells the server why.
                let _ = stream.sender.flush();
                return Err(failed(error));
            }
        }
    }
    Ok(())
}
