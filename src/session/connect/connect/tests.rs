//! Sessions over a multiplexed stream: an in-memory stream, with a tungstenite server at its other end.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{self, Read, Write};
use std::os::fd::AsFd as _;
use std::sync::mpsc;
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tungstenite::protocol::{Role, WebSocket};
use tungstenite::{Bytes, Message};

use super::session;
use crate::error::{Error, Kind};
use crate::frame::Opcode;
use crate::protocol::{Close, Frame, Initiator};
use crate::session::background::runtime;
use crate::session::connect::establish::Established;
use crate::session::connect::handshake_info::HandshakeInfo;
use crate::session::counters::Timings;
use crate::session::recv::group::Group;
use crate::session::upcalls::{BufferSource, HandleHooks, Listener};
use crate::session::{Config, Deadline, Item, ReadinessFd, ReceiveMode, Session};
use crate::transport::{ConnectionInfo, Stream};

/// How many bytes the stream holds in each direction.
const CAPACITY: usize = 4096;

/// The server's end of the stream, with blocking calls.
struct Peer {
    stream: DuplexStream,
    runtime: tokio::runtime::Runtime,
}

impl Read for Peer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.runtime.block_on(self.stream.read(buffer))
    }
}

impl Write for Peer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.runtime.block_on(self.stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.runtime.block_on(self.stream.flush())
    }
}

struct Fresh;

impl BufferSource for Fresh {
    fn take(&mut self, _size: u64) -> Vec<u8> {
        Vec::new()
    }
}

/// Opens a session, and runs its server on a thread.
fn open<T: Send + 'static>(
    mode: ReceiveMode,
    listener: Option<Arc<dyn Listener>>,
    serve: impl FnOnce(WebSocket<Peer>) -> T + Send + 'static,
) -> (Arc<Session>, JoinHandle<T>) {
    let (ours, theirs) = tokio::io::duplex(CAPACITY);
    let (receiver, sender) = tokio::io::split(ours);
    let established = Established {
        stream: Stream::multiplexed(receiver, sender),
        socket: None,
        handshake_info: HandshakeInfo::new("wss://localhost/", None, std::iter::empty(), 200, &[]),
        extensions: Vec::new(),
        early: Vec::new(),
        timings: Timings::default(),
        info: ConnectionInfo::default(),
        masking_seed: [7; 32],
    };
    let runtime = runtime::get().unwrap();
    let session = session(1, &Config::default(), established, &runtime, None);
    session.start(listener, mode).unwrap();
    let server = thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        serve(WebSocket::from_raw_socket(Peer { stream: theirs, runtime }, Role::Server, None))
    });
    (session, server)
}

fn open_calls<T: Send + 'static>(
    serve: impl FnOnce(WebSocket<Peer>) -> T + Send + 'static,
) -> (Arc<Session>, JoinHandle<T>) {
    let (session, server) = open(ReceiveMode::Calls, None, serve);
    session.announce(None);
    (session, server)
}

/// Echoes messages until the end. Returns the code of the Close.
fn echo(mut server: WebSocket<Peer>) -> Option<u16> {
    let mut code = None;
    while let Ok(message) = server.read() {
        match message {
            Message::Close(close) => code = close.map(|close| close.code.into()),
            message => server.send(message).unwrap(),
        }
    }
    code
}

fn send(session: &Session, payload: &[u8]) {
    session.send(Item::new(Opcode::Binary, payload, true).unwrap(), Deadline::Never).unwrap();
}

fn receive(session: &Session) -> Result<Frame, Error> {
    session.receive(Deadline::Never, &mut Fresh)
}

fn end(session: &Session) {
    session.close(Close::new(1000, "").unwrap());
    session.wait_closed(Deadline::Never).unwrap();
}

#[test]
fn messages_of_all_sizes_are_echoed() {
    let (session, server) = open_calls(echo);
    for size in [0, 1, 125, 126, CAPACITY, 100_000, 1 << 20] {
        let payload: Vec<u8> = (0..=250_u8).cycle().take(size).collect();
        send(&session, &payload);
        assert_eq!(receive(&session).unwrap().payload[..], payload, "{size}");
    }
    end(&session);
    let outcome = session.close_outcome().unwrap();
    assert_eq!((outcome.error.as_ref(), outcome.initiator), (None, Initiator::Local));
    assert_eq!(server.join().unwrap(), Some(1000));
}

#[test]
fn a_ping_is_answered_while_the_application_is_away() {
    let (tell, answer) = mpsc::channel();
    let (session, server) = open_calls(move |mut server| {
        server.send(Message::Ping(Bytes::from_static(b"there?"))).unwrap();
        tell.send(server.read().unwrap()).unwrap();
        echo(server)
    });
    assert_eq!(answer.recv().unwrap(), Message::Pong(Bytes::from_static(b"there?")));
    end(&session);
    server.join().unwrap();
}

#[test]
fn a_peer_that_does_not_read_holds_senders_back() {
    let (go_on, may_go_on) = mpsc::channel();
    let (session, server) = open_calls(move |mut server| {
        may_go_on.recv().unwrap();
        let mut sizes = Vec::new();
        while let Ok(message) = server.read() {
            if message.is_binary() {
                sizes.push(message.len());
            }
        }
        sizes
    });
    let payload = vec![1; 300_000];
    let item = || Item::new(Opcode::Binary, &payload, true).unwrap();
    let mut sent = 0;
    let error = loop {
        match session.send(item(), Deadline::Now) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind, Kind::Timeout);
    assert!(sent > 0);
    go_on.send(()).unwrap();
    session.send(item(), Deadline::Never).unwrap();
    end(&session);
    assert_eq!(server.join().unwrap(), vec![payload.len(); sent + 1]);
}

#[test]
fn an_abort_ends_a_call_that_waits() {
    let (session, server) = open_calls(|mut server| server.read().is_err());
    let receiver = {
        let session = Arc::clone(&session);
        thread::spawn(move || receive(&session).unwrap_err().kind)
    };
    session.abort();
    assert_eq!(receiver.join().unwrap(), Kind::Aborted);
    assert!(server.join().unwrap());
}

#[test]
fn the_end_of_the_stream_without_a_close_is_abnormal() {
    let (session, server) = open_calls(|mut server| {
        server.send(Message::text("last")).unwrap();
    });
    server.join().unwrap();
    assert_eq!(receive(&session).unwrap().payload[..], *b"last");
    assert_eq!(receive(&session).unwrap_err().kind, Kind::ClosedAbnormally);
    session.wait_closed(Deadline::Never).unwrap();
}

#[test]
fn the_event_descriptor_is_readable_while_there_is_a_message() {
    let (session, server) = open_calls(echo);
    let readiness = Arc::new(ReadinessFd::new().unwrap());
    session.signal_by(&readiness).unwrap();
    let is_readable = |timeout: Option<&Timespec>| {
        let mut polled = [PollFd::from_borrowed_fd(readiness.signal().as_fd(), PollFlags::IN)];
        rustix::event::poll(&mut polled, timeout).unwrap() > 0
    };
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    for number in 0..20_u8 {
        send(&session, &[number]);
        assert!(is_readable(None));
        let received = loop {
            match session.receive(Deadline::Now, &mut Fresh) {
                Err(Error { kind: Kind::Timeout, .. }) => assert!(is_readable(None)),
                received => break received,
            }
        };
        assert_eq!(received.unwrap().payload[..], [number]);
        assert_eq!(session.receive(Deadline::Now, &mut Fresh).unwrap_err().kind, Kind::Timeout);
        assert!(!is_readable(Some(&now)));
    }
    end(&session);
    server.join().unwrap();
}

struct Hooks;

impl HandleHooks for Hooks {
    fn release_memory(&self) {}

    fn is_freed(&self) -> bool {
        false
    }
}

#[test]
fn a_group_receives_messages_and_the_end() {
    let group = Arc::new(Group::new().unwrap());
    let hooks: Arc<dyn HandleHooks> = Arc::new(Hooks);
    let (session, server) = open(ReceiveMode::Group, None, echo);
    session.identity.set_hooks(Arc::downgrade(&hooks));
    session.announce(Some(&group));
    for number in 0..20_u8 {
        send(&session, &[number]);
        let received = group.receive(Deadline::Never).unwrap();
        assert_eq!(received.outcome.unwrap().payload[..], [number]);
    }
    session.close(Close::new(1000, "").unwrap());
    assert_eq!(group.receive(Deadline::Never).unwrap().outcome.unwrap_err().kind, Kind::Closed);
    server.join().unwrap();
    group.close();
}

/// Passes each message to the test and then closes the session. Reports the end with None.
struct EchoListener {
    session: std::sync::OnceLock<Weak<Session>>,
    received: mpsc::Sender<Option<Vec<u8>>>,
}

impl Listener for EchoListener {
    fn opened(&self) {}

    fn frame(&self, frame: &Frame) {
        self.received.send(Some(frame.payload.to_vec())).unwrap();
        let session = self.session.get().and_then(Weak::upgrade).unwrap();
        session.close(Close::new(1000, "").unwrap());
    }

    fn writable(&self) {}

    fn closed(&self, error: &Error) {
        assert_eq!(error.kind, Kind::Closed);
        self.received.send(None).unwrap();
    }
}

#[test]
fn callbacks_are_called_for_messages_and_the_end() {
    let (received, calls) = mpsc::channel();
    let listener = Arc::new(EchoListener { session: std::sync::OnceLock::new(), received });
    let shared: Arc<dyn Listener> = listener.clone();
    let (session, server) = open(ReceiveMode::Callbacks, Some(shared), echo);
    listener.session.set(Arc::downgrade(&session)).unwrap();
    session.announce(None);
    send(&session, b"called");
    assert_eq!(calls.recv().unwrap(), Some(b"called".to_vec()));
    assert_eq!(calls.recv().unwrap(), None);
    assert_eq!(server.join().unwrap(), Some(1000));
}
