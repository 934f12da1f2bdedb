"""Sessions whose calls are awaited, on the event loop that opens them: asyncio's, uvloop's, or another one that has
`add_reader`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Coroutine, Generator, Iterable
from types import TracebackType
from typing import Any, Unpack

from . import _ktorws
from .connection import FRAGMENT, LAST_FRAGMENT, WHOLE, Data, Described, as_parts, as_whole, check_part
from .exceptions import CloseCode
from .options import Options, Reconnect, config_of

__all__ = ["Connection", "connect"]

_OPEN, _WRITABLE, _ENDED, _RECONNECTED = 1, 2, 4, 8


class Connection(Described, _ktorws.Asynchronous):
    """An open session; `connect` makes it. Iterating over it receives until it is closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, reconnect: Reconnect | None) -> None:
        super().__init__()
        self._loop = loop
        self._on_reconnect = reconnect.on_reconnect if reconnect else None
        self._opened = loop.create_future()
        self._ended = asyncio.Event()
        self._writers: list[asyncio.Future[None]] = []
        # Held by who sends a message in fragments, or waits for room.
        self._sending = asyncio.Lock()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the session, and wait until the connection is gone, at most for `close_timeout`."""
        self._note_close(code, reason)
        await self._ended.wait()

    async def wait_closed(self) -> None:
        """Wait until the connection is gone."""
        await self._ended.wait()

    async def ping(self, data: Data | None = None) -> float:
        """Send a ping and wait for its pong; how long it took, in seconds. Messages that come meanwhile wait."""
        answer: asyncio.Future[float] = self._loop.create_future()
        payload = self._note_ping(data, lambda latency: None if answer.done() else answer.set_result(latency))
        self._pongs_expected += 1
        try:
            await self._send_control_later(True, payload)
            self._watch()
            ended = asyncio.ensure_future(self._ended.wait())
            try:
                await asyncio.wait((answer, ended), return_when=asyncio.FIRST_COMPLETED)
            finally:
                ended.cancel()
            if not answer.done():
                self._on_readable()
            if not answer.done():
                # says how it has ended
                self._try_send(b"", None, WHOLE)
            return answer.result()
        finally:
            self._pongs_expected -= 1
            self._pings.pop(payload, None)

    async def pong(self, data: Data = b"") -> None:
        """Send a pong that nobody asked for. Pings are answered without it."""
        await self._send_control_later(False, data.encode() if isinstance(data, str) else bytes(data))

    async def _send_control_later(self, is_ping: bool, payload: bytes) -> None:
        while not self._send_control(is_ping, payload):
            await self._wait_writable()

    async def _wait_writable(self) -> None:
        writer: asyncio.Future[None] = self._loop.create_future()
        self._writers.append(writer)
        try:
            await writer
        finally:
            self._writers.remove(writer)

    def _send_slowly(
        self, message: Data | Iterable[Data] | AsyncIterable[Data], text: bool | None
    ) -> Coroutine[Any, Any, None]:
        """What send() does not do at once. From now on what is sent later waits behind it."""
        self._slow_sends += 1
        return self._send_in_turn(as_whole(message), message, text)

    async def _send_in_turn(self, whole: str | bytes | None, message: object, text: bool | None) -> None:
        try:
            async with self._sending:
                if whole is not None:
                    await self._send_part(whole, text, WHOLE)
                elif isinstance(message, AsyncIterable):
                    await self._send_fragments(message, text)
                else:
                    await self._send_fragments(_awaited(as_parts(message)), text)
        finally:
            self._slow_sends -= 1

    async def _send_fragments(self, parts: AsyncIterable[Data], text: bool | None) -> None:
        part: Data | None = None
        has_begun = False
        try:
            async for following in parts:
                check_part(part, following)
                if part is not None:
                    await self._send_part(part, text, FRAGMENT)
                    has_begun = True
                part = following
            if part is not None:
                await self._send_part(part, text, LAST_FRAGMENT)
        except BaseException:
            # Half a message is nothing that anything can follow.
            if has_begun:
                self._note_close(CloseCode.INTERNAL_ERROR, "")
            raise

    async def _send_part(self, message: Data, text: bool | None, part: int) -> None:
        while not self._try_send(message, text, part):
            await self._wait_writable()

    def _on_news(self) -> None:
        news = self._take_news()
        if news & _OPEN and not self._opened.done():
            self._opened.set_result(None)
        if news & _ENDED:
            self._loop.remove_reader(self._news_descriptor)
            self._ended.set()
        if news & (_WRITABLE | _ENDED):
            for writer in self._writers:
                if not writer.done():
                    writer.set_result(None)
        if news & _RECONNECTED and self._on_reconnect is not None:
            self._on_reconnect(self)


async def _awaited(parts: Iterable[Data]) -> AsyncIterable[Data]:
    for part in parts:
        yield part


class connect:
    """Open a session, at most for `open_timeout`: to be awaited, or for `async with`, which closes it."""

    def __init__(self, uri: str, **options: Unpack[Options]) -> None:
        self._uri = uri
        self._options = options
        self._connection: Connection | None = None

    def __await__(self) -> Generator[Any, None, Connection]:
        return self._connect().__await__()

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        config = config_of(self._options)
        connection = Connection(loop, self._options.get("reconnect"))
        connection._open(self._uri, config, loop)
        loop.add_reader(connection._news_descriptor, connection._on_news)
        try:
            await connection._opened
            connection._check_open()
        except BaseException:
            connection._abort()
            raise
        return connection

    async def __aenter__(self) -> Connection:
        self._connection = await self
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._connection is not None
        await self._connection.close(CloseCode.NORMAL_CLOSURE if kind is None else CloseCode.INTERNAL_ERROR)
