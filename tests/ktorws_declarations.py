"""The declarations of ktorws.h for ctypes, and the library.

It is the one KTORWS_LIBRARY names, or the release build of this tree.
"""

import ctypes
import enum
import os
from ctypes import POINTER, byref, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint16, c_uint32, c_uint64, c_void_p

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIBRARY = os.environ.get("KTORWS_LIBRARY") or os.path.join(REPOSITORY, "target", "release", "libktorws.so")

# The peers are on this machine: a proxy of the environment must not get between.
for _name in ("ws_proxy", "wss_proxy", "http_proxy", "https_proxy", "all_proxy"):
    os.environ.pop(_name, None)
    os.environ.pop(_name.upper(), None)


class Status(enum.IntEnum):
    OK = 0
    INVALID_ARGUMENT = -101
    STATE = -102
    BUFFER_TOO_SMALL = -103
    UNSUPPORTED = -104
    FORKED = -105
    NO_MEMORY = -106
    URL = -201
    RESOLVE = -202
    CONNECT = -203
    PROXY = -204
    PROXY_AUTH = -205
    TLS = -211
    TLS_CERTIFICATE = -212
    HANDSHAKE_STATUS = -221
    HANDSHAKE_INVALID = -222
    TOO_MANY_REDIRECTS = -223
    PROTOCOL = -301
    UTF8 = -302
    FRAME_TOO_BIG = -303
    MESSAGE_TOO_BIG = -304
    EXTENSION = -305
    COMPRESSION = -306
    CLOSED = -401
    CLOSED_ABNORMALLY = -402
    PING_TIMEOUT = -403
    IO = -404
    ABORTED = -405
    IDLE_TIMEOUT = -406
    TIMEOUT = -501
    INTERRUPTED = -502
    OVERFLOW = -503
    INTERNAL = -901


class Phase(enum.IntEnum):
    NONE = 0
    RESOLVE = 1
    CONNECT = 2
    PROXY = 3
    TLS = 4
    HANDSHAKE = 5
    OPEN = 6


class State(enum.IntEnum):
    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class Initiator(enum.IntEnum):
    NONE = 0
    LOCAL = 1
    REMOTE = 2
    PROTOCOL = 3
    TRANSPORT = 4


CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
OPENED, LOST, RESUMED = 16, 17, 18
# ws_send_flags, ws_ping_liveness, ws_control_frames, ws_frame_flags, ws_event_frames, ws_queue_policy
SEND_MORE, SEND_NO_COMPRESS, SEND_CORK = 1, 2, 4
LIVENESS_PONG, LIVENESS_ANY = 0, 1
CONTROL_PING, CONTROL_PONG, CONTROL_CLOSE = 1, 2, 4
FLAG_MORE, FLAG_RSV3, FLAG_RSV2, FLAG_RSV1 = 1, 16, 32, 64
EVENT_OPENED, EVENT_LOST, EVENT_RESUMED = 1, 2, 4
QUEUE_WAIT, QUEUE_CLOSE, QUEUE_DROP_OLDEST = 0, 1, 2


class Frame(ctypes.Structure):
    _fields_ = [
        ("data", c_void_p),
        ("size", c_size_t),
        ("type", c_uint32),
        ("flags", c_uint32),
        ("close_code", c_uint32),
    ]


class CloseReason(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("local_code", c_uint32),
        ("remote_code", c_uint32),
        ("reason", c_void_p),
        ("reason_size", c_size_t),
        ("clean", c_uint32),
        ("initiator", c_uint32),
    ]


class Message(ctypes.Structure):
    _fields_ = [("data", c_char_p), ("size", c_size_t), ("type", c_uint32), ("flags", c_uint32)]


class Slice(ctypes.Structure):
    _fields_ = [("data", c_char_p), ("size", c_size_t)]


class DeflateOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        *((name, c_uint32) for name in ("level", "memory_level", "client_max_window_bits", "server_max_window_bits")),
        *((name, c_uint32) for name in ("client_no_context_takeover", "server_no_context_takeover")),
        ("min_size", c_size_t),
        ("filter", ctypes.CFUNCTYPE(ctypes.c_int, c_void_p, c_uint32, c_void_p, c_size_t)),
        ("filter_user_data", c_void_p),
        ("flags", c_uint32),
    ]


class DeflateInfo(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        *((name, c_uint32) for name in ("level", "client_max_window_bits", "server_max_window_bits")),
        *((name, c_uint32) for name in ("client_no_context_takeover", "server_no_context_takeover")),
    ]


class SessionInfo(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        *((name, c_uint32) for name in ("http_version", "tls_version", "tls_resumed")),
        ("local_address", ctypes.c_char * 112),
        ("peer_address", ctypes.c_char * 112),
        ("proxy", ctypes.c_char * 280),
        ("tls_cipher_suite", ctypes.c_char * 48),
        ("tls_key_exchange_group", ctypes.c_char * 32),
        ("alpn", ctypes.c_char * 32),
    ]


class Extension(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("parameters", c_char_p), ("instance", c_void_p)]


class Callbacks(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("on_open", ctypes.CFUNCTYPE(None, c_void_p, c_void_p)),
        ("on_frame", ctypes.CFUNCTYPE(None, c_void_p, POINTER(Frame), c_void_p)),
        ("on_writable", ctypes.CFUNCTYPE(None, c_void_p, c_void_p)),
        ("on_close", ctypes.CFUNCTYPE(None, c_void_p, c_int32, c_void_p)),
        ("drop", ctypes.CFUNCTYPE(None, c_void_p)),
    ]

    def __init__(self, **functions):
        super().__init__(struct_size=ctypes.sizeof(Callbacks))
        types = dict(self._fields_)
        for name, function in functions.items():
            setattr(self, name, types[name](function))


LogCallback = ctypes.CFUNCTYPE(None, c_uint32, c_uint64, c_char_p, c_void_p)
LOG_DEBUG = 4


class Statistics(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t)] + [
        (name, c_uint64)
        for name in (
            "messages_sent messages_received payload_sent payload_received wire_sent wire_received "
            "compressed_sent_before compressed_sent_after compressed_received_before compressed_received_after "
            "pings_sent pings_received pongs_sent pongs_received last_rtt_us "
            "incoming_messages incoming_bytes outgoing_messages outgoing_bytes incoming_dropped outgoing_dropped "
            "resolve_us connect_us tls_us handshake_us proxy_us reconnects"
        ).split()
    ]


_SIGNATURES = {
    "ws_version_string": (c_char_p,),
    "ws_status_name": (c_char_p, c_int32),
    "ws_strerror": (c_char_p, c_int32),
    "ws_shutdown": (c_int32, c_int64),
    "ws_error_status": (c_int32, c_void_p),
    "ws_error_message": (c_char_p, c_void_p),
    "ws_error_phase": (c_uint32, c_void_p),
    "ws_error_os_errno": (c_int32, c_void_p),
    "ws_error_tls_alert": (c_int32, c_void_p),
    "ws_error_http_status": (c_uint32, c_void_p),
    "ws_error_http_header": (c_char_p, c_void_p, c_char_p, c_size_t),
    "ws_error_http_body": (c_void_p, c_void_p, POINTER(c_size_t)),
    "ws_error_free": (None, c_void_p),
    "ws_config_new": (c_void_p,),
    "ws_config_clone": (c_void_p, c_void_p),
    "ws_config_free": (None, c_void_p),
    "ws_config_add_header": (c_int32, c_void_p, c_char_p, c_char_p),
    "ws_config_add_subprotocol": (c_int32, c_void_p, c_char_p),
    "ws_config_set_max_frame_size": (c_int32, c_void_p, c_uint64),
    "ws_config_set_max_message_size": (c_int32, c_void_p, c_uint64),
    "ws_config_set_connect_timeout_ms": (c_int32, c_void_p, c_int64),
    "ws_config_set_handshake_timeout_ms": (c_int32, c_void_p, c_int64),
    "ws_config_set_close_timeout_ms": (c_int32, c_void_p, c_int64),
    "ws_config_set_idle_timeout_ms": (c_int32, c_void_p, c_int64),
    "ws_config_set_send_timeout_ms": (c_int32, c_void_p, c_int64),
    "ws_config_set_outgoing_queue": (c_int32, c_void_p, c_size_t, c_size_t, c_uint32),
    "ws_config_add_tls_ca_file": (c_int32, c_void_p, c_char_p),
    "ws_config_add_tls_ca_pem": (c_int32, c_void_p, c_char_p, c_size_t),
    "ws_config_set_tls_server_name": (c_int32, c_void_p, c_char_p),
    "ws_config_set_tls_verify": (c_int32, c_void_p, c_int32, c_int32),
    "ws_connect": (c_int32, c_char_p, c_void_p, POINTER(c_void_p), POINTER(c_void_p)),
    "ws_send_text": (c_int32, c_void_p, c_char_p, c_size_t),
    "ws_send_binary": (c_int32, c_void_p, c_char_p, c_size_t),
    "ws_recv": (c_int32, c_void_p, POINTER(POINTER(Frame)), c_int64),
    "ws_frame_free": (None, POINTER(Frame)),
    "ws_close": (c_int32, c_void_p, c_uint32, c_char_p, c_size_t),
    "ws_wait_closed": (c_int32, c_void_p, c_int64),
    "ws_get_close_info": (c_int32, c_void_p, POINTER(CloseReason)),
    "ws_abort": (c_int32, c_void_p),
    "ws_session_free": (None, c_void_p),
    "ws_state": (c_int32, c_void_p),
    "ws_subprotocol": (c_char_p, c_void_p),
    "ws_response_status": (c_uint32, c_void_p),
    "ws_response_header": (c_char_p, c_void_p, c_char_p, c_size_t),
    "ws_session_error": (c_void_p, c_void_p),
}
_SIGNATURES |= {
    "ws_config_interrupt": (c_int32, c_void_p),
    "ws_config_add_resolve": (c_int32, c_void_p, c_char_p, c_uint16, c_char_p),
    "ws_config_set_local_address": (c_int32, c_void_p, c_char_p),
    "ws_config_set_unix_socket": (c_int32, c_void_p, c_char_p),
    "ws_config_set_socket_fd": (c_int32, c_void_p, c_int),
    "ws_config_set_tcp_nodelay": (c_int32, c_void_p, c_int32),
    "ws_config_set_tcp_keepalive": (c_int32, c_void_p, c_uint32, c_uint32, c_uint32),
    "ws_config_set_proxy": (c_int32, c_void_p, c_char_p),
    "ws_config_set_resolve_timeout_ms": (c_int32, c_void_p, c_int64),
    "ws_config_set_proxy_timeout_ms": (c_int32, c_void_p, c_int64),
    "ws_config_set_tls_timeout_ms": (c_int32, c_void_p, c_int64),
    "ws_config_set_open_timeout_ms": (c_int32, c_void_p, c_int64),
}
AUTH_CALLBACK = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)

_SIGNATURES |= {
    "ws_config_set_auth_callback": (c_int32, c_void_p, AUTH_CALLBACK, c_void_p),
    "ws_auth_url": (c_char_p, c_void_p),
    "ws_auth_challenge": (c_char_p, c_void_p, c_size_t),
    "ws_auth_attempt": (c_uint32, c_void_p),
    "ws_auth_basic": (c_int32, c_void_p, c_char_p, c_char_p),
    "ws_auth_digest": (c_int32, c_void_p, c_char_p, c_char_p),
    "ws_auth_bearer": (c_int32, c_void_p, c_char_p),
    "ws_auth_header": (c_int32, c_void_p, c_char_p),
}

_SIGNATURES |= {
    "ws_has_feature": (c_int32, c_char_p),
    "ws_config_set_header": (c_int32, c_void_p, c_char_p, c_char_p),
    "ws_config_set_auto_fragment": (c_int32, c_void_p, c_size_t),
    "ws_config_set_incoming_queue": (c_int32, c_void_p, c_size_t, c_size_t, c_uint32),
    "ws_config_set_coalescing": (c_int32, c_void_p, c_int32),
    "ws_send": (c_int32, c_void_p, c_uint32, c_void_p, c_size_t, c_uint32, c_int64),
    "ws_send_batch": (c_int32, c_void_p, POINTER(Message), c_size_t, POINTER(c_size_t), c_int64),
    "ws_flush": (c_int32, c_void_p, c_int64),
    "ws_buffered_amount": (c_size_t, c_void_p),
    "ws_set_max_frame_size": (c_int32, c_void_p, c_uint64),
    "ws_get_max_frame_size": (c_uint64, c_void_p),
    "ws_set_max_message_size": (c_int32, c_void_p, c_uint64),
    "ws_get_max_message_size": (c_uint64, c_void_p),
    "ws_interrupt": (c_int32, c_void_p),
    "ws_session_ref": (c_void_p, c_void_p),
    "ws_request_url": (c_char_p, c_void_p),
    "ws_request_header": (c_char_p, c_void_p, c_char_p, c_size_t),
}
_SIGNATURES |= {
    "ws_config_set_masking": (c_int32, c_void_p, c_int32),
    "ws_config_set_allow_unmasked": (c_int32, c_void_p, c_int32),
    "ws_config_set_ping_interval_ms": (c_int32, c_void_p, c_int64),
    "ws_config_set_ping_timeout_ms": (c_int32, c_void_p, c_int64),
    "ws_config_set_ping_liveness": (c_int32, c_void_p, c_uint32),
    "ws_config_set_raw": (c_int32, c_void_p, c_int32),
    "ws_config_set_deliver_control": (c_int32, c_void_p, c_uint32),
    "ws_config_set_auto_pong": (c_int32, c_void_p, c_int32),
    "ws_config_install_deflate": (c_int32, c_void_p, POINTER(DeflateOptions)),
    "ws_connect_async": (c_int32, c_char_p, c_void_p, POINTER(c_void_p)),
    "ws_wait_open": (c_int32, c_void_p, c_int64, POINTER(c_void_p)),
    "ws_sendv": (c_int32, c_void_p, c_uint32, POINTER(Slice), c_size_t, c_uint32, c_int64),
    "ws_get_session_info": (c_int32, c_void_p, POINTER(SessionInfo)),
    "ws_get_deflate_info": (c_int32, c_void_p, POINTER(DeflateInfo)),
    "ws_peer_certificate": (c_int32, c_void_p, c_size_t, POINTER(c_void_p), POINTER(c_size_t)),
    "ws_is_closed_for_receive": (c_int32, c_void_p),
    "ws_session_end": (c_int32, c_void_p, c_int64),
    "ws_request_header_at": (c_int32, c_void_p, c_size_t, POINTER(c_char_p), POINTER(c_char_p)),
    "ws_response_header_at": (c_int32, c_void_p, c_size_t, POINTER(c_char_p), POINTER(c_char_p)),
    "ws_error_http_header_at": (c_int32, c_void_p, c_size_t, POINTER(c_char_p), POINTER(c_char_p)),
    "ws_config_error": (c_void_p, c_void_p),
    "ws_config_set_deliver_events": (c_int32, c_void_p, c_uint32),
    "ws_config_set_deliver_parts": (c_int32, c_void_p, c_size_t),
    "ws_config_set_validate_utf8": (c_int32, c_void_p, c_int32),
    "ws_config_set_tls_system_store": (c_int32, c_void_p, c_int32),
    "ws_extension_count": (c_size_t, c_void_p),
    "ws_extension_at": (POINTER(Extension), c_void_p, c_size_t),
    "ws_extension_find": (POINTER(Extension), c_void_p, c_char_p),
    "ws_set_masking": (c_int32, c_void_p, c_int32),
    "ws_get_masking": (c_int32, c_void_p),
    "ws_set_ping_interval_ms": (c_int32, c_void_p, c_int64),
    "ws_get_ping_interval_ms": (c_int64, c_void_p),
    "ws_set_ping_timeout_ms": (c_int32, c_void_p, c_int64),
    "ws_get_ping_timeout_ms": (c_int64, c_void_p),
    "ws_get_stats": (c_int32, c_void_p, POINTER(Statistics)),
    "ws_config_set_callbacks": (c_int32, c_void_p, POINTER(Callbacks), c_void_p),
}
_SIGNATURES |= {
    "ws_config_set_proxy": (c_int32, c_void_p, c_char_p),
    "ws_config_set_proxy_from_env": (c_int32, c_void_p, c_int32),
    "ws_config_set_proxy_timeout_ms": (c_int32, c_void_p, c_int64),
    "ws_config_add_resolve": (c_int32, c_void_p, c_char_p, ctypes.c_uint16, c_char_p),
    "ws_set_log_callback": (c_int32, c_uint32, LogCallback, c_void_p),
    "ws_config_set_max_redirects": (c_int32, c_void_p, c_uint32),
    "ws_config_set_basic_auth": (c_int32, c_void_p, c_char_p, c_char_p),
    "ws_config_set_bearer_token": (c_int32, c_void_p, c_char_p),
}


def _load(path):
    library = ctypes.CDLL(path)
    for name, (result, *arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


lib = _load(LIBRARY)
