//! Sends one text message to an echo server and prints what comes back.
//!
//!     echo URL [CA_FILE [MESSAGE]]
//!
//! An empty CA_FILE means the system's trust store.

const std = @import("std");
const ktorws = @import("ktorws");

pub fn main(init: std.process.Init) !u8 {
    const arguments = try init.minimal.args.toSlice(init.arena.allocator());
    if (arguments.len < 2 or arguments.len > 4) {
        std.debug.print("usage: echo URL [CA_FILE [MESSAGE]]\n", .{});
        return 2;
    }
    const ca_file = if (arguments.len > 2 and arguments[2].len > 0) arguments[2] else null;
    const message = if (arguments.len > 3) arguments[3] else "hello";

    var failure: ktorws.Failure = .{};
    defer failure.deinit();
    const session = ktorws.Session.connect(arguments[1], .{
        .settings = .{ .tls_ca_file = ca_file },
        .failure = &failure,
    }) catch |err| {
        std.debug.print("echo: {t}: {s}\n", .{ err, failure.message() });
        return 1;
    };
    defer session.deinit();

    var buffer: [256]u8 = undefined;
    var writer = std.Io.File.stdout().writerStreaming(init.io, &buffer);
    const out = &writer.interface;

    try session.sendText(message);
    try out.print("sent: {s}\n", .{message});
    const frame = try session.recv(.{ .ms = 5000 });
    defer frame.deinit();
    try out.print("received: {s}\n", .{frame.data()});

    try session.close(1000, "bye");
    try session.waitClosed(.forever);
    const how = try session.closeInfo();
    try out.print("closed: {d} {s} ({s})\n", .{ how.remote_code, how.reason, if (how.clean) "clean" else "not clean" });
    try out.flush();
    return 0;
}
