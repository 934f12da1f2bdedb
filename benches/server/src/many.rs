//! Many connections on few threads, each with an epoll instance: a connection that rests has no thread and no buffer.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::thread;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::net::{RecvFlags, recv};

use crate::accept::bind_all;
use crate::connection::{Connection, Next, Transport, receive};
use crate::inbox::Inbox;

/// A million connections are 15,625 for each.
const ADDRESSES: u8 = 64;

/// What one `epoll_wait` brings at most.
const EVENTS: usize = 1024;

/// Serves 127.0.0.1 to 127.0.0.64 on one free port, which it returns.
pub fn listen() -> io::Result<u16> {
    let (port, listeners) = bind_all(ADDRESSES)?;
    let listeners = Arc::new(listeners);
    for listener in listeners.iter() {
        listener.set_nonblocking(true)?;
    }
    for _ in 0..thread::available_parallelism()?.get() {
        let worker = Worker::new(Arc::clone(&listeners))?;
        thread::Builder::new().spawn(move || worker.run_or_exit())?;
    }
    Ok(port)
}

struct Worker {
    listeners: Arc<Vec<TcpListener>>,
    epoll: OwnedFd,
    /// By descriptor.
    served: HashMap<u64, Served>,
    /// Empty between two connections.
    inbox: Inbox,
}

struct Served {
    tcp: Ready,
    connection: Connection,
    /// The part of a frame that was received.
    rest: Vec<u8>,
}

/// A socket that has something to be received.
struct Ready(TcpStream);

impl Transport for Ready {
    fn receive(&mut self, space: &mut [u8]) -> io::Result<usize> {
        Ok(recv(&self.0, space, RecvFlags::DONTWAIT)?.0)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}

impl Worker {
    fn new(listeners: Arc<Vec<TcpListener>>) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        for listener in listeners.iter() {
            epoll::add(&epoll, listener, key(listener), EventFlags::IN | EventFlags::EXCLUSIVE)?;
        }
        Ok(Self { listeners, epoll, served: HashMap::new(), inbox: Inbox::new() })
    }

    fn run_or_exit(mut self) {
        if let Err(error) = self.run() {
            eprintln!("bench_server: {error}");
            std::process::exit(1);
        }
    }

    fn run(&mut self) -> io::Result<()> {
        let mut events: Vec<Event> = Vec::with_capacity(EVENTS);
        loop {
            epoll::wait(&self.epoll, spare_capacity(&mut events), None)?;
            for event in events.drain(..) {
                let key = event.data.u64();
                if self.served.contains_key(&key) {
                    self.serve(key);
                } else if let Some(listener) = self.listeners.iter().position(|listener| is(listener, key)) {
                    self.accept(listener)?;
                }
            }
        }
    }

    fn accept(&mut self, listener: usize) -> io::Result<()> {
        loop {
            let tcp = match self.listeners[listener].accept() {
                Ok((tcp, _)) => tcp,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            tcp.set_nodelay(true)?;
            let key = key(&tcp);
            epoll::add(&self.epoll, &tcp, key, EventFlags::IN)?;
            let served = Served { tcp: Ready(tcp), connection: Connection::default(), rest: Vec::new() };
            self.served.insert(key.u64(), served);
        }
    }

    fn serve(&mut self, key: u64) {
        let Some(served) = self.served.get_mut(&key) else { return };
        let goes_on = serve_once(served, &mut self.inbox).unwrap_or_else(|error| {
            if !matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) {
                eprintln!("bench_server: {error}");
            }
            false
        });
        self.inbox.clear();
        if !goes_on {
            self.served.remove(&key);
        }
    }
}

/// Returns false at the end of the connection.
fn serve_once(served: &mut Served, inbox: &mut Inbox) -> io::Result<bool> {
    inbox.memory()[..served.rest.len()].copy_from_slice(&served.rest);
    inbox.received(served.rest.len());
    match receive(&mut served.tcp, inbox) {
        Ok(true) => {}
        // The event was of a connection that had the descriptor before.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
        ended => return ended,
    }
    match served.connection.answer(&mut served.tcp, inbox)? {
        Next::Receive => {
            // Without an allocation where nothing is left.
            served.rest = inbox.data().to_vec();
            Ok(true)
        }
        Next::Compressed(_) => Err(io::Error::other("no permessage-deflate at this port")),
        Next::End => Ok(false),
    }
}

fn key(socket: &impl AsRawFd) -> EventData {
    EventData::new_u64(socket.as_raw_fd() as u64)
}

fn is(listener: &TcpListener, key_of_event: u64) -> bool {
    key(listener).u64() == key_of_event
}
