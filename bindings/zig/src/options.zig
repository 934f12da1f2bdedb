const std = @import("std");
const c = @import("c.zig");
const ktorws = @import("ktorws.zig");
const Error = ktorws.Error;
const check = ktorws.check;
const zString = ktorws.zString;

/// How a session is to be. A field that is null has the default of ktorws.h, where the setter of its name says what it does.
pub const Options = struct {
    headers: []const Header = &.{},
    subprotocols: []const [:0]const u8 = &.{},
    incoming_queue: ?Queue = null,
    outgoing_queue: ?Queue = null,
    tcp_keepalive: ?Keepalive = null,
    resolve: []const Resolved = &.{},
    basic_auth: ?Credentials = null,
    /// Supplies credentials if a server requires them.
    auth: ?ktorws.Auth.Callback = null,
    cookies: ?ktorws.Cookies = null,
    group: ?ktorws.Group = null,
    tls_ca_pem: ?[]const u8 = null,
    tls_client_cert: ?ClientCertificate = null,
    tls_client_cert_pem: ?ClientCertificatePem = null,
    tls_verify: ?Verify = null,
    deflate: ?Deflate = null,
    reconnect: ?Reconnect = null,
    settings: Settings = .{},
    /// Called last with the configuration, for what only C has: callbacks and extensions.
    configure: ?*const fn (config: *c.ws_config) Error!void = null,
    /// Becomes what is known about the failure of opening the session, for the caller to deinit.
    failure: ?*ktorws.Failure = null,

    pub const Header = struct { name: [:0]const u8, value: [:0]const u8 };

    /// 0 as one of the bounds is none.
    pub const Queue = struct { messages: usize, bytes: usize, policy: Policy = .wait };

    pub const Policy = enum(u32) { wait = c.WS_QUEUE_WAIT, close = c.WS_QUEUE_CLOSE, drop_oldest = c.WS_QUEUE_DROP_OLDEST };

    pub const Keepalive = struct { idle_s: u32, interval_s: u32, count: u32 };

    /// 0 as the port is any.
    pub const Resolved = struct { host: [:0]const u8, port: u16 = 0, address: [:0]const u8 };

    pub const Credentials = struct { user: [:0]const u8, password: [:0]const u8 };

    /// PEM files; without a key file both are in one.
    pub const ClientCertificate = struct { file: [:0]const u8, key_file: ?[:0]const u8 = null };

    /// PEM texts; without a key both are in one.
    pub const ClientCertificatePem = struct { certificate: []const u8, key: ?[]const u8 = null };

    pub const Verify = struct { peer: bool = true, host: bool = true };

    pub const Liveness = enum(u32) { pong = c.WS_LIVENESS_PONG, any = c.WS_LIVENESS_ANY };

    pub const TlsVersion = enum(u32) { @"1.2" = c.WS_TLS_1_2, @"1.3" = c.WS_TLS_1_3 };

    /// ws_deflate_options.
    pub const Deflate = struct {
        level: u32 = 0,
        memory_level: u32 = 0,
        client_max_window_bits: u32 = 0,
        server_max_window_bits: u32 = 0,
        client_no_context_takeover: bool = false,
        server_no_context_takeover: bool = false,
        min_size: usize = 0,
        /// Says which messages are compressed.
        filter: ?ktorws.Filter = null,
        omit_client_max_window_bits: bool = false,
        offer_fallback: bool = false,

        fn flags(deflate: Deflate) u32 {
            var sum: u32 = 0;
            if (deflate.omit_client_max_window_bits) sum |= c.WS_DEFLATE_OMIT_CLIENT_MAX_WINDOW_BITS;
            if (deflate.offer_fallback) sum |= c.WS_DEFLATE_OFFER_FALLBACK;
            return sum;
        }
    };

    /// ws_reconnect_options.
    pub const Reconnect = struct {
        first_delay_ms: i64 = 0,
        max_delay_ms: i64 = 0,
        max_outage_ms: i64 = 0,
        max_attempts: u32 = 0,
        max_retry_after_ms: i64 = 0,
        keep_unsent: bool = false,
        /// The first opening is tried again as well.
        first: bool = false,
        functions: ktorws.Reconnecting = .{},

        fn flags(reconnect: Reconnect) u32 {
            var sum: u32 = 0;
            if (reconnect.keep_unsent) sum |= c.WS_RECONNECT_KEEP_UNSENT;
            if (reconnect.first) sum |= c.WS_RECONNECT_FIRST;
            return sum;
        }
    };

    /// One value each: `ws_config_set_NAME`, `ws_config_set_NAME_ms` for a Timeout, or `ws_config_add_NAME`.
    pub const Settings = struct {
        origin: ?[:0]const u8 = null,
        user_agent: ?[:0]const u8 = null,
        coalescing: ?bool = null,
        spin_us: ?u32 = null,
        connect_timeout: ?ktorws.Timeout = null,
        resolve_timeout: ?ktorws.Timeout = null,
        handshake_timeout: ?ktorws.Timeout = null,
        proxy_timeout: ?ktorws.Timeout = null,
        tls_timeout: ?ktorws.Timeout = null,
        open_timeout: ?ktorws.Timeout = null,
        close_timeout: ?ktorws.Timeout = null,
        send_timeout: ?ktorws.Timeout = null,
        idle_timeout: ?ktorws.Timeout = null,
        max_frame_size: ?u64 = null,
        max_message_size: ?u64 = null,
        auto_fragment: ?usize = null,
        ping_interval: ?ktorws.Timeout = null,
        ping_timeout: ?ktorws.Timeout = null,
        ping_liveness: ?Liveness = null,
        auto_pong: ?bool = null,
        /// ws_control_frames.
        deliver_control: ?u32 = null,
        /// ws_event_frames.
        deliver_events: ?u32 = null,
        deliver_parts: ?usize = null,
        validate_utf8: ?bool = null,
        raw: ?bool = null,
        allow_unmasked: ?bool = null,
        masking: ?bool = null,
        user_data: ?*anyopaque = null,
        local_address: ?[:0]const u8 = null,
        unix_socket: ?[:0]const u8 = null,
        socket_fd: ?i32 = null,
        tcp_nodelay: ?bool = null,
        proxy_from_env: ?bool = null,
        proxy: ?[:0]const u8 = null,
        bearer_token: ?[:0]const u8 = null,
        max_redirects: ?u32 = null,
        tls_ca_file: ?[:0]const u8 = null,
        tls_ca_dir: ?[:0]const u8 = null,
        tls_system_store: ?bool = null,
        tls_crl_file: ?[:0]const u8 = null,
        tls_server_name: ?[:0]const u8 = null,
        tls_min_version: ?TlsVersion = null,
        tls_alpn: ?[:0]const u8 = null,
        tls_pin_sha256: ?[:0]const u8 = null,
        tls_key_log_file: ?[:0]const u8 = null,
    };

    /// A configuration for C, to be freed with ws_config_free.
    pub fn toConfig(options: Options) Error!*c.ws_config {
        const config = c.ws_config_new() orelse return error.OutOfMemory;
        errdefer c.ws_config_free(config);
        for (options.headers) |header|
            try check(c.ws_config_add_header(config, try zString(header.name), try zString(header.value)));
        for (options.subprotocols) |name| try check(c.ws_config_add_subprotocol(config, try zString(name)));
        if (options.incoming_queue) |queue|
            try check(c.ws_config_set_incoming_queue(config, queue.messages, queue.bytes, @backingInt(queue.policy)));
        if (options.outgoing_queue) |queue|
            try check(c.ws_config_set_outgoing_queue(config, queue.messages, queue.bytes, @backingInt(queue.policy)));
        if (options.tcp_keepalive) |probes|
            try check(c.ws_config_set_tcp_keepalive(config, probes.idle_s, probes.interval_s, probes.count));
        for (options.resolve) |entry|
            try check(c.ws_config_add_resolve(config, try zString(entry.host), entry.port, try zString(entry.address)));
        if (options.basic_auth) |auth|
            try check(c.ws_config_set_basic_auth(config, try zString(auth.user), try zString(auth.password)));
        if (options.auth) |auth| try check(c.ws_config_set_auth_callback(config, auth.function, auth.context));
        if (options.cookies) |cookies| try check(c.ws_config_set_cookie_jar(config, cookies.raw));
        if (options.group) |group| try check(c.ws_config_set_group(config, group.raw));
        if (options.tls_ca_pem) |pem| try check(c.ws_config_add_tls_ca_pem(config, pem.ptr, pem.len));
        if (options.tls_client_cert) |shown| {
            const key = if (shown.key_file) |file| try zString(file) else null;
            try check(c.ws_config_set_tls_client_cert_file(config, try zString(shown.file), key));
        }
        if (options.tls_client_cert_pem) |shown| {
            const key: []const u8 = shown.key orelse "";
            const key_ptr = if (shown.key == null) null else key.ptr;
            const pem = shown.certificate;
            try check(c.ws_config_set_tls_client_cert_pem(config, pem.ptr, pem.len, key_ptr, key.len));
        }
        if (options.tls_verify) |verify|
            try check(c.ws_config_set_tls_verify(config, @intFromBool(verify.peer), @intFromBool(verify.host)));
        if (options.deflate) |deflate| try install(config, deflate);
        if (options.reconnect) |reconnect| try setReconnect(config, reconnect);
        inline for (comptime std.meta.fieldNames(Settings)) |name|
            if (@field(options.settings, name)) |value| try set(config, name, value);
        if (options.configure) |configure| try configure(config);
        return config;
    }

    fn set(config: *c.ws_config, comptime name: []const u8, value: anytype) Error!void {
        const Value = @TypeOf(value);
        const full = name ++ if (Value == ktorws.Timeout) "_ms" else "";
        const setter = @field(c, (if (@hasDecl(c, "ws_config_set_" ++ full)) "ws_config_set_" else "ws_config_add_") ++ full);
        return check(setter(config, switch (Value) {
            [:0]const u8 => try zString(value),
            bool => @intFromBool(value),
            ktorws.Timeout => value.toMs(),
            Liveness, TlsVersion => @backingInt(value),
            else => value,
        }));
    }

    fn install(config: *c.ws_config, deflate: Deflate) Error!void {
        const native: c.ws_deflate_options = .{
            .struct_size = @sizeOf(c.ws_deflate_options),
            .level = deflate.level,
            .memory_level = deflate.memory_level,
            .client_max_window_bits = deflate.client_max_window_bits,
            .server_max_window_bits = deflate.server_max_window_bits,
            .client_no_context_takeover = @intFromBool(deflate.client_no_context_takeover),
            .server_no_context_takeover = @intFromBool(deflate.server_no_context_takeover),
            .min_size = deflate.min_size,
            .filter = if (deflate.filter) |filter| filter.function else null,
            .filter_user_data = if (deflate.filter) |filter| filter.context else null,
            .flags = deflate.flags(),
        };
        return check(c.ws_config_install_deflate(config, &native));
    }

    fn setReconnect(config: *c.ws_config, reconnect: Reconnect) Error!void {
        const native: c.ws_reconnect_options = .{
            .struct_size = @sizeOf(c.ws_reconnect_options),
            .first_delay_ms = reconnect.first_delay_ms,
            .max_delay_ms = reconnect.max_delay_ms,
            .max_outage_ms = reconnect.max_outage_ms,
            .max_attempts = reconnect.max_attempts,
            .flags = reconnect.flags(),
            .max_retry_after_ms = reconnect.max_retry_after_ms,
            .decide = reconnect.functions.decide,
            .prepare = reconnect.functions.prepare,
            .user_data = reconnect.functions.context,
        };
        return check(c.ws_config_set_reconnect(config, &native));
    }
};
