//! Statuses.

use std::ffi::{CStr, c_char};

use crate::error::Kind;

/// What a function returns: WS_OK or what went wrong. Numbers never change and are never used again.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_status {
    /// Done.
    WS_OK = 0,

    /// An argument is NULL, out of range, not UTF-8 or contradicts another. Nothing was done.
    WS_ERR_INVALID_ARGUMENT = -101,
    /// The object is in the wrong state for this call. Nothing was done.
    WS_ERR_STATE = -102,
    /// The buffer is too small. The needed size was written; the message stays.
    WS_ERR_BUFFER_TOO_SMALL = -103,
    /// This version of the library cannot do it.
    WS_ERR_UNSUPPORTED = -104,
    /// The session belongs to the process this one was forked from.
    WS_ERR_FORKED = -105,
    /// No memory.
    WS_ERR_NO_MEMORY = -106,

    /// The URL is not one of a WebSocket.
    WS_ERR_URL = -201,
    /// The host's name has no address.
    WS_ERR_RESOLVE = -202,
    /// No address of the host took the TCP connection.
    WS_ERR_CONNECT = -203,
    /// The proxy cannot be reached, failed, or opened no tunnel.
    WS_ERR_PROXY = -204,
    /// The proxy wants other credentials.
    WS_ERR_PROXY_AUTH = -205,
    /// TLS could not be negotiated, or broke.
    WS_ERR_TLS = -211,
    /// The server's certificate is not acceptable.
    WS_ERR_TLS_CERTIFICATE = -212,
    /// The server answered the opening handshake with another status than 101.
    WS_ERR_HANDSHAKE_STATUS = -221,
    /// The server's answer to the opening handshake breaks RFC 6455, or is not HTTP, or ended early.
    WS_ERR_HANDSHAKE_INVALID = -222,
    /// The server redirects more often than ws_config_set_max_redirects allows.
    WS_ERR_TOO_MANY_REDIRECTS = -223,

    /// The server broke RFC 6455; the connection was failed with 1002.
    WS_ERR_PROTOCOL = -301,
    /// Text is not UTF-8: that of a message to send, which was not sent, or that of the server, whose connection was failed with
    /// 1007.
    WS_ERR_UTF8 = -302,
    /// The server announced a frame over the limit; the connection was failed with 1009.
    WS_ERR_FRAME_TOO_BIG = -303,
    /// A message grew over the limit; the connection was failed with 1009.
    WS_ERR_MESSAGE_TOO_BIG = -304,
    /// An extension failed.
    WS_ERR_EXTENSION = -305,
    /// The server sent compressed data that cannot be inflated; the connection was failed with 1007.
    WS_ERR_COMPRESSION = -306,

    /// The session has ended with a Close from both sides, or is being closed by this one: the ordinary end.
    WS_ERR_CLOSED = -401,
    /// The connection ended without a Close from the server (1006).
    WS_ERR_CLOSED_ABNORMALLY = -402,
    /// The server did not answer a ping of the library in time; the connection was dropped behind Close 1011.
    WS_ERR_PING_TIMEOUT = -403,
    /// The connection was lost: an error of the operating system.
    WS_ERR_IO = -404,
    /// The session was ended by ws_abort, its last ws_session_free, or ws_shutdown.
    WS_ERR_ABORTED = -405,
    /// Nothing came from the server for the time of ws_config_set_idle_timeout_ms; the connection was dropped behind Close 1001.
    WS_ERR_IDLE_TIMEOUT = -406,

    /// It did not happen in time. The session, if there is one, goes on and nothing is lost.
    WS_ERR_TIMEOUT = -501,
    /// The call was woken by ws_interrupt. The session goes on and nothing is lost.
    WS_ERR_INTERRUPTED = -502,
    /// A queue with WS_QUEUE_CLOSE ran over; the session has ended.
    WS_ERR_OVERFLOW = -503,

    /// A bug of this library, or the system gives no threads or random bytes.
    WS_ERR_INTERNAL = -901,
}

impl From<Kind> for ws_status {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::InvalidArgument => Self::WS_ERR_INVALID_ARGUMENT,
            Kind::State => Self::WS_ERR_STATE,
            Kind::BufferTooSmall => Self::WS_ERR_BUFFER_TOO_SMALL,
            Kind::Forked => Self::WS_ERR_FORKED,
            Kind::NoMemory => Self::WS_ERR_NO_MEMORY,
            Kind::Url => Self::WS_ERR_URL,
            Kind::Resolve => Self::WS_ERR_RESOLVE,
            Kind::Connect => Self::WS_ERR_CONNECT,
            Kind::Proxy => Self::WS_ERR_PROXY,
            Kind::ProxyAuth => Self::WS_ERR_PROXY_AUTH,
            Kind::Tls => Self::WS_ERR_TLS,
            Kind::TlsCertificate => Self::WS_ERR_TLS_CERTIFICATE,
            Kind::HandshakeStatus => Self::WS_ERR_HANDSHAKE_STATUS,
            Kind::HandshakeInvalid => Self::WS_ERR_HANDSHAKE_INVALID,
            Kind::TooManyRedirects => Self::WS_ERR_TOO_MANY_REDIRECTS,
            Kind::Unsupported => Self::WS_ERR_UNSUPPORTED,
            Kind::Protocol => Self::WS_ERR_PROTOCOL,
            Kind::Utf8 => Self::WS_ERR_UTF8,
            Kind::FrameTooBig => Self::WS_ERR_FRAME_TOO_BIG,
            Kind::MessageTooBig => Self::WS_ERR_MESSAGE_TOO_BIG,
            Kind::Extension => Self::WS_ERR_EXTENSION,
            Kind::Compression => Self::WS_ERR_COMPRESSION,
            Kind::Closed => Self::WS_ERR_CLOSED,
            Kind::ClosedAbnormally => Self::WS_ERR_CLOSED_ABNORMALLY,
            Kind::IdleTimeout => Self::WS_ERR_IDLE_TIMEOUT,
            Kind::PingTimeout => Self::WS_ERR_PING_TIMEOUT,
            Kind::Io => Self::WS_ERR_IO,
            Kind::Aborted => Self::WS_ERR_ABORTED,
            Kind::Timeout => Self::WS_ERR_TIMEOUT,
            Kind::Interrupted => Self::WS_ERR_INTERRUPTED,
            Kind::Overflow => Self::WS_ERR_OVERFLOW,
            Kind::Internal => Self::WS_ERR_INTERNAL,
        }
    }
}

/// The number, the name and the description of every status.
const TEXTS: &[(ws_status, &CStr, &CStr)] = &[
    (ws_status::WS_OK, c"WS_OK", c"no error"),
    (ws_status::WS_ERR_INVALID_ARGUMENT, c"WS_ERR_INVALID_ARGUMENT", c"invalid argument"),
    (ws_status::WS_ERR_STATE, c"WS_ERR_STATE", c"not possible in this state"),
    (ws_status::WS_ERR_BUFFER_TOO_SMALL, c"WS_ERR_BUFFER_TOO_SMALL", c"the buffer is too small for the message"),
    (ws_status::WS_ERR_UNSUPPORTED, c"WS_ERR_UNSUPPORTED", c"not supported by this version of the library"),
    (ws_status::WS_ERR_FORKED, c"WS_ERR_FORKED", c"the session belongs to the parent process"),
    (ws_status::WS_ERR_NO_MEMORY, c"WS_ERR_NO_MEMORY", c"out of memory"),
    (ws_status::WS_ERR_URL, c"WS_ERR_URL", c"not a WebSocket URL"),
    (ws_status::WS_ERR_RESOLVE, c"WS_ERR_RESOLVE", c"could not resolve the host"),
    (ws_status::WS_ERR_CONNECT, c"WS_ERR_CONNECT", c"could not connect to the server"),
    (ws_status::WS_ERR_PROXY, c"WS_ERR_PROXY", c"the proxy failed"),
    (ws_status::WS_ERR_PROXY_AUTH, c"WS_ERR_PROXY_AUTH", c"the proxy refused the credentials"),
    (ws_status::WS_ERR_TLS, c"WS_ERR_TLS", c"TLS failed"),
    (ws_status::WS_ERR_TLS_CERTIFICATE, c"WS_ERR_TLS_CERTIFICATE", c"the server's certificate is not acceptable"),
    (ws_status::WS_ERR_HANDSHAKE_STATUS, c"WS_ERR_HANDSHAKE_STATUS", c"the server refused the opening handshake"),
    (ws_status::WS_ERR_HANDSHAKE_INVALID, c"WS_ERR_HANDSHAKE_INVALID", c"the server's opening handshake is invalid"),
    (ws_status::WS_ERR_TOO_MANY_REDIRECTS, c"WS_ERR_TOO_MANY_REDIRECTS", c"too many redirects"),
    (ws_status::WS_ERR_PROTOCOL, c"WS_ERR_PROTOCOL", c"the server broke the WebSocket protocol"),
    (ws_status::WS_ERR_UTF8, c"WS_ERR_UTF8", c"the text is not UTF-8"),
    (ws_status::WS_ERR_FRAME_TOO_BIG, c"WS_ERR_FRAME_TOO_BIG", c"the server sent a frame over the limit"),
    (ws_status::WS_ERR_MESSAGE_TOO_BIG, c"WS_ERR_MESSAGE_TOO_BIG", c"the server sent a message over the limit"),
    (ws_status::WS_ERR_EXTENSION, c"WS_ERR_EXTENSION", c"an extension failed"),
    (ws_status::WS_ERR_COMPRESSION, c"WS_ERR_COMPRESSION", c"the server sent broken compressed data"),
    (ws_status::WS_ERR_CLOSED, c"WS_ERR_CLOSED", c"the session is closed"),
    (ws_status::WS_ERR_CLOSED_ABNORMALLY, c"WS_ERR_CLOSED_ABNORMALLY", c"the connection ended without a Close"),
    (ws_status::WS_ERR_PING_TIMEOUT, c"WS_ERR_PING_TIMEOUT", c"the server did not answer a ping"),
    (ws_status::WS_ERR_IO, c"WS_ERR_IO", c"the connection was lost"),
    (ws_status::WS_ERR_ABORTED, c"WS_ERR_ABORTED", c"the session was aborted"),
    (ws_status::WS_ERR_IDLE_TIMEOUT, c"WS_ERR_IDLE_TIMEOUT", c"the server has sent nothing for the idle timeout"),
    (ws_status::WS_ERR_TIMEOUT, c"WS_ERR_TIMEOUT", c"timed out"),
    (ws_status::WS_ERR_INTERRUPTED, c"WS_ERR_INTERRUPTED", c"interrupted"),
    (ws_status::WS_ERR_OVERFLOW, c"WS_ERR_OVERFLOW", c"a queue ran over"),
    (ws_status::WS_ERR_INTERNAL, c"WS_ERR_INTERNAL", c"internal error"),
];

fn texts(status: i32) -> Option<&'static (ws_status, &'static CStr, &'static CStr)> {
    TEXTS.iter().find(|(known, _, _)| *known as i32 == status)
}

/// The name of a status, like "WS_ERR_TIMEOUT"; "WS_ERR_UNKNOWN" for a number that is none.
///
/// The string is static.
#[unsafe(no_mangle)]
pub extern "C" fn ws_status_name(status: i32) -> *const c_char {
    texts(status).map_or(c"WS_ERR_UNKNOWN", |(_, name, _)| name).as_ptr()
}

/// A few words on a status, for people; "unknown status" for a number that is none. ws_error_message says more.
///
/// The string is static.
#[unsafe(no_mangle)]
pub extern "C" fn ws_strerror(status: i32) -> *const c_char {
    texts(status).map_or(c"unknown status", |(_, _, text)| text).as_ptr()
}
