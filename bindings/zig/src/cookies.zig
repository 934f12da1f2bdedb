const std = @import("std");
const c = @import("c.zig");
const ktorws = @import("ktorws.zig");

/// Cookies that sessions share: ws_cookie_jar. Any thread may use it at any time.
pub const Cookies = struct {
    raw: *c.ws_cookie_jar,

    pub fn init() error{OutOfMemory}!Cookies {
        return .{ .raw = c.ws_cookie_jar_new() orelse return error.OutOfMemory };
    }

    /// Sessions that have it go on using it.
    pub fn deinit(cookies: Cookies) void {
        c.ws_cookie_jar_free(cookies.raw);
    }

    pub fn add(cookies: Cookies, url: [:0]const u8, set_cookie: [:0]const u8) ktorws.Error!void {
        return ktorws.check(c.ws_cookie_jar_add(cookies.raw, try ktorws.zString(url), try ktorws.zString(set_cookie)));
    }

    /// The Cookie header for a URL, empty where there is none. The caller frees it.
    pub fn header(cookies: Cookies, gpa: std.mem.Allocator, url: [:0]const u8) ktorws.Error![]u8 {
        const text = try ktorws.zString(url);
        var buffer: []u8 = &.{};
        errdefer gpa.free(buffer);
        while (true) {
            var size: usize = 0;
            const status = c.ws_cookie_jar_header(cookies.raw, text, buffer.ptr, buffer.len, &size);
            // A session may add one meanwhile.
            if (status != c.WS_ERR_BUFFER_TOO_SMALL) try ktorws.check(status);
            buffer = try gpa.realloc(buffer, size);
            if (status == c.WS_OK) return buffer;
        }
    }

    pub fn clear(cookies: Cookies) void {
        c.ws_cookie_jar_clear(cookies.raw);
    }
};
