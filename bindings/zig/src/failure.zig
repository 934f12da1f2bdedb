const std = @import("std");
const c = @import("c.zig");
const ktorws = @import("ktorws.zig");

pub const Phase = enum(i32) {
    none = c.WS_PHASE_NONE,
    resolve = c.WS_PHASE_RESOLVE,
    connect = c.WS_PHASE_CONNECT,
    proxy = c.WS_PHASE_PROXY,
    tls = c.WS_PHASE_TLS,
    handshake = c.WS_PHASE_HANDSHAKE,
    open = c.WS_PHASE_OPEN,
    _,
};

/// Everything known about a failure. Options.failure takes that of opening a session, to be freed with deinit; one of
/// Session.failure is the session's. Empty, it tells nothing.
pub const Failure = struct {
    raw: ?*c.ws_error = null,

    pub fn deinit(failure: *Failure) void {
        c.ws_error_free(failure.raw);
        failure.raw = null;
    }

    /// error.Closed if the server closed the session; null where the failure is empty.
    pub fn status(failure: Failure) ?ktorws.Error {
        ktorws.check(c.ws_error_status(failure.raw)) catch |err| return err;
        return null;
    }

    /// One sentence.
    pub fn message(failure: Failure) [:0]const u8 {
        return ktorws.optionalSpan(c.ws_error_message(failure.raw)).?;
    }

    pub fn phase(failure: Failure) Phase {
        return @fromBackingInt(@intCast(c.ws_error_phase(failure.raw)));
    }

    /// 0 where there is none.
    pub fn osErrno(failure: Failure) i32 {
        return c.ws_error_os_errno(failure.raw);
    }

    pub fn tlsAlert(failure: Failure) ?u8 {
        if (failure.raw == null) return null;
        return std.math.cast(u8, c.ws_error_tls_alert(failure.raw));
    }

    /// The code of the server's Close, in a decision on reconnecting; null where it was no Close.
    pub fn closeCode(failure: Failure) ?u32 {
        const code = c.ws_error_close_code(failure.raw);
        return if (code == 0) null else code;
    }

    /// null where the server did not refuse the handshake.
    pub fn httpStatus(failure: Failure) ?u32 {
        const code = c.ws_error_http_status(failure.raw);
        return if (code == 0) null else code;
    }

    pub fn httpHeader(failure: Failure, name: [:0]const u8, index: usize) ?[:0]const u8 {
        const text = ktorws.zString(name) catch return null;
        return ktorws.optionalSpan(c.ws_error_http_header(failure.raw, text, index));
    }

    pub fn httpHeaderAt(failure: Failure, index: usize) ?ktorws.Header {
        return ktorws.Header.at(c.ws_error_http_header_at, failure.raw, index);
    }

    pub fn httpBody(failure: Failure) []const u8 {
        var size: usize = 0;
        const body = c.ws_error_http_body(failure.raw, &size);
        return if (body == null) "" else body[0..size];
    }
};
