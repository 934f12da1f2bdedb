//! Functions of the application that the library calls, and raw sessions.

const std = @import("std");
const ktorws = @import("ktorws");
const tests = @import("tests.zig");
const expect = std.testing.expect;
const expectEqual = std.testing.expectEqual;
const expectError = std.testing.expectError;
const expectEqualStrings = std.testing.expectEqualStrings;
const patience = tests.patience;
const Session = ktorws.Session;

/// Nobody listens there.
const closed_port = "ws://127.0.0.1:1/";

const Attempts = struct {
    url: [:0]const u8,
    prepared: u32 = 0,
    decided: u32 = 0,
    failed: ?ktorws.Error = null,
    code: ?u32 = null,

    pub fn decide(attempts: *Attempts, decision: *ktorws.Reconnecting.Decision) void {
        attempts.decided = decision.attempt;
        attempts.code = decision.why.closeCode();
        decision.retry = true;
        decision.delay_ms = 1;
    }

    pub fn prepare(attempts: *Attempts, attempt: ktorws.Attempt) void {
        attempts.prepared = attempt.number();
        attempts.failed = attempt.lastError().status();
        if (attempt.number() < 2) return;
        attempt.setUrl(attempts.url) catch unreachable;
        attempt.setHeader("X-Attempt", "2") catch unreachable;
        attempt.setHeader("User-Agent", null) catch unreachable;
    }
};

test "the first opening, tried again and prepared" {
    var attempts: Attempts = .{ .url = tests.echoUrl("") };
    const session = try Session.connect(closed_port, .{
        .reconnect = .{ .first = true, .functions = .init(&attempts, Attempts) },
    });
    defer session.deinit();
    try expectEqual(2, attempts.decided);
    try expectEqual(2, attempts.prepared);
    try expectEqual(error.ConnectFailed, attempts.failed.?);
    try expectEqualStrings("2", session.requestHeader("X-Attempt", 0).?);
    try expectEqual(null, session.requestHeader("User-Agent", 0));
    try session.sendText("there");
    try tests.expectText(session, "there");
}

const GivesUp = struct {
    pub fn decide(code: *?u32, decision: *ktorws.Reconnecting.Decision) void {
        code.* = decision.why.closeCode();
        decision.retry = false;
    }
};

test "a decision against another attempt" {
    var code: ?u32 = null;
    const functions: ktorws.Reconnecting = .init(&code, GivesUp);
    try expectEqual(null, functions.prepare);
    const session = try Session.connect(tests.echoUrl("close/1012/restart"), .{ .reconnect = .{ .functions = functions } });
    defer session.deinit();
    try expectError(error.Closed, session.recv(patience));
    try expectEqual(1012, code.?);
}

test "a raw session becomes a default one" {
    const session = try Session.connect(tests.echoUrl(""), .{ .settings = .{ .raw = true } });
    defer session.deinit();
    try session.send(.ping, "raw", .{});
    const pong = try session.recv(patience);
    defer pong.deinit();
    try expectEqual(.pong, pong.frameType());
    try session.startDefault(.{ .ms = 1 }, .forever);
    try expectEqual(1, session.pingIntervalMs());
    try expectEqual(-1, session.pingTimeoutMs());
    // Pongs are not delivered any more.
    while ((try session.stats()).pongs_received < 3) try expectError(error.Timeout, session.recv(.{ .ms = 1 }));
    try session.sendText("whole");
    try tests.expectText(session, "whole");
    try expectError(error.WrongState, session.startDefault(.forever, .forever));
}

const Received = struct {
    messages: std.atomic.Value(u32) = .init(0),
    is_over: std.atomic.Value(bool) = .init(false),

    fn take(received: *Received, _: Session, frame: ?ktorws.Frame) void {
        if (frame) |message| {
            if (message.data().len > 0) _ = received.messages.fetchAdd(1, .monotonic);
        } else received.is_over.store(true, .release);
    }
};

test "messages that go to a function" {
    var received: Received = .{};
    const session = try tests.connect("burst/100");
    defer session.deinit();
    try session.recvCallback(&received, Received.take);
    try session.waitClosed(patience);
    while (!received.is_over.load(.acquire)) std.Thread.yield() catch {};
    try expectEqual(100, received.messages.load(.monotonic));
    try expectError(error.WrongState, session.recv(patience));
}

const Lines = struct {
    count: std.atomic.Value(u32) = .init(0),
    session: std.atomic.Value(u64) = .init(0),

    fn take(lines: *Lines, level: ktorws.LogLevel, session: u64, line: [:0]const u8) void {
        if (level == .info and line.len > 0) _ = lines.count.fetchAdd(1, .monotonic);
        lines.session.store(session, .monotonic);
    }
};

test "the log" {
    var lines: Lines = .{};
    try ktorws.setLog(.info, &lines, Lines.take);
    const session = try tests.connect("");
    ktorws.endLog();
    defer session.deinit();
    try expect(lines.count.load(.monotonic) > 0);
    try expectEqual(session.id(), lines.session.load(.monotonic));
}

test "the library" {
    try expect(ktorws.hasFeature("tls"));
    try expect(!ktorws.hasFeature("nonsense"));
    try expectEqual(ktorws.c.ws_version_number(), ktorws.versionNumber());
    const session = try tests.connect("");
    defer session.deinit();
    try expectError(error.WrongState, ktorws.setWorkerThreads(4));
    try expectEqual(0, session.extensionCount());
    try expectEqual(null, session.extensionAt(0));
}

/// A server that answers the first handshakes, each on a connection of its own, and then ends. It is for one test.
const Refusing = struct {
    listener: c_int,
    answers: []const []const u8,
    requests: [4][4096]u8 = undefined,
    sizes: [4]usize = @splat(0),
    thread: std.Thread = undefined,
    url: [64]u8 = undefined,

    fn start(server: *Refusing) ![:0]const u8 {
        const libc = std.c;
        server.listener = libc.socket(libc.AF.INET, libc.SOCK.STREAM, 0);
        var address: libc.sockaddr.in = .{ .port = 0, .addr = @bitCast([4]u8{ 127, 0, 0, 1 }) };
        var size: libc.socklen_t = @sizeOf(libc.sockaddr.in);
        try expectEqual(0, libc.bind(server.listener, @ptrCast(&address), size));
        try expectEqual(0, libc.listen(server.listener, 4));
        try expectEqual(0, libc.getsockname(server.listener, @ptrCast(&address), &size));
        server.thread = try std.Thread.spawn(.{}, serve, .{server});
        return std.fmt.bufPrintSentinel(&server.url, "ws://127.0.0.1:{d}/", .{std.mem.bigToNative(u16, address.port)}, 0);
    }

    fn serve(server: *Refusing) void {
        for (server.answers, 0..) |answer, index| {
            const peer = std.c.accept(server.listener, null, null);
            const request = &server.requests[index];
            var size: usize = 0;
            while (std.mem.find(u8, request[0..size], "\r\n\r\n") == null) {
                const count = std.c.read(peer, request[size..].ptr, request.len - size);
                if (count <= 0) break;
                size += @intCast(count);
            }
            server.sizes[index] = size;
            _ = std.c.write(peer, answer.ptr, answer.len);
            _ = std.c.close(peer);
        }
    }

    fn end(server: *Refusing) void {
        server.thread.join();
        _ = std.c.close(server.listener);
    }

    fn got(server: *Refusing, index: usize, text: []const u8) bool {
        return std.mem.find(u8, server.requests[index][0..server.sizes[index]], text) != null;
    }
};

const challenge = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\n\r\n";

fn authenticate(asked: *u32, auth: ktorws.Auth) void {
    asked.* = auth.attempt();
    expectEqualStrings("Basic realm=\"r\"", auth.challenge(0).?) catch unreachable;
    expectEqual(null, auth.challenge(1)) catch unreachable;
    expect(std.mem.startsWith(u8, auth.url(), "ws://127.0.0.1:")) catch unreachable;
    switch (auth.attempt()) {
        1 => auth.basic("Aladdin", "open sesame") catch unreachable,
        2 => auth.bearer("t0ken") catch unreachable,
        3 => auth.header("Custom x") catch unreachable,
        else => expectError(error.WrongState, auth.digest("user", "password")) catch unreachable,
    }
}

test "credentials that a server requires" {
    var server: Refusing = .{ .listener = -1, .answers = &.{ challenge, challenge, challenge, challenge } };
    const url = try server.start();
    defer server.end();
    var asked: u32 = 0;
    try expectError(error.HandshakeRefused, Session.connect(url, .{ .auth = ktorws.Auth.callback(&asked, authenticate) }));
    try expectEqual(4, asked);
    try expect(!server.got(0, "Authorization"));
    try expect(server.got(1, "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    try expect(server.got(2, "Authorization: Bearer t0ken"));
    try expect(server.got(3, "Authorization: Custom x"));
}

fn compresses(_: *u32, _: ktorws.FrameType, data: []const u8) bool {
    return data.len > 100;
}

test "offers of compression" {
    const refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    var server: Refusing = .{ .listener = -1, .answers = &.{ refusal, refusal } };
    const url = try server.start();
    defer server.end();
    var unused: u32 = 0;
    for ([_]ktorws.Options.Deflate{
        .{ .omit_client_max_window_bits = true, .filter = .init(&unused, compresses) },
        .{ .client_max_window_bits = 10, .offer_fallback = true },
    }) |deflate| try expectError(error.HandshakeRefused, Session.connect(url, .{ .deflate = deflate }));
    try expect(server.got(0, "Sec-WebSocket-Extensions: permessage-deflate\r\n"));
    try expect(server.got(1, "permessage-deflate; client_max_window_bits=10, permessage-deflate\r\n"));
    // As C calls it.
    const filter: ktorws.Filter = .init(&unused, compresses);
    const long: [101]u8 = @splat('x');
    try expectEqual(1, filter.function.?(filter.context, ktorws.c.WS_FRAME_TEXT, &long, 101));
    try expectEqual(0, filter.function.?(filter.context, ktorws.c.WS_FRAME_TEXT, &long, 100));
}

test "a client certificate of a text" {
    const wrong: ktorws.Options.ClientCertificatePem = .{ .certificate = "no certificate", .key = "no key" };
    try expectError(error.InvalidArgument, Session.connect(closed_port, .{ .tls_client_cert_pem = wrong }));
}
