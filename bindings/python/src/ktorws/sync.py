"""Sessions whose calls wait. Any thread may call any method of a connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, Unpack

from . import _ktorws
from .configuring import config_of
from .connection import PAUSE, WHOLE, Described, as_whole, fragments_of
from .exceptions import CloseCode
from .frames import Data, Frame, FrameType, Stream, flags_of, payload_of
from .options import Options

__all__ = ["Connection", "connect"]


class Connection(Described, _ktorws.Blocking):
    """An open session; `connect` makes it. Iterating over it receives until it is closed."""

    def __init__(self) -> None:
        super().__init__()
        # Held by who sends a message in fragments.
        self._sending = threading.RLock()
        # Held by who receives a message that may come in parts.
        self._receiving = threading.RLock()

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

    def recv_frame(self, timeout: float | None = None) -> Frame:
        """Receive the next frame: a message, a part of one with `part_size`, each frame as it came with `raw`, and the
        control frames and events that `deliver` names."""
        deadline = _deadline_of(timeout)
        while True:
            raw = self._recv_frame(_left_until(deadline))
            if self._shows(raw):
                return Frame.of(raw)

    def send_frame(
        self,
        type: FrameType,
        data: Data = b"",
        *,
        fin: bool = True,
        compress: bool = True,
        cork: bool = False,
        close_code: int | None = None,
        timeout: float | None = None,
    ) -> None:
        """Send a frame. A message in fragments begins with TEXT or BINARY; its others are CONTINUATION, and `fin` is
        true for the last one. Meanwhile send() of other threads waits. `cork` says that more messages follow at
        once."""
        payload = payload_of(type, data, close_code)
        if not self._send_frame(type, payload, flags_of(fin, compress, cork), timeout):
            raise TimeoutError("there was no room to send in time")

    def recv_streaming(self, decode: bool | None = None) -> Iterator[str | bytes]:
        """Receive the next message in parts, as they arrive (`part_size`); without parts, as one. A later call drops
        the rest of it. It raises ConnectionResetError if the connection is lost in the middle (`reconnect`)."""
        if not self._by_frames:
            yield self.recv(decode=decode)
            return
        stream = Stream(self._assembly, decode)
        while not stream.is_over:
            with self._receiving:
                stream.check()
                raw = self._recv_frame(None)
                if not stream.has_begun and self._assembly.is_left_over(raw):
                    continue
                part = stream.add(raw)
            if part is not None and (part or stream.is_over):
                yield part

    def flush(self, timeout: float | None = None) -> None:
        """Wait until the kernel has taken everything that was sent before. The server need not have received it."""
        if not self._flush(timeout):
            raise TimeoutError("not everything was sent in time")

    def _recv_whole(self, timeout: float | None, decode: bool | None) -> str | bytes:
        """What recv() does where other frames than whole messages may come."""
        deadline = _deadline_of(timeout)
        if not self._receiving.acquire(timeout=-1 if timeout is None else min(max(timeout, 0), threading.TIMEOUT_MAX)):
            raise TimeoutError("no message came in time")
        try:
            while True:
                raw = self._recv_frame(_left_until(deadline))
                whole = None if self._assembly.is_left_over(raw) else self._assembly.add(raw)
                if whole is not None:
                    is_text, data = whole
                    return data.decode() if (is_text if decode is None else decode) else data
        finally:
            self._receiving.release()

    def _send_slowly(self, message: Data | Iterable[Data], text: bool | None, timeout: float | None) -> None:
        """What send() does not do at once."""
        whole = as_whole(message)
        deadline = _deadline_of(timeout)
        if not self._sending.acquire(timeout=-1 if timeout is None else min(max(timeout, 0), threading.TIMEOUT_MAX)):
            raise TimeoutError("another thread sends a message in fragments")
        has_begun = False
        try:
            if whole is not None:
                self._send_part((whole, text, WHOLE), _left_until(deadline))
                return
            for fragment, part in fragments_of(message):
                self._send_part((fragment, text, part), _left_until(deadline))
                has_begun = True
        except BaseException:
            # Half a message is nothing that anything can follow.
            if has_begun:
                self._note_close(CloseCode.INTERNAL_ERROR, "")
            raise
        finally:
            self._sending.release()


def _deadline_of(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _left_until(deadline: float | None) -> float | None:
    return None if deadline is None else max(deadline - time.monotonic(), 0)


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
