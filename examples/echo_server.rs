//! Echo server on loopback, for trying the library and for its tests.
//!
//! `echo_server -- COMMAND ARGS...` runs COMMAND with `ECHO_WS_URL`, `ECHO_WS_IPV6_URL` (empty
//! without IPv6), `ECHO_WSS_URL` and `ECHO_CA_FILE` in its environment and exits with its exit
//! status. Without a command it prints the four, then `READY`, and serves until its standard input
//! ends.
//!
//! | path | the server |
//! |---|---|
//! | `/` | echoes every message, with its type |
//! | `/hello` | sends the text `hello`, then echoes |
//! | `/close/CODE/REASON` | closes at once with that code and reason |
//! | `/burst/N` | sends the texts `0` to `N-1`, then closes with 1000 |
//! | `/silent` | never reads and never sends |
//! | `/drop` | drops the TCP connection without a Close |
//! | `/corrupt` | sends the text `hello` with a wrong checksum, then echoes |
//!
//! It selects the first subprotocol the client offers. The extension `x-checksum` of c_examples/checksum.c it accepts:
//! then every message ends with a checksum, and one that is wrong is answered with Close 1007. One blocking thread serves
//! one connection.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{self, Command, ExitCode};
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tungstenite::Message;
use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::http::header::SEC_WEBSOCKET_EXTENSIONS;
use tungstenite::protocol::{CloseFrame, WebSocket, WebSocketConfig};

/// The extension's name.
const CHECKSUM_EXTENSION: &str = "x-checksum";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("echo_server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let mut args = env::args_os().skip(1);
    let command = match args.next() {
        None => None,
        Some(dashes) if dashes == "--" => args.next(),
        Some(_) => return Err("usage: echo_server [-- COMMAND ARGS...]".into()),
    };

    let (ca_pem, tls) = new_identity()?;
    let directory = PrivateDirectory::new()?;
    let ca_file = directory.0.join("ca.pem");
    fs::write(&ca_file, ca_pem)?;

    let plain = |tcp| serve(tcp, |_| Ok(()));
    let plain_port = listen(Ipv4Addr::LOCALHOST, plain)?;
    // A machine without IPv6 goes without.
    let plain_ipv6_url = listen(Ipv6Addr::LOCALHOST, plain).map_or(String::new(), |port| format!("ws://[::1]:{port}/"));
    let tls = Arc::new(tls);
    let tls_port = listen(Ipv4Addr::LOCALHOST, move |tcp| {
        let connection = ServerConnection::new(Arc::clone(&tls)).map_err(io::Error::other)?;
        serve(StreamOwned::new(connection, tcp), |stream| {
            stream.conn.send_close_notify();
            stream.flush()
        })
    })?;

    let ca_file = ca_file.to_str().ok_or("TMPDIR is not UTF-8")?;
    let variables = [
        ("ECHO_WS_URL", format!("ws://127.0.0.1:{plain_port}/")),
        ("ECHO_WS_IPV6_URL", plain_ipv6_url),
        ("ECHO_WSS_URL", format!("wss://localhost:{tls_port}/")),
        ("ECHO_CA_FILE", ca_file.to_owned()),
    ];
    match command {
        Some(program) => run_command(&program, args, variables),
        None => serve_until_end_of_input(&variables),
    }
}

fn run_command(
    program: &OsString,
    args: impl Iterator<Item = OsString>,
    variables: [(&str, String); 4],
) -> Result<ExitCode, Box<dyn Error>> {
    let status = Command::new(program)
        .args(args)
        .envs(variables)
        .status()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    let killed = || 128 + status.signal().unwrap_or(0);
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or_else(killed))?))
}

fn serve_until_end_of_input(variables: &[(&str, String); 4]) -> Result<ExitCode, Box<dyn Error>> {
    for (name, value) in variables {
        println!("{name}={value}");
    }
    println!("READY");
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(ExitCode::SUCCESS)
}

/// Accepts connections on a free loopback port, each served by a thread of its own.
fn listen<F>(address: impl Into<IpAddr>, serve: F) -> io::Result<u16>
where
    F: Fn(TcpStream) -> Result<(), Box<dyn Error>> + Clone + Send + 'static,
{
    let listener = TcpListener::bind((address.into(), 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            drop(tcp.set_nodelay(true));
            let serve = serve.clone();
            // A connection that fails is the client's to report: tests break them on purpose.
            thread::spawn(move || drop(serve(tcp)));
        }
    });
    Ok(port)
}

/// Serves one connection; `finish` ends its stream after the closing handshake.
fn serve<S: Read + Write>(stream: S, finish: impl FnOnce(&mut S) -> io::Result<()>) -> Result<(), Box<dyn Error>> {
    let limit = Some(64 << 20);
    let config = WebSocketConfig::default().max_message_size(limit).max_frame_size(limit);
    let mut path = String::new();
    let mut has_checksums = false;
    #[expect(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
    let on_request = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        request.uri().path().clone_into(&mut path);
        let offered = request.headers().get("Sec-WebSocket-Protocol");
        let first = offered.and_then(|value| value.to_str().ok()?.split(',').next()?.trim().parse().ok());
        if let Some(first) = first {
            response.headers_mut().insert("Sec-WebSocket-Protocol", first);
        }
        let offered = request.headers().get("Sec-WebSocket-Extensions").and_then(|value| value.to_str().ok());
        has_checksums = offered.is_some_and(|offered| offered.contains(CHECKSUM_EXTENSION));
        if has_checksums {
            let agreed = format!("{CHECKSUM_EXTENSION}; algorithm=fnv1a").parse();
            response.headers_mut().extend(agreed.map(|agreed| (SEC_WEBSOCKET_EXTENSIONS, agreed)));
        }
        Ok(response)
    };
    let mut socket =
        tungstenite::accept_hdr_with_config(stream, on_request, Some(config)).map_err(|error| error.to_string())?;

    let steps: Vec<&str> = path.split('/').skip(1).collect();
    match steps[..] {
        ["drop"] => return Ok(()),
        ["silent"] => loop {
            thread::park();
        },
        ["hello"] => socket.send(Message::text("hello"))?,
        ["corrupt"] => socket.send(Message::text("hello00000000"))?,
        ["close", code, reason] => {
            let code = code.parse::<u16>()?.into();
            socket.close(Some(CloseFrame { code, reason: reason.into() }))?;
        }
        ["burst", count] => {
            for number in 0..count.parse::<u64>()? {
                socket.write(Message::text(number.to_string()))?;
            }
            socket.close(Some(CloseFrame { code: 1000.into(), reason: "".into() }))?;
        }
        _ => {}
    }
    echo(&mut socket, has_checksums)?;
    finish(socket.get_mut())?;
    Ok(())
}

/// Whether a message ends with its checksum: FNV-1a, in eight hexadecimal digits.
fn is_intact(message: &[u8]) -> bool {
    let Some((payload, checksum)) = message.split_last_chunk::<8>() else { return false };
    let hash = payload.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}").as_bytes() == checksum
}

/// Returns after a complete closing handshake.
fn echo<S: Read + Write>(socket: &mut WebSocket<S>, has_checksums: bool) -> Result<(), tungstenite::Error> {
    loop {
        match socket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_)))
                if has_checksums && !is_intact(&message.clone().into_data()) =>
            {
                socket.close(Some(CloseFrame { code: 1007.into(), reason: "wrong checksum".into() }))?;
            }
            // Messages that crossed with our own Close are read but can have no answer.
            Ok(message @ (Message::Text(_) | Message::Binary(_))) if socket.can_write() => {
                socket.send(message)?;
            }
            Ok(_) => {}
            Err(tungstenite::Error::ConnectionClosed) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// A certificate authority in PEM and the configuration of a server certified by it.
fn new_identity() -> Result<(String, ServerConfig), Box<dyn Error>> {
    let mut ca = CertificateParams::new([])?;
    ca.distinguished_name.push(DnType::CommonName, "echo_server test authority");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let ca_key = KeyPair::generate()?;
    let ca_pem = ca.self_signed(&ca_key)?.pem();

    let names = ["localhost", "127.0.0.1", "::1"].map(String::from);
    let mut leaf = CertificateParams::new(names)?;
    leaf.distinguished_name.push(DnType::CommonName, "echo_server");
    let leaf_key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&leaf_key, &Issuer::new(ca, ca_key))?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));

    let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok((ca_pem, tls))
}

/// A directory only this user can enter, removed with all it holds when dropped.
struct PrivateDirectory(PathBuf);

impl PrivateDirectory {
    fn new() -> io::Result<Self> {
        // Creating fails if the name exists, so nobody can have put a directory of theirs there.
        for attempt in 0..100 {
            let name = format!("echo_server-{}-{attempt}", process::id());
            let path = env::temp_dir().join(name);
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => return created.map(|()| Self(path)),
            }
        }
        Err(io::Error::other("no free name for a temporary directory"))
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("echo_server: cannot remove {}: {error}", self.0.display());
        }
    }
}
