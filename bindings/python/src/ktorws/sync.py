"""Sessions whose calls wait. Any thread may call any method of a connection."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Self, Unpack

from . import _ktorws
from .connection import CloseCode, Data, Described
from .options import Options, config_of

__all__ = ["Connection", "connect"]


class Connection(Described, _ktorws.Blocking):
    """An open session; `connect` makes it. Iterating over it receives until it is closed."""

    def __init__(self) -> None:
        super().__init__()
        # Held by who sends a message in fragments.
        self._sending = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close(CloseCode.NORMAL_CLOSURE if kind is None else CloseCode.INTERNAL_ERROR)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the session, and wait until the connection is gone, at most for `close_timeout`."""
        self._note_close(code, reason)
        self._wait_closed()

    def ping(self, data: Data | None = None, timeout: float | None = None) -> float:
        """Send a ping and wait for its pong; how long it took, in seconds. Messages that come meanwhile wait."""
        latency: list[float] = []
        payload = self._note_ping(data, latency.append)
        try:
            self._send_control(True, payload)
            self._await_pong(lambda: bool(latency), timeout)
        finally:
            self._pings.pop(payload, None)
        return latency[0]

    def pong(self, data: Data = b"") -> None:
        """Send a pong that nobody asked for. Pings are answered without it."""
        self._send_control(False, data.encode() if isinstance(data, str) else bytes(data))

    def _send_slowly(self, message: Data | Iterable[Data], text: bool | None) -> None:
        """What send() does not do at once."""
        if isinstance(message, memoryview):
            message = bytes(message)
        with self._sending:
            if isinstance(message, (str, bytes, bytearray)):
                self._send_part(message, text, False)
                return
            if isinstance(message, dict) or not isinstance(message, Iterable):
                raise TypeError(f"cannot send {type(message).__name__}: a str, something like bytes, or an iterable")
            parts = iter(message)
            try:
                part = next(parts)
            except StopIteration:
                return
            check_parts(part, part)
            has_begun = False
            try:
                for following in parts:
                    check_parts(part, following)
                    self._send_part(part, text, True)
                    has_begun = True
                    part = following
                self._send_part(part, text, False)
            except BaseException:
                # Half a message is nothing that anything can follow.
                if has_begun:
                    self._note_close(CloseCode.INTERNAL_ERROR, "")
                raise


def check_parts(first: object, part: object) -> None:
    """Fragments of one message are of one type."""
    if not isinstance(part, (str, bytes, bytearray, memoryview)):
        raise TypeError(f"a fragment is a str or something like bytes, not {type(part).__name__}")
    if isinstance(part, str) != isinstance(first, str):
        raise TypeError("the fragments of a message are all of str, or all like bytes")


def connect(uri: str, **options: Unpack[Options]) -> Connection:
    """Open a session, at most for `open_timeout`."""
    connection = Connection()
    connection._open(uri, config_of(options, waits=True), None)
    try:
        connection._wait_open()
    except BaseException:
        connection._abort()
        raise
    return connection
