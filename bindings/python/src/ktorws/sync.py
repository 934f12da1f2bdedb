"""Sessions whose calls wait. Any thread may call any method of a connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self, Unpack

from . import _ktorws
from .connection import PAUSE, WHOLE, Data, Described, as_whole, fragments_of
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
        deadline = None if timeout is None else time.monotonic() + timeout
        ping = self._note_ping(data, lambda: None)

        def is_over() -> bool:
            self._end_lost_pings()
            return ping.is_over

        try:
            while not self._try_ping(ping):
                if deadline is not None and time.monotonic() >= deadline:
                    raise TimeoutError("the ping could not be sent in time")
                time.sleep(PAUSE)
            self._await_pong(is_over, None if deadline is None else deadline - time.monotonic())
        finally:
            self._pings.pop(ping.payload, None)
        return ping.result()

    def pong(self, data: Data = b"") -> None:
        """Send a pong that nobody asked for. Pings are answered without it."""
        payload = data.encode() if isinstance(data, str) else bytes(data)
        while not self._send_control(False, payload):
            time.sleep(PAUSE)

    def _send_slowly(self, message: Data | Iterable[Data], text: bool | None) -> None:
        """What send() does not do at once."""
        whole = as_whole(message)
        with self._sending:
            if whole is not None:
                self._send_part(whole, text, WHOLE)
                return
            has_begun = False
            try:
                for fragment, part in fragments_of(message):
                    self._send_part(fragment, text, part)
                    has_begun = True
            except BaseException:
                # Half a message is nothing that anything can follow.
                if has_begun:
                    self._note_close(CloseCode.INTERNAL_ERROR, "")
                raise


def connect(uri: str, **options: Unpack[Options]) -> Connection:
    """Open a session, at most for `open_timeout`."""
    connection = Connection()
    connection._open(uri, config_of(uri, options), None)
    try:
        connection._wait_open()
    except BaseException:
        connection._abort()
        raise
    return connection
