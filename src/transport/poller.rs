//! Waiting for many sockets, a timer and a wake-up at once, by any number of threads: each event goes to one of them.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime};

use crate::fork;
use crate::transport::{Socket, Wake};

/// Events that a thread takes at once.
const EVENTS: usize = 64;

/// Keys that no socket has.
const WAKE: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;

/// What a socket is watched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interest {
    pub(crate) receive: bool,
    pub(crate) send: bool,
}

impl Interest {
    pub(crate) fn is_none(self) -> bool {
        !self.receive && !self.send
    }
}

/// What a socket is ready for, as bits that add up.
pub(crate) mod ready {
    pub(crate) const RECEIVE: u32 = 1;
    pub(crate) const SEND: u32 = 1 << 1;
    /// The peer sends no more behind what is there.
    pub(crate) const END: u32 = 1 << 2;
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Woken,
    Timer,
    /// The socket with this key is ready, for the bits of [`ready`]. It may have been removed meanwhile.
    Ready(usize, u32),
}

/// The memory for events of one thread.
pub(crate) struct Events(Vec<epoll::Event>);

/// The poller. Sockets are watched for what becomes of them: what was there before is announced once, when they are
/// added or changed. In a forked child it does nothing: what it watches, and for whom, is the parent's.
#[derive(Debug)]
pub(crate) struct Poller {
    generation: u64,
    epoll: OwnedFd,
    timer: OwnedFd,
    wake: Wake,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        let wake = Wake::new()?;
        // Each change of them is one event: they need not be read.
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER), EventFlags::IN | EventFlags::ET)?;
        epoll::add(&epoll, wake.fd(), EventData::new_u64(WAKE), EventFlags::IN | EventFlags::ET)?;
        Ok(Self { generation: fork::generation(), epoll, timer, wake })
    }

    /// Waits for events, and calls `note` for each: some, none at the timeout, none for a signal.
    pub(crate) fn wait(
        &self,
        events: &mut Events,
        timeout: Option<Duration>,
        mut note: impl FnMut(Event),
    ) -> io::Result<()> {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        events.0.clear();
        self.check_process()?;
        match epoll::wait(&self.epoll, spare_capacity(&mut events.0), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        for event in &events.0 {
            note(match event.data.u64() {
                WAKE => Event::Woken,
                TIMER => Event::Timer,
                key => Event::Ready(usize::try_from(key).unwrap_or(usize::MAX), bits(event.flags)),
            });
        }
        Ok(())
    }

    /// Wakes one thread that waits, or the next that would.
    pub(crate) fn wake(&self) {
        if self.check_process().is_ok() {
            self.wake.wake();
        }
    }

    /// Sets when the timer goes off; in the past means now.
    pub(crate) fn set_timer(&self, at: Instant) {
        let left = at.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let it_value = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
        if self.check_process().is_ok() {
            // It fails only for times that are none.
            let timer = Itimerspec { it_interval: zero, it_value };
            let _ = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &timer);
        }
    }

    /// Changes what a socket is watched for, under a key; for nothing, not at all: a watched socket wakes a thread for
    /// every packet.
    pub(crate) fn watch(&self, socket: &Socket, key: usize, before: Interest, now: Interest) -> io::Result<()> {
        self.check_process()?;
        let data = EventData::new_u64(key as u64);
        match (before.is_none(), now.is_none()) {
            (true, true) => {}
            (true, false) => epoll::add(&self.epoll, socket, data, flags(now))?,
            (false, false) => epoll::modify(&self.epoll, socket, data, flags(now))?,
            (false, true) => epoll::delete(&self.epoll, socket)?,
        }
        Ok(())
    }

    fn check_process(&self) -> io::Result<()> {
        if fork::is_inherited(self.generation) { Err(Errno::BADFD.into()) } else { Ok(()) }
    }

    /// In a forked child: replaces the inherited descriptors, which only the parent uses from now on.
    pub(crate) fn release(&self) {
        for descriptor in [self.epoll.as_fd(), self.timer.as_fd(), self.wake.fd()] {
            fork::release(descriptor.as_raw_fd());
        }
    }
}

impl Events {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(EVENTS))
    }
}

fn flags(interest: Interest) -> EventFlags {
    let mut flags = EventFlags::ET;
    if interest.receive {
        flags |= EventFlags::IN | EventFlags::RDHUP;
    }
    if interest.send {
        flags |= EventFlags::OUT;
    }
    flags
}

/// Errors are reported by the next receive or send.
fn bits(flags: EventFlags) -> u32 {
    let mut bits = 0;
    if flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR) {
        bits |= ready::RECEIVE;
    }
    if flags.intersects(EventFlags::OUT | EventFlags::HUP | EventFlags::ERR) {
        bits |= ready::SEND;
    }
    if flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR) {
        bits |= ready::END;
    }
    bits
}
