//! From a URL to an open session.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use crate::lock::Mutex;

use super::coalescing::Coalescing;
use super::config::ShownControl;
use super::counting::Counts;
use super::delivery::Delivery;
use super::dispatch_state::DispatchState;
use super::driver::DriverHandle;
use super::ending::Ending;
use super::gate::Gate;
use super::group::Group;
use super::handed::Handed;
use super::handshaking::{Established, establish};
use super::inbox::Inbox;
use super::interrupts::Interrupts;
use super::logging::log;
use super::outbox::{Outbox, Wire};
use super::reconnect::Reconnect;
use super::runtime::{self, Runtime};
use super::taking_up::halves;
use super::telling::Listener;
use super::turn::Turn;
use super::unsent::Resending;
use super::{Config, ConnectInterrupts, Opening, Reader, Session};
use crate::error::{Error, Kind, Result};
use crate::protocol::Keepalive;
use crate::protocol::deflate;
use crate::protocol::extension::CodecStats;
use crate::protocol::keepalive::Liveness;
use crate::transport::{Cancel, CancelSources, Environment, NeverCancel, Target};

/// Opens a session on the calling thread, unless that is interrupted. `attach` hands it to the application.
pub(crate) fn connect(
    id: u64,
    url: &str,
    config: &Config,
    interrupts: Option<&ConnectInterrupts>,
    attach: impl FnOnce(&Arc<Session>) -> Result<()>,
) -> Result<()> {
    let target = Target::parse(url)?;
    let environment = read_environment(id, config);
    let runtime = runtime::get()?;
    let interruptible = interrupts.map(ConnectInterrupts::begin).transpose()?;
    let interrupted: &dyn Cancel = interruptible.as_ref().map_or(&NeverCancel, |call| call);
    open_and_start(id, &target, config, environment, &runtime, interrupted, attach)
}

/// Opens a session on a thread of the library, unless `opening` is aborted. What is wrong with the URL is told at once.
pub(crate) fn connect_later(
    id: u64,
    url: &str,
    config: Config,
    opening: Arc<Opening>,
    attach: impl FnOnce(&Arc<Session>) -> Result<()> + Send + 'static,
    done: impl FnOnce(Result<()>) + Send + 'static,
) -> Result<()> {
    let target = Target::parse(url)?;
    let environment = read_environment(id, &config);
    let runtime = runtime::get()?;
    let pool = runtime.openers().clone();
    let mut done = Done(Some(done));
    pool.run(move || {
        let Some(stop) = opening.stop() else { return };
        let open = || open_and_start(id, &target, &config, environment, &runtime, &*stop, attach);
        let opened = stop.check().and_then(|()| open());
        done.call(opened);
    });
    Ok(())
}

/// Reads the environment variables on the calling thread, which belongs to the application.
fn read_environment(id: u64, config: &Config) -> Arc<Environment> {
    let environment = Environment::read(&config.connect);
    for what in environment.ignored() {
        log!(Warning, id, "{what}");
    }
    Arc::new(environment)
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
    environment: Arc<Environment>,
    runtime: &Runtime,
    stop: &dyn Cancel,
    attach: impl FnOnce(&Arc<Session>) -> Result<()>,
) -> Result<()> {
    log!(Info, id, "connecting to {}", target.place());
    let session = open(id, target, config, environment, runtime, [runtime.stop(), stop]).inspect_err(|error| {
        log!(Warning, id, "could not open: {error}");
    })?;
    // A function of the application may have forked: in the child the connection belongs to the parent.
    runtime.stop().check()?;
    // If that fails, no callback is called.
    attach(&session).inspect_err(|_| session.abort())
}

impl Session {
    /// Starts the driver and sets where messages are delivered, before any other thread can use the session. Fails when the
    /// library is being shut down.
    pub(crate) fn start(&self, listener: Option<Arc<dyn Listener>>, delivery: Delivery) -> Result<()> {
        let Some(session) = self.me.upgrade().filter(|session| self.runtime.newcomers().add(&self.runtime, session))
        else {
            return Err(Error::new(Kind::Aborted, "the library was shut down while connecting"));
        };
        if let Some(listener) = listener {
            session.listen(listener);
        }
        session.deliver_to(delivery);
        Ok(())
    }

    /// The application can use the session now: starts the callbacks, or adds it to its group.
    pub(crate) fn announce(&self, group: Option<&Arc<Group>>) {
        if let Some(group) = group {
            self.join(group);
        }
        self.start_telling();
    }
}

fn open(
    id: u64,
    target: &Target,
    config: &Config,
    environment: Arc<Environment>,
    runtime: &Runtime,
    stops: CancelSources<'_>,
) -> Result<Arc<Session>> {
    config.check()?;
    let established = establish(id, target, config, &environment, runtime, stops)?;
    let reconnect = Reconnect::new(target, config, environment);
    Ok(session(id, config, established, runtime, reconnect))
}

fn session(
    id: u64,
    config: &Config,
    established: Established,
    runtime: &Runtime,
    reconnect: Option<Box<Reconnect>>,
) -> Arc<Session> {
    let Established { stream, socket, opened, extensions, early, timings, is_tls_resumed, masking_seed } = established;
    let (incoming, outgoing, encoders, extensions) =
        halves(config, extensions, masking_seed, &early, CodecStats::default());
    // Another connection may have some.
    let may_encode = !encoders.is_empty() || (reconnect.is_some() && !config.extensions.is_empty());
    let deflates = reconnect.is_some() || extensions.iter().any(|told| told.name == deflate::NAME);
    let resending = config.reconnect.as_ref().map(|options| Resending::new(options.keeps_unsent));
    let counts = Counts::default();
    counts.note_bytes(early.len());
    let now = Instant::now();
    Arc::new_cyclic(|me| Session {
        id,
        opened,
        extensions: extensions.into(),
        timings,
        is_tls_resumed,
        allows_unmasked: config.allows_unmasked,
        shown: if config.raw { ShownControl::ALL } else { config.shown },
        counts,
        keepalive: Mutex::new(Keepalive::new(config.keepalive, now)),
        notes_bytes: config.terms.idle_timeout.is_some() || config.keepalive.liveness == Liveness::Any,
        encoders: may_encode.then(|| Box::new(Mutex::new(encoders))),
        filter: config.filter.clone().filter(|_| deflates),
        me: Weak::clone(me),
        max_frame_size: config.limits.max_frame_size.into(),
        max_message_size: config.limits.max_message_size.into(),
        terms: Arc::clone(&config.terms),
        reader: Handed::new(Some(Reader::new(incoming, stream.receiver))),
        inbox: Inbox::new(config.incoming),
        spares: Arc::default(),
        last_received: AtomicU64::new(0),
        found_empty: AtomicU64::new(0),
        is_amid_frame: AtomicBool::new(false),
        since: now,
        turn: Turn::new(),
        wire: Mutex::new(Wire::new(stream.sender)),
        outbox: Mutex::new(Outbox::new(outgoing, Coalescing::new(config.coalescing), resending)),
        holds_back: AtomicBool::new(false),
        has_received: AtomicBool::new(false),
        is_blocked: AtomicBool::new(false),
        sent: Gate::default(),
        interrupts: Interrupts::default(),
        ending: Ending::default(),
        socket: Mutex::new(Some(socket)),
        readiness: OnceLock::new(),
        driver: DriverHandle::default(),
        runtime: runtime.clone(),
        delivery: AtomicU8::new(Delivery::Pulled as u8),
        listening: Mutex::default(),
        has_listener: AtomicBool::new(false),
        telling: DispatchState::new(),
        is_writable: AtomicBool::new(false),
        is_forsaken: AtomicBool::new(false),
        is_held: AtomicBool::new(false),
        group: OnceLock::new(),
        reads_in_background: AtomicBool::new(false),
        group_turn: AtomicU8::new(0),
        owner: OnceLock::new(),
        reconnect,
    })
}
