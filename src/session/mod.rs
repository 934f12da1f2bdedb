//! Floor 4: a session joins a connection of the protocol with a stream of the transport. The only floor with threads,
//! locks and tasks.
//!
//! Exactly one party reads the socket at a time, by the [`handoff`]: a thread of the application that receives, else
//! the [`driver`], a task of the [`runtime`]. A thread that has something to send sends it, by [`turn`]s. The driver also sends what
//! the kernel did not take at once, and watches the clock.
//!
//! Being the reader comes before the locks, and they in the order `encoders`, `wire`, `keepalive`, `outbox`, inbox. None of them is held while
//! waiting.

pub(crate) mod authentication;
pub(crate) mod back_off;
mod backstop;
mod closing;
mod coalescing;
pub(crate) mod config;
mod config_network;
pub(crate) mod cookies;
pub(crate) mod counting;
pub(crate) mod deadline;
mod delivery;
mod dispatch;
mod dispatch_state;
mod driver;
mod ending;
mod flushing;
mod fragments;
mod gate;
pub(crate) mod group;
mod group_presence;
mod handed;
mod handoff;
mod handshaking;
mod inbox;
mod inheriting;
mod interruptible;
mod interrupts;
mod keeping_alive;
mod kept_cookies;
mod lateness;
pub(crate) mod logging;
mod newcomers;
mod opened;
mod opening;
mod outbox;
pub(crate) mod queue_bounds;
mod reading;
mod receive_wait;
mod receiving;
pub(crate) mod reconnect;
pub(crate) mod runtime;
mod send_room;
mod sending;
mod spares;
mod sync;
mod taking_up;
pub(crate) mod telling;
mod turn;
mod unsent;
mod watch;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use crate::lock::Mutex;

pub(crate) use config::ShownControl;
use config::Terms;
pub(crate) use config::{CompressionFilter, Config};
use counting::{Counts, Timings};
pub(crate) use deadline::Deadline;
pub(crate) use delivery::{Delivery, no_descriptor};
use dispatch_state::DispatchState;
use driver::DriverHandle;
use ending::Ending;
pub(crate) use ending::Verdict;
use gate::Gate;
use group::Member;
pub(crate) use group::Owner;
use handed::Handed;
use inbox::Inbox;
pub(crate) use interruptible::{Configured, ConnectInterrupts, Opening};
use interrupts::Interrupts;
pub(crate) use opened::Opened;
pub(crate) use opening::{connect, connect_later};
use outbox::{Outbox, Wire};
pub(crate) use receiving::Memory;
use reconnect::Reconnect;
use runtime::Runtime;
pub(crate) use sending::Item;
pub(crate) use spares::Spares;
pub(crate) use telling::Listener;
use telling::Listening;
use turn::Turn;

use crate::error::{Error, Kind, Result};
use crate::protocol::extension::ExtensionInfo;
use crate::protocol::{Encoders, Frame, FrameDecoder, Keepalive, Limits};
pub(crate) use crate::transport::ReadinessFd;
use crate::transport::{Receiver, Socket};

/// A WebSocket session. Every method may be called from any thread at any time.
pub(crate) struct Session {
    /// The number that the log knows it by.
    id: u64,
    pub(crate) opened: Opened,
    me: Weak<Self>,
    max_frame_size: AtomicU64,
    max_message_size: AtomicU64,
    terms: Arc<Terms>,
    /// The extensions that were agreed on.
    pub(crate) extensions: Box<[ExtensionInfo]>,
    allows_unmasked: bool,
    /// The control frames that the application sees.
    shown: ShownControl,
    timings: Timings,
    is_tls_resumed: bool,

    /// None once the transport is gone.
    reader: Handed<Option<Reader>>,
    inbox: Inbox<Frame>,
    pub(crate) spares: Arc<Spares>,
    counts: Counts,
    keepalive: Mutex<Keepalive>,
    /// Somebody wants to know when bytes come.
    notes_bytes: bool,
    /// When the last bytes came, in milliseconds since `since`.
    last_received: AtomicU64,
    since: Instant,
    /// How often the reader has found the socket empty.
    found_empty: AtomicU64,
    /// The payload of a frame was arriving when the reader last read.
    is_amid_frame: AtomicBool,

    /// None without extensions. Locked before the outbox, while a message is encoded.
    encoders: Option<Box<Mutex<Encoders>>>,
    /// Where the application has a say in what is compressed.
    filter: Option<CompressionFilter>,
    turn: Turn,
    wire: Mutex<Wire>,
    outbox: Mutex<Outbox>,
    /// Messages in the outbox wait for others, or for the next receive.
    holds_back: AtomicBool,
    /// The application has turned to receiving since the last message.
    has_received: AtomicBool,
    /// The kernel takes no more for now.
    is_blocked: AtomicBool,
    /// For those who wait for room in the outbox, or for what is in it to go out.
    sent: Gate,

    interrupts: Interrupts,
    ending: Ending,
    /// For waiting on it, and for ending it under a thread that does. None once the transport is gone.
    socket: Mutex<Option<Arc<Socket>>>,
    /// Watches the socket, where the application wants a descriptor. Set with the socket locked.
    readiness: OnceLock<Arc<ReadinessFd>>,
    driver: DriverHandle,
    runtime: Runtime,

    /// A [`Delivery`](delivery::Delivery).
    delivery: AtomicU8,
    listening: Mutex<Listening>,
    /// There is a listener, and it can be told.
    has_listener: AtomicBool,
    /// The listener's calls.
    telling: DispatchState,
    /// The listener is to be told that there is room to send.
    is_writable: AtomicBool,
    /// The application has let go of it.
    is_forsaken: AtomicBool,
    /// A violation waits for its turn.
    is_held: AtomicBool,
    group: OnceLock<Member>,
    /// The driver is to read, because nobody receives from the group.
    reads_in_background: AtomicBool,
    /// Whether it is in the group's queue.
    group_turn: AtomicU8,
    owner: OnceLock<Weak<dyn Owner>>,
    /// None where the session ends with its connection.
    reconnect: Option<Box<Reconnect>>,
}

/// The reading side.
struct Reader {
    incoming: FrameDecoder,
    receiver: Receiver,
    /// A violation that waits for its turn behind the messages before it.
    held: Option<Error>,
    /// The peer answers quickly: the next wait is one in `recv`.
    comes_soon: bool,
    /// How well spinning has paid lately.
    spin_credit: i32,
    /// The socket was not found empty since the last bytes.
    has_more: bool,
    /// The last bytes were all that the socket had.
    is_emptied: bool,
    /// What the descriptor was told last of bytes that are held.
    is_noted: bool,
}

impl Reader {
    fn new(incoming: FrameDecoder, receiver: Receiver) -> Self {
        let has_more = incoming.has_input() || receiver.has_buffered();
        Self {
            incoming,
            receiver,
            held: None,
            comes_soon: false,
            spin_credit: 0,
            has_more,
            is_emptied: false,
            is_noted: false,
        }
    }
}

impl Reader {
    /// Whether the socket or the reader may have more, which nothing announces.
    fn may_have_more(&self) -> bool {
        self.held.is_some() || (self.has_more && (self.incoming.has_input() || !self.is_emptied))
    }
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
    /// Says what the floor above knows it as.
    pub(crate) fn set_owner(&self, owner: Weak<dyn Owner>) {
        // It is set once, before anybody asks.
        let _ = self.owner.set(owner);
    }

    fn owner(&self) -> Option<Arc<dyn Owner>> {
        self.owner.get().and_then(Weak::upgrade)
    }

    /// The number that the log knows it by.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_frame_size: self.max_frame_size.load(Ordering::Relaxed),
            max_message_size: self.max_message_size.load(Ordering::Relaxed),
        }
    }

    /// Takes effect at the next frame.
    pub(crate) fn set_max_frame_size(&self, bytes: u64) {
        self.max_frame_size.store(bytes, Ordering::Relaxed);
    }

    /// Takes effect at the next frame.
    pub(crate) fn set_max_message_size(&self, bytes: u64) {
        self.max_message_size.store(bytes, Ordering::Relaxed);
    }

    /// Takes effect at the next frame. RFC 6455 allows no unmasked frames; the configuration has to.
    pub(crate) fn set_masking(&self, on: bool) -> Result<()> {
        if !on && !self.allows_unmasked {
            return Err(Error::new(Kind::State, "the configuration does not allow unmasked frames"));
        }
        self.outbox.lock().outgoing.set_masking(on);
        Ok(())
    }

    pub(crate) fn is_masking(&self) -> bool {
        self.outbox.lock().outgoing.is_masking()
    }

    /// Wakes all calls that wait, else the next that would; they return `Interrupted`. Safe in a signal handler.
    pub(crate) fn interrupt(&self) {
        self.interrupts.interrupt();
        self.inbox.wake_all();
        self.sent.open_for_all();
        self.ending.wake_all();
    }
}
