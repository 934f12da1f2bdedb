//! From a URL to an open session.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Weak};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use parking_lot::{Condvar, Mutex};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::backstop::Backstop;
use super::coalescing::Coalescing;
use super::ending::Ending;
use super::gate::Gate;
use super::handed::Handed;
use super::inbox::Inbox;
use super::interrupts::Interrupts;
use super::outbox::{Outbox, Wire};
use super::receiving::KERNEL_SLEEP;
use super::turn::Turn;
use super::{Config, Opened, Reader, Session, driver, runtime};
use crate::error::{Error, Kind, Phase, Result};
use crate::protocol::handshake::{self, Handshake, Request};
use crate::protocol::headers::Headers;
use crate::protocol::{Connection, MaskingKeys};
use crate::transport::{Connected, Socket, Stream, Target, Waiting, connect as connect_transport, tls};

/// How long the body of a refusal is waited for.
const REFUSAL_BODY_WAIT: Duration = Duration::from_secs(1);

/// Opens a session, waiting for it on the calling thread.
pub(crate) fn connect(url: &str, config: Config) -> Result<Arc<Session>> {
    let target = Target::parse(url)?;
    let attempt = Arc::new(Attempt::default());
    let decider = Decider(Arc::clone(&attempt));
    let runtime = runtime::get()?;
    runtime.handle.spawn(async move {
        let opened = open(&target, &config, runtime.backstop).await;
        if let Ok(session) = &opened {
            // A task of its own: this one is large.
            tokio::spawn(driver::drive(Arc::clone(session)));
        }
        decider.decide(opened);
    });
    attempt.wait()
}

/// Where the thread that connects waits for the task that does it.
#[derive(Default)]
struct Attempt {
    outcome: Mutex<Option<Result<Arc<Session>>>>,
    decided: Condvar,
}

impl Attempt {
    fn decide(&self, outcome: Result<Arc<Session>>) {
        self.outcome.lock().get_or_insert(outcome);
        self.decided.notify_one();
    }

    fn wait(&self) -> Result<Arc<Session>> {
        let mut outcome = self.outcome.lock();
        loop {
            match outcome.take() {
                Some(outcome) => return outcome,
                None => self.decided.wait(&mut outcome),
            }
        }
    }
}

/// The task's side, which decides even when the runtime is shut down under it.
struct Decider(Arc<Attempt>);

impl Decider {
    fn decide(self, outcome: Result<Arc<Session>>) {
        self.0.decide(outcome);
    }
}

impl Drop for Decider {
    fn drop(&mut self) {
        self.0.decide(Err(Error::new(Kind::Aborted, "the library was shut down while connecting")));
    }
}

async fn open(target: &Target, config: &Config, backstop: Arc<Backstop>) -> Result<Arc<Session>> {
    let mut handshake = Handshake::new(request(target, config)?, random()?);
    let Connected { mut stream, ready, handshake_limit } = connect_transport(target, &config.connect).await?;
    let exchange = async { Ok(shake_hands(&mut stream, &ready, &mut handshake).await) };
    let agreed = match handshake_limit.hold(Phase::Handshake, "the opening handshake", exchange).await {
        Ok(agreed) => agreed,
        Err(late) => Err(if handshake.is_refused() { handshake.interrupted("") } else { late }),
    }
    .map_err(|error| error.in_phase(Phase::Handshake))?;
    let socket = ready.into_inner();
    socket
        .open_for_sleeping(KERNEL_SLEEP)
        .map_err(|error| Error::os(Kind::Internal, "could not set up the socket", &error))?;
    session(target, config, &handshake, agreed, stream, socket, backstop)
}

fn request(target: &Target, config: &Config) -> Result<Request> {
    let mut headers = config.headers.clone();
    if let Some((user, password)) = &target.credentials
        && headers.get("Authorization").is_none()
    {
        authorize(&mut headers, user, password)?;
    }
    Ok(Request {
        resource: target.resource.clone(),
        host: target.authority.clone(),
        headers,
        subprotocols: config.subprotocols.clone(),
    })
}

/// Basic authentication (RFC 7617).
fn authorize(headers: &mut Headers, user: &str, password: &str) -> Result<()> {
    if user.contains(':') {
        return Err(Error::new(Kind::Url, "the URL's user name holds a colon, which Basic authentication cannot say"));
    }
    headers.set("Authorization", &format!("Basic {}", BASE64.encode(format!("{user}:{password}"))))
}

async fn shake_hands(
    stream: &mut Stream,
    ready: &AsyncFd<Arc<Socket>>,
    handshake: &mut Handshake,
) -> Result<handshake::Opened> {
    let mut request = handshake.request();
    while !request.is_empty() {
        let sent = ready.async_io(Interest::WRITABLE, |_| stream.sender.send(request)).await;
        request = &request[sent.map_err(|error| broken("could not send the handshake", &error))?..];
    }
    ready
        .async_io(Interest::WRITABLE, |_| stream.sender.flush())
        .await
        .map_err(|error| broken("could not send the handshake", &error))?;
    let mut buffer = vec![0; 4096];
    let mut refusal_deadline = None;
    loop {
        let receiving = ready.async_io(Interest::READABLE, |_| stream.receiver.receive(&mut buffer, Waiting::No));
        let received = if handshake.is_refused() {
            let deadline = *refusal_deadline.get_or_insert_with(|| Instant::now() + REFUSAL_BODY_WAIT);
            timeout_at(deadline, receiving).await.unwrap_or(Ok(0))
        } else {
            receiving.await
        };
        match received {
            Ok(0) => return Err(handshake.interrupted("the server ended the connection")),
            Ok(count) => {
                if let Some(opened) = handshake.receive(&buffer[..count])? {
                    return Ok(opened);
                }
            }
            Err(_) if handshake.is_refused() => return Err(handshake.interrupted("")),
            Err(error) => {
                let _ = stream.sender.flush();
                return Err(broken("the connection was lost in the opening handshake", &error));
            }
        }
    }
}

/// A server that refuses our certificate under TLS 1.3 says so only now: that is a fault of TLS.
fn broken(doing: &str, error: &io::Error) -> Error {
    let error = tls::error(doing, error);
    let phase = if error.kind == Kind::Io { Phase::Handshake } else { Phase::Tls };
    error.in_phase(phase)
}

fn session(
    target: &Target,
    config: &Config,
    handshake: &Handshake,
    agreed: handshake::Opened,
    stream: Stream,
    socket: Arc<Socket>,
    backstop: Arc<Backstop>,
) -> Result<Arc<Session>> {
    let keys = MaskingKeys::from_seed(random()?);
    let connection = Connection::new(config.limits, config.close_timeout, keys, &agreed.early);
    let (incoming, mut outgoing) = connection.into_halves();
    outgoing.set_fragment(config.fragment);
    Ok(Arc::new_cyclic(|me| Session {
        opened: Opened {
            url: target.text.clone(),
            request_headers: handshake.headers().to_vec(),
            response_status: agreed.response.status,
            response_headers: agreed.response.headers,
            subprotocol: agreed.subprotocol,
        },
        me: Weak::clone(me),
        max_frame_size: config.limits.max_frame_size.into(),
        max_message_size: config.limits.max_message_size.into(),
        close_timeout: config.close_timeout,
        send_timeout: config.send_timeout,
        idle_timeout: config.idle_timeout,
        outgoing_bytes: config.outgoing_bytes,
        spin: config.spin,
        reader: Handed::new(Some(Reader { incoming, receiver: stream.receiver, held: None, spin_credit: 0 })),
        inbox: Inbox::new(config.incoming),
        spares: Arc::default(),
        last_received: AtomicU64::new(0),
        since: std::time::Instant::now(),
        turn: Turn::new(),
        wire: Mutex::new(Wire::new(stream.sender)),
        outbox: Mutex::new(Outbox::new(outgoing, Coalescing::new(config.coalescing))),
        holds_back: AtomicBool::new(false),
        has_received: AtomicBool::new(false),
        is_blocked: AtomicBool::new(false),
        sent: Gate::default(),
        backstop,
        interrupts: Interrupts::default(),
        ending: Ending::default(),
        socket: Mutex::new(Some(socket)),
        wake: Notify::new(),
    }))
}

/// Bytes from the operating system's random source.
fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::new(Kind::Internal, format!("the system gives no random bytes: {error}")))?;
    Ok(bytes)
}
