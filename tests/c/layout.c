/* What compiled programs rely on. A line here changes only together with the SONAME. */

#include <ktorws.h>

#define VALUE(name, value) _Static_assert((name) == (value), #name)
#define OFFSET(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #type "." #member)

VALUE(WS_OK, 0);
VALUE(WS_ERR_INVALID_ARGUMENT, -101);
VALUE(WS_ERR_STATE, -102);
VALUE(WS_ERR_BUFFER_TOO_SMALL, -103);
VALUE(WS_ERR_UNSUPPORTED, -104);
VALUE(WS_ERR_FORKED, -105);
VALUE(WS_ERR_NO_MEMORY, -106);
VALUE(WS_ERR_URL, -201);
VALUE(WS_ERR_RESOLVE, -202);
VALUE(WS_ERR_CONNECT, -203);
VALUE(WS_ERR_PROXY, -204);
VALUE(WS_ERR_PROXY_AUTH, -205);
VALUE(WS_ERR_TLS, -211);
VALUE(WS_ERR_TLS_CERTIFICATE, -212);
VALUE(WS_ERR_HANDSHAKE_STATUS, -221);
VALUE(WS_ERR_HANDSHAKE_INVALID, -222);
VALUE(WS_ERR_TOO_MANY_REDIRECTS, -223);
VALUE(WS_ERR_PROTOCOL, -301);
VALUE(WS_ERR_UTF8, -302);
VALUE(WS_ERR_FRAME_TOO_BIG, -303);
VALUE(WS_ERR_MESSAGE_TOO_BIG, -304);
VALUE(WS_ERR_EXTENSION, -305);
VALUE(WS_ERR_COMPRESSION, -306);
VALUE(WS_ERR_CLOSED, -401);
VALUE(WS_ERR_CLOSED_ABNORMALLY, -402);
VALUE(WS_ERR_PING_TIMEOUT, -403);
VALUE(WS_ERR_IO, -404);
VALUE(WS_ERR_ABORTED, -405);
VALUE(WS_ERR_TIMEOUT, -501);
VALUE(WS_ERR_INTERRUPTED, -502);
VALUE(WS_ERR_OVERFLOW, -503);
VALUE(WS_ERR_INTERNAL, -901);

VALUE(WS_PHASE_NONE, 0);
VALUE(WS_PHASE_RESOLVE, 1);
VALUE(WS_PHASE_CONNECT, 2);
VALUE(WS_PHASE_PROXY, 3);
VALUE(WS_PHASE_TLS, 4);
VALUE(WS_PHASE_HANDSHAKE, 5);
VALUE(WS_PHASE_OPEN, 6);

VALUE(WS_STATE_CONNECTING, 0);
VALUE(WS_STATE_OPEN, 1);
VALUE(WS_STATE_CLOSING, 2);
VALUE(WS_STATE_CLOSED, 3);

VALUE(WS_FRAME_CONTINUATION, 0);
VALUE(WS_FRAME_TEXT, 1);
VALUE(WS_FRAME_BINARY, 2);
VALUE(WS_FRAME_CLOSE, 8);
VALUE(WS_FRAME_PING, 9);
VALUE(WS_FRAME_PONG, 10);

VALUE(WS_CLOSE_NORMAL, 1000);
VALUE(WS_CLOSE_GOING_AWAY, 1001);
VALUE(WS_CLOSE_PROTOCOL_ERROR, 1002);
VALUE(WS_CLOSE_CANNOT_ACCEPT, 1003);
VALUE(WS_CLOSE_NO_STATUS, 1005);
VALUE(WS_CLOSE_ABNORMAL, 1006);
VALUE(WS_CLOSE_NOT_CONSISTENT, 1007);
VALUE(WS_CLOSE_VIOLATED_POLICY, 1008);
VALUE(WS_CLOSE_TOO_BIG, 1009);
VALUE(WS_CLOSE_NO_EXTENSION, 1010);
VALUE(WS_CLOSE_INTERNAL_ERROR, 1011);
VALUE(WS_CLOSE_SERVICE_RESTART, 1012);
VALUE(WS_CLOSE_TRY_AGAIN_LATER, 1013);
VALUE(WS_CLOSE_BAD_GATEWAY, 1014);

VALUE(WS_QUEUE_WAIT, 0);
VALUE(WS_QUEUE_CLOSE, 1);
VALUE(WS_QUEUE_DROP_OLDEST, 2);

VALUE(WS_SEND_MORE, 1);
VALUE(WS_SEND_NO_COMPRESS, 2);
VALUE(WS_SEND_CORK, 4);

VALUE(WS_FLAG_MORE, 1);
VALUE(WS_FLAG_RSV3, 16);
VALUE(WS_FLAG_RSV2, 32);
VALUE(WS_FLAG_RSV1, 64);

VALUE(WS_LIVENESS_PONG, 0);
VALUE(WS_LIVENESS_ANY, 1);

VALUE(WS_CONTROL_PING, 1);
VALUE(WS_CONTROL_PONG, 2);
VALUE(WS_CONTROL_CLOSE, 4);

VALUE(WS_DEFLATE_OMIT_CLIENT_MAX_WINDOW_BITS, 1);
VALUE(WS_DEFLATE_OFFER_FALLBACK, 2);
VALUE(WS_PIECE_FIRST, 1);
VALUE(WS_PIECE_LAST, 2);

VALUE(WS_CLOSED_BY_LOCAL, 1);
VALUE(WS_CLOSED_BY_REMOTE, 2);
VALUE(WS_CLOSED_BY_PROTOCOL, 3);
VALUE(WS_CLOSED_BY_TRANSPORT, 4);

VALUE(WS_NUL_TERMINATED, SIZE_MAX);
VALUE(WS_VERSION_NUMBER, WS_VERSION_MAJOR << 16 | WS_VERSION_MINOR << 8 | WS_VERSION_PATCH);

_Static_assert(sizeof(ws_status) == 4, "enumerations are int");
_Static_assert(sizeof(ws_session_state) == 4, "enumerations are int");

OFFSET(ws_frame, data, 0);
OFFSET(ws_frame, size, 8);
OFFSET(ws_frame, type, 16);
OFFSET(ws_frame, flags, 20);
OFFSET(ws_frame, close_code, 24);

OFFSET(ws_message, data, 0);
OFFSET(ws_message, size, 8);
OFFSET(ws_message, type, 16);
OFFSET(ws_message, flags, 20);
_Static_assert(sizeof(ws_message) == 24, "an array of it is passed");

OFFSET(ws_close_info, struct_size, 0);
OFFSET(ws_close_info, local_code, 8);
OFFSET(ws_close_info, remote_code, 12);
OFFSET(ws_close_info, reason, 16);
OFFSET(ws_close_info, reason_size, 24);
OFFSET(ws_close_info, clean, 32);
OFFSET(ws_close_info, initiator, 36);
_Static_assert(sizeof(ws_close_info) == 40, "grows only at its end");

OFFSET(ws_deflate_options, struct_size, 0);
OFFSET(ws_deflate_options, level, 8);
OFFSET(ws_deflate_options, memory_level, 12);
OFFSET(ws_deflate_options, client_max_window_bits, 16);
OFFSET(ws_deflate_options, server_max_window_bits, 20);
OFFSET(ws_deflate_options, client_no_context_takeover, 24);
OFFSET(ws_deflate_options, server_no_context_takeover, 28);
OFFSET(ws_deflate_options, min_size, 32);
OFFSET(ws_deflate_options, filter, 40);
OFFSET(ws_deflate_options, filter_user_data, 48);
OFFSET(ws_deflate_options, flags, 56);
_Static_assert(sizeof(ws_deflate_options) == 64, "grows only at its end");

OFFSET(ws_extension_vtable, struct_size, 0);
OFFSET(ws_extension_vtable, name, 8);
OFFSET(ws_extension_vtable, rsv, 16);
OFFSET(ws_extension_vtable, offer, 24);
OFFSET(ws_extension_vtable, negotiate, 32);
OFFSET(ws_extension_vtable, encode, 40);
OFFSET(ws_extension_vtable, decode, 48);
OFFSET(ws_extension_vtable, drop, 56);
OFFSET(ws_extension_vtable, release, 64);
_Static_assert(sizeof(ws_extension_vtable) == 72, "grows only at its end");

OFFSET(ws_extension_piece, data, 0);
OFFSET(ws_extension_piece, size, 8);
OFFSET(ws_extension_piece, type, 16);
OFFSET(ws_extension_piece, flags, 20);
OFFSET(ws_extension_piece, rsv, 24);

OFFSET(ws_extension, name, 0);
OFFSET(ws_extension, parameters, 8);
OFFSET(ws_extension, instance, 16);

OFFSET(ws_callbacks, struct_size, 0);
OFFSET(ws_callbacks, on_open, 8);
OFFSET(ws_callbacks, on_frame, 16);
OFFSET(ws_callbacks, on_writable, 24);
OFFSET(ws_callbacks, on_close, 32);
OFFSET(ws_callbacks, drop, 40);
_Static_assert(sizeof(ws_callbacks) == 48, "grows only at its end");

OFFSET(ws_reconnect_options, struct_size, 0);
OFFSET(ws_reconnect_options, first_delay_ms, 8);
OFFSET(ws_reconnect_options, max_delay_ms, 16);
OFFSET(ws_reconnect_options, max_outage_ms, 24);
OFFSET(ws_reconnect_options, max_attempts, 32);
OFFSET(ws_reconnect_options, flags, 36);
OFFSET(ws_reconnect_options, max_retry_after_ms, 40);
OFFSET(ws_reconnect_options, decide, 48);
OFFSET(ws_reconnect_options, prepare, 56);
OFFSET(ws_reconnect_options, user_data, 64);
_Static_assert(sizeof(ws_reconnect_options) == 72, "grows only at its end");

OFFSET(ws_slice, data, 0);
OFFSET(ws_slice, size, 8);
_Static_assert(sizeof(ws_slice) == 16, "never grows");

OFFSET(ws_deflate_info, struct_size, 0);
OFFSET(ws_deflate_info, level, 8);
OFFSET(ws_deflate_info, client_max_window_bits, 12);
OFFSET(ws_deflate_info, server_max_window_bits, 16);
OFFSET(ws_deflate_info, client_no_context_takeover, 20);
OFFSET(ws_deflate_info, server_no_context_takeover, 24);
_Static_assert(sizeof(ws_deflate_info) == 32, "grows only at its end");

OFFSET(ws_session_info, struct_size, 0);
OFFSET(ws_session_info, http_version, 8);
OFFSET(ws_session_info, tls_version, 12);
OFFSET(ws_session_info, tls_resumed, 16);
OFFSET(ws_session_info, local_address, 20);
OFFSET(ws_session_info, peer_address, 132);
OFFSET(ws_session_info, proxy, 244);
OFFSET(ws_session_info, tls_cipher_suite, 524);
OFFSET(ws_session_info, tls_key_exchange_group, 572);
OFFSET(ws_session_info, alpn, 604);
_Static_assert(sizeof(ws_session_info) == 640, "grows only at its end");

OFFSET(ws_stats, struct_size, 0);
OFFSET(ws_stats, messages_sent, 8);
OFFSET(ws_stats, messages_received, 16);
OFFSET(ws_stats, payload_sent, 24);
OFFSET(ws_stats, payload_received, 32);
OFFSET(ws_stats, wire_sent, 40);
OFFSET(ws_stats, wire_received, 48);
OFFSET(ws_stats, compressed_sent_before, 56);
OFFSET(ws_stats, compressed_sent_after, 64);
OFFSET(ws_stats, compressed_received_before, 72);
OFFSET(ws_stats, compressed_received_after, 80);
OFFSET(ws_stats, pings_sent, 88);
OFFSET(ws_stats, pings_received, 96);
OFFSET(ws_stats, pongs_sent, 104);
OFFSET(ws_stats, pongs_received, 112);
OFFSET(ws_stats, last_rtt_us, 120);
OFFSET(ws_stats, incoming_messages, 128);
OFFSET(ws_stats, incoming_bytes, 136);
OFFSET(ws_stats, outgoing_messages, 144);
OFFSET(ws_stats, outgoing_bytes, 152);
OFFSET(ws_stats, incoming_dropped, 160);
OFFSET(ws_stats, outgoing_dropped, 168);
OFFSET(ws_stats, resolve_us, 176);
OFFSET(ws_stats, connect_us, 184);
OFFSET(ws_stats, tls_us, 192);
OFFSET(ws_stats, handshake_us, 200);
OFFSET(ws_stats, proxy_us, 208);
OFFSET(ws_stats, reconnects, 216);
_Static_assert(sizeof(ws_stats) == 224, "grows only at its end");
