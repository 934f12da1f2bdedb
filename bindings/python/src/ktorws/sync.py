"""Sessions whose calls wait. Any thread may call any method of a connection."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Self, Unpack

from . import _ktorws
from .connection import FRAGMENT, LAST_FRAGMENT, WHOLE, Data, Described, as_parts, as_whole, check_part
from .exceptions import CloseCode
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
        whole = as_whole(message)
        with self._sending:
            if whole is not None:
                self._send_part(whole, text, WHOLE)
                return
            part: Data | None = None
            has_begun = False
            try:
                for following in as_parts(message):
                    check_part(part, following)
                    if part is not None:
                        self._send_part(part, text, FRAGMENT)
                        has_begun = True
                    part = following
                if part is not None:
                    self._send_part(part, text, LAST_FRAGMENT)
            except BaseException:
                # Half a message is nothing that anything can follow.
                if has_begun:
                    self._note_close(CloseCode.INTERNAL_ERROR, "")
                raise


def connect(uri: str, **options: Unpack[Options]) -> Connection:
    """Open a session, at most for `open_timeout`."""
    connection = Connection()
    connection._open(uri, config_of(options), None)
    try:
        connection._wait_open()
    except BaseException:
        connection._abort()
        raise
    return connection
