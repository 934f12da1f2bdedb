//! What a session says of its connection, and how it loses and ends it.

const std = @import("std");
const ktorws = @import("ktorws");
const tests = @import("tests.zig");
const expect = std.testing.expect;
const expectEqual = std.testing.expectEqual;
const expectError = std.testing.expectError;
const expectEqualStrings = std.testing.expectEqualStrings;
const patience = tests.patience;
const Session = ktorws.Session;

test "the connection of ws" {
    const session = try tests.connect("");
    defer session.deinit();
    const info = try session.info();
    try expect(std.mem.startsWith(u8, info.localAddress(), "127.0.0.1:"));
    try expect(std.mem.startsWith(u8, session.requestUrl()["ws://".len..], info.peerAddress()));
    try expect(info.peerAddress().len > "127.0.0.1:".len);
    try expectEqual(null, info.tlsVersion());
    try expect(!info.tlsResumed());
    for ([_][]const u8{ info.proxy(), info.tlsCipherSuite(), info.tlsKeyExchangeGroup(), info.alpn() }) |text|
        try expectEqualStrings("", text);
    try expectEqual(null, session.peerCertificate(0));
    try expectError(error.WrongState, session.deflateInfo());
}

test "the connection of wss" {
    const options: ktorws.Options = .{ .settings = .{ .tls_ca_file = tests.environment("ECHO_CA_FILE") } };
    const config = try options.toConfig();
    defer ktorws.c.ws_config_free(config);
    for ([_]bool{ false, true }) |is_resumed| {
        const session = try Session.connectConfigured(tests.environment("ECHO_WSS_URL"), config, null);
        defer session.deinit();
        const info = try session.info();
        try expectEqual(.@"1.3", info.tlsVersion());
        try expectEqual(is_resumed, info.tlsResumed());
        try expect(info.tlsCipherSuite().len > 0);
        try expect(info.tlsKeyExchangeGroup().len > 0);
        // An ASN.1 sequence.
        try expectEqual(0x30, session.peerCertificate(0).?[0]);
        try expectEqual(null, session.peerCertificate(99));
        // The tickets for the next connection come with the first message.
        try session.sendText("secret");
        try tests.expectText(session, "secret");
    }
}

test "the fields of the handshake, one by one" {
    const session = try tests.connect("");
    defer session.deinit();
    var has_host = false;
    var index: usize = 0;
    while (session.requestHeaderAt(index)) |header| : (index += 1)
        has_host = has_host or (std.mem.eql(u8, header.name, "Host") and header.value.len > 0);
    try expect(has_host);
    index = 0;
    while (session.responseHeaderAt(index)) |header| : (index += 1)
        try expectEqualStrings(session.responseHeader(header.name, 0).?, header.value);
    try expect(index >= 3);
    const failure: ktorws.Failure = .{};
    try expectEqual(null, failure.httpHeaderAt(0));
}

test "a message in slices" {
    const session = try tests.connect("");
    defer session.deinit();
    try session.sendv(.text, &.{ Session.slice("one "), Session.slice(""), Session.slice("message") }, .{});
    try tests.expectText(session, "one message");
}

test "the end in one call" {
    const session = try tests.connect("");
    try session.end(patience);
}

test "events among the messages" {
    const c = ktorws.c;
    const session = try Session.connect(tests.echoUrl("drop"), .{
        .reconnect = .{ .first_delay_ms = 1, .max_delay_ms = 1 },
        .settings = .{ .deliver_events = c.WS_EVENT_OPENED | c.WS_EVENT_LOST | c.WS_EVENT_RESUMED },
    });
    defer session.deinit();
    for ([_]ktorws.FrameType{ .opened, .lost, .resumed }) |expected| {
        const frame = try session.recv(patience);
        defer frame.deinit();
        try expectEqual(expected, frame.frameType());
        try expectEqual(@as(u32, if (expected == .lost) c.WS_CLOSE_ABNORMAL else 0), frame.closeCode());
        try expectEqual(expected == .lost, frame.data().len > 0);
    }
}

test "the idle timeout" {
    const session = try Session.connect(tests.echoUrl("silent"), .{ .settings = .{ .idle_timeout = .{ .ms = 20 } } });
    defer session.deinit();
    try expect(!session.isClosedForReceive());
    try expectError(error.IdleTimeout, session.recv(patience));
    try expect(session.isClosedForReceive());
}
