//! Opens a session for a URL.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::lock::Mutex;

use super::establish::Established;
use super::opening_attempts::{Opened, OpeningAttempts};
use crate::error::{Error, Kind, Result};
use crate::protocol::SessionEvent;
use crate::protocol::deflate;
use crate::protocol::extension::CodecStats;
use crate::session::Config;
use crate::session::ConnectInterrupts;
use crate::session::Listener;
use crate::session::Opening;
use crate::session::Session;
use crate::session::background::attach::halves;
use crate::session::background::driver::handle::DriverHandle;
use crate::session::background::keepalive_state::KeepaliveState;
use crate::session::background::listener_state::ListenerState;
use crate::session::background::outage::Reconnect;
use crate::session::background::runtime::{self, Lease, Runtime};
use crate::session::close_state::CloseState;
use crate::session::fork::number_of;
use crate::session::identity::Identity;
use crate::session::interrupt::Interrupts;
use crate::session::log::log;
use crate::session::recv::delivery::{Delivery, ReceiveMode};
use crate::session::recv::group::Group;
use crate::session::recv::reader::Reader;
use crate::session::recv::receiving::Receiving;
use crate::session::send::sending::Sending;
use crate::session::upcalls::HandleHooks;
use crate::transport::{Cancel, CancelSources, CancelToken, Environment, NeverCancel, Target, pause};

/// Opens a session on the calling thread. Fails if the call is interrupted. `attach` passes the session to the application.
pub(crate) fn connect(
    id: u64,
    url: &str,
    config: &Config,
    owner: Arc<dyn HandleHooks>,
    interrupts: Option<&ConnectInterrupts>,
    attach: impl FnOnce(&Arc<Session>) -> Result<()>,
) -> Result<()> {
    let target = Target::parse(url)?;
    let environment = read_environment(id, config);
    let runtime = runtime::get()?;
    let interruptible = interrupts.map(ConnectInterrupts::begin).transpose()?;
    let interrupted: &dyn Cancel = interruptible.as_ref().map_or(&NeverCancel, |call| call);
    let stops: CancelSources<'_> = [runtime.stop(), interrupted];
    let mut attempts = OpeningAttempts::new(id, target, config.clone(), environment, owner)?;
    let opened = loop {
        match attempts.attempt(&runtime, stops) {
            Ok(opened) => break opened,
            Err(error) => pause(attempts.next(error)?, stops)?,
        }
    };
    start(id, attempts.config(), opened, &runtime, attach)
}

/// Opens a session on a thread of the library, unless `opening` is aborted, and passes the outcome to `done`. Returns an error of
/// the URL at once.
pub(crate) fn connect_later(
    id: u64,
    url: &str,
    config: Config,
    owner: Arc<dyn HandleHooks>,
    opening: Arc<Opening>,
    attach: impl FnOnce(&Arc<Session>) -> Result<()> + Send + 'static,
    done: impl FnOnce(Result<()>) + Send + 'static,
) -> Result<()> {
    let target = Target::parse(url)?;
    let environment = read_environment(id, &config);
    let runtime = runtime::get()?;
    let attempts = OpeningAttempts::new(id, target, config, environment, owner)?;
    OpeningLater { id, runtime, attempts, opening, attach, done: Done(Some(done)) }.run();
    Ok(())
}

/// An opening on threads of the library.
struct OpeningLater<A, D: FnOnce(Result<()>)> {
    id: u64,
    runtime: Lease,
    attempts: OpeningAttempts,
    opening: Arc<Opening>,
    attach: A,
    done: Done<D>,
}

impl<A, D> OpeningLater<A, D>
where
    A: FnOnce(&Arc<Session>) -> Result<()> + Send + 'static,
    D: FnOnce(Result<()>) + Send + 'static,
{
    /// Makes an attempt on a blocking thread.
    fn run(mut self) {
        let openers = self.runtime.openers().clone();
        openers.run(move || {
            let Some(stop) = self.opening.stop() else { return };
            let stops: CancelSources<'_> = [self.runtime.stop(), &*stop];
            match stop.check().and_then(|()| self.attempts.attempt(&self.runtime, stops)) {
                Ok(opened) => {
                    let outcome = start(self.id, self.attempts.config(), opened, &self.runtime, self.attach);
                    self.done.call(outcome);
                }
                Err(error) => match self.attempts.next(error) {
                    Ok(delay) => self.run_after(delay, stop),
                    Err(error) => self.done.call(Err(error)),
                },
            }
        });
    }

    /// Makes another attempt after a delay, in which no thread waits.
    fn run_after(self, delay: Duration, stop: Arc<CancelToken>) {
        let Some(hold) = self.runtime.tasks().hold() else { return };
        let tasks = self.runtime.tasks().clone();
        tasks.spawn(hold, |tasks, hold| async move {
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = stop.cancelled() => {}
                () = tasks.cancel().cancelled() => {}
            }
            self.run();
            drop(hold);
        });
    }
}

/// Reads the environment variables on the calling thread, which belongs to the application.
fn read_environment(id: u64, config: &Config) -> Arc<Environment> {
    let environment = Environment::read(&config.connect);
    for what in environment.ignored() {
        log!(Warning, id, "{what}");
    }
    Arc::new(environment)
}

/// Reports the outcome of an opening. Reports a failure if it is dropped without an outcome.
struct Done<F: FnOnce(Result<()>)>(Option<F>);

impl<F: FnOnce(Result<()>)> Done<F> {
    fn call(&mut self, outcome: Result<()>) {
        if let Some(done) = self.0.take() {
            done(outcome);
        }
    }
}

impl<F: FnOnce(Result<()>)> Drop for Done<F> {
    fn drop(&mut self) {
        self.call(Err(Error::new(Kind::Aborted, "the library has no thread to open the session with")));
    }
}

/// Makes a session of an open connection, and passes it to the application.
fn start(
    id: u64,
    config: &Config,
    opened: Opened,
    runtime: &Runtime,
    attach: impl FnOnce(&Arc<Session>) -> Result<()>,
) -> Result<()> {
    let session = session(id, config, opened.established, runtime, opened.reconnect);
    // A function of the application may have forked: in the child the connection belongs to the parent.
    runtime.stop().check()?;
    // If it fails, no callback is called.
    attach(&session).inspect_err(|_| session.abort())
}

impl Session {
    /// Starts the driver and sets where messages are delivered, before any other thread can use the session. Fails when the
    /// library is being shut down.
    pub(crate) fn start(&self, listener: Option<Arc<dyn Listener>>, receive_mode: ReceiveMode) -> Result<()> {
        let Some(session) = self.me.upgrade().filter(|_| self.runtime.new_sessions().add(self.me.clone())) else {
            return Err(Error::new(Kind::Aborted, "the library was shut down while connecting"));
        };
        if let Some(listener) = listener {
            session.set_listener(listener);
        }
        session.recv.push_event(SessionEvent::Opened, "", 0);
        session.deliver_to(receive_mode);
        Ok(())
    }

    /// Called when the application can use the session: starts the callbacks, or adds the session to its group.
    pub(crate) fn announce(&self, group: Option<&Arc<Group>>) {
        if let Some(group) = group {
            self.join(group);
        }
        self.start_callbacks();
        if self.muxed.lock().is_some() {
            self.wake_driver();
        }
    }
}

fn session(
    id: u64,
    config: &Config,
    established: Established,
    runtime: &Runtime,
    reconnect: Option<Box<Reconnect>>,
) -> Arc<Session> {
    let Established { stream, socket, handshake_info, extensions, early, timings, info, masking_seed } = established;
    let (incoming, outgoing, encoders, extensions) =
        halves(config, extensions, masking_seed, &early, CodecStats::default());
    // A later connection may have extensions.
    let may_encode = !encoders.is_empty() || (reconnect.is_some() && !config.extensions.is_empty());
    let deflates = reconnect.is_some() || extensions.iter().any(|extension| extension.name == deflate::NAME);
    let buffer_pool = Arc::clone(runtime.buffer_pool());
    let recv = Receiving::new(config, Reader::new(incoming, stream.receiver), buffer_pool, early.len());
    if stream.readiness.is_some() {
        recv.reader.word().reserve();
    }
    Arc::new_cyclic(|me| Session {
        me: Weak::clone(me),
        identity: Identity::new(id, handshake_info, extensions, timings),
        shared_options: Arc::clone(&config.shared_options),
        recv,
        send: Sending::new(config, stream.sender, outgoing, encoders, may_encode, deflates),
        delivery: Delivery::new(),
        listener: ListenerState::new(),
        keepalive: KeepaliveState::new(config, Instant::now()),
        close_state: CloseState::default(),
        interrupts: Interrupts::default(),
        socket_number: number_of(socket.as_deref()).into(),
        socket: Mutex::new(socket),
        muxed: Mutex::new(stream.readiness),
        connection_info: Mutex::new(info),
        driver: DriverHandle::default(),
        runtime: runtime.clone(),
        reconnect,
    })
}
