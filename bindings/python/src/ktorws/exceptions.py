"""What goes wrong. Networks fail with OSError and what is derived from it, limits in time with TimeoutError, wrong
arguments with ValueError and TypeError; the rest is here."""

from __future__ import annotations

import enum
import os
import socket
from typing import NamedTuple

from . import _ktorws
from .http import Headers, Response


class CloseCode(enum.IntEnum):
    """Close codes (RFC 6455 section 7.4.1 and the IANA registry)."""

    NORMAL_CLOSURE = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS_RCVD = 1005
    ABNORMAL_CLOSURE = 1006
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014


OK_CLOSE_CODES = {CloseCode.NORMAL_CLOSURE, CloseCode.GOING_AWAY, CloseCode.NO_STATUS_RCVD}


class Close(NamedTuple):
    """A Close frame."""

    code: int
    reason: str

    def __str__(self) -> str:
        names = {code.value: code.name.lower().replace("_", " ") for code in CloseCode}
        name = names.get(self.code, "registered" if 3000 <= self.code < 4000 else "private use")
        return f"{self.code} ({name}) {self.reason}".rstrip()


class WebSocketException(Exception):
    """All that is not Python's own."""


class ConnectionClosed(WebSocketException):
    """The session has ended."""

    def __init__(self, rcvd: Close | None, sent: Close | None, rcvd_then_sent: bool | None, why: str = "") -> None:
        super().__init__(rcvd, sent, rcvd_then_sent, why)
        self.rcvd = rcvd
        self.sent = sent
        self.rcvd_then_sent = rcvd_then_sent
        self.why = why

    def __str__(self) -> str:
        received = f"received {self.rcvd}" if self.rcvd else "no close frame received"
        sent = f"sent {self.sent}" if self.sent else "none sent"
        parts = [received, f"then {sent}"] if self.rcvd_then_sent is not False else [sent, f"then {received}"]
        return "; ".join([*parts, self.why] if self.why else parts)


class ConnectionClosedOK(ConnectionClosed):
    """It was closed from both sides with 1000 or 1001, or without a code."""


class ConnectionClosedError(ConnectionClosed):
    """It has ended in another way."""


class ConcurrencyError(WebSocketException, RuntimeError):
    """Two calls at once that exclude each other."""


class InvalidURI(WebSocketException, ValueError):
    """The URL is not one of a WebSocket."""


class InvalidHandshake(WebSocketException):
    """The server's answer to the opening handshake is not one that opens a session."""


class InvalidStatus(InvalidHandshake):
    """The server refused, with this answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self.response = response

    def __str__(self) -> str:
        return f"server rejected WebSocket connection: HTTP {self.response.status_code}"


class TooManyRedirects(InvalidHandshake):
    """More redirects than max_redirects."""


class ProxyError(InvalidHandshake):
    """The proxy cannot be reached, or opened no tunnel."""


class InvalidProxyStatus(ProxyError):
    """The proxy refused, with this answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self.response = response

    def __str__(self) -> str:
        return f"proxy rejected connection: HTTP {self.response.status_code}"


class TLSError(WebSocketException, OSError):
    """TLS could not be negotiated. `alert` is what the server said (RFC 8446 section 6), None if it said nothing."""

    alert: int | None = None


class CertificateError(TLSError):
    """The server's certificate is not acceptable."""


class _Status(enum.IntEnum):
    INVALID_ARGUMENT = -101
    STATE = -102
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
    UTF8 = -302
    EXTENSION = -305
    CLOSED = -401
    IO = -404
    ABORTED = -405
    TIMEOUT = -501


# Statuses below come from sessions that were open.
_FIRST_OF_OPEN = -300
_OPEN = 6
_BY_REMOTE = 2

_SIMPLE: dict[int, type[Exception]] = {
    _Status.INVALID_ARGUMENT: ValueError,
    _Status.STATE: ConcurrencyError,
    _Status.FORKED: RuntimeError,
    _Status.NO_MEMORY: MemoryError,
    _Status.URL: InvalidURI,
    _Status.HANDSHAKE_INVALID: InvalidHandshake,
    _Status.TOO_MANY_REDIRECTS: TooManyRedirects,
    _Status.EXTENSION: InvalidHandshake,
    _Status.TIMEOUT: TimeoutError,
    _Status.ABORTED: ConnectionAbortedError,
}


def _response(error: _ktorws.Error) -> Response:
    return Response(error.http_status, Headers(error.headers), error.body)


def _while_opening(status: int, words: str, error: _ktorws.Error | None) -> Exception:
    if error is not None:
        if status == _Status.HANDSHAKE_STATUS:
            return InvalidStatus(_response(error))
        if status in (_Status.PROXY, _Status.PROXY_AUTH) and error.http_status:
            return InvalidProxyStatus(_response(error))
    if status in (_Status.PROXY, _Status.PROXY_AUTH):
        return ProxyError(words)
    if status in (_Status.TLS, _Status.TLS_CERTIFICATE):
        failed = (CertificateError if status == _Status.TLS_CERTIFICATE else TLSError)(words)
        failed.alert = error.tls_alert if error is not None and error.tls_alert >= 0 else None
        return failed
    if status == _Status.RESOLVE:
        return socket.gaierror(socket.EAI_NONAME, words)
    if status in (_Status.CONNECT, _Status.IO):
        number = error.os_errno if error is not None else 0
        return OSError(number, f"{os.strerror(number)}: {words}") if number else ConnectionError(words)
    return _SIMPLE.get(status, WebSocketException)(words)


def _closed(status: int, session: _ktorws.Session, error: _ktorws.Error | None) -> ConnectionClosed:
    info = session._close_info()
    rcvd = sent = None
    local = session._local_close
    if info is not None:
        local_code, remote_code, reason, _ = info
        if remote_code != CloseCode.ABNORMAL_CLOSURE:
            rcvd = Close(remote_code, reason)
        if local_code:
            sent = Close(local_code, local[1] if local and local[0] == local_code else "")
    elif local is not None:
        sent = Close(*local)
    rcvd_then_sent = session._initiator() == _BY_REMOTE if rcvd and sent else None
    why = error.message if error is not None and status != _Status.CLOSED else ""
    is_ok = status == _Status.CLOSED and all(close.code in OK_CLOSE_CODES for close in (rcvd, sent) if close)
    return (ConnectionClosedOK if is_ok else ConnectionClosedError)(rcvd, sent, rcvd_then_sent, why)


def loss_of(error: _ktorws.Error) -> Exception:
    """What lost a connection, or failed an attempt to open another one. The error is not kept."""
    words = error.message or _ktorws.status_words(error.status)
    if error.phase < _OPEN and not error.close_code:
        return _while_opening(error.status, words, error)
    rcvd = Close(error.close_code, "") if error.close_code else None
    is_ok = rcvd is not None and rcvd.code in OK_CLOSE_CODES
    return (ConnectionClosedOK if is_ok else ConnectionClosedError)(rcvd, None, None, words)


def make_exception(status: int, session: _ktorws.Session | None, error: _ktorws.Error | None) -> Exception:
    """The exception of a status of the library."""
    words = error.message if error is not None and error.message else _ktorws.status_words(status)
    if status == _Status.UTF8 and error is None:
        # It is not the server's text, which would have ended the session.
        return ValueError(words)
    has_never_opened = status > _FIRST_OF_OPEN or (error is not None and error.phase < _OPEN)
    if session is None or has_never_opened or status == _Status.TIMEOUT:
        return _while_opening(status, words, error)
    return _closed(status, session, error)


_ktorws.set_exceptions(make_exception, ConnectionClosedOK)
