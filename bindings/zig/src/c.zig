//! ktorws.h, as declarations.sh translates it.

pub const WS_OK: c_int = 0;
pub const WS_ERR_INVALID_ARGUMENT: c_int = -101;
pub const WS_ERR_STATE: c_int = -102;
pub const WS_ERR_BUFFER_TOO_SMALL: c_int = -103;
pub const WS_ERR_UNSUPPORTED: c_int = -104;
pub const WS_ERR_FORKED: c_int = -105;
pub const WS_ERR_NO_MEMORY: c_int = -106;
pub const WS_ERR_URL: c_int = -201;
pub const WS_ERR_RESOLVE: c_int = -202;
pub const WS_ERR_CONNECT: c_int = -203;
pub const WS_ERR_PROXY: c_int = -204;
pub const WS_ERR_PROXY_AUTH: c_int = -205;
pub const WS_ERR_TLS: c_int = -211;
pub const WS_ERR_TLS_CERTIFICATE: c_int = -212;
pub const WS_ERR_HANDSHAKE_STATUS: c_int = -221;
pub const WS_ERR_HANDSHAKE_INVALID: c_int = -222;
pub const WS_ERR_TOO_MANY_REDIRECTS: c_int = -223;
pub const WS_ERR_PROTOCOL: c_int = -301;
pub const WS_ERR_UTF8: c_int = -302;
pub const WS_ERR_FRAME_TOO_BIG: c_int = -303;
pub const WS_ERR_MESSAGE_TOO_BIG: c_int = -304;
pub const WS_ERR_EXTENSION: c_int = -305;
pub const WS_ERR_COMPRESSION: c_int = -306;
pub const WS_ERR_CLOSED: c_int = -401;
pub const WS_ERR_CLOSED_ABNORMALLY: c_int = -402;
pub const WS_ERR_PING_TIMEOUT: c_int = -403;
pub const WS_ERR_IO: c_int = -404;
pub const WS_ERR_ABORTED: c_int = -405;
pub const WS_ERR_IDLE_TIMEOUT: c_int = -406;
pub const WS_ERR_TIMEOUT: c_int = -501;
pub const WS_ERR_INTERRUPTED: c_int = -502;
pub const WS_ERR_OVERFLOW: c_int = -503;
pub const WS_ERR_INTERNAL: c_int = -901;
pub const ws_status = i32;
pub const struct_ws_session = opaque {};
pub const ws_session = struct_ws_session;
pub const struct_ws_config = opaque {};
pub const ws_config = struct_ws_config;
pub const struct_ws_error = opaque {};
pub const ws_error = struct_ws_error;
pub extern fn ws_connect(url: [*c]const u8, config: ?*const ws_config, session: [*c]?*ws_session, @"error": [*c]?*ws_error) ws_status;
pub extern fn ws_session_ref(session: ?*ws_session) ?*ws_session;
pub extern fn ws_session_free(session: ?*ws_session) void;
pub const WS_STATE_CONNECTING: c_int = 0;
pub const WS_STATE_OPEN: c_int = 1;
pub const WS_STATE_CLOSING: c_int = 2;
pub const WS_STATE_CLOSED: c_int = 3;
pub const ws_session_state = i32;
pub extern fn ws_state(session: ?*const ws_session) ws_session_state;
pub const WS_FRAME_CONTINUATION: c_int = 0;
pub const WS_FRAME_TEXT: c_int = 1;
pub const WS_FRAME_BINARY: c_int = 2;
pub const WS_FRAME_CLOSE: c_int = 8;
pub const WS_FRAME_PING: c_int = 9;
pub const WS_FRAME_PONG: c_int = 10;
pub const WS_FRAME_OPENED: c_int = 16;
pub const WS_FRAME_LOST: c_int = 17;
pub const WS_FRAME_RESUMED: c_int = 18;
pub const ws_frame_type = u32;
pub const WS_SEND_MORE: c_int = 1;
pub const WS_SEND_NO_COMPRESS: c_int = 2;
pub const WS_SEND_CORK: c_int = 4;
pub const ws_send_flags = u32;
pub extern fn ws_send_text(session: ?*ws_session, text: [*c]const u8, length: usize) ws_status;
pub extern fn ws_send_binary(session: ?*ws_session, data: ?*const anyopaque, length: usize) ws_status;
pub extern fn ws_send(session: ?*ws_session, @"type": u32, data: ?*const anyopaque, length: usize, flags: u32, timeout_ms: i64) ws_status;
pub const struct_ws_slice = extern struct {
    data: ?*const anyopaque = null,
    size: usize = 0,
};
pub const ws_slice = struct_ws_slice;
pub extern fn ws_sendv(session: ?*ws_session, @"type": u32, slices: [*c]const ws_slice, count: usize, flags: u32, timeout_ms: i64) ws_status;
pub const struct_ws_message = extern struct {
    data: ?*const anyopaque = null,
    size: usize = 0,
    type: u32 = 0,
    flags: u32 = 0,
};
pub const ws_message = struct_ws_message;
pub extern fn ws_send_batch(session: ?*ws_session, items: [*c]const ws_message, count: usize, accepted: [*c]usize, timeout_ms: i64) ws_status;
pub extern fn ws_flush(session: ?*ws_session, timeout_ms: i64) ws_status;
pub extern fn ws_buffered_amount(session: ?*const ws_session) usize;
pub const WS_FLAG_MORE: c_int = 1;
pub const WS_FLAG_RSV3: c_int = 16;
pub const WS_FLAG_RSV2: c_int = 32;
pub const WS_FLAG_RSV1: c_int = 64;
pub const ws_frame_flags = u32;
pub const struct_ws_frame = extern struct {
    data: [*c]const u8 = null,
    size: usize = 0,
    type: u32 = 0,
    flags: u32 = 0,
    close_code: u32 = 0,
};
pub const ws_frame = struct_ws_frame;
pub extern fn ws_recv(session: ?*ws_session, frame: [*c][*c]ws_frame, timeout_ms: i64) ws_status;
pub extern fn ws_frame_free(frame: [*c]ws_frame) void;
pub extern fn ws_recv_into(session: ?*ws_session, buffer: ?*anyopaque, capacity: usize, size: [*c]usize, @"type": [*c]u32, timeout_ms: i64) ws_status;
pub extern fn ws_recv_batch(session: ?*ws_session, frames: [*c][*c]ws_frame, capacity: usize, count: [*c]usize, timeout_ms: i64) ws_status;
pub extern fn ws_interrupt(session: ?*ws_session) ws_status;
pub extern fn ws_is_closed_for_receive(session: ?*const ws_session) i32;
pub extern fn ws_session_end(session: ?*ws_session, timeout_ms: i64) ws_status;
pub const WS_CLOSE_NORMAL: c_int = 1000;
pub const WS_CLOSE_GOING_AWAY: c_int = 1001;
pub const WS_CLOSE_PROTOCOL_ERROR: c_int = 1002;
pub const WS_CLOSE_CANNOT_ACCEPT: c_int = 1003;
pub const WS_CLOSE_NO_STATUS: c_int = 1005;
pub const WS_CLOSE_ABNORMAL: c_int = 1006;
pub const WS_CLOSE_NOT_CONSISTENT: c_int = 1007;
pub const WS_CLOSE_VIOLATED_POLICY: c_int = 1008;
pub const WS_CLOSE_TOO_BIG: c_int = 1009;
pub const WS_CLOSE_NO_EXTENSION: c_int = 1010;
pub const WS_CLOSE_INTERNAL_ERROR: c_int = 1011;
pub const WS_CLOSE_SERVICE_RESTART: c_int = 1012;
pub const WS_CLOSE_TRY_AGAIN_LATER: c_int = 1013;
pub const WS_CLOSE_BAD_GATEWAY: c_int = 1014;
pub const ws_close_code = u32;
pub extern fn ws_close(session: ?*ws_session, code: u32, reason: [*c]const u8, length: usize) ws_status;
pub extern fn ws_wait_closed(session: ?*ws_session, timeout_ms: i64) ws_status;
pub const WS_CLOSED_BY_LOCAL: c_int = 1;
pub const WS_CLOSED_BY_REMOTE: c_int = 2;
pub const WS_CLOSED_BY_PROTOCOL: c_int = 3;
pub const WS_CLOSED_BY_TRANSPORT: c_int = 4;
pub const ws_close_initiator = u32;
pub const struct_ws_close_info = extern struct {
    struct_size: usize = 0,
    local_code: u32 = 0,
    remote_code: u32 = 0,
    reason: [*c]const u8 = null,
    reason_size: usize = 0,
    clean: u32 = 0,
    initiator: u32 = 0,
};
pub const ws_close_info = struct_ws_close_info;
pub extern fn ws_get_close_info(session: ?*const ws_session, info: [*c]ws_close_info) ws_status;
pub extern fn ws_abort(session: ?*ws_session) ws_status;
pub extern fn ws_status_name(status: i32) [*c]const u8;
pub extern fn ws_strerror(status: i32) [*c]const u8;
pub extern fn ws_session_error(session: ?*const ws_session) ?*const ws_error;
pub const WS_PHASE_NONE: c_int = 0;
pub const WS_PHASE_RESOLVE: c_int = 1;
pub const WS_PHASE_CONNECT: c_int = 2;
pub const WS_PHASE_PROXY: c_int = 3;
pub const WS_PHASE_TLS: c_int = 4;
pub const WS_PHASE_HANDSHAKE: c_int = 5;
pub const WS_PHASE_OPEN: c_int = 6;
pub const ws_phase = i32;
pub extern fn ws_error_status(@"error": ?*const ws_error) ws_status;
pub extern fn ws_error_message(@"error": ?*const ws_error) [*c]const u8;
pub extern fn ws_error_phase(@"error": ?*const ws_error) ws_phase;
pub extern fn ws_error_os_errno(@"error": ?*const ws_error) i32;
pub extern fn ws_error_tls_alert(@"error": ?*const ws_error) i32;
pub extern fn ws_error_close_code(@"error": ?*const ws_error) u32;
pub extern fn ws_error_http_status(@"error": ?*const ws_error) u32;
pub extern fn ws_error_http_header(@"error": ?*const ws_error, name: [*c]const u8, index: usize) [*c]const u8;
pub extern fn ws_error_http_header_at(@"error": ?*const ws_error, index: usize, name: [*c][*c]const u8, value: [*c][*c]const u8) i32;
pub extern fn ws_error_http_body(@"error": ?*const ws_error, size: [*c]usize) [*c]const u8;
pub extern fn ws_error_free(@"error": ?*ws_error) void;
pub extern fn ws_config_new() ?*ws_config;
pub extern fn ws_config_clone(config: ?*const ws_config) ?*ws_config;
pub extern fn ws_config_free(config: ?*ws_config) void;
pub extern fn ws_config_error(config: ?*const ws_config) ?*const ws_error;
pub extern fn ws_config_add_header(config: ?*ws_config, name: [*c]const u8, value: [*c]const u8) ws_status;
pub extern fn ws_config_set_header(config: ?*ws_config, name: [*c]const u8, value: [*c]const u8) ws_status;
pub extern fn ws_config_add_subprotocol(config: ?*ws_config, name: [*c]const u8) ws_status;
pub extern fn ws_config_set_origin(config: ?*ws_config, origin: [*c]const u8) ws_status;
pub extern fn ws_config_set_user_agent(config: ?*ws_config, user_agent: [*c]const u8) ws_status;
pub extern fn ws_config_set_open_timeout_ms(config: ?*ws_config, timeout_ms: i64) ws_status;
pub extern fn ws_config_set_resolve_timeout_ms(config: ?*ws_config, timeout_ms: i64) ws_status;
pub extern fn ws_config_set_connect_timeout_ms(config: ?*ws_config, timeout_ms: i64) ws_status;
pub extern fn ws_config_set_proxy_timeout_ms(config: ?*ws_config, timeout_ms: i64) ws_status;
pub extern fn ws_config_set_tls_timeout_ms(config: ?*ws_config, timeout_ms: i64) ws_status;
pub extern fn ws_config_set_handshake_timeout_ms(config: ?*ws_config, timeout_ms: i64) ws_status;
pub extern fn ws_config_set_send_timeout_ms(config: ?*ws_config, timeout_ms: i64) ws_status;
pub extern fn ws_config_set_close_timeout_ms(config: ?*ws_config, timeout_ms: i64) ws_status;
pub extern fn ws_config_set_idle_timeout_ms(config: ?*ws_config, timeout_ms: i64) ws_status;
pub extern fn ws_config_set_ping_interval_ms(config: ?*ws_config, interval_ms: i64) ws_status;
pub extern fn ws_config_set_ping_timeout_ms(config: ?*ws_config, timeout_ms: i64) ws_status;
pub const WS_LIVENESS_PONG: c_int = 0;
pub const WS_LIVENESS_ANY: c_int = 1;
pub const ws_ping_liveness = u32;
pub extern fn ws_config_set_ping_liveness(config: ?*ws_config, liveness: u32) ws_status;
pub extern fn ws_set_ping_interval_ms(session: ?*ws_session, interval_ms: i64) ws_status;
pub extern fn ws_get_ping_interval_ms(session: ?*const ws_session) i64;
pub extern fn ws_set_ping_timeout_ms(session: ?*ws_session, timeout_ms: i64) ws_status;
pub extern fn ws_get_ping_timeout_ms(session: ?*const ws_session) i64;
pub extern fn ws_config_set_max_frame_size(config: ?*ws_config, bytes: u64) ws_status;
pub extern fn ws_config_set_max_message_size(config: ?*ws_config, bytes: u64) ws_status;
pub extern fn ws_set_max_frame_size(session: ?*ws_session, bytes: u64) ws_status;
pub extern fn ws_get_max_frame_size(session: ?*const ws_session) u64;
pub extern fn ws_set_max_message_size(session: ?*ws_session, bytes: u64) ws_status;
pub extern fn ws_get_max_message_size(session: ?*const ws_session) u64;
pub const WS_QUEUE_WAIT: c_int = 0;
pub const WS_QUEUE_CLOSE: c_int = 1;
pub const WS_QUEUE_DROP_OLDEST: c_int = 2;
pub const ws_queue_policy = u32;
pub extern fn ws_config_set_incoming_queue(config: ?*ws_config, messages: usize, bytes: usize, policy: u32) ws_status;
pub extern fn ws_config_set_outgoing_queue(config: ?*ws_config, messages: usize, bytes: usize, policy: u32) ws_status;
pub extern fn ws_config_set_auto_fragment(config: ?*ws_config, bytes: usize) ws_status;
pub extern fn ws_config_set_coalescing(config: ?*ws_config, on: i32) ws_status;
pub extern fn ws_config_set_spin_us(config: ?*ws_config, microseconds: u32) ws_status;
pub extern fn ws_config_add_tls_ca_file(config: ?*ws_config, path: [*c]const u8) ws_status;
pub extern fn ws_config_add_tls_ca_pem(config: ?*ws_config, pem: [*c]const u8, size: usize) ws_status;
pub extern fn ws_config_add_tls_ca_dir(config: ?*ws_config, path: [*c]const u8) ws_status;
pub extern fn ws_config_set_tls_system_store(config: ?*ws_config, on: i32) ws_status;
pub extern fn ws_config_add_tls_crl_file(config: ?*ws_config, path: [*c]const u8) ws_status;
pub extern fn ws_config_set_tls_client_cert_file(config: ?*ws_config, certificate_path: [*c]const u8, key_path: [*c]const u8) ws_status;
pub extern fn ws_config_set_tls_client_cert_pem(config: ?*ws_config, certificate: [*c]const u8, certificate_size: usize, key: [*c]const u8, key_size: usize) ws_status;
pub extern fn ws_config_set_tls_server_name(config: ?*ws_config, name: [*c]const u8) ws_status;
pub extern fn ws_config_set_tls_verify(config: ?*ws_config, peer: i32, host: i32) ws_status;
pub extern fn ws_config_add_tls_pin_sha256(config: ?*ws_config, pin: [*c]const u8) ws_status;
pub const WS_TLS_1_2: c_int = 771;
pub const WS_TLS_1_3: c_int = 772;
pub const ws_tls_version = u32;
pub extern fn ws_config_set_tls_min_version(config: ?*ws_config, version: u32) ws_status;
pub extern fn ws_config_set_tls_alpn(config: ?*ws_config, protocols: [*c]const u8) ws_status;
pub extern fn ws_config_set_tls_key_log_file(config: ?*ws_config, path: [*c]const u8) ws_status;
pub extern fn ws_config_set_proxy(config: ?*ws_config, url: [*c]const u8) ws_status;
pub extern fn ws_config_set_proxy_from_env(config: ?*ws_config, on: i32) ws_status;
pub extern fn ws_config_add_resolve(config: ?*ws_config, host: [*c]const u8, port: u16, address: [*c]const u8) ws_status;
pub extern fn ws_config_set_local_address(config: ?*ws_config, address: [*c]const u8) ws_status;
pub extern fn ws_config_set_unix_socket(config: ?*ws_config, path: [*c]const u8) ws_status;
pub extern fn ws_config_set_socket_fd(config: ?*ws_config, fd: i32) ws_status;
pub extern fn ws_config_set_tcp_nodelay(config: ?*ws_config, on: i32) ws_status;
pub extern fn ws_config_set_tcp_keepalive(config: ?*ws_config, idle_s: u32, interval_s: u32, count: u32) ws_status;
pub extern fn ws_config_set_basic_auth(config: ?*ws_config, user: [*c]const u8, password: [*c]const u8) ws_status;
pub extern fn ws_config_set_bearer_token(config: ?*ws_config, token: [*c]const u8) ws_status;
pub extern fn ws_config_set_max_redirects(config: ?*ws_config, count: u32) ws_status;
pub const struct_ws_auth = opaque {};
pub const ws_auth = struct_ws_auth;
pub const ws_auth_callback = ?*const fn (auth: ?*ws_auth, user_data: ?*anyopaque) callconv(.c) void;
pub extern fn ws_config_set_auth_callback(config: ?*ws_config, callback: ws_auth_callback, user_data: ?*anyopaque) ws_status;
pub extern fn ws_auth_url(auth: ?*const ws_auth) [*c]const u8;
pub extern fn ws_auth_challenge(auth: ?*const ws_auth, index: usize) [*c]const u8;
pub extern fn ws_auth_attempt(auth: ?*const ws_auth) u32;
pub extern fn ws_auth_basic(auth: ?*ws_auth, user: [*c]const u8, password: [*c]const u8) ws_status;
pub extern fn ws_auth_digest(auth: ?*ws_auth, user: [*c]const u8, password: [*c]const u8) ws_status;
pub extern fn ws_auth_bearer(auth: ?*ws_auth, token: [*c]const u8) ws_status;
pub extern fn ws_auth_header(auth: ?*ws_auth, value: [*c]const u8) ws_status;
pub const struct_ws_cookie_jar = opaque {};
pub const ws_cookie_jar = struct_ws_cookie_jar;
pub extern fn ws_cookie_jar_new() ?*ws_cookie_jar;
pub extern fn ws_cookie_jar_free(jar: ?*ws_cookie_jar) void;
pub extern fn ws_config_set_cookie_jar(config: ?*ws_config, jar: ?*const ws_cookie_jar) ws_status;
pub extern fn ws_cookie_jar_add(jar: ?*ws_cookie_jar, url: [*c]const u8, set_cookie: [*c]const u8) ws_status;
pub extern fn ws_cookie_jar_header(jar: ?*ws_cookie_jar, url: [*c]const u8, buffer: [*c]u8, capacity: usize, size: [*c]usize) ws_status;
pub extern fn ws_cookie_jar_clear(jar: ?*ws_cookie_jar) void;
pub extern fn ws_connect_async(url: [*c]const u8, config: ?*const ws_config, session: [*c]?*ws_session) ws_status;
pub extern fn ws_wait_open(session: ?*ws_session, timeout_ms: i64, @"error": [*c]?*ws_error) ws_status;
pub extern fn ws_config_interrupt(config: ?*const ws_config) ws_status;
pub extern fn ws_event_fd(session: ?*ws_session) i32;
pub const ws_frame_callback = ?*const fn (session: ?*ws_session, frame: [*c]const ws_frame, user_data: ?*anyopaque) callconv(.c) void;
pub const ws_drop_callback = ?*const fn (user_data: ?*anyopaque) callconv(.c) void;
pub const struct_ws_callbacks = extern struct {
    struct_size: usize = 0,
    on_open: ?*const fn (session: ?*ws_session, user_data: ?*anyopaque) callconv(.c) void = null,
    on_frame: ws_frame_callback = null,
    on_writable: ?*const fn (session: ?*ws_session, user_data: ?*anyopaque) callconv(.c) void = null,
    on_close: ?*const fn (session: ?*ws_session, status: ws_status, user_data: ?*anyopaque) callconv(.c) void = null,
    drop: ws_drop_callback = null,
};
pub const ws_callbacks = struct_ws_callbacks;
pub extern fn ws_config_set_callbacks(config: ?*ws_config, callbacks: [*c]const ws_callbacks, user_data: ?*anyopaque) ws_status;
pub extern fn ws_recv_callback(session: ?*ws_session, function: ws_frame_callback, user_data: ?*anyopaque, drop: ws_drop_callback) ws_status;
pub const struct_ws_group = opaque {};
pub const ws_group = struct_ws_group;
pub extern fn ws_group_new() ?*ws_group;
pub extern fn ws_group_free(group: ?*ws_group) void;
pub extern fn ws_config_set_group(config: ?*ws_config, group: ?*ws_group) ws_status;
pub extern fn ws_group_recv(group: ?*ws_group, session: [*c]?*ws_session, frame: [*c][*c]ws_frame, timeout_ms: i64) ws_status;
pub extern fn ws_group_event_fd(group: ?*ws_group) i32;
pub extern fn ws_group_close(group: ?*ws_group, code: u32, reason: [*c]const u8, length: usize, timeout_ms: i64) ws_status;
pub extern fn ws_group_interrupt(group: ?*ws_group) ws_status;
pub extern fn ws_group_size(group: ?*const ws_group) usize;
pub const WS_RECONNECT_KEEP_UNSENT: c_int = 1;
pub const WS_RECONNECT_FIRST: c_int = 2;
pub const ws_reconnect_flags = u32;
pub const struct_ws_attempt = opaque {};
pub const ws_attempt = struct_ws_attempt;
pub const ws_reconnect_decision = ?*const fn (session: ?*ws_session, why: ?*const ws_error, attempt: u32, suggested: i32, delay_ms: [*c]i64, user_data: ?*anyopaque) callconv(.c) i32;
pub const ws_reconnect_preparation = ?*const fn (session: ?*ws_session, attempt: ?*ws_attempt, user_data: ?*anyopaque) callconv(.c) void;
pub const struct_ws_reconnect_options = extern struct {
    struct_size: usize = 0,
    first_delay_ms: i64 = 0,
    max_delay_ms: i64 = 0,
    max_outage_ms: i64 = 0,
    max_attempts: u32 = 0,
    flags: u32 = 0,
    max_retry_after_ms: i64 = 0,
    decide: ws_reconnect_decision = null,
    prepare: ws_reconnect_preparation = null,
    user_data: ?*anyopaque = null,
};
pub const ws_reconnect_options = struct_ws_reconnect_options;
pub extern fn ws_config_set_reconnect(config: ?*ws_config, options: [*c]const ws_reconnect_options) ws_status;
pub extern fn ws_attempt_number(attempt: ?*const ws_attempt) u32;
pub extern fn ws_attempt_last_error(attempt: ?*const ws_attempt) ?*const ws_error;
pub extern fn ws_attempt_set_url(attempt: ?*ws_attempt, url: [*c]const u8) ws_status;
pub extern fn ws_attempt_set_header(attempt: ?*ws_attempt, name: [*c]const u8, value: [*c]const u8) ws_status;
pub const WS_EVENT_OPENED: c_int = 1;
pub const WS_EVENT_LOST: c_int = 2;
pub const WS_EVENT_RESUMED: c_int = 4;
pub const ws_event_frames = u32;
pub extern fn ws_config_set_deliver_events(config: ?*ws_config, mask: u32) ws_status;
pub extern fn ws_config_set_user_data(config: ?*ws_config, user_data: ?*anyopaque) ws_status;
pub extern fn ws_set_user_data(session: ?*ws_session, user_data: ?*anyopaque) ws_status;
pub extern fn ws_get_user_data(session: ?*const ws_session) ?*anyopaque;
pub extern fn ws_subprotocol(session: ?*const ws_session) [*c]const u8;
pub extern fn ws_request_url(session: ?*const ws_session) [*c]const u8;
pub extern fn ws_request_header(session: ?*const ws_session, name: [*c]const u8, index: usize) [*c]const u8;
pub extern fn ws_request_header_at(session: ?*const ws_session, index: usize, name: [*c][*c]const u8, value: [*c][*c]const u8) i32;
pub extern fn ws_response_status(session: ?*const ws_session) u32;
pub extern fn ws_response_header(session: ?*const ws_session, name: [*c]const u8, index: usize) [*c]const u8;
pub extern fn ws_response_header_at(session: ?*const ws_session, index: usize, name: [*c][*c]const u8, value: [*c][*c]const u8) i32;
pub const struct_ws_session_info = extern struct {
    struct_size: usize = 0,
    http_version: u32 = 0,
    tls_version: u32 = 0,
    tls_resumed: u32 = 0,
    local_address: [112]u8 = @import("std").mem.zeroes([112]u8),
    peer_address: [112]u8 = @import("std").mem.zeroes([112]u8),
    proxy: [280]u8 = @import("std").mem.zeroes([280]u8),
    tls_cipher_suite: [48]u8 = @import("std").mem.zeroes([48]u8),
    tls_key_exchange_group: [32]u8 = @import("std").mem.zeroes([32]u8),
    alpn: [32]u8 = @import("std").mem.zeroes([32]u8),
};
pub const ws_session_info = struct_ws_session_info;
pub extern fn ws_get_session_info(session: ?*const ws_session, info: [*c]ws_session_info) ws_status;
pub extern fn ws_peer_certificate(session: ?*const ws_session, index: usize, der: [*c][*c]const u8, size: [*c]usize) i32;
pub const struct_ws_stats = extern struct {
    struct_size: usize = 0,
    messages_sent: u64 = 0,
    messages_received: u64 = 0,
    payload_sent: u64 = 0,
    payload_received: u64 = 0,
    wire_sent: u64 = 0,
    wire_received: u64 = 0,
    compressed_sent_before: u64 = 0,
    compressed_sent_after: u64 = 0,
    compressed_received_before: u64 = 0,
    compressed_received_after: u64 = 0,
    pings_sent: u64 = 0,
    pings_received: u64 = 0,
    pongs_sent: u64 = 0,
    pongs_received: u64 = 0,
    last_rtt_us: u64 = 0,
    incoming_messages: u64 = 0,
    incoming_bytes: u64 = 0,
    outgoing_messages: u64 = 0,
    outgoing_bytes: u64 = 0,
    incoming_dropped: u64 = 0,
    outgoing_dropped: u64 = 0,
    resolve_us: u64 = 0,
    connect_us: u64 = 0,
    tls_us: u64 = 0,
    handshake_us: u64 = 0,
    proxy_us: u64 = 0,
    reconnects: u64 = 0,
};
pub const ws_stats = struct_ws_stats;
pub extern fn ws_get_stats(session: ?*const ws_session, stats: [*c]ws_stats) ws_status;
pub extern fn ws_session_id(session: ?*const ws_session) u64;
pub extern fn ws_config_set_auto_pong(config: ?*ws_config, on: i32) ws_status;
pub const WS_CONTROL_PING: c_int = 1;
pub const WS_CONTROL_PONG: c_int = 2;
pub const WS_CONTROL_CLOSE: c_int = 4;
pub const ws_control_frames = u32;
pub extern fn ws_config_set_deliver_control(config: ?*ws_config, mask: u32) ws_status;
pub extern fn ws_config_set_deliver_parts(config: ?*ws_config, bytes: usize) ws_status;
pub extern fn ws_config_set_validate_utf8(config: ?*ws_config, on: i32) ws_status;
pub extern fn ws_config_set_raw(config: ?*ws_config, on: i32) ws_status;
pub extern fn ws_start_default(session: ?*ws_session, ping_interval_ms: i64, ping_timeout_ms: i64) ws_status;
pub extern fn ws_config_set_allow_unmasked(config: ?*ws_config, allow: i32) ws_status;
pub extern fn ws_config_set_masking(config: ?*ws_config, on: i32) ws_status;
pub extern fn ws_set_masking(session: ?*ws_session, on: i32) ws_status;
pub extern fn ws_get_masking(session: ?*const ws_session) i32;
pub const WS_DEFLATE_OMIT_CLIENT_MAX_WINDOW_BITS: c_int = 1;
pub const WS_DEFLATE_OFFER_FALLBACK: c_int = 2;
pub const ws_deflate_flags = u32;
pub const struct_ws_deflate_options = extern struct {
    struct_size: usize = 0,
    level: u32 = 0,
    memory_level: u32 = 0,
    client_max_window_bits: u32 = 0,
    server_max_window_bits: u32 = 0,
    client_no_context_takeover: u32 = 0,
    server_no_context_takeover: u32 = 0,
    min_size: usize = 0,
    filter: ?*const fn (user_data: ?*anyopaque, @"type": u32, data: ?*const anyopaque, size: usize) callconv(.c) i32 = null,
    filter_user_data: ?*anyopaque = null,
    flags: u32 = 0,
};
pub const ws_deflate_options = struct_ws_deflate_options;
pub extern fn ws_config_install_deflate(config: ?*ws_config, options: [*c]const ws_deflate_options) ws_status;
pub const struct_ws_deflate_info = extern struct {
    struct_size: usize = 0,
    level: u32 = 0,
    client_max_window_bits: u32 = 0,
    server_max_window_bits: u32 = 0,
    client_no_context_takeover: u32 = 0,
    server_no_context_takeover: u32 = 0,
};
pub const ws_deflate_info = struct_ws_deflate_info;
pub extern fn ws_get_deflate_info(session: ?*const ws_session, info: [*c]ws_deflate_info) ws_status;
pub const struct_ws_extension_piece = extern struct {
    data: [*c]const u8 = null,
    size: usize = 0,
    type: u32 = 0,
    flags: u32 = 0,
    rsv: u32 = 0,
};
pub const ws_extension_piece = struct_ws_extension_piece;
pub const struct_ws_sink = opaque {};
pub const ws_sink = struct_ws_sink;
pub const WS_PIECE_FIRST: c_int = 1;
pub const WS_PIECE_LAST: c_int = 2;
pub const ws_piece_flags = u32;
pub const struct_ws_extension_vtable = extern struct {
    struct_size: usize = 0,
    name: [*c]const u8 = null,
    rsv: u32 = 0,
    offer: ?*const fn (user_data: ?*anyopaque, parameters: ?*ws_sink) callconv(.c) i32 = null,
    negotiate: ?*const fn (user_data: ?*anyopaque, parameters: [*c]const u8, instance: [*c]?*anyopaque) callconv(.c) i32 = null,
    encode: ?*const fn (instance: ?*anyopaque, piece: [*c]const ws_extension_piece, rsv: [*c]u32, output: ?*ws_sink) callconv(.c) i32 = null,
    decode: ?*const fn (instance: ?*anyopaque, piece: [*c]const ws_extension_piece, output: ?*ws_sink) callconv(.c) i32 = null,
    drop: ?*const fn (instance: ?*anyopaque) callconv(.c) void = null,
    release: ?*const fn (user_data: ?*anyopaque) callconv(.c) void = null,
};
pub const ws_extension_vtable = struct_ws_extension_vtable;
pub extern fn ws_config_install_extension(config: ?*ws_config, vtable: [*c]const ws_extension_vtable, user_data: ?*anyopaque) ws_status;
pub extern fn ws_sink_write(sink: ?*ws_sink, data: ?*const anyopaque, size: usize) ws_status;
pub const struct_ws_extension = extern struct {
    name: [*c]const u8 = null,
    parameters: [*c]const u8 = null,
    instance: ?*anyopaque = null,
};
pub const ws_extension = struct_ws_extension;
pub extern fn ws_extension_count(session: ?*const ws_session) usize;
pub extern fn ws_extension_at(session: ?*const ws_session, index: usize) [*c]const ws_extension;
pub extern fn ws_extension_find(session: ?*const ws_session, name: [*c]const u8) [*c]const ws_extension;
pub extern fn ws_version_number() u32;
pub extern fn ws_version_string() [*c]const u8;
pub extern fn ws_has_feature(name: [*c]const u8) i32;
pub extern fn ws_set_worker_threads(count: u32) ws_status;
pub extern fn ws_shutdown(timeout_ms: i64) ws_status;
pub const WS_LOG_OFF: c_int = 0;
pub const WS_LOG_ERROR: c_int = 1;
pub const WS_LOG_WARNING: c_int = 2;
pub const WS_LOG_INFO: c_int = 3;
pub const WS_LOG_DEBUG: c_int = 4;
pub const ws_log_level = u32;
pub const ws_log_callback = ?*const fn (level: u32, session_id: u64, message: [*c]const u8, user_data: ?*anyopaque) callconv(.c) void;
pub extern fn ws_set_log_callback(level: u32, function: ws_log_callback, user_data: ?*anyopaque) ws_status;
