//! The way from a target to a connected stream: resolve, connect, TLS.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use once_cell::sync::OnceCell;
use rustls::ClientConfig;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::error::{Error, Kind, Phase, Result};
use crate::transport::{Socket, Stream, Target, TlsOptions, tcp, tls};

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

/// A connected stream, registered with the runtime.
pub(crate) struct Connected {
    pub(crate) stream: Stream,
    pub(crate) ready: AsyncFd<Arc<Socket>>,
    pub(crate) handshake_limit: TimeLimit,
}

/// A limit on the time that some steps take together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimit {
    length: Duration,
    /// None for no limit.
    pub(crate) deadline: Option<Instant>,
}

impl TimeLimit {
    fn starting_now(length: Option<Duration>) -> Self {
        let deadline = length.and_then(|length| Instant::now().checked_add(length));
        Self { length: length.unwrap_or_default(), deadline }
    }

    /// Does `work` within the limit.
    pub(crate) async fn hold<T>(self, phase: Phase, doing: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let Some(deadline) = self.deadline else { return work.await };
        timeout_at(deadline, work).await.unwrap_or_else(|_| Err(self.exceeded(phase, doing)))
    }

    /// The error for a step that took too long.
    pub(crate) fn exceeded(self, phase: Phase, doing: &str) -> Error {
        let limit = self.length.as_millis();
        Error::new(Kind::Timeout, format!("{doing} took longer than {limit} ms")).in_phase(phase)
    }
}

/// Connects to `target`.
pub(crate) async fn connect(target: &Target, options: &ConnectOptions) -> Result<Connected> {
    let limit = TimeLimit::starting_now(options.connect_timeout);
    let addresses = limit.hold(Phase::Resolve, "resolving the host", tcp::resolve(target)).await?;
    let tcp = tcp::open(&addresses, limit).await?;
    let unusable = |error| Error::os(Kind::Connect, "could not set up the socket", &error).in_phase(Phase::Connect);
    tcp.set_nodelay(options.tcp_nodelay).map_err(unusable)?;
    let socket = Arc::new(Socket::new(tcp.into_std().map_err(unusable)?.into()));
    let ready = socket.register(Interest::READABLE | Interest::WRITABLE).map_err(unusable)?;
    let handshake_limit = TimeLimit::starting_now(options.handshake_timeout);
    let stream = if target.secure {
        let config = tls_config(options).await?;
        let mut stream = Stream::tls(socket, options.tls.connection(&config, &target.host)?);
        handshake_limit.hold(Phase::Tls, "negotiating TLS", negotiate(&mut stream, &ready)).await?;
        stream
    } else {
        Stream::plain(socket)
    };
    Ok(Connected { stream, ready, handshake_limit })
}

/// The shared configuration. The first to need it builds it, on a blocking thread: it reads the system's trust store.
async fn tls_config(options: &ConnectOptions) -> Result<Arc<ClientConfig>> {
    if let Some(config) = options.tls_config.get() {
        return Ok(Arc::clone(config));
    }
    let (tls, shared) = (options.tls.clone(), Arc::clone(&options.tls_config));
    let building = spawn_blocking(move || shared.get_or_try_init(|| tls.build()).cloned());
    building.await.unwrap_or_else(|error| Err(Error::new(Kind::Internal, format!("cannot set up TLS: {error}"))))
}

async fn negotiate(stream: &mut Stream, ready: &AsyncFd<Arc<Socket>>) -> Result<()> {
    let failed = |error: io::Error| tls::error("TLS handshake failed", &error).in_phase(Phase::Tls);
    loop {
        ready.async_io(Interest::WRITABLE, |_| stream.sender.flush()).await.map_err(failed)?;
        if !stream.is_tls_handshaking() {
            return Ok(());
        }
        match ready.async_io(Interest::READABLE, |_| stream.receiver.receive_handshake()).await {
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
}
