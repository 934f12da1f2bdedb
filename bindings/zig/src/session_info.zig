const std = @import("std");
const c = @import("c.zig");
const ktorws = @import("ktorws.zig");

/// What is known about the connection of a session: ws_session_info.
pub const SessionInfo = struct {
    raw: c.ws_session_info,

    /// "127.0.0.1:40000", "[::1]:40000", or the path of a Unix socket.
    pub fn localAddress(info: *const SessionInfo) [:0]const u8 {
        return text(&info.raw.local_address);
    }

    /// That of the proxy if there is one.
    pub fn peerAddress(info: *const SessionInfo) [:0]const u8 {
        return text(&info.raw.peer_address);
    }

    /// "" without a proxy.
    pub fn proxy(info: *const SessionInfo) [:0]const u8 {
        return text(&info.raw.proxy);
    }

    /// null without TLS.
    pub fn tlsVersion(info: *const SessionInfo) ?ktorws.Options.TlsVersion {
        return if (info.raw.tls_version == 0) null else @fromBackingInt(@intCast(info.raw.tls_version));
    }

    pub fn tlsResumed(info: *const SessionInfo) bool {
        return info.raw.tls_resumed != 0;
    }

    /// "" without TLS.
    pub fn tlsCipherSuite(info: *const SessionInfo) [:0]const u8 {
        return text(&info.raw.tls_cipher_suite);
    }

    /// "" without TLS.
    pub fn tlsKeyExchangeGroup(info: *const SessionInfo) [:0]const u8 {
        return text(&info.raw.tls_key_exchange_group);
    }

    /// "" if the server has chosen none.
    pub fn alpn(info: *const SessionInfo) [:0]const u8 {
        return text(&info.raw.alpn);
    }

    fn text(member: []const u8) [:0]const u8 {
        return std.mem.span(@as([*:0]const u8, @ptrCast(member.ptr)));
    }
};
