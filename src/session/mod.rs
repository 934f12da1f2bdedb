//! Floor 4: a session joins a connection of the protocol with a stream of the transport. The only floor with threads,
//! locks and tasks.
//!
//! Exactly one party reads the socket at a time, the one that holds the [`recv::read_lock`]: a thread of the application that
//! receives, else the [`background::driver`], a task of the [`background::runtime`]. A thread that has something to send sends it,
//! once it has the [`send::token`]. The driver also sends what the kernel did not take at once, and watches the clock.
//!
//! A [`Session`] joins parts that do not know it: `recv`, `send`, `delivery`, `listener`, `keepalive`, `close_state`. What needs several
//! parts is an `impl Session` in the file that is named for it.
//!
//! The read lock is taken before the locks, and they in the order `send.encoders`, `send.writer`, `keepalive.state`, `send.queue`,
//! `recv.queue`. None of them is held while waiting.

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
pub(crate) use config::{CompressionFilter, Config, DeliverControl};
pub(crate) use connect::cancel::{Configured, ConnectInterrupts, Opening};
pub(crate) use connect::connect::{connect, connect_later};
pub(crate) use connect::handshake_info::Opened;
pub(crate) use deadline::Deadline;
pub(crate) use recv::buffer_pool::BufferPool;
pub(crate) use recv::delivery::ReceiveMode;
pub(crate) use send::message::Item;
pub(crate) use upcalls::{BufferSource, Decision, HandleHooks, Listener};

use crate::lock::Mutex;
pub(crate) use crate::transport::ReadinessFd;
use crate::transport::{Socket, StreamReadiness};

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
    /// For waiting on it, and for ending it under a thread that does. None once the transport is gone, and for a multiplexed stream.
    socket: Mutex<Option<Arc<Socket>>>,
    /// Of a multiplexed stream, which only the driver reads.
    muxed: Mutex<Option<Arc<StreamReadiness>>>,
    driver: DriverHandle,
    runtime: Runtime,
    /// None where the session ends with its connection.
    reconnect: Option<Box<Reconnect>>,
}

/// As in RFC 6455 and browsers; a session exists from OPEN on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The connection is lost, and another one is being opened.
    Reconnecting,
    Open,
    Closing,
    Closed,
}

impl Session {
    /// The number that the log knows it by.
    pub(crate) fn id(&self) -> u64 {
        self.identity.id
    }

    /// Wakes all calls that wait, else the next that would; they return `Interrupted`. Safe in a signal handler.
    pub(crate) fn interrupt(&self) {
        self.interrupts.interrupt();
        self.recv.queue.wake_all();
        self.send.sent.open_for_all();
        self.close_state.wake_all();
    }
}
