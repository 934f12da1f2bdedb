"""The options of connect()."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Protocol, TypeAlias, TypedDict

from . import _ktorws
from .exceptions import loss_of
from .frames import FrameType

Path: TypeAlias = str | os.PathLike[str]


@dataclass(frozen=True)
class BasicAuth:
    """User and password, readable to whoever sees an unencrypted connection."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class DigestAuth:
    """User and password that are not sent themselves; only as the answer to a Challenge."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class BearerAuth:
    """A token."""

    token: str = field(repr=False)


@dataclass(frozen=True)
class Challenge:
    """A server's question for credentials: the WWW-Authenticate headers of its answer, and how often it has asked."""

    url: str
    challenges: list[str]
    attempt: int


# Called on a thread of the library; what it returns may be the value of an Authorization header.
Authenticate: TypeAlias = Callable[[Challenge], BasicAuth | DigestAuth | BearerAuth | str | None]


@dataclass(frozen=True)
class Deflate:
    """Options of permessage-deflate (RFC 7692)."""

    level: int = 5
    memory_level: int = 8
    client_max_window_bits: int | None = None
    server_max_window_bits: int | None = None
    client_no_context_takeover: bool = False
    server_no_context_takeover: bool = False
    # Messages with fewer bytes go out as they are.
    min_size: int = 0
    # Says whether to compress a message, or its first fragment. Called by the thread that sends.
    filter: Callable[[str | bytes], bool] | None = None
    # For servers that decline the usual offer: leave client_max_window_bits out of it, and add one without parameters.
    omit_client_max_window_bits: bool = False
    offer_fallback: bool = False


Policy: TypeAlias = Literal["wait", "close", "drop_oldest"]


@dataclass(frozen=True)
class Queue:
    """Bounds of messages that wait; None is no bound. When they are reached, the queue waits, closes the session, or
    drops the oldest messages."""

    messages: int | None = None
    bytes: int | None = None
    policy: Policy = "wait"


@dataclass(frozen=True)
class KeepAlive:
    """TCP keepalive: probes after `idle` seconds without a byte, every `interval` seconds; `count` of them without an
    answer end the connection."""

    idle: int
    interval: int
    count: int


class Attempt:
    """An attempt to connect, for `Reconnect.prepare`. It cannot be used once that has returned."""

    def __init__(self, native: _ktorws.Attempt) -> None:
        self._native = native
        # Counts from 1 in each outage.
        self.number = native.number
        # How the attempt before failed; for the first one, how the connection was lost.
        self.error = loss_of(native.error)

    def set_url(self, url: str) -> None:
        """Connect to another URL in this attempt. If scheme, host or port differ, the Authorization, Cookie and Host
        headers of the options are not sent."""
        self._native.set_url(url)

    def set_header(self, name: str, value: str | None) -> None:
        """Set a header of this attempt, in place of all with this name; None removes them."""
        self._native.set_header(name, value)


class _HasReconnected(Protocol):
    def __call__(self, connection: Any, /) -> None: ...


@dataclass(frozen=True)
class Reconnect:
    """How a session goes on with another connection when its own is lost: times in seconds, None for no limit."""

    first_delay: float = 0.5
    max_delay: float = 30
    max_outage: float | None = None
    max_attempts: int | None = None
    # Try the first opening again as well, by the same rules: connect() fails when no attempt is left.
    first: bool = False
    # The longest Retry-After of a server that is obeyed.
    max_retry_after: float = 300
    # Messages that the kernel has not taken go to the next connection.
    keep_unsent: bool = False
    # What happened, the number of the attempt to come, and in how many seconds the library would make it, None if it
    # would not; returns the same. Called on a thread of the library.
    decide: Callable[[str, int, float | None], float | None] | None = None
    # Called before each attempt but the very first opening; may set another URL and headers for it, a new token for
    # example. Called on a thread of the library. What it raises is reported, and the attempt is made.
    prepare: Callable[[Attempt], None] | None = None
    # Called with the session when it has another connection in place of the lost one: behind the messages of the lost
    # one and before the next message. It is called in the event loop, or by the blocking call that receives.
    on_reconnect: _HasReconnected | None = None


@dataclass(frozen=True, eq=False)
class TLS:
    """Settings of TLS. Files are read when it is used first; sessions with the same object resume TLS sessions of each
    other, and read the trust store once."""

    # A PEM file, a directory of such, or PEM itself, in place of the system's trust store.
    ca: Path | bytes | None = None
    # Whether to trust the system's trust store: besides ca with True; None is True without ca.
    system_store: bool | None = None
    # The certificate to show, with those behind it, and its key, if that is not in the same file.
    certificate: Path | bytes | None = None
    key: Path | bytes | None = None
    # Without, whoever sits between can read and change everything.
    verify: bool = True
    check_hostname: bool = True
    # In place of the URL's host.
    server_hostname: str | None = None
    # SHA-256 of the public keys to accept, in base64.
    pins: Sequence[str] = ()
    # A PEM file of revocation lists.
    revoked: Path | None = None
    minimum_version: Literal["1.2", "1.3"] = "1.2"
    # The protocols to offer (ALPN).
    alpn: Sequence[str] = ("http/1.1",)
    # Where to append secrets for programs like Wireshark.
    key_log: Path | None = None

    def __post_init__(self) -> None:
        for name in ("pins", "alpn"):
            if isinstance(getattr(self, name), str):
                raise TypeError(f"{name}: several in a list or the like, not one str")
        # Configurations with these settings: those in use, and those that were used last.
        object.__setattr__(self, "_used", weakref.WeakValueDictionary())
        object.__setattr__(self, "_kept", {})

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, each.name) for each in fields(self))


class Options(TypedDict, total=False):
    """What connect() takes besides the URL. Times are in seconds, None is no limit."""

    origin: str | None
    subprotocols: Sequence[str] | None
    additional_headers: Mapping[str, str] | Iterable[tuple[str, str]] | None
    user_agent_header: str | None
    # "deflate", the default, offers it; None does not.
    compression: Literal["deflate"] | Deflate | None
    # True, the default, asks the environment; None is no proxy.
    proxy: str | Literal[True] | None
    ssl: TLS | None
    auth: BasicAuth | BearerAuth | Authenticate | None
    cookies: _ktorws.CookieJar | None
    max_redirects: int
    # The largest message to accept, in bytes; 1 MiB by default.
    max_size: int | None
    ping_interval: float | None
    ping_timeout: float | None
    open_timeout: float | None
    # Of these steps of opening; no limits of their own by default.
    resolve_timeout: float | None
    connect_timeout: float | None
    proxy_timeout: float | None
    tls_timeout: float | None
    handshake_timeout: float | None
    close_timeout: float | None
    # A session on which nothing has come for so long ends.
    idle_timeout: float | None
    reconnect: Reconnect | None
    # "any" takes whatever comes after a ping for its answer.
    ping_liveness: Literal["pong", "any"]
    # Whether the server's pings are answered; else the application does, with deliver and pong().
    auto_pong: bool
    # Messages that were received, 4 MiB by default, and those to send, 1 MiB by default.
    incoming_queue: Queue | None
    outgoing_queue: Queue | None
    # Larger messages are sent in fragments of so many bytes.
    auto_fragment: int | None
    # Whether small messages that follow each other quickly share a system call. True by default.
    coalescing: bool
    # How long a blocking recv() polls before it sleeps, in seconds, 1 ms at most.
    spin: float
    # Whether received texts are checked to be UTF-8. Else recv(decode=False) is for those that are not.
    validate_utf8: bool
    # For tests and peers that agree on it: RFC 6455 forbids frames without masks.
    allow_unmasked: bool
    masking: bool
    # Messages that are longer come in parts of at least so many bytes, 1024 or more: for recv_streaming() and
    # recv_frame().
    part_size: int | None
    # Control frames and events that recv_frame() returns: PING, PONG, CLOSE; OPENED, LOST, RESUMED.
    deliver: Collection[FrameType]
    # Every frame comes as it is, for recv_frame(), and none is answered. start_default() ends it.
    raw: bool
    # Addresses of hosts that are not looked up: {"server.example": "127.0.0.1"}, also with a port.
    resolve: Mapping[str, str] | None
    local_address: str | None
    # A Unix socket in place of the URL's host; with "@" in front an abstract one.
    unix: Path | None
    # A connected stream socket, which stays the caller's to close.
    sock: _HasFileno | int | None
    tcp_nodelay: bool
    tcp_keepalive: KeepAlive | None


class _HasFileno(Protocol):
    def fileno(self) -> int: ...
