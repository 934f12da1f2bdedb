"""WebSocket client: libktorws for Python, in the idiom of the package websockets.

`ktorws.sync.connect` waits, `ktorws.asyncio.connect` is awaited; everything else is the same for both.
"""

from ._ktorws import CookieJar, library_version
from .connection import SessionInfo, State, Statistics
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
from .http import Headers, Response
from .options import TLS, BasicAuth, BearerAuth, Challenge, Deflate, DigestAuth, Options, Reconnect

__all__ = [
    "TLS",
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
    "DigestAuth",
    "Headers",
    "InvalidHandshake",
    "InvalidProxyStatus",
    "InvalidStatus",
    "InvalidURI",
    "Options",
    "ProxyError",
    "Reconnect",
    "Response",
    "SessionInfo",
    "State",
    "Statistics",
    "TLSError",
    "TooManyRedirects",
    "WebSocketException",
    "library_version",
]
