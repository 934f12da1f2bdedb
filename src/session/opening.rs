//! From a URL to an open session.

use std::borrow::Cow;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use parking_lot::Mutex;

use super::coalescing::Coalescing;
use super::config::ShownControl;
use super::counting::{Counts, Timings};
use super::delivery::Delivery;
use super::driver::Driver;
use super::ending::Ending;
use super::gate::Gate;
use super::handed::Handed;
use super::inbox::Inbox;
use super::interrupts::Interrupts;
use super::logging::log;
use super::outbox::{Outbox, Wire};
use super::runtime::{self, Runtime};
use super::task::Task;
use super::turn::Turn;
use super::{Config, ConnectInterrupts, Opened, Opening, Reader, Session};
use crate::error::{Error, Kind, Phase, Result};
use crate::protocol::extension::{self, Told};
use crate::protocol::handshake::{self, Handshake, Request};
use crate::protocol::headers::Headers;
use crate::protocol::keepalive::Liveness;
use crate::protocol::{Agreement, Connection, Keepalive, MaskingKeys};
use crate::transport::{
    Connected, Readiness, Socket, Step, Stopping, Stops, Stream, Target, TimeLimit, Unstoppable,
    connect as connect_transport, tls,
};

const SHAKING_HANDS: Step = Step { phase: Phase::Handshake, doing: "the opening handshake" };

/// How long the body of a refusal is waited for.
const REFUSAL_BODY_WAIT: Duration = Duration::from_secs(1);

/// Opens a session on the calling thread, unless that is interrupted. It is prepared before anything happens to it.
pub(crate) fn connect(
    id: u64,
    url: &str,
    config: &Config,
    interrupts: Option<&ConnectInterrupts>,
    prepare: impl FnOnce(&Arc<Session>) -> Result<()>,
) -> Result<()> {
    let target = Target::parse(url)?;
    let runtime = runtime::get()?;
    let interruptible = interrupts.map(ConnectInterrupts::begin).transpose()?;
    let interrupted: &dyn Stopping = interruptible.as_ref().map_or(&Unstoppable, |call| call);
    open_and_start(id, &target, config, &runtime, interrupted, prepare)
}

/// Opens a session on a thread of the library, unless `opening` is aborted. What is wrong with the URL is told at once.
pub(crate) fn connect_later(
    id: u64,
    url: &str,
    config: Config,
    opening: Arc<Opening>,
    prepare: impl FnOnce(&Arc<Session>) -> Result<()> + Send + 'static,
    done: impl FnOnce(Result<()>) + Send + 'static,
) -> Result<()> {
    let target = Target::parse(url)?;
    let runtime = runtime::get()?;
    let pool = runtime.openers.clone();
    let mut done = Done(Some(done));
    pool.run(move || {
        let Some(stop) = opening.stop() else { return };
        let opened = stop.check().and_then(|()| open_and_start(id, &target, &config, &runtime, &*stop, prepare));
        done.call(opened);
    });
    Ok(())
}

/// Tells how an opening went, also when it is dropped undone.
struct Done<F: FnOnce(Result<()>)>(Option<F>);

impl<F: FnOnce(Result<()>)> Done<F> {
    fn call(&mut self, opened: Result<()>) {
        if let Some(done) = self.0.take() {
            done(opened);
        }
    }
}

impl<F: FnOnce(Result<()>)> Drop for Done<F> {
    fn drop(&mut self) {
        self.call(Err(Error::new(Kind::Aborted, "the library has no thread to open the session with")));
    }
}

fn open_and_start(
    id: u64,
    target: &Target,
    config: &Config,
    runtime: &Runtime,
    stop: &dyn Stopping,
    prepare: impl FnOnce(&Arc<Session>) -> Result<()>,
) -> Result<()> {
    log!(Info, id, "connecting to {}", target.place());
    let session = open(id, target, config, runtime, [&*runtime.stop, stop]).inspect_err(|error| {
        log!(Warning, id, "could not open: {error}");
    })?;
    let started =
        prepare(&session).and_then(|()| if runtime.reactor.add(&session) { Ok(()) } else { runtime.stop.check() });
    if started.is_err() {
        session.abort();
    } else {
        session.ask_to_tell();
    }
    started
}

fn open(id: u64, target: &Target, config: &Config, runtime: &Runtime, stops: Stops<'_>) -> Result<Arc<Session>> {
    let Secrets { nonce, masking_seed } = Secrets::draw()?;
    let headers = headers(target, config)?;
    let extensions = config.offered()?;
    let request = Request {
        resource: &target.resource,
        host: &target.authority,
        headers: &headers,
        subprotocols: &config.subprotocols,
        extensions: &extensions,
    };
    let mut handshake = Handshake::new(request, nonce)?;
    let Connected { mut stream, socket, handshake_limit, timings } =
        connect_transport(target, &config.connect, &runtime.resolver, stops)?;
    let start = Instant::now();
    let agreed = shake_hands(&mut stream, &socket, &mut handshake, handshake_limit)?;
    let timings = Timings::new(&timings, start.elapsed());
    log!(
        Info,
        id,
        "open: resolved in {} us, connected in {} us, TLS in {} us, handshake in {} us; subprotocol {:?}, {} extensions",
        timings.resolve,
        timings.connect,
        timings.tls,
        timings.handshake,
        agreed.subprotocol.as_deref().unwrap_or_default(),
        agreed.extensions.len(),
    );
    let (encoders, decoders, told) = extension::part(agreed.extensions);
    let agreement = Agreement { encoders, decoders, is_raw: config.raw };
    let keys = MaskingKeys::from_seed(masking_seed);
    let connection = Connection::new(agreement, config.limits, config.terms.close_timeout, keys, &agreed.early);
    let (subprotocol, response) = (agreed.subprotocol.as_deref(), &agreed.response);
    let opened = Opened::new(&target.text, subprotocol, handshake.headers(), response.status, &response.headers);
    let handshake = Agreed { opened, extensions: told, timings, early: agreed.early.len() };
    Ok(session(id, config, handshake, connection, stream, socket, runtime))
}

/// What opening has brought besides the connection.
struct Agreed {
    opened: Opened,
    extensions: Vec<Told>,
    timings: Timings,
    early: usize,
}

/// What has to come from the operating system's random source.
struct Secrets {
    nonce: [u8; 16],
    masking_seed: [u8; 32],
}

impl Secrets {
    fn draw() -> Result<Self> {
        let mut bytes = [0; 48];
        getrandom::fill(&mut bytes)
            .map_err(|error| Error::new(Kind::Internal, format!("the system gives no random bytes: {error}")))?;
        let mut secrets = Self { nonce: [0; 16], masking_seed: [0; 32] };
        secrets.nonce.copy_from_slice(&bytes[..16]);
        secrets.masking_seed.copy_from_slice(&bytes[16..]);
        Ok(secrets)
    }
}

/// The application's header fields, and the credentials of the URL.
fn headers<'a>(target: &Target, config: &'a Config) -> Result<Cow<'a, Headers>> {
    let mut headers = Cow::Borrowed(&config.headers);
    if let Some((user, password)) = &target.credentials
        && headers.get("Authorization").is_none()
    {
        authorize(headers.to_mut(), user, password)?;
    }
    Ok(headers)
}

/// Basic authentication (RFC 7617).
fn authorize(headers: &mut Headers, user: &str, password: &str) -> Result<()> {
    if user.contains(':') {
        return Err(Error::new(Kind::Url, "the URL's user name holds a colon, which Basic authentication cannot say"));
    }
    headers.set("Authorization", &format!("Basic {}", BASE64.encode(format!("{user}:{password}"))))
}

fn shake_hands(
    stream: &mut Stream,
    socket: &Socket,
    handshake: &mut Handshake<'_>,
    limit: TimeLimit<'_>,
) -> Result<handshake::Opened> {
    let unsent = |error: io::Error| broken("could not send the handshake", &error);
    let sender = &mut stream.sender;
    let mut request = handshake.request();
    while !request.is_empty() {
        let sent = limit.hold(&SHAKING_HANDS, socket, Readiness::Send, |_| sender.send(request))?;
        request = &request[sent.map_err(unsent)?..];
    }
    limit.hold(&SHAKING_HANDS, socket, Readiness::Send, |_| sender.flush())?.map_err(unsent)?;
    let mut buffer = vec![0; 4096];
    let mut refusal_deadline = None;
    loop {
        let limit = if handshake.is_refused() {
            limit.until(*refusal_deadline.get_or_insert_with(|| Instant::now() + REFUSAL_BODY_WAIT))
        } else {
            limit
        };
        let receiver = &mut stream.receiver;
        let received =
            limit.hold(&SHAKING_HANDS, socket, Readiness::Receive, |waiting| receiver.receive(&mut buffer, waiting));
        let count = match received {
            Ok(Ok(count)) => count,
            // What there is of the refusal is told.
            Err(Error { kind: Kind::Timeout, .. }) | Ok(Err(_)) if handshake.is_refused() => 0,
            Err(error) => return Err(error),
            Ok(Err(error)) => {
                let _ = stream.sender.flush();
                return Err(broken("the connection was lost in the opening handshake", &error));
            }
        };
        let answer = match count {
            0 => Err(handshake.interrupted("the server ended the connection")),
            count => handshake.receive(&buffer[..count]),
        };
        if let Some(opened) = answer.map_err(|error| error.in_phase(Phase::Handshake))? {
            return Ok(opened);
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
    id: u64,
    config: &Config,
    agreed: Agreed,
    connection: Connection,
    stream: Stream,
    socket: Arc<Socket>,
    runtime: &Runtime,
) -> Arc<Session> {
    let (incoming, mut outgoing, encoders) = connection.into_halves();
    outgoing.set_fragment(config.fragment);
    outgoing.set_masking(config.masking);
    outgoing.set_answers(config.auto_pong && !config.raw, !config.raw);
    let Agreed { opened, extensions, timings, early } = agreed;
    let counts = Counts::default();
    counts.note_bytes(early);
    let now = Instant::now();
    Arc::new_cyclic(|me| Session {
        id,
        opened,
        extensions,
        timings,
        allows_unmasked: config.allows_unmasked,
        shown: if config.raw { ShownControl::ALL } else { config.shown },
        counts,
        keepalive: Mutex::new(Keepalive::new(config.keepalive, now)),
        notes_bytes: config.terms.idle_timeout.is_some() || config.keepalive.liveness == Liveness::Any,
        encoders: (!encoders.is_empty()).then(|| Box::new(Mutex::new(encoders))),
        me: Weak::clone(me),
        max_frame_size: config.limits.max_frame_size.into(),
        max_message_size: config.limits.max_message_size.into(),
        terms: Arc::clone(&config.terms),
        reader: Handed::new(Some(Reader { incoming, receiver: stream.receiver, held: None, spin_credit: 0 })),
        inbox: Inbox::new(config.incoming),
        spares: Arc::default(),
        last_received: AtomicU64::new(0),
        since: now,
        turn: Turn::new(),
        wire: Mutex::new(Wire::new(stream.sender)),
        outbox: Mutex::new(Outbox::new(outgoing, Coalescing::new(config.coalescing))),
        holds_back: AtomicBool::new(false),
        has_received: AtomicBool::new(false),
        is_blocked: AtomicBool::new(false),
        sent: Gate::default(),
        backstop: Arc::clone(&runtime.backstop),
        interrupts: Interrupts::default(),
        ending: Ending::default(),
        socket: Mutex::new(Some(socket)),
        task: Task::new(),
        driver: Mutex::new(Driver::new(now)),
        ready: AtomicU32::new(0),
        reactor: Arc::clone(&runtime.reactor),
        delivery: AtomicU8::new(Delivery::Pulled as u8),
        listener: Mutex::default(),
        has_listener: AtomicBool::new(false),
        telling: Task::idle(),
        told: Mutex::default(),
        is_writable: AtomicBool::new(false),
        is_forsaken: AtomicBool::new(false),
        is_held: AtomicBool::new(false),
        group: OnceLock::new(),
        has_turn: AtomicBool::new(false),
        owner: OnceLock::new(),
    })
}
