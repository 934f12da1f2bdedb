//! The one server of all benchmarks: echoes and counts WebSocket messages, plain and over TLS.
//!
//! `bench_server CA_FILE [CORE]` listens on 127.0.0.1 to 127.0.0.8, writes the certificate of its
//! CA to `CA_FILE`, prints `plain PORT`, `tls PORT`, `new PORT` and `many PORT`, and serves until its
//! standard input ends. At `new` TLS gives no tickets, so that every connection is a new one. `many`
//! is for up to a million connections, on 127.0.0.1 to 127.0.0.64. With `CORE` the server stays on
//! that core.
//!
//! It must never be what is measured: blocking calls on one thread for each connection, large
//! buffers placed where the kernel copies fastest, no allocation for a message, and one send for
//! all that one receive brought. At `many` a thread for each core serves all connections: a million
//! threads are more than a machine has.

mod accept;
mod codec;
mod compressed;
mod connection;
mod deflate;
mod frame;
mod handshake;
mod identity;
mod inbox;
mod many;
mod pages;
mod plain;
mod tls;
mod totals;

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench_server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let ca_file = args.next().ok_or("usage: bench_server CA_FILE [CORE]")?;
    if let Some(core) = args.next() {
        let mut cores = CpuSet::new();
        cores.set(core.parse()?);
        sched_setaffinity(None, &cores)?;
    }
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, maximum: files.maximum })?;

    let (ca_pem, resuming) = identity::new()?;
    let mut without_tickets = resuming.clone();
    without_tickets.send_tls13_tickets = 0;
    std::fs::write(ca_file, ca_pem)?;
    println!("plain {}", accept::listen(plain::Plain::new)?);
    for (name, config) in [("tls", resuming), ("new", without_tickets)] {
        let config = Arc::new(config);
        println!("{name} {}", accept::listen(move |tcp| tls::Tls::new(tcp, Arc::clone(&config)))?);
    }
    println!("many {}", many::listen()?);

    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}
