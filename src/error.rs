//! What went wrong, in Rust. One [`Kind`] for each decision a caller could take; the numbers are in the message.

use std::borrow::Cow;
use std::fmt;

/// The kind of an error; the C edge maps each to one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is documented as the ws_status it becomes")]
pub enum Kind {
    InvalidArgument,
    State,
    BufferTooSmall,
    Forked,
    NoMemory,
    Url,
    Resolve,
    Connect,
    Proxy,
    ProxyAuth,
    Tls,
    TlsCertificate,
    HandshakeStatus,
    HandshakeInvalid,
    TooManyRedirects,
    Unsupported,
    Protocol,
    Utf8,
    FrameTooBig,
    MessageTooBig,
    Extension,
    Compression,
    Closed,
    ClosedAbnormally,
    PingTimeout,
    IdleTimeout,
    Io,
    Aborted,
    Timeout,
    Interrupted,
    Overflow,
    Internal,
}

/// How far a session had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Looking up the host's addresses.
    Resolve,
    /// Opening the TCP connection.
    Connect,
    /// Having a proxy open a tunnel.
    Proxy,
    /// Negotiating TLS.
    Tls,
    /// The WebSocket opening handshake.
    Handshake,
    /// The session was open.
    Open,
}

/// An HTTP answer that refused the opening handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The answer's status code.
    pub status: u16,
    /// Names as sent, values as sent.
    pub headers: Vec<(String, Vec<u8>)>,
    /// At most the first 64 KiB.
    pub body: Vec<u8>,
}

impl Refusal {
    /// All values of a header field.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers
            .iter()
            .filter(move |(present, _)| present.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }
}

/// An error with everything the caller may want to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What to decide on.
    pub kind: Kind,
    /// One sentence for a person, with the numbers.
    pub message: Cow<'static, str>,
    /// Where it happened; none for a wrong argument.
    pub phase: Option<Phase>,
    /// The operating system's error number, 0 where there is none.
    pub os_errno: i32,
    /// The TLS alert the peer sent.
    pub tls_alert: Option<u8>,
    /// The code of the server's Close, if that is the cause.
    pub close_code: Option<u16>,
    /// The HTTP answer that refused the handshake.
    pub refusal: Option<Box<Refusal>>,
    /// The peer ended the connection in the middle of it: that may pass.
    pub is_cut_off: bool,
}

/// The library's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of this kind and message.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            phase: None,
            os_errno: 0,
            tls_alert: None,
            close_code: None,
            refusal: None,
            is_cut_off: false,
        }
    }

    /// An error of the operating system; `doing` says what failed.
    pub fn os(kind: Kind, doing: impl fmt::Display, error: &std::io::Error) -> Self {
        Self { os_errno: error.raw_os_error().unwrap_or(0), ..Self::new(kind, format!("{doing}: {error}")) }
    }

    /// The system has no descriptor for what the library waits with.
    pub fn no_descriptor(error: &std::io::Error) -> Self {
        Self::os(Kind::Internal, "the system gives no descriptor to wait with", error)
    }

    /// The same error, marked with the phase it happened in unless it already has one.
    #[must_use]
    pub fn in_phase(mut self, phase: Phase) -> Self {
        self.phase.get_or_insert(phase);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
