"""What connections that wait and those that are awaited have in common."""

from __future__ import annotations

import enum
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TypeAlias

from . import _ktorws
from .exceptions import Close, ConcurrencyError
from .http import Headers, Response

BytesLike: TypeAlias = bytes | bytearray | memoryview
Data: TypeAlias = str | BytesLike

# What part of a message is sent.
WHOLE, FRAGMENT, LAST_FRAGMENT = 0, 1, 2


class State(enum.IntEnum):
    """Where a session stands. A lost one that is being opened again is CONNECTING."""

    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


@dataclass(frozen=True)
class Statistics:
    """The numbers of a session at a moment: messages, bytes, and microseconds."""

    messages_sent: int
    messages_received: int
    payload_sent: int
    payload_received: int
    wire_sent: int
    wire_received: int
    compressed_sent_before: int
    compressed_sent_after: int
    compressed_received_before: int
    compressed_received_after: int
    pings_sent: int
    pings_received: int
    pongs_sent: int
    pongs_received: int
    last_rtt_us: int
    incoming_messages: int
    incoming_bytes: int
    outgoing_messages: int
    outgoing_bytes: int
    resolve_us: int
    connect_us: int
    tls_us: int
    handshake_us: int
    proxy_us: int
    reconnects: int


# As sockets name theirs: host and port, of IPv6 also flow and scope; the path of a Unix socket.
Address: TypeAlias = tuple[str, int] | tuple[str, int, int, int] | str

_TLS_VERSIONS = {0x0303: "1.2", 0x0304: "1.3"}


@dataclass(frozen=True)
class SessionInfo:
    """The connection of a session. What is of TLS is None without it."""

    local_address: Address
    # Of the server, or of the proxy.
    remote_address: Address
    # Its URL without credentials.
    proxy: str | None
    http_version: str
    tls_version: str | None
    # As the IANA registry names them.
    tls_cipher_suite: str | None
    tls_key_exchange_group: str | None
    # Whether TLS resumed a session of an earlier connection.
    tls_resumed: bool
    # The protocol that the server chose within TLS.
    alpn: str | None


def address_of(text: str) -> Address:
    """An address as the library writes it."""
    if v6 := re.fullmatch(r"\[([^%\]]*)(?:%(\d+))?\]:(\d+)", text):
        host, scope, port = v6.groups()
        return host, int(port), 0, int(scope or 0)
    if v4 := re.fullmatch(r"(\d+\.\d+\.\d+\.\d+):(\d+)", text):
        return v4[1], int(v4[2])
    return text


def as_whole(message: object) -> str | bytes | None:
    """What is sent as one; None for what may have parts. It is a copy: the sender may change its own meanwhile."""
    if isinstance(message, str):
        return message
    try:
        return bytes(memoryview(message))  # type: ignore[arg-type]
    except TypeError:
        return None


def fragments_of(message: object) -> Iterator[tuple[Data, int]]:
    """The fragments of a message, and what part of it each is. Those of a list are looked at before the first goes out;
    another iterable does not say which one is its last, so that an empty one follows."""
    if not isinstance(message, Iterable) or isinstance(message, Mapping):
        raise TypeError(f"cannot send {type(message).__name__}: a str, something like bytes, or an iterable of these")
    before: Data | None = None
    if isinstance(message, list | tuple):
        for part in message:
            check_part(before, part)
            before = part
        for number, part in enumerate(message, 1):
            yield part, LAST_FRAGMENT if number == len(message) else FRAGMENT
        return
    for part in message:
        check_part(before, part)
        before = part
        yield part, FRAGMENT
    if before is not None:
        yield nothing_like(before), LAST_FRAGMENT


def check_part(before: Data | None, part: object) -> None:
    """Fragments of one message are of one type."""
    if as_whole(part) is None:
        raise TypeError(f"a fragment is a str or something like bytes, not {type(part).__name__}")
    if before is not None and isinstance(part, str) != isinstance(before, str):
        raise TypeError("the fragments of a message are all of str, or all like bytes")


def nothing_like(part: Data) -> str | bytes:
    """An empty fragment that ends a message with this one in it."""
    return "" if isinstance(part, str) else b""


# The library tells when there is room for messages, not for pings and pongs.
PAUSE = 0.01


@dataclass(eq=False)
class Ping:
    """A ping that waits for its pong, or for word that it was lost."""

    payload: bytes
    notify: Callable[[], None]
    sent: float = 0.0
    # The number of connections before the one that it was sent on.
    connection: int = 0
    latency: float | None = None
    is_sent: bool = False
    is_lost: bool = False

    def answer(self, latency: float) -> None:
        self.latency = latency
        self.notify()

    def lose(self) -> None:
        self.is_lost = True
        self.notify()

    @property
    def is_over(self) -> bool:
        return self.is_lost or self.latency is not None

    def result(self) -> float:
        if self.latency is None:
            raise ConnectionResetError("the connection was lost before the pong came")
        return self.latency


class Described(_ktorws.Session):
    """A session and what is known of it."""

    def __init__(self) -> None:
        self._pings: dict[bytes, Ping] = {}
        self._latency = 0.0

    @property
    def state(self) -> State:
        """Where the session stands."""
        return State(self._state)

    @property
    def subprotocol(self) -> str | None:
        """What the server chose of `subprotocols`."""
        return self._subprotocol

    @property
    def id(self) -> int:
        """The number of the session in this process, from 1."""
        return self._id

    @property
    def uri(self) -> str:
        """Where it is connected to, behind all redirects, without user and password."""
        return self._url or ""

    @property
    def response(self) -> Response:
        """The server's answer to the opening handshake."""
        return Response(self._response_status, Headers(self._response_headers()), b"")

    @property
    def local_address(self) -> Address:
        """The address of this side of the connection."""
        return self.session_info.local_address

    @property
    def remote_address(self) -> Address:
        """The address of the server, or of the proxy."""
        return self.session_info.remote_address

    @property
    def session_info(self) -> SessionInfo:
        """Addresses, proxy and TLS of the connection; behind the end, of the last one."""
        http, tls, resumed, local, remote, proxy, suite, group, alpn = self._session_info()
        return SessionInfo(
            local_address=address_of(local),
            remote_address=address_of(remote),
            proxy=proxy or None,
            http_version=f"{http >> 8}.{http & 255}",
            tls_version=_TLS_VERSIONS.get(tls),
            tls_cipher_suite=suite or None,
            tls_key_exchange_group=group or None,
            tls_resumed=resumed != 0,
            alpn=alpn or None,
        )

    @property
    def extensions(self) -> list[tuple[str, str]]:
        """The extensions that were agreed on, and their parameters."""
        return self._extensions()

    @property
    def close_code(self) -> int | None:
        """The code of the server's Close, 1005 if it had none, 1006 if none came; None while the session is open."""
        info = self._close_info()
        return None if info is None else info[1]

    @property
    def close_reason(self) -> str | None:
        """The reason in the server's Close; None while the session is open."""
        info = self._close_info()
        return None if info is None else info[2]

    @property
    def latency(self) -> float:
        """How long the last ping took to its pong, in seconds; 0 before the first one."""
        return self._latency or self._statistics()["last_rtt_us"] / 1e6

    def statistics(self) -> Statistics:
        """The numbers of the session as they are now, also after its end."""
        numbers = self._statistics()
        return Statistics(**{field.name: numbers[field.name] for field in fields(Statistics)})

    def _note_close(self, code: int, reason: str) -> None:
        """Begins the closing handshake."""
        is_first = self._local_close is None and self._state in (State.CONNECTING, State.OPEN)
        self._close(code, reason)
        if is_first:
            self._local_close = Close(code, reason)

    def _note_ping(self, data: Data | None, notify: Callable[[], None]) -> Ping:
        if data is None:
            payload = os.urandom(4)
            while payload in self._pings:
                payload = os.urandom(4)
        else:
            payload = data.encode() if isinstance(data, str) else bytes(data)
        if payload in self._pings:
            raise ConcurrencyError("a ping with the same data waits for its pong")
        ping = Ping(payload, notify)
        self._pings[payload] = ping
        return ping

    def _try_ping(self, ping: Ping) -> bool:
        """Sends it, if there is room. Its time runs from here, and it belongs to this connection."""
        ping.connection = self._statistics()["reconnects"]
        ping.sent = time.monotonic()
        ping.is_sent = self._send_control(True, ping.payload)
        return ping.is_sent

    def _note_pong(self, payload: bytes) -> None:
        """A pong answers the pings before its own, too. What answers no ping of ours is the library's."""
        if payload not in self._pings:
            return
        now = time.monotonic()
        answered = self._pings[payload]
        for earlier in list(self._pings):
            ping = self._pings.pop(earlier)
            if ping.connection == answered.connection:
                ping.answer(now - ping.sent)
            else:
                ping.lose()
            if ping is answered:
                self._latency = now - ping.sent
                return

    def _end_lost_pings(self) -> None:
        """Pings of connections that were lost have no pongs to come."""
        connection = self._statistics()["reconnects"] if self._pings else 0
        for ping in list(self._pings.values()):
            if ping.is_sent and ping.connection != connection:
                self._pings.pop(ping.payload, None)
                ping.lose()
