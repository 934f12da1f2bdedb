//! Against the echo server: `echo_server -- tests`. Each function that is there is used, as Zig looks at no other.

const std = @import("std");
const ktorws = @import("ktorws");
const expect = std.testing.expect;
const expectEqual = std.testing.expectEqual;
const expectError = std.testing.expectError;
const expectEqualStrings = std.testing.expectEqualStrings;
const Session = ktorws.Session;

/// A hung library must fail a test, not stall it; no wait that works takes nearly this long.
pub const patience: ktorws.Timeout = .{ .ms = 60_000 };
const now: ktorws.Timeout = .{ .ms = 0 };

test {
    std.testing.refAllDecls(ktorws.Session);
    std.testing.refAllDecls(ktorws.Group);
    std.testing.refAllDecls(ktorws.Cookies);
    std.testing.refAllDecls(ktorws.Failure);
    std.testing.refAllDecls(ktorws.Frame);
    std.testing.refAllDecls(ktorws.SessionInfo);
    std.testing.refAllDecls(ktorws.Attempt);
    std.testing.refAllDecls(ktorws.Auth);
    _ = @import("tests_of_connections.zig");
    _ = @import("tests_of_callbacks.zig");
}

pub fn environment(name: [:0]const u8) [:0]const u8 {
    return ktorws.optionalSpan(std.c.getenv(name)) orelse std.debug.panic("{s} is not set: run under the echo server", .{name});
}

var url_buffer: [256]u8 = undefined;

/// One of the echo server's paths; "" is the echo.
pub fn echoUrl(path: []const u8) [:0]const u8 {
    return std.fmt.bufPrintSentinel(&url_buffer, "{s}{s}", .{ environment("ECHO_WS_URL"), path }, 0) catch unreachable;
}

pub fn connect(path: []const u8) !Session {
    return Session.connect(echoUrl(path), .{});
}

pub fn expectText(session: Session, text: []const u8) !void {
    const frame = try session.recv(patience);
    defer frame.deinit();
    try expectEqual(ktorws.FrameType.text, frame.frameType());
    try expectEqualStrings(text, frame.data());
    try expectEqual(0, frame.data()[frame.data().len]);
    try expectEqual(0, frame.flags());
    try expectEqual(0, frame.closeCode());
}

test "every status of ktorws.h has an error of its own" {
    @setEvalBranchQuota(100_000);
    var seen: [64]anyerror = undefined;
    var count: usize = 0;
    inline for (comptime std.meta.declarations(ktorws.c)) |declaration| {
        const name = if (@TypeOf(declaration) == []const u8 or @TypeOf(declaration) == [:0]const u8) declaration else declaration.name;
        if (comptime std.mem.startsWith(u8, name, "WS_ERR_")) {
            const status = @field(ktorws.c, name);
            const err = if (ktorws.check(status)) |_| unreachable else |err| err;
            if (status != ktorws.c.WS_ERR_INTERNAL) try expect(err != error.Internal);
            for (seen[0..count]) |other| try expect(other != err);
            seen[count] = err;
            count += 1;
        }
    }
    try expectEqual(32, count);
    try ktorws.check(ktorws.c.WS_OK);
}

test "the event descriptor" {
    const session = try connect("");
    defer session.deinit();
    const fd = session.eventFd().?;
    try session.sendText("hello");
    var watched = [_]std.posix.pollfd{.{ .fd = fd, .events = std.posix.POLL.IN, .revents = 0 }};
    const frame = while (true) {
        try expectEqual(1, try std.posix.poll(&watched, -1));
        break session.recv(now) catch |err| switch (err) {
            error.Timeout => continue,
            else => return err,
        };
    };
    defer frame.deinit();
    try expectEqualStrings("hello", frame.data());
    try expectEqual(fd, session.eventFd());
}

test "messages" {
    const session = try connect("");
    defer session.deinit();
    try session.sendText("grüß dich");
    try expectText(session, "grüß dich");
    try session.sendText("");
    try expectText(session, "");
    const bytes = [_]u8{ 0, 255, 1 };
    try session.sendBinary(&bytes);
    const frame = try session.recv(patience);
    defer frame.deinit();
    try expectEqual(ktorws.FrameType.binary, frame.frameType());
    try expectEqualStrings(&bytes, frame.data());

    try session.send(.text, "one ", .{ .more = true });
    try expectError(error.WrongState, session.sendText("another"));
    try session.send(.continuation, "message", .{ .compress = false, .timeout = patience });
    try expectText(session, "one message");

    var accepted: usize = 0;
    try session.sendBatch(&.{ Session.message(.text, "1"), Session.message(.text, "2") }, &accepted, patience);
    try expectEqual(2, accepted);
    var seen: usize = 0;
    while (seen < 2) {
        var frames: [4]ktorws.Frame = undefined;
        for (try session.recvBatch(&frames, patience)) |one| {
            defer one.deinit();
            seen += 1;
            try expectEqual(seen, try std.fmt.parseInt(usize, one.data(), 10));
        }
    }

    try session.sendText("larger");
    var small: [5]u8 = undefined;
    var needed: usize = 0;
    try expectError(error.BufferTooSmall, session.recvInto(&small, &needed, patience));
    try expectEqual(6, needed);
    var enough: [16]u8 = undefined;
    const received = try session.recvInto(&enough, null, patience);
    try expectEqualStrings("larger", received.data);
    try expectEqual(ktorws.FrameType.text, received.frame_type);

    try expectError(error.InvalidUtf8, session.sendText("\xff"));
    try expectError(error.Timeout, session.recv(now));
    try session.interrupt();
    try expectError(error.Interrupted, session.recv(.forever));
    try session.flush(patience);
    try expectEqual(0, session.bufferedAmount());
    try expectEqual(7, (try session.stats()).messages_sent);
}

test "messages until the session is closed" {
    const session = try connect("burst/100");
    defer session.deinit();
    var count: usize = 0;
    while (try session.next()) |frame| : (count += 1) {
        defer frame.deinit();
        try expectEqual(count, try std.fmt.parseInt(usize, frame.data(), 10));
    }
    try expectEqual(100, count);
    try session.waitClosed(patience);
    try expectEqual(Session.State.closed, session.state());

    const dropped = try connect("drop");
    defer dropped.deinit();
    try expectError(error.ClosedAbnormally, dropped.next());
    try expect(dropped.failure().?.message().len > 0);
    try expectEqual(.open, dropped.failure().?.phase());
}

test "how it ends" {
    const session = try connect("close/4001/enough");
    defer session.deinit();
    try session.waitClosed(patience);
    try expectError(error.Closed, session.recv(.forever));
    try expectError(error.Closed, session.sendText("too late"));
    const how = try session.closeInfo();
    try expectEqual(4001, how.remote_code);
    try expectEqualStrings("enough", how.reason);
    try expect(how.clean);
    try expectEqual(.remote, how.initiator);
    try expectEqual(null, session.failure());

    const silent = try connect("silent");
    defer silent.deinit();
    try expectError(error.WrongState, silent.closeInfo());
    try expectError(error.InvalidArgument, silent.close(1005, ""));
    try expectError(error.Timeout, silent.waitClosed(now));
    try silent.abort();
    try expectError(error.Aborted, silent.next());

    const closing = try connect("");
    defer closing.deinit();
    try closing.close(4000, "bye");
    try closing.waitClosed(patience);
    try expectEqual(.local, (try closing.closeInfo()).initiator);
    try expectEqual(4000, (try closing.closeInfo()).local_code);
}

test "a handle and a frame each have their own life" {
    const first = try connect("hello");
    const second = first.ref();
    first.deinit();
    const frame = try second.recv(patience);
    second.deinit();
    defer frame.deinit();
    try expectEqualStrings("hello", frame.data());
}

test "failures of opening" {
    var failure: ktorws.Failure = .{};
    try expectError(error.ConnectFailed, Session.connect("ws://127.0.0.1:1/", .{ .failure = &failure }));
    try expectEqual(.connect, failure.phase());
    try expectEqual(@as(i32, @backingInt(std.posix.E.CONNREFUSED)), failure.osErrno());
    try expect(failure.message().len > 0);
    try expectEqual(null, failure.httpStatus());
    try expectEqual(null, failure.closeCode());
    try expectEqual(null, failure.httpHeader("Server", 0));
    try expectEqual(null, failure.tlsAlert());
    try expectEqualStrings("", failure.httpBody());
    failure.deinit();
    try expectEqualStrings("", failure.message());

    try expectError(error.ConnectFailed, Session.connect("ws://127.0.0.1:1/", .{}));
    try expectError(error.InvalidUrl, Session.connect("ftp://x/", .{}));
    // The rest of the string must not be lost on the way to C.
    try expectError(error.InvalidArgument, Session.connect("ws://127.0.0.1:1/\x00x", .{}));
    try expectError(error.InvalidArgument, Session.connect(echoUrl(""), .{ .settings = .{ .origin = "a\x00b" } }));
    try expectError(error.InvalidArgument, Session.connect(echoUrl(""), .{ .settings = .{ .connect_timeout = now } }));
    try expectError(error.InvalidArgument, Session.connect(echoUrl(""), .{ .deflate = .{ .level = 10 } }));
    try expectError(error.InvalidArgument, Session.connect(echoUrl(""), .{ .reconnect = .{ .first_delay_ms = -1 } }));
    try expectError(error.Unsupported, Session.connect(echoUrl(""), .{ .settings = .{ .tls_alpn = "h2" } }));
    try expectError(error.InvalidUrl, Session.connectAsync("ftp://x/", .{}));

    const session = try Session.connectAsync("ws://127.0.0.1:1/", .{});
    defer session.deinit();
    try expectError(error.ConnectFailed, session.waitOpen(patience, &failure));
    try expectEqual(.connect, failure.phase());
    failure.deinit();
    const open = try Session.connectAsync(echoUrl(""), .{});
    defer open.deinit();
    try open.waitOpen(patience, &failure);
    try expectEqual(.open, open.state());
}

test "TLS" {
    var failure: ktorws.Failure = .{};
    defer failure.deinit();
    const url = environment("ECHO_WSS_URL");
    try expectError(error.TlsCertificateInvalid, Session.connect(url, .{ .failure = &failure }));
    try expectEqual(.tls, failure.phase());
    const session = try Session.connect(url, .{ .settings = .{
        .tls_ca_file = environment("ECHO_CA_FILE"),
        .tls_min_version = .@"1.3",
    } });
    defer session.deinit();
    try session.sendText("secret");
    try expectText(session, "secret");
}

fn setRaw(config: *ktorws.c.ws_config) ktorws.Error!void {
    return ktorws.check(ktorws.c.ws_config_set_header(config, "X-One", "from C"));
}

test "options" {
    const cookies = try ktorws.Cookies.init();
    defer cookies.deinit();
    try cookies.add(echoUrl(""), "a=1");
    var shared: u8 = 0;
    const session = try Session.connect(echoUrl(""), .{
        .headers = &.{ .{ .name = "X-One", .value = "1" }, .{ .name = "X-Two", .value = "2" } },
        .subprotocols = &.{ "chat", "superchat" },
        .incoming_queue = .{ .messages = 10, .bytes = 0, .policy = .drop_oldest },
        .outgoing_queue = .{ .messages = 0, .bytes = 1 << 20 },
        .tcp_keepalive = .{ .idle_s = 60, .interval_s = 10, .count = 3 },
        .resolve = &.{.{ .host = "example.invalid", .address = "127.0.0.1" }},
        .basic_auth = .{ .user = "user", .password = "password" },
        .cookies = cookies,
        .tls_verify = .{ .host = false },
        .deflate = .{ .level = 9 },
        .reconnect = .{ .max_attempts = 1, .keep_unsent = true, .first = true, .max_retry_after_ms = 1000 },
        .configure = setRaw,
        .settings = .{
            .origin = "https://example.com",
            .user_agent = "zig/1",
            .coalescing = false,
            .spin_us = 10,
            .connect_timeout = .forever,
            .idle_timeout = .{ .ms = 3_600_000 },
            .max_frame_size = 1000,
            .max_message_size = 2000,
            .ping_interval = .{ .ms = 3_600_000 },
            .ping_timeout = .forever,
            .validate_utf8 = true,
            .user_data = &shared,
            .ping_liveness = .any,
            .deliver_control = ktorws.c.WS_CONTROL_PONG,
            .proxy_from_env = false,
        },
    });
    defer session.deinit();
    try expectEqualStrings("from C", session.requestHeader("x-one", 0).?);
    try expectEqualStrings("2", session.requestHeader("X-Two", 0).?);
    try expectEqual(null, session.requestHeader("X-Two", 1));
    try expectEqualStrings("https://example.com", session.requestHeader("Origin", 0).?);
    try expectEqualStrings("zig/1", session.requestHeader("User-Agent", 0).?);
    try expectEqualStrings("a=1", session.requestHeader("Cookie", 0).?);
    try expectEqualStrings("Basic dXNlcjpwYXNzd29yZA==", session.requestHeader("Authorization", 0).?);
    try expectEqualStrings("chat", session.subprotocol());
    try expectEqualStrings("chat", session.responseHeader("Sec-WebSocket-Protocol", 0).?);
    try expectEqual(101, session.responseStatus());
    try expectEqualStrings(echoUrl(""), session.requestUrl());
    try expectEqual(null, session.extension("permessage-deflate"));
    try expect(session.id() != 0);
    try expectEqual(1000, session.maxFrameSize());
    try expectEqual(2000, session.maxMessageSize());
    try expectEqual(3_600_000, session.pingIntervalMs());
    try expectEqual(-1, session.pingTimeoutMs());
    try session.setMaxFrameSize(3000);
    try session.setMaxMessageSize(4000);
    try session.setPingTimeout(.{ .ms = 5 });
    try session.setPingInterval(.forever);
    try expectEqual(3000, session.maxFrameSize());
    try expectEqual(0, session.pingIntervalMs());
    try expectError(error.InvalidArgument, session.setMaxFrameSize(0));
    try expect(session.masking());
    try expectError(error.WrongState, session.setMasking(false));
    try expectEqual(@as(?*anyopaque, &shared), session.userData());
    var own: u8 = 0;
    try session.setUserData(&own);
    try expectEqual(@as(?*anyopaque, &own), session.userData());
    try session.sendPing("there?", patience);
    const pong = try session.recv(patience);
    defer pong.deinit();
    try expectEqual(.pong, pong.frameType());
    try expectEqualStrings("there?", pong.data());
    try session.sendPong("", patience);
}

test "cookies" {
    const gpa = std.testing.allocator;
    const cookies = try ktorws.Cookies.init();
    defer cookies.deinit();
    const none = try cookies.header(gpa, "ws://example.com/");
    defer gpa.free(none);
    try expectEqualStrings("", none);
    const long: [1000:0]u8 = comptime @splat('x');
    const cookie = "a=" ++ long;
    try cookies.add("ws://example.com/", cookie);
    const header = try cookies.header(gpa, "ws://example.com/");
    defer gpa.free(header);
    try expectEqualStrings(cookie, header);
    try expectError(error.InvalidUrl, cookies.header(gpa, "ftp://x/"));
    try expectError(error.InvalidArgument, cookies.add("ws://example.com/", ""));
    cookies.clear();
    const cleared = try cookies.header(gpa, "ws://example.com/");
    defer gpa.free(cleared);
    try expectEqualStrings("", cleared);
}

test "groups" {
    const group = try ktorws.Group.init();
    defer group.deinit();
    var sessions: [2]Session = undefined;
    for (&sessions) |*session| session.* = try Session.connect(echoUrl("burst/2"), .{ .group = group });
    defer for (sessions) |session| session.deinit();
    try expectEqual(2, group.size());
    var messages: usize = 0;
    var ends: usize = 0;
    while (ends < 2) switch (try group.recv(patience)) {
        .message => |event| {
            event.frame.deinit();
            try expect(event.session.raw == sessions[0].raw or event.session.raw == sessions[1].raw);
            messages += 1;
        },
        .end => |event| {
            try expectEqual(error.Closed, event.how);
            ends += 1;
        },
    };
    try expectEqual(4, messages);
    try expectEqual(0, group.size());
    try expectError(error.Timeout, group.recv(now));
    try group.interrupt();
    try expectError(error.Interrupted, group.recv(.forever));
    try group.close(1000, "", patience);
    try expect(group.eventFd() != null);
    try expectEqual(group.eventFd(), group.eventFd());
}
