"""WebSocket client: libktorws for Python, in the idiom of the package websockets.

`ktorws.sync.connect` waits, `ktorws.asyncio.connect` is awaited; everything else is the same for both.
"""

from ._ktorws import CookieJar, has_feature, library_version, set_worker_threads
from .connection import State
from .exceptions import (
    CertificateError,
    Close,
    CloseCode,
    ConcurrencyError,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    InvalidHandshake,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
    ProxyError,
    TLSError,
    TooManyRedirects,
    WebSocketException,
)
from .frames import Frame, FrameType
from .http import Headers, Response
from .info import DeflateInfo, SessionInfo, Statistics
from .log import set_logger
from .options import (
    TLS,
    Attempt,
    BasicAuth,
    BearerAuth,
    Challenge,
    Deflate,
    DigestAuth,
    KeepAlive,
    Options,
    Queue,
    Reconnect,
)

__all__ = [
    "TLS",
    "Attempt",
    "BasicAuth",
    "BearerAuth",
    "CertificateError",
    "Challenge",
    "Close",
    "CloseCode",
    "ConcurrencyError",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "CookieJar",
    "Deflate",
    "DeflateInfo",
    "DigestAuth",
    "Frame",
    "FrameType",
    "Headers",
    "InvalidHandshake",
    "InvalidProxyStatus",
    "InvalidStatus",
    "InvalidURI",
    "KeepAlive",
    "Options",
    "ProxyError",
    "Queue",
    "Reconnect",
    "Response",
    "SessionInfo",
    "State",
    "Statistics",
    "TLSError",
    "TooManyRedirects",
    "WebSocketException",
    "has_feature",
    "library_version",
    "set_logger",
    "set_worker_threads",
]
