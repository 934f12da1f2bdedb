//! Floor 4: a session joins a protocol connection with a transport stream. This is the only floor with threads, locks and tasks.
//!
//! Exactly one party reads the socket at a time: the holder of the [`recv::read_lock`]. This is an application thread that
//! receives, or else the [`background::driver`], a task of the [`background::runtime`]. A thread sends its own messages while it
//! holds the [`send::token`]. The driver sends what the kernel did not accept at once, and watches the deadlines.
//!
//! A [`Session`] joins parts that do not refer to it: `recv`, `send`, `delivery`, `listener`, `keepalive`, `close_state`. Code
//! that needs several parts is an `impl Session` in a file of its own.
//!
//! Lock order: the read lock, `send.encoders`, `send.writer`, `keepalive.state`, `send.queue`, `recv.queue`. Only the read lock
//! is held while a thread waits.

pub(crate) mod background;
mod close;
mod close_state;
pub(crate) mod config;
pub(crate) mod connect;
mod counters;
pub(crate) mod deadline;
mod event_count;
mod fork;
mod identity;
mod interrupt;
pub(crate) mod log;
mod loom_shim;
pub(crate) mod recv;
mod send;
pub(crate) mod stats;
mod upcalls;

use std::sync::atomic::AtomicI32;
use std::sync::{Arc, Weak};

use background::driver::handle::DriverHandle;
use background::keepalive_state::KeepaliveState;
use background::listener_state::ListenerState;
use background::outage::Reconnect;
use background::runtime::Runtime;
use close_state::CloseState;
use config::SharedOptions;
use identity::Identity;
use interrupt::Interrupts;
use recv::delivery::Delivery;
use recv::receiving::Receiving;
use send::sending::Sending;

pub(crate) use close_state::CloseOutcome;
pub(crate) use config::{CompressionFilter, Config, DeliverControl, DeliverEvents};
pub(crate) use connect::cancel::{Configured, ConnectInterrupts, Opening};
pub(crate) use connect::connect::{connect, connect_later};
pub(crate) use connect::handshake_info::HandshakeInfo;
pub(crate) use deadline::Deadline;
pub(crate) use recv::buffer_pool::BufferPool;
pub(crate) use recv::delivery::ReceiveMode;
pub(crate) use send::message::Item;
pub(crate) use upcalls::{BufferSource, Decision, HandleHooks, Listener, Preparation};

use crate::lock::Mutex;
pub(crate) use crate::transport::ReadinessFd;
use crate::transport::{ConnectionInfo, Socket, StreamReadiness};

/// A WebSocket session. Every method may be called from any thread at any time.
pub(crate) struct Session {
    me: Weak<Self>,
    pub(crate) identity: Identity,
    shared_options: Arc<SharedOptions>,
    pub(crate) recv: Receiving,
    pub(crate) send: Sending,
    delivery: Delivery,
    listener: ListenerState,
    keepalive: KeepaliveState,
    close_state: CloseState,
    interrupts: Interrupts,
    /// Used to wait for the socket and to end that wait. None once the transport is gone, and for a multiplexed stream.
    socket: Mutex<Option<Arc<Socket>>>,
    /// The descriptor of `socket`, or -1, for a forked child, in which the lock may be held for ever.
    socket_number: AtomicI32,
    /// The readiness of a multiplexed stream, which only the driver reads.
    muxed: Mutex<Option<Arc<StreamReadiness>>>,
    /// Of the current connection, or the last one.
    pub(crate) connection_info: Mutex<ConnectionInfo>,
    driver: DriverHandle,
    runtime: Runtime,
    /// None if the session does not reconnect.
    reconnect: Option<Box<Reconnect>>,
}

/// The states of RFC 6455 and browsers, without CONNECTING, because a session exists only once it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The connection is lost, and another one is being opened.
    Reconnecting,
    Open,
    Closing,
    Closed,
}

impl Session {
    /// Returns the session's number in the log.
    pub(crate) fn id(&self) -> u64 {
        self.identity.id
    }

    /// Interrupts all waiting calls, or else the next call that would wait. They return `Interrupted`. Safe in a signal handler.
    pub(crate) fn interrupt(&self) {
        self.interrupts.interrupt();
        self.recv.queue.wake_all();
        self.send.sent.open_for_all();
        self.close_state.wake_all();
    }
}
