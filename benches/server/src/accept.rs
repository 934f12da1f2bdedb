//! Accepting connections, and the threads that serve them.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::connection::{self, Transport};
use crate::inbox::Inbox;

/// Connections to one address and port run out of local ports at about 28,000.
const ADDRESSES: u8 = 8;

/// Room for the handshakes, TLS among them; with 10,000 connections the stacks count.
const STACK_SIZE: usize = 128 * 1024;

const ATTEMPTS: usize = 100;

/// Connections of one address that wait to be accepted: a client may open thousands at once, and those that find no
/// room come again a second later. The kernel may allow less.
const BACKLOG: i32 = 4096;

/// Serves 127.0.0.1 to 127.0.0.8 on one free port, which it returns.
pub fn listen<T, F>(open: F) -> io::Result<u16>
where
    T: Transport,
    F: Fn(TcpStream) -> io::Result<T> + Clone + Send + Sync + 'static,
{
    let (port, listeners) = bind_all(ADDRESSES)?;
    for listener in listeners {
        let listener = Arc::new(Listener { listener, accepting: AtomicUsize::new(0), open: open.clone() });
        start_thread(&listener);
    }
    Ok(port)
}

/// Listens on 127.0.0.1 and those that follow, on one free port.
pub fn bind_all(addresses: u8) -> io::Result<(u16, Vec<TcpListener>)> {
    let mut attempts = 0;
    loop {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = first.local_addr()?.port();
        let others = (2..=addresses).map(|host| TcpListener::bind((Ipv4Addr::new(127, 0, 0, host), port)));
        match std::iter::once(Ok(first)).chain(others).collect::<io::Result<Vec<_>>>() {
            Ok(listeners) => {
                for listener in &listeners {
                    rustix::net::listen(listener, BACKLOG)?;
                }
                return Ok((port, listeners));
            }
            Err(error) if attempts == ATTEMPTS => return Err(error),
            Err(_) => attempts += 1,
        }
    }
}

struct Listener<F> {
    listener: TcpListener,
    /// Threads that wait for a connection.
    accepting: AtomicUsize,
    open: F,
}

fn start_thread<T, F>(listener: &Arc<Listener<F>>)
where
    T: Transport,
    F: Fn(TcpStream) -> io::Result<T> + Send + Sync + 'static,
{
    listener.accepting.fetch_add(1, Ordering::SeqCst);
    let shared = Arc::clone(listener);
    let started = thread::Builder::new().stack_size(STACK_SIZE).spawn(move || accept_and_serve(&shared));
    if let Err(error) = started {
        listener.accepting.fetch_sub(1, Ordering::SeqCst);
        eprintln!("bench_server: no thread for a connection: {error}");
    }
}

/// Serves one connection after the other. Whoever accepts with nobody left to accept starts the
/// next thread; so a client that connects again and again never waits for a thread to start.
fn accept_and_serve<T, F>(listener: &Arc<Listener<F>>)
where
    T: Transport,
    F: Fn(TcpStream) -> io::Result<T> + Send + Sync + 'static,
{
    let mut inbox = Inbox::new();
    loop {
        let accepted = listener.listener.accept();
        if listener.accepting.fetch_sub(1, Ordering::SeqCst) == 1 {
            start_thread(listener);
        }
        let served = accepted.and_then(|(tcp, _)| {
            tcp.set_nodelay(true)?;
            connection::serve(&mut (listener.open)(tcp)?, &mut inbox)
        });
        if let Err(error) = served
            && !matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
        {
            eprintln!("bench_server: {error}");
        }
        inbox.clear();
        listener.accepting.fetch_add(1, Ordering::SeqCst);
    }
}
