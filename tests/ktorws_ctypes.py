"""The C API for the test drivers written in Python: its handles as objects, its failures as exceptions."""

import ctypes
from ctypes import POINTER, byref, c_char_p, c_size_t, c_void_p

from ktorws_declarations import *

# What a Failure keeps of the header of an answer that refused the handshake.
HTTP_FIELDS = (
    "Location",
    "Retry-After",
    "Sec-WebSocket-Version",
    "WWW-Authenticate",
    "Proxy-Authenticate",
    "Content-Encoding",
)


def all_values(get):
    """the values of a header field that are not NULL; get takes an index"""
    values = []
    while (value := get(len(values))) is not None:
        values.append(value.decode("latin-1"))
    return values


def all_fields(get):
    """the names and values of all header fields; get takes an index and where the two go"""
    fields = []
    name, value = c_char_p(), c_char_p()
    while get(len(fields), byref(name), byref(value)):
        fields.append((name.value.decode("latin-1"), value.value.decode("latin-1")))
    if name.value is not None or value.value is not None:
        raise AssertionError("a field behind the last one")
    return fields


class Failure(Exception):
    """A ws_error, copied out of the library."""

    def __init__(self, error):
        self.status = Status(lib.ws_error_status(error))
        self.message = lib.ws_error_message(error).decode()
        self.phase = Phase(lib.ws_error_phase(error))
        self.os_errno = lib.ws_error_os_errno(error)
        self.tls_alert = lib.ws_error_tls_alert(error)
        self.http_status = lib.ws_error_http_status(error)
        size = c_size_t()
        body = lib.ws_error_http_body(error, byref(size))
        self.http_body = ctypes.string_at(body, size.value) if body else b""
        self.http_fields = {
            name: all_values(lambda index: lib.ws_error_http_header(error, name.encode(), index))
            for name in HTTP_FIELDS
        }
        self.http_header = all_fields(lambda *found: lib.ws_error_http_header_at(error, *found))
        for name, values in self.http_fields.items():
            if values != [value for found, value in self.http_header if found.lower() == name.lower()]:
                raise AssertionError(f"ws_error_http_header and ws_error_http_header_at differ: {name} {values}")
        self.http_location = next(iter(self.http_fields["Location"]), None)
        super().__init__(f"{self.status.name} in phase {self.phase.name}: {self.message}")


class Configuration:
    """Every setting is (value, ...) or one value for ws_config_<name>, or a list of those."""

    def __init__(self, **settings):
        self.handle = lib.ws_config_new()
        try:
            self.change(**settings)
        except BaseException:
            self.free()
            raise

    def change(self, **settings):
        for name, value in settings.items():
            for once in value if isinstance(value, list) else [value]:
                arguments = once if isinstance(once, tuple) else (once,)
                status = self.call(name, *arguments)
                if status != Status.OK:
                    raise AssertionError(f"ws_config_{name}{arguments}: {status.name}")

    def call(self, name, *arguments):
        """the status of ws_config_<name>"""
        return Status(getattr(lib, "ws_config_" + name)(self.handle, *arguments))

    def clone(self):
        copy = object.__new__(Configuration)
        copy.handle = lib.ws_config_clone(self.handle)
        return copy

    def free(self):
        lib.ws_config_free(self.handle)
        self.handle = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.free()


class Session:
    """An open session, of the configuration given, or of one with the settings: see Configuration."""

    def __init__(self, url, configuration=None, **settings):
        used = configuration or Configuration(**settings)
        try:
            handle, error = c_void_p(), c_void_p()
            status = lib.ws_connect(url.encode(), used.handle, byref(handle), byref(error))
        finally:
            if used is not configuration:
                used.free()
        self.handle = handle.value
        if status != Status.OK:
            if self.handle is not None or error.value is None:
                raise AssertionError(
                    f"ws_connect returned {Status(status).name} with session {self.handle}, error {error.value}"
                )
            try:
                failure = Failure(error)
            finally:
                lib.ws_error_free(error)
            if failure.status != status:
                raise AssertionError(f"ws_connect returned {Status(status).name}, its error says {failure}")
            raise failure
        if error.value is not None:
            raise AssertionError("ws_connect wrote an error although it succeeded")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        lib.ws_session_free(self.handle)
        self.handle = None

    def recv(self, timeout_ms):
        """(OK, text or bytes), or (status, None)"""
        frame = POINTER(Frame)()
        status = Status(lib.ws_recv(self.handle, byref(frame), timeout_ms))
        if status != Status.OK:
            if frame:
                raise AssertionError(f"ws_recv wrote a frame and returned {status.name}")
            return status, None
        try:
            content = frame.contents
            payload = ctypes.string_at(content.data, content.size)
            if content.type not in (TEXT, BINARY):
                raise AssertionError(f"ws_recv delivered a frame of type {content.type}")
            return status, payload.decode() if content.type == TEXT else payload
        finally:
            lib.ws_frame_free(frame)

    def send(self, message):
        if isinstance(message, str):
            payload = message.encode()
            return Status(lib.ws_send_text(self.handle, payload, len(payload)))
        return Status(lib.ws_send_binary(self.handle, message, len(message)))

    def close(self, code, reason=""):
        payload = reason.encode()
        return Status(lib.ws_close(self.handle, code, payload, len(payload)))

    def wait_closed(self, timeout_ms):
        return Status(lib.ws_wait_closed(self.handle, timeout_ms))

    def abort(self):
        return Status(lib.ws_abort(self.handle))

    @property
    def state(self):
        return State(lib.ws_state(self.handle))

    @property
    def subprotocol(self):
        return lib.ws_subprotocol(self.handle).decode()

    def response_values(self, name):
        return all_values(lambda index: lib.ws_response_header(self.handle, name.encode(), index))

    @property
    def error(self):
        error = lib.ws_session_error(self.handle)
        return Failure(error) if error else None

    @property
    def close_info(self):
        """(local code, remote code, reason, clean, initiator)"""
        info = CloseReason(struct_size=ctypes.sizeof(CloseReason))
        status = Status(lib.ws_get_close_info(self.handle, byref(info)))
        if status != Status.OK:
            raise AssertionError(f"ws_get_close_info: {status.name}")
        reason = ctypes.string_at(info.reason, info.reason_size) if info.reason_size else b""
        return info.local_code, info.remote_code, reason, bool(info.clean), Initiator(info.initiator)

    def call(self, name, *arguments):
        """the status of ws_<name>"""
        return Status(getattr(lib, "ws_" + name)(self.handle, *arguments))

    def recv_frame(self, timeout_ms):
        """(OK, (type, flags, payload, close code)), or (status, None); of whatever type"""
        frame = POINTER(Frame)()
        status = self.call("recv", byref(frame), timeout_ms)
        if status != Status.OK:
            return status, None
        content = frame.contents
        received = content.type, content.flags, ctypes.string_at(content.data, content.size), content.close_code
        lib.ws_frame_free(frame)
        return status, received

    def send_part(self, frame_type, data, flags=0, timeout_ms=-1):
        return self.call("send", frame_type, data, len(data), flags, timeout_ms)

    def send_control(self, frame_type, data=b"", timeout_ms=-1):
        return self.send_part(frame_type, data, 0, timeout_ms)

    def _filled(self, name, struct):
        filled = struct(struct_size=ctypes.sizeof(struct))
        status = self.call(name, byref(filled))
        if status != Status.OK:
            raise AssertionError(f"ws_{name}: {status.name}")
        return filled

    @property
    def info(self):
        return self._filled("get_session_info", SessionInfo)

    @property
    def deflate_info(self):
        return self._filled("get_deflate_info", DeflateInfo)

    @property
    def stats(self):
        return self._filled("get_stats", Statistics)

    @property
    def extensions(self):
        """name: parameters"""
        found = (lib.ws_extension_at(self.handle, i).contents for i in range(lib.ws_extension_count(self.handle)))
        return {extension.name.decode(): extension.parameters.decode() for extension in found}


def shutdown(timeout_ms):
    return Status(lib.ws_shutdown(timeout_ms))
