//! Functions of the application, as C calls them: each with a pointer of the application's own.

const std = @import("std");
const c = @import("c.zig");
const ktorws = @import("ktorws.zig");
const Error = ktorws.Error;
const check = ktorws.check;
const zString = ktorws.zString;

/// The pointer that a function was made with.
fn back(comptime Context: type, user_data: ?*anyopaque) Context {
    return @ptrCast(@alignCast(user_data));
}

/// A request of a server for credentials: ws_auth. It is lent to a function of Auth.callback until that returns.
pub const Auth = struct {
    raw: *c.ws_auth,

    pub const Callback = struct { function: c.ws_auth_callback, context: ?*anyopaque };

    /// For Options.auth. Threads of the library call the function; the context has to stay while sessions are opened.
    pub fn callback(context: anytype, comptime function: fn (@TypeOf(context), Auth) void) Callback {
        const C = struct {
            fn call(auth: ?*c.ws_auth, user_data: ?*anyopaque) callconv(.c) void {
                function(back(@TypeOf(context), user_data), .{ .raw = auth.? });
            }
        };
        return .{ .function = C.call, .context = @ptrCast(context) };
    }

    /// The URL that requires them.
    pub fn url(auth: Auth) [:0]const u8 {
        return ktorws.optionalSpan(c.ws_auth_url(auth.raw)).?;
    }

    /// A WWW-Authenticate header, null behind the last one.
    pub fn challenge(auth: Auth, index: usize) ?[:0]const u8 {
        return ktorws.optionalSpan(c.ws_auth_challenge(auth.raw, index));
    }

    /// The number of this request, from 1. From 2 on the server has refused the answer before.
    pub fn attempt(auth: Auth) u32 {
        return c.ws_auth_attempt(auth.raw);
    }

    pub fn basic(auth: Auth, user: [:0]const u8, password: [:0]const u8) Error!void {
        return check(c.ws_auth_basic(auth.raw, try zString(user), try zString(password)));
    }

    pub fn digest(auth: Auth, user: [:0]const u8, password: [:0]const u8) Error!void {
        return check(c.ws_auth_digest(auth.raw, try zString(user), try zString(password)));
    }

    pub fn bearer(auth: Auth, token: [:0]const u8) Error!void {
        return check(c.ws_auth_bearer(auth.raw, try zString(token)));
    }

    /// Answers with the value of an Authorization header.
    pub fn header(auth: Auth, value: [:0]const u8) Error!void {
        return check(c.ws_auth_header(auth.raw, try zString(value)));
    }
};

/// An attempt to connect: ws_attempt. It is lent to `prepare` of Reconnecting until that returns.
pub const Attempt = struct {
    raw: *c.ws_attempt,

    /// From 1 in each outage.
    pub fn number(attempt: Attempt) u32 {
        return c.ws_attempt_number(attempt.raw);
    }

    /// The error of the attempt before, or for the first one that of the loss.
    pub fn lastError(attempt: Attempt) ktorws.Failure {
        return .{ .raw = @constCast(c.ws_attempt_last_error(attempt.raw)) };
    }

    pub fn setUrl(attempt: Attempt, url: [:0]const u8) Error!void {
        return check(c.ws_attempt_set_url(attempt.raw, try zString(url)));
    }

    /// null removes the fields with this name.
    pub fn setHeader(attempt: Attempt, name: [:0]const u8, value: ?[:0]const u8) Error!void {
        const text = if (value) |given| try zString(given) else null;
        return check(c.ws_attempt_set_header(attempt.raw, try zString(name), text));
    }
};

/// The functions of reconnecting, for Options.Reconnect.functions. The context has to stay as long as ws_reconnect_options says.
pub const Reconnecting = struct {
    decide: c.ws_reconnect_decision = null,
    prepare: c.ws_reconnect_preparation = null,
    context: ?*anyopaque = null,

    /// What a decision is on, and what it is.
    pub const Decision = struct {
        /// How the connection was lost, or how the attempt failed. It is lent until the function returns.
        why: ktorws.Failure,
        /// The number of the next attempt, from 1.
        attempt: u32,
        /// Whether the attempt is made, and when.
        retry: bool,
        delay_ms: i64,
    };

    /// `Functions` declares `decide`, `prepare` or both:
    ///
    ///     fn decide(context: Context, decision: *Reconnecting.Decision) void
    ///     fn prepare(context: Context, attempt: Attempt) void
    pub fn init(context: anytype, comptime Functions: type) Reconnecting {
        const Context = @TypeOf(context);
        const C = struct {
            fn decide(_: ?*c.ws_session, why: ?*const c.ws_error, attempt: u32, suggested: i32, delay_ms: [*c]i64, user_data: ?*anyopaque) callconv(.c) i32 {
                var decision: Decision = .{
                    .why = .{ .raw = @constCast(why) },
                    .attempt = attempt,
                    .retry = suggested != 0,
                    .delay_ms = delay_ms.*,
                };
                Functions.decide(back(Context, user_data), &decision);
                delay_ms.* = decision.delay_ms;
                return @intFromBool(decision.retry);
            }

            fn prepare(_: ?*c.ws_session, attempt: ?*c.ws_attempt, user_data: ?*anyopaque) callconv(.c) void {
                Functions.prepare(back(Context, user_data), .{ .raw = attempt.? });
            }
        };
        return .{
            .decide = if (@hasDecl(Functions, "decide")) C.decide else null,
            .prepare = if (@hasDecl(Functions, "prepare")) C.prepare else null,
            .context = @ptrCast(context),
        };
    }
};

/// The filter of permessage-deflate, for Options.Deflate.filter.
pub const Filter = struct {
    function: @FieldType(c.ws_deflate_options, "filter"),
    context: ?*anyopaque,

    /// The function says whether to compress a message, or its first fragment. The sending thread calls it.
    pub fn init(context: anytype, comptime function: fn (@TypeOf(context), ktorws.FrameType, []const u8) bool) Filter {
        const C = struct {
            fn call(user_data: ?*anyopaque, frame_type: u32, data: ?*const anyopaque, size: usize) callconv(.c) i32 {
                const bytes: [*]const u8 = @ptrCast(data.?);
                const kind: ktorws.FrameType = @fromBackingInt(@intCast(frame_type));
                return @intFromBool(function(back(@TypeOf(context), user_data), kind, bytes[0..size]));
            }
        };
        return .{ .function = C.call, .context = @ptrCast(context) };
    }
};

/// The severity of a log line: ws_log_level.
pub const LogLevel = enum(u32) {
    off = c.WS_LOG_OFF,
    @"error" = c.WS_LOG_ERROR,
    warning = c.WS_LOG_WARNING,
    info = c.WS_LOG_INFO,
    debug = c.WS_LOG_DEBUG,
    _,
};

/// Has a function receive the log of the process up to a level, with the id of the session, 0 for none. Any thread may call
/// it, and it must not call the library. The context has to stay until endLog.
pub fn setLog(level: LogLevel, context: anytype, comptime function: fn (@TypeOf(context), LogLevel, u64, [:0]const u8) void) Error!void {
    const C = struct {
        fn call(line_level: u32, session_id: u64, message: [*c]const u8, user_data: ?*anyopaque) callconv(.c) void {
            const line = ktorws.optionalSpan(message).?;
            function(back(@TypeOf(context), user_data), @fromBackingInt(@intCast(line_level)), session_id, line);
        }
    };
    return check(c.ws_set_log_callback(@backingInt(level), C.call, @ptrCast(context)));
}

/// When it has returned, the function of setLog is not called any more.
pub fn endLog() void {
    check(c.ws_set_log_callback(c.WS_LOG_OFF, null, null)) catch unreachable;
}
