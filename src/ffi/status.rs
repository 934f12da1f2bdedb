//! Statuses.

use std::ffi::{CStr, c_char};

use crate::error::Kind;

/// The result of a function: WS_OK, or a negative number that says what went wrong. A number never
/// changes its meaning and is never reused. ws_status_name returns the name of a number.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ws_status {
    /// Success.
    WS_OK = 0,

    /// An argument is NULL, out of range, not UTF-8, or contradicts another argument.
    WS_ERR_INVALID_ARGUMENT = -101,
    /// The object is in the wrong state for this call.
    WS_ERR_STATE = -102,
    /// The buffer is too small. The required size was written, and the message can be received
    /// again.
    WS_ERR_BUFFER_TOO_SMALL = -103,
    /// This version of the library does not support it.
    WS_ERR_UNSUPPORTED = -104,
    /// The object belongs to the parent process (fork).
    WS_ERR_FORKED = -105,
    /// There is not enough memory.
    WS_ERR_NO_MEMORY = -106,

    /// The URL is not a valid WebSocket URL.
    WS_ERR_URL = -201,
    /// The host name could not be resolved.
    WS_ERR_RESOLVE = -202,
    /// No address of the host accepted the TCP connection.
    WS_ERR_CONNECT = -203,
    /// The proxy could not be reached, failed, or refused the tunnel.
    WS_ERR_PROXY = -204,
    /// The proxy requires other credentials (HTTP status 407).
    WS_ERR_PROXY_AUTH = -205,
    /// The TLS handshake failed, or the TLS connection broke.
    WS_ERR_TLS = -211,
    /// The server's certificate was rejected.
    WS_ERR_TLS_CERTIFICATE = -212,
    /// The server answered the opening handshake with a status other than 101.
    WS_ERR_HANDSHAKE_STATUS = -221,
    /// The server's answer to the opening handshake violates RFC 6455, is not HTTP, or is
    /// incomplete.
    WS_ERR_HANDSHAKE_INVALID = -222,
    /// The server redirects more often than ws_config_set_max_redirects allows.
    WS_ERR_TOO_MANY_REDIRECTS = -223,

    /// The server violated RFC 6455. The connection was failed with Close 1002.
    WS_ERR_PROTOCOL = -301,
    /// A text is not valid UTF-8. A text of the caller was not sent. For a text of the server, the
    /// connection was failed with Close 1007.
    WS_ERR_UTF8 = -302,
    /// The server sent a frame that exceeds the frame limit. The connection was failed with Close
    /// 1009.
    WS_ERR_FRAME_TOO_BIG = -303,
    /// The server sent a message that exceeds the message limit. The connection was failed with
    /// Close 1009.
    WS_ERR_MESSAGE_TOO_BIG = -304,
    /// An extension failed.
    WS_ERR_EXTENSION = -305,
    /// The server sent invalid compressed data. The connection was failed with Close 1007.
    WS_ERR_COMPRESSION = -306,

    /// The session was closed by a Close from both sides, or this side is closing it. This is the
    /// normal end.
    WS_ERR_CLOSED = -401,
    /// The connection ended without a Close from the server (1006).
    WS_ERR_CLOSED_ABNORMALLY = -402,
    /// The server did not answer a ping of the library in time. The library sent Close 1011 and
    /// dropped the connection.
    WS_ERR_PING_TIMEOUT = -403,
    /// The connection was lost: an error of the operating system.
    WS_ERR_IO = -404,
    /// The session was ended by ws_abort, by its last ws_session_free, or by ws_shutdown.
    WS_ERR_ABORTED = -405,
    /// Nothing was received for the idle timeout. The library sent Close 1001 and dropped the
    /// connection.
    WS_ERR_IDLE_TIMEOUT = -406,

    /// The time limit expired. The session, if there is one, continues, and nothing is lost.
    WS_ERR_TIMEOUT = -501,
    /// The call was interrupted by ws_interrupt. The session continues, and nothing is lost.
    WS_ERR_INTERRUPTED = -502,
    /// A queue with the policy WS_QUEUE_CLOSE was full. The session has ended.
    WS_ERR_OVERFLOW = -503,

    /// A bug in this library, or the system provides no threads or random bytes.
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

/// Returns the name of a status, for example "WS_ERR_TIMEOUT". Returns "WS_ERR_UNKNOWN" for an
/// unknown number. The string is static.
#[unsafe(no_mangle)]
pub extern "C" fn ws_status_name(status: i32) -> *const c_char {
    texts(status).map_or(c"WS_ERR_UNKNOWN", |(_, name, _)| name).as_ptr()
}

/// Returns a short description of a status. Returns "unknown status" for an unknown number. The
/// string is static. ws_error_message describes a failure in detail.
#[unsafe(no_mangle)]
pub extern "C" fn ws_strerror(status: i32) -> *const c_char {
    texts(status).map_or(c"unknown status", |(_, _, text)| text).as_ptr()
}
