"""What connections that wait and those that are awaited have in common."""

from __future__ import annotations

import enum
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields

from . import _ktorws
from .configuring import UNLIMITED, milliseconds
from .exceptions import Close, ConcurrencyError, loss_of
from .frames import EVENT_BITS, Assembly, Data, FrameType, RawFrame
from .http import Headers, Response
from .info import Address, DeflateInfo, SessionInfo, Statistics, address_of, tls_version_of

# What part of a message is sent.
WHOLE, FRAGMENT, LAST_FRAGMENT = 0, 1, 2


class State(enum.IntEnum):
    """Where a session stands. A lost one that is being opened again is CONNECTING."""

    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


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
        self._assembly = Assembly()

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
    def request_headers(self) -> Headers:
        """The headers of the opening handshake, as they were sent."""
        return Headers(self._request_headers())

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
            tls_version=tls_version_of(tls),
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
    def deflate_info(self) -> DeflateInfo | None:
        """What was agreed on for permessage-deflate; None without it."""
        info = self._deflate_info()
        return None if info is None else DeflateInfo(*info[:3], info[3] != 0, info[4] != 0)

    @property
    def peer_certificates(self) -> list[bytes]:
        """The server's certificate and those of its chain, as DER; none without TLS."""
        return self._peer_certificates()

    @property
    def error(self) -> Exception | None:
        """What ended the session, or in an outage what lost its connection; None without an error."""
        error = self._error()
        return None if error is None else loss_of(error)

    @property
    def buffered_amount(self) -> int:
        """How many bytes wait to be sent, headers of frames included."""
        return self._buffered_amount

    @property
    def max_size(self) -> int | None:
        """The largest message to accept, in bytes; None for no limit. It can be set, for messages to come."""
        size = min(self._get("max_frame_size"), self._get("max_message_size"))
        return None if size == UNLIMITED else size

    @max_size.setter
    def max_size(self, size: int | None) -> None:
        for name in ("max_message_size", "max_frame_size"):
            self._set(name, UNLIMITED if size is None else size)

    @property
    def ping_interval(self) -> float | None:
        """How often the library pings the server, in seconds; None for never. It can be set, from now on."""
        return self._get("ping_interval_ms") / 1000 or None

    @ping_interval.setter
    def ping_interval(self, seconds: float | None) -> None:
        self._set("ping_interval_ms", milliseconds("ping_interval", seconds, -1))

    @property
    def ping_timeout(self) -> float | None:
        """How long the server may take to answer, in seconds; None for no limit. It can be set, from now on."""
        timeout = self._get("ping_timeout_ms")
        return None if timeout < 0 else timeout / 1000

    @ping_timeout.setter
    def ping_timeout(self, seconds: float | None) -> None:
        self._set("ping_timeout_ms", milliseconds("ping_timeout", seconds, -1))

    @property
    def masking(self) -> bool:
        """Whether frames are masked. It can be set, if `allow_unmasked` allows to."""
        return self._get("masking") != 0

    @masking.setter
    def masking(self, on: bool) -> None:
        self._set("masking", on)

    def abort(self) -> None:
        """Drop the connection at once, without a Close."""
        self._abort()

    def start_default(self, ping_interval: float | None = 20, ping_timeout: float | None = 20) -> None:
        """Turn a raw session into a default one: from the next frame on messages are whole, and pings and the server's
        Close are answered. `recv_frame()` returns the frames that came before as they were."""
        self._start_default(
            milliseconds("ping_interval", ping_interval, 0), milliseconds("ping_timeout", ping_timeout, -1)
        )

    def _shows(self, raw: RawFrame) -> bool:
        """Whether recv_frame() returns it. Losses may come for the sake of messages in parts alone."""
        return raw[0] != FrameType.LOST or self._shown_events & EVENT_BITS[FrameType.LOST] != 0

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
