"""What of the C API has to do with HTTP around the handshake: credentials, cookies, redirects."""

import ctypes
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint16, c_uint32, c_uint64, c_void_p

import ktorws_ctypes
from checking import among, equal, true
from ktorws_ctypes import Failure, Session, Status, lib

AUTH_CALLBACK = ktorws_ctypes.AUTH_CALLBACK
LOG_CALLBACK = ctypes.CFUNCTYPE(None, c_uint32, c_uint64, c_char_p, c_void_p)
LOG_OFF, LOG_DEBUG = 0, 4

_SIGNATURES = {
    "ws_config_clone": (c_void_p, c_void_p),
    "ws_config_set_origin": (c_int32, c_void_p, c_char_p),
    "ws_config_set_user_agent": (c_int32, c_void_p, c_char_p),
    "ws_config_set_basic_auth": (c_int32, c_void_p, c_char_p, c_char_p),
    "ws_config_set_bearer_token": (c_int32, c_void_p, c_char_p),
    "ws_config_set_max_redirects": (c_int32, c_void_p, c_uint32),
    "ws_cookie_jar_new": (c_void_p,),
    "ws_cookie_jar_free": (None, c_void_p),
    "ws_cookie_jar_clear": (None, c_void_p),
    "ws_cookie_jar_add": (c_int32, c_void_p, c_char_p, c_char_p),
    "ws_cookie_jar_header": (c_int32, c_void_p, c_char_p, c_void_p, c_size_t, POINTER(c_size_t)),
    "ws_config_set_cookie_jar": (c_int32, c_void_p, c_void_p),
    "ws_config_add_resolve": (c_int32, c_void_p, c_char_p, c_uint16, c_char_p),
    "ws_config_set_proxy": (c_int32, c_void_p, c_char_p),
    "ws_config_set_socket_fd": (c_int32, c_void_p, c_int32),
    "ws_config_set_open_timeout_ms": (c_int32, c_void_p, c_int64),
    "ws_config_set_reconnect": (c_int32, c_void_p, c_void_p),
    "ws_connect_async": (c_int32, c_char_p, c_void_p, POINTER(c_void_p)),
    "ws_wait_open": (c_int32, c_void_p, c_int64, POINTER(c_void_p)),
    "ws_set_log_callback": (c_int32, c_uint32, LOG_CALLBACK, c_void_p),
}
for _name, (_result, *_arguments) in _SIGNATURES.items():
    _function = getattr(lib, _name)
    _function.restype, _function.argtypes = _result, _arguments
ktorws_ctypes.HTTP_FIELDS += ("Set-Cookie", "X-Told")


def fails(url, *statuses, **settings):
    """what ws_connect says; its status must be one of `statuses`"""
    try:
        with Session(url, **settings):
            pass
    except Failure as failure:
        among(f"ws_connect, which says {failure.message!r}", failure.status, statuses)
        return failure
    raise AssertionError(f"ws_connect to {url[:100]} succeeds")


def refused(url, http_status, **settings):
    """the handshake is answered with this status"""
    failure = fails(url, Status.HANDSHAKE_STATUS, **settings)
    equal("HTTP status", failure.http_status, http_status)
    return failure


class Auth:
    """What an auth callback is given."""

    def __init__(self, handle):
        self.handle = handle
        self.url = lib.ws_auth_url(handle).decode()
        self.attempt = lib.ws_auth_attempt(handle)
        self.challenges = ktorws_ctypes.all_values(lambda index: lib.ws_auth_challenge(handle, index))

    def answer(self, scheme, *values):
        """the status of ws_auth_<scheme>"""
        arguments = [value.encode() if isinstance(value, str) else value for value in values]
        return Status(getattr(lib, "ws_auth_" + scheme)(self.handle, *arguments))


class Asked:
    """An auth callback. Each time it is called it calls `act` with an Auth, and keeps that."""

    def __init__(self, act):
        self.calls = []
        self.trouble = []

        def callback(handle, _):
            try:
                self.calls.append(Auth(handle))
                act(self.calls[-1])
            except BaseException as error:
                self.trouble.append(error)

        self.function = AUTH_CALLBACK(callback)

    @property
    def setting(self):
        return dict(set_auth_callback=(self.function, None))

    def check(self, attempts):
        """it has been called so often, and all went well in it"""
        for error in self.trouble:
            raise error
        equal("attempts", [auth.attempt for auth in self.calls], list(range(1, attempts + 1)))


class Jar:
    """A ws_cookie_jar."""

    def __init__(self):
        self.handle = lib.ws_cookie_jar_new()
        if not self.handle:
            raise AssertionError("ws_cookie_jar_new gives NULL")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        lib.ws_cookie_jar_free(self.handle)

    @property
    def setting(self):
        return dict(set_cookie_jar=self.handle)

    def add(self, url, *cookies):
        """the status of the last one"""
        for cookie in cookies:
            data = cookie if isinstance(cookie, bytes) else cookie.encode()
            status = Status(lib.ws_cookie_jar_add(self.handle, url.encode(), data))
        return status

    def clear(self):
        lib.ws_cookie_jar_clear(self.handle)

    def header(self, url):
        """the Cookie header for a URL, as text"""
        size, capacity = c_size_t(0), 0
        while True:
            buffer = ctypes.create_string_buffer(b"\xee" * (capacity + 1), capacity + 1)
            status = Status(lib.ws_cookie_jar_header(self.handle, url.encode(), buffer, capacity, byref(size)))
            if status == Status.OK:
                break
            equal("ws_cookie_jar_header", status, Status.BUFFER_TOO_SMALL)
            true("a size that is needed", size.value > capacity, size.value)
            capacity = size.value
        equal("the byte behind the buffer", buffer.raw[-1:], b"\xee")
        return buffer.raw[: size.value].decode("latin-1")

    def cookies(self, url):
        """those of the header, in its order"""
        header = self.header(url)
        return header.split("; ") if header else []


@contextmanager
def told(level=LOG_DEBUG):
    """the lines of the log, as text, while it lasts"""
    lines = []
    function = LOG_CALLBACK(lambda level, session, message, _: lines.append(message.decode()))
    equal("ws_set_log_callback", lib.ws_set_log_callback(level, function, None), Status.OK)
    try:
        yield lines
    finally:
        lib.ws_set_log_callback(LOG_OFF, LOG_CALLBACK(), None)
