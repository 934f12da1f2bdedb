"""consumer.py LIBRARY URL CA_FILE: echoes one message through the library with nothing but ctypes."""

import ctypes
import sys
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_void_p

WS_OK = 0
WS_FRAME_TEXT = 1
WS_ERR_CLOSED = -401
WS_CLOSE_NORMAL = 1000


class Frame(ctypes.Structure):
    _fields_ = [
        ("data", c_void_p),
        ("size", c_size_t),
        ("type", c_uint32),
        ("flags", c_uint32),
        ("close_code", c_uint32),
    ]


def declare(name, result, *arguments):
    function = getattr(library, name)
    function.restype = result
    function.argtypes = arguments
    return function


def check(status, expected=WS_OK):
    if status != expected:
        sys.exit(f"got {status_name(status).decode()}, expected {status_name(expected).decode()}")


path, url, ca_file = sys.argv[1:]
library = ctypes.CDLL(path)
status_name = declare("ws_status_name", c_char_p, c_int)
config_new = declare("ws_config_new", c_void_p)
config_free = declare("ws_config_free", None, c_void_p)
add_tls_ca_file = declare("ws_config_add_tls_ca_file", c_int, c_void_p, c_char_p)
connect = declare("ws_connect", c_int, c_char_p, c_void_p, POINTER(c_void_p), POINTER(c_void_p))
error_message = declare("ws_error_message", c_char_p, c_void_p)
send_text = declare("ws_send_text", c_int, c_void_p, c_char_p, c_size_t)
recv = declare("ws_recv", c_int, c_void_p, POINTER(POINTER(Frame)), c_int64)
frame_free = declare("ws_frame_free", None, POINTER(Frame))
close = declare("ws_close", c_int, c_void_p, c_uint32, c_char_p, c_size_t)
session_free = declare("ws_session_free", None, c_void_p)

config = config_new()
check(add_tls_ca_file(config, ca_file.encode()))
session, error = c_void_p(), c_void_p()
if connect(url.encode(), config, byref(session), byref(error)) != WS_OK:
    sys.exit(f"cannot connect to {url}: {error_message(error).decode()}")
config_free(config)

message = "grüß dich".encode()
check(send_text(session, message, len(message)))
frame = POINTER(Frame)()
check(recv(session, byref(frame), 60000))
received = ctypes.string_at(frame.contents.data, frame.contents.size)
if (frame.contents.type, received) != (WS_FRAME_TEXT, message):
    sys.exit(f"got type {frame.contents.type} with {received}, expected the text {message}")
frame_free(frame)
check(close(session, WS_CLOSE_NORMAL, None, 0))
check(recv(session, byref(frame), 60000), WS_ERR_CLOSED)
session_free(session)
print(f"received: {received.decode()}")
