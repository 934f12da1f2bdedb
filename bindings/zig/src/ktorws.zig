//! WebSocket sessions, by libktorws. The manual is ktorws.h, which `c` is as it stands: a function here does what the one of its
//! name does there, and comments say what is different.
//!
//! Strings that C reads are `[:0]const u8`, and one with a zero inside is error.InvalidArgument. Payloads are slices.

const std = @import("std");

/// ktorws.h, for what is not here.
pub const c = @import("c.zig");

pub const Attempt = @import("callbacks.zig").Attempt;
pub const Auth = @import("callbacks.zig").Auth;
pub const Cookies = @import("cookies.zig").Cookies;
pub const Failure = @import("failure.zig").Failure;
pub const Filter = @import("callbacks.zig").Filter;
pub const Frame = @import("frame.zig").Frame;
pub const FrameType = @import("frame.zig").FrameType;
pub const Group = @import("group.zig").Group;
pub const Header = @import("header.zig").Header;
pub const LogLevel = @import("callbacks.zig").LogLevel;
pub const Options = @import("options.zig").Options;
pub const Reconnecting = @import("callbacks.zig").Reconnecting;
pub const Session = @import("session.zig").Session;
pub const SessionInfo = @import("session_info.zig").SessionInfo;

pub const setLog = @import("callbacks.zig").setLog;
pub const endLog = @import("callbacks.zig").endLog;

/// ws_status. error.OutOfMemory is WS_ERR_NO_MEMORY.
pub const Error = error{
    InvalidArgument,
    WrongState,
    BufferTooSmall,
    Unsupported,
    Forked,
    OutOfMemory,
    InvalidUrl,
    ResolveFailed,
    ConnectFailed,
    ProxyFailed,
    ProxyAuthRequired,
    TlsFailed,
    TlsCertificateInvalid,
    HandshakeRefused,
    HandshakeInvalid,
    TooManyRedirects,
    ProtocolViolated,
    InvalidUtf8,
    FrameTooBig,
    MessageTooBig,
    ExtensionFailed,
    CompressionInvalid,
    Closed,
    ClosedAbnormally,
    PingTimeout,
    IdleTimeout,
    IoFailed,
    Aborted,
    Timeout,
    Interrupted,
    QueueOverflow,
    Internal,
};

/// The error of a status; none for WS_OK.
pub fn check(status: c.ws_status) Error!void {
    return switch (status) {
        c.WS_OK => {},
        c.WS_ERR_INVALID_ARGUMENT => error.InvalidArgument,
        c.WS_ERR_STATE => error.WrongState,
        c.WS_ERR_BUFFER_TOO_SMALL => error.BufferTooSmall,
        c.WS_ERR_UNSUPPORTED => error.Unsupported,
        c.WS_ERR_FORKED => error.Forked,
        c.WS_ERR_NO_MEMORY => error.OutOfMemory,
        c.WS_ERR_URL => error.InvalidUrl,
        c.WS_ERR_RESOLVE => error.ResolveFailed,
        c.WS_ERR_CONNECT => error.ConnectFailed,
        c.WS_ERR_PROXY => error.ProxyFailed,
        c.WS_ERR_PROXY_AUTH => error.ProxyAuthRequired,
        c.WS_ERR_TLS => error.TlsFailed,
        c.WS_ERR_TLS_CERTIFICATE => error.TlsCertificateInvalid,
        c.WS_ERR_HANDSHAKE_STATUS => error.HandshakeRefused,
        c.WS_ERR_HANDSHAKE_INVALID => error.HandshakeInvalid,
        c.WS_ERR_TOO_MANY_REDIRECTS => error.TooManyRedirects,
        c.WS_ERR_PROTOCOL => error.ProtocolViolated,
        c.WS_ERR_UTF8 => error.InvalidUtf8,
        c.WS_ERR_FRAME_TOO_BIG => error.FrameTooBig,
        c.WS_ERR_MESSAGE_TOO_BIG => error.MessageTooBig,
        c.WS_ERR_EXTENSION => error.ExtensionFailed,
        c.WS_ERR_COMPRESSION => error.CompressionInvalid,
        c.WS_ERR_CLOSED => error.Closed,
        c.WS_ERR_CLOSED_ABNORMALLY => error.ClosedAbnormally,
        c.WS_ERR_PING_TIMEOUT => error.PingTimeout,
        c.WS_ERR_IDLE_TIMEOUT => error.IdleTimeout,
        c.WS_ERR_IO => error.IoFailed,
        c.WS_ERR_ABORTED => error.Aborted,
        c.WS_ERR_TIMEOUT => error.Timeout,
        c.WS_ERR_INTERRUPTED => error.Interrupted,
        c.WS_ERR_OVERFLOW => error.QueueOverflow,
        // A status of a later version is a bug of this table.
        else => error.Internal,
    };
}

/// How long something may take.
pub const Timeout = union(enum) {
    ms: u63,
    forever,

    /// As ktorws.h has it.
    pub fn toMs(timeout: Timeout) i64 {
        return switch (timeout) {
            .ms => |ms| ms,
            .forever => -1,
        };
    }
};

/// What C can read all of.
pub fn zString(text: [:0]const u8) Error![*:0]const u8 {
    if (std.mem.findScalar(u8, text, 0) != null) return error.InvalidArgument;
    return text.ptr;
}

/// A string of C's that may be NULL.
pub fn optionalSpan(text: [*c]const u8) ?[:0]const u8 {
    return if (text == null) null else std.mem.span(@as([*:0]const u8, @ptrCast(text)));
}

/// Ends all sessions and threads of the library. There is no need to call it.
pub fn shutdown(timeout: Timeout) Error!void {
    return check(c.ws_shutdown(timeout.toMs()));
}

/// Whether this build of the library has a feature: "deflate", "proxy", "reconnect", "tls".
pub fn hasFeature(name: [:0]const u8) bool {
    return c.ws_has_feature(zString(name) catch return false) != 0;
}

/// Sets the number of worker threads, before the first session is opened.
pub fn setWorkerThreads(count: u32) Error!void {
    return check(c.ws_set_worker_threads(count));
}

/// The library's version at run time, as a number: WS_VERSION_NUMBER.
pub fn versionNumber() u32 {
    return c.ws_version_number();
}

/// The library's version at run time.
pub fn version() [:0]const u8 {
    return std.mem.span(@as([*:0]const u8, @ptrCast(c.ws_version_string())));
}
