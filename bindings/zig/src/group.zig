const c = @import("c.zig");
const ktorws = @import("ktorws.zig");

/// Sessions that are received from together, and end together: ws_group. Options.group has sessions belong to it.
pub const Group = struct {
    raw: *c.ws_group,

    pub const Event = union(enum) {
        /// The frame is the caller's.
        message: struct { session: ktorws.Session, frame: ktorws.Frame },
        /// A session has ended, or could not be opened.
        end: struct { session: ktorws.Session, how: ktorws.Error },
    };

    pub fn init() error{OutOfMemory}!Group {
        return .{ .raw = c.ws_group_new() orelse return error.OutOfMemory };
    }

    /// Ends the sessions; each still has to be freed.
    pub fn deinit(group: Group) void {
        c.ws_group_free(group.raw);
    }

    /// The session is lent: whoever opened it frees it.
    pub fn recv(group: Group, timeout: ktorws.Timeout) ktorws.Error!Event {
        var session: ?*c.ws_session = null;
        var frame: [*c]c.ws_frame = null;
        const status = c.ws_group_recv(group.raw, &session, &frame, timeout.toMs());
        const from: ktorws.Session = .{ .raw = session orelse {
            try ktorws.check(status);
            unreachable;
        } };
        ktorws.check(status) catch |how| return .{ .end = .{ .session = from, .how = how } };
        return .{ .message = .{ .session = from, .frame = .{ .raw = frame } } };
    }

    pub fn close(group: Group, code: u32, reason: []const u8, timeout: ktorws.Timeout) ktorws.Error!void {
        return ktorws.check(c.ws_group_close(group.raw, code, reason.ptr, reason.len, timeout.toMs()));
    }

    pub fn interrupt(group: Group) ktorws.Error!void {
        return ktorws.check(c.ws_group_interrupt(group.raw));
    }

    pub fn size(group: Group) usize {
        return c.ws_group_size(group.raw);
    }

    /// Returns a descriptor for poll, epoll and event loops, or null. The group owns it: each call returns the same one,
    /// and `deinit` closes it.
    pub fn eventFd(group: Group) ?i32 {
        const fd = c.ws_group_event_fd(group.raw);
        return if (fd < 0) null else fd;
    }
};
