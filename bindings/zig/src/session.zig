const std = @import("std");
const c = @import("c.zig");
const ktorws = @import("ktorws.zig");
const Error = ktorws.Error;
const Frame = ktorws.Frame;
const Header = ktorws.Header;
const Timeout = ktorws.Timeout;
const check = ktorws.check;

/// A WebSocket session: ws_session. It is a handle, to be copied at will and freed once with deinit; any thread may call any
/// function on it at any time.
pub const Session = struct {
    raw: *c.ws_session,

    /// Opens a session. What is known about a failure goes to options.failure.
    pub fn connect(url: [:0]const u8, options: ktorws.Options) Error!Session {
        const config = try options.toConfig();
        defer c.ws_config_free(config);
        return connectConfigured(url, config, options.failure);
    }

    /// Opens a session with a configuration of Options.toConfig: sessions of one share their TLS state.
    pub fn connectConfigured(url: [:0]const u8, config: *const c.ws_config, told: ?*ktorws.Failure) Error!Session {
        var session: ?*c.ws_session = null;
        var written: ?*c.ws_error = null;
        const status = c.ws_connect(try ktorws.zString(url), config, &session, if (told == null) null else &written);
        if (told) |failed| failed.raw = written;
        try check(status);
        return .{ .raw = session.? };
    }

    /// Opens a session without waiting; waitOpen does.
    pub fn connectAsync(url: [:0]const u8, options: ktorws.Options) Error!Session {
        const config = try options.toConfig();
        defer c.ws_config_free(config);
        var session: ?*c.ws_session = null;
        try check(c.ws_connect_async(try ktorws.zString(url), config, &session));
        return .{ .raw = session.? };
    }

    pub fn waitOpen(session: Session, timeout: Timeout, told: ?*ktorws.Failure) Error!void {
        var written: ?*c.ws_error = null;
        const status = c.ws_wait_open(session.raw, timeout.toMs(), if (told == null) null else &written);
        if (told) |failed| failed.raw = written;
        return check(status);
    }

    /// Frees the handle. With the last one a session that is still open is aborted: close and waitClosed end it cleanly.
    pub fn deinit(session: Session) void {
        c.ws_session_free(session.raw);
    }

    /// Another handle for another owner, to be freed too.
    pub fn ref(session: Session) Session {
        return .{ .raw = c.ws_session_ref(session.raw).? };
    }

    pub fn sendText(session: Session, text: []const u8) Error!void {
        return check(c.ws_send_text(session.raw, text.ptr, text.len));
    }

    pub fn sendBinary(session: Session, data: []const u8) Error!void {
        return check(c.ws_send_binary(session.raw, data.ptr, data.len));
    }

    pub const SendOptions = struct {
        /// This is a fragment of a message; fragments of type continuation follow.
        more: bool = false,
        compress: bool = true,
        /// More messages follow at once.
        cork: bool = false,
        /// How long to wait for room in the queue.
        timeout: Timeout = .forever,

        fn flags(options: SendOptions) u32 {
            var sum: u32 = 0;
            if (options.more) sum |= c.WS_SEND_MORE;
            if (!options.compress) sum |= c.WS_SEND_NO_COMPRESS;
            if (options.cork) sum |= c.WS_SEND_CORK;
            return sum;
        }
    };

    pub fn send(session: Session, frame_type: ktorws.FrameType, data: []const u8, options: SendOptions) Error!void {
        const number = @backingInt(frame_type);
        return check(c.ws_send(session.raw, number, data.ptr, data.len, options.flags(), options.timeout.toMs()));
    }

    /// Sends messages as one call. `accepted` becomes how many were taken, also with an error.
    pub fn sendBatch(session: Session, messages: []const c.ws_message, accepted: ?*usize, timeout: Timeout) Error!void {
        return check(c.ws_send_batch(session.raw, messages.ptr, messages.len, accepted, timeout.toMs()));
    }

    /// A message for sendBatch, which the payload is lent to.
    pub fn message(frame_type: ktorws.FrameType, data: []const u8) c.ws_message {
        return .{ .data = data.ptr, .size = data.len, .type = @backingInt(frame_type), .flags = 0 };
    }

    /// Sends a message that lies in several slices.
    pub fn sendv(session: Session, frame_type: ktorws.FrameType, slices: []const c.ws_slice, options: SendOptions) Error!void {
        const number = @backingInt(frame_type);
        return check(c.ws_sendv(session.raw, number, slices.ptr, slices.len, options.flags(), options.timeout.toMs()));
    }

    /// A slice for sendv, which the bytes are lent to.
    pub fn slice(data: []const u8) c.ws_slice {
        return .{ .data = data.ptr, .size = data.len };
    }

    pub fn sendPing(session: Session, data: []const u8, timeout: Timeout) Error!void {
        return session.send(.ping, data, .{ .timeout = timeout });
    }

    pub fn sendPong(session: Session, data: []const u8, timeout: Timeout) Error!void {
        return session.send(.pong, data, .{ .timeout = timeout });
    }

    pub fn flush(session: Session, timeout: Timeout) Error!void {
        return check(c.ws_flush(session.raw, timeout.toMs()));
    }

    pub fn bufferedAmount(session: Session) usize {
        return c.ws_buffered_amount(session.raw);
    }

    /// The caller frees the frame.
    pub fn recv(session: Session, timeout: Timeout) Error!Frame {
        var frame: [*c]c.ws_frame = null;
        try check(c.ws_recv(session.raw, &frame, timeout.toMs()));
        return .{ .raw = frame };
    }

    /// The next message, null when the session has been closed (error.Closed). The caller frees the frame.
    pub fn next(session: Session) Error!?Frame {
        return session.recv(.forever) catch |err| switch (err) {
            error.Closed => null,
            else => err,
        };
    }

    pub const Received = struct { data: []u8, frame_type: ktorws.FrameType };

    /// Receives into a buffer. With error.BufferTooSmall the message stays, and `needed` is its size.
    pub fn recvInto(session: Session, buffer: []u8, needed: ?*usize, timeout: Timeout) Error!Received {
        var size: usize = 0;
        var number: u32 = 0;
        const status = c.ws_recv_into(session.raw, buffer.ptr, buffer.len, &size, &number, timeout.toMs());
        if (needed) |written| written.* = size;
        try check(status);
        return .{ .data = buffer[0..size], .frame_type = @fromBackingInt(@intCast(number)) };
    }

    /// Receives as many messages as are there and fit. The caller frees each frame of the part that is returned.
    pub fn recvBatch(session: Session, frames: []Frame, timeout: Timeout) Error![]Frame {
        comptime std.debug.assert(@sizeOf(Frame) == @sizeOf([*c]c.ws_frame));
        var count: usize = 0;
        try check(c.ws_recv_batch(session.raw, @ptrCast(frames.ptr), frames.len, &count, timeout.toMs()));
        return frames[0..count];
    }

    /// Delivers the messages to a function from now on, with the frame lent to it, and null at the end. It is called on threads
    /// of the library; the context has to stay until the call with null.
    pub fn recvCallback(session: Session, context: anytype, comptime function: fn (@TypeOf(context), Session, ?Frame) void) Error!void {
        const C = struct {
            fn call(from: ?*c.ws_session, frame: [*c]const c.ws_frame, user_data: ?*anyopaque) callconv(.c) void {
                const lent: ?Frame = if (frame == null) null else .{ .raw = @constCast(frame) };
                function(@ptrCast(@alignCast(user_data)), .{ .raw = from.? }, lent);
            }
        };
        return check(c.ws_recv_callback(session.raw, C.call, @ptrCast(context), null));
    }

    /// Returns a descriptor for poll, epoll and event loops, or null. When it is readable, receive without waiting until
    /// that returns `error.Timeout`. The session owns the descriptor: each call returns the same one, and `deinit` of the
    /// last handle closes it.
    pub fn eventFd(session: Session) ?i32 {
        const fd = c.ws_event_fd(session.raw);
        return if (fd < 0) null else fd;
    }

    pub fn close(session: Session, code: u32, reason: []const u8) Error!void {
        return check(c.ws_close(session.raw, code, reason.ptr, reason.len));
    }

    pub fn waitClosed(session: Session, timeout: Timeout) Error!void {
        return check(c.ws_wait_closed(session.raw, timeout.toMs()));
    }

    /// Closes the session with code 1000, waits for its end and frees the handle, in place of deinit. It frees the handle
    /// whatever it returns, except for error.WrongState.
    pub fn end(session: Session, timeout: Timeout) Error!void {
        return check(c.ws_session_end(session.raw, timeout.toMs()));
    }

    pub fn isClosedForReceive(session: Session) bool {
        return c.ws_is_closed_for_receive(session.raw) != 0;
    }

    pub fn abort(session: Session) Error!void {
        return check(c.ws_abort(session.raw));
    }

    pub fn interrupt(session: Session) Error!void {
        return check(c.ws_interrupt(session.raw));
    }

    pub const Initiator = enum(u32) {
        local = c.WS_CLOSED_BY_LOCAL,
        remote = c.WS_CLOSED_BY_REMOTE,
        protocol = c.WS_CLOSED_BY_PROTOCOL,
        transport = c.WS_CLOSED_BY_TRANSPORT,
        _,
    };

    pub const CloseInfo = struct {
        local_code: u32,
        remote_code: u32,
        /// The session's.
        reason: []const u8,
        clean: bool,
        initiator: Initiator,
    };

    pub fn closeInfo(session: Session) Error!CloseInfo {
        var written: c.ws_close_info = .{ .struct_size = @sizeOf(c.ws_close_info) };
        try check(c.ws_get_close_info(session.raw, &written));
        return .{
            .local_code = written.local_code,
            .remote_code = written.remote_code,
            .reason = written.reason[0..written.reason_size],
            .clean = written.clean != 0,
            .initiator = @fromBackingInt(@intCast(written.initiator)),
        };
    }

    pub fn stats(session: Session) Error!c.ws_stats {
        var numbers: c.ws_stats = .{ .struct_size = @sizeOf(c.ws_stats) };
        try check(c.ws_get_stats(session.raw, &numbers));
        return numbers;
    }

    pub fn info(session: Session) Error!ktorws.SessionInfo {
        var written: c.ws_session_info = .{ .struct_size = @sizeOf(c.ws_session_info) };
        try check(c.ws_get_session_info(session.raw, &written));
        return .{ .raw = written };
    }

    /// A certificate of the server as DER, its own first; null behind the last one. It is the session's.
    pub fn peerCertificate(session: Session, index: usize) ?[]const u8 {
        var der: [*c]const u8 = null;
        var size: usize = 0;
        return if (c.ws_peer_certificate(session.raw, index, &der, &size) == 0) null else der[0..size];
    }

    /// error.WrongState if the session has no permessage-deflate.
    pub fn deflateInfo(session: Session) Error!c.ws_deflate_info {
        var written: c.ws_deflate_info = .{ .struct_size = @sizeOf(c.ws_deflate_info) };
        try check(c.ws_get_deflate_info(session.raw, &written));
        return written;
    }

    pub const State = enum(i32) {
        connecting = c.WS_STATE_CONNECTING,
        open = c.WS_STATE_OPEN,
        closing = c.WS_STATE_CLOSING,
        closed = c.WS_STATE_CLOSED,
        _,
    };

    pub fn state(session: Session) State {
        return @fromBackingInt(@intCast(c.ws_state(session.raw)));
    }

    /// What ended the session, or lost its connection while another one is being opened; null while nothing has and after a
    /// clean end. It is the session's.
    pub fn failure(session: Session) ?ktorws.Failure {
        const lent = c.ws_session_error(session.raw) orelse return null;
        return .{ .raw = @constCast(lent) };
    }

    /// "" if none.
    pub fn subprotocol(session: Session) [:0]const u8 {
        return ktorws.optionalSpan(c.ws_subprotocol(session.raw)).?;
    }

    pub fn requestUrl(session: Session) [:0]const u8 {
        return ktorws.optionalSpan(c.ws_request_url(session.raw)).?;
    }

    pub fn requestHeader(session: Session, name: [:0]const u8, index: usize) ?[:0]const u8 {
        const text = ktorws.zString(name) catch return null;
        return ktorws.optionalSpan(c.ws_request_header(session.raw, text, index));
    }

    /// The fields in the order in which they were sent, null behind the last one.
    pub fn requestHeaderAt(session: Session, index: usize) ?Header {
        return Header.at(c.ws_request_header_at, session.raw, index);
    }

    pub fn responseStatus(session: Session) u32 {
        return c.ws_response_status(session.raw);
    }

    pub fn responseHeader(session: Session, name: [:0]const u8, index: usize) ?[:0]const u8 {
        const text = ktorws.zString(name) catch return null;
        return ktorws.optionalSpan(c.ws_response_header(session.raw, text, index));
    }

    pub fn responseHeaderAt(session: Session, index: usize) ?Header {
        return Header.at(c.ws_response_header_at, session.raw, index);
    }

    /// The extension of this name, null where the session has none.
    pub fn extension(session: Session, name: [:0]const u8) ?*const c.ws_extension {
        const text = ktorws.zString(name) catch return null;
        return c.ws_extension_find(session.raw, text) orelse null;
    }

    /// The extensions in the order of the server's answer, null behind the last one.
    pub fn extensionAt(session: Session, index: usize) ?*const c.ws_extension {
        return c.ws_extension_at(session.raw, index) orelse null;
    }

    pub fn extensionCount(session: Session) usize {
        return c.ws_extension_count(session.raw);
    }

    /// The number of the session in the log.
    pub fn id(session: Session) u64 {
        return c.ws_session_id(session.raw);
    }

    pub fn setMaxFrameSize(session: Session, bytes: u64) Error!void {
        return check(c.ws_set_max_frame_size(session.raw, bytes));
    }

    pub fn setMaxMessageSize(session: Session, bytes: u64) Error!void {
        return check(c.ws_set_max_message_size(session.raw, bytes));
    }

    /// .forever switches pings off.
    pub fn setPingInterval(session: Session, interval: Timeout) Error!void {
        return check(c.ws_set_ping_interval_ms(session.raw, interval.toMs()));
    }

    /// .forever is no limit. Until it is set, it is twice the interval.
    pub fn setPingTimeout(session: Session, timeout: Timeout) Error!void {
        return check(c.ws_set_ping_timeout_ms(session.raw, timeout.toMs()));
    }

    /// Turns a raw session into a default one. A `ping_timeout` of 0 is twice the interval.
    pub fn startDefault(session: Session, ping_interval: Timeout, ping_timeout: Timeout) Error!void {
        return check(c.ws_start_default(session.raw, ping_interval.toMs(), ping_timeout.toMs()));
    }

    pub fn setMasking(session: Session, on: bool) Error!void {
        return check(c.ws_set_masking(session.raw, @intFromBool(on)));
    }

    pub fn maxFrameSize(session: Session) u64 {
        return c.ws_get_max_frame_size(session.raw);
    }

    pub fn maxMessageSize(session: Session) u64 {
        return c.ws_get_max_message_size(session.raw);
    }

    pub fn pingIntervalMs(session: Session) i64 {
        return c.ws_get_ping_interval_ms(session.raw);
    }

    pub fn pingTimeoutMs(session: Session) i64 {
        return c.ws_get_ping_timeout_ms(session.raw);
    }

    pub fn masking(session: Session) bool {
        return c.ws_get_masking(session.raw) != 0;
    }

    pub fn setUserData(session: Session, user_data: ?*anyopaque) Error!void {
        return check(c.ws_set_user_data(session.raw, user_data));
    }

    pub fn userData(session: Session) ?*anyopaque {
        return c.ws_get_user_data(session.raw);
    }
};
