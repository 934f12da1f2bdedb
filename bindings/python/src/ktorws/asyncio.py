"""Sessions whose calls are awaited, on the event loop that opens them: asyncio's, uvloop's, or another one that has
`add_reader`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Generator, Iterable
from types import TracebackType
from typing import Any, Unpack

from . import _ktorws
from .configuring import config_of
from .connection import (
    FRAGMENT,
    LAST_FRAGMENT,
    PAUSE,
    WHOLE,
    Described,
    as_whole,
    check_part,
    fragments_of,
    nothing_like,
)
from .exceptions import CloseCode, ConnectionClosedOK
from .frames import Data, Frame, FrameType, Stream, flags_of, payload_of
from .options import Options, Reconnect

__all__ = ["Connection", "connect"]

_OPEN, _WRITABLE, _ENDED = 1, 2, 4


class _Send:
    """A send that waits for room, or for those before it."""

    def __init__(self, whole: str | bytes | None, text: bool | None) -> None:
        # None: its task sends fragments when its turn has come.
        self.whole, self.text = whole, text
        self.is_queued = self.has_begun = self.is_over = False
        self.error: Exception | None = None
        self.turn: asyncio.Future[None] | None = None

    def wake(self) -> None:
        if self.turn is not None and not self.turn.done():
            self.turn.set_result(None)


class Connection(Described, _ktorws.Asynchronous):
    """An open session; `connect` makes it. Iterating over it receives until it is closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, reconnect: Reconnect | None) -> None:
        super().__init__()
        self._loop = loop
        self._on_reconnect = reconnect.on_reconnect if reconnect else None
        self._opened = loop.create_future()
        self._ended = asyncio.Event()
        self._writers: list[asyncio.Future[None]] = []
        # In the order of the calls. Only the loop's thread takes from it.
        self._sends: deque[_Send] = deque()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the session, and wait until the connection is gone, at most for `close_timeout`."""
        self._note_close(code, reason)
        await self._ended.wait()

    async def wait_closed(self) -> None:
        """Wait until the connection is gone."""
        await self._ended.wait()

    async def ping(self, data: Data | None = None) -> float:
        """Send a ping and wait for its pong; how long it took, in seconds. Messages that come meanwhile wait."""
        over = asyncio.Event()
        ping = self._note_ping(data, over.set)
        self._pongs_expected += 1
        try:
            while not self._try_ping(ping):
                await asyncio.sleep(PAUSE)
            self._watch()
            waiting = [asyncio.ensure_future(event.wait()) for event in (over, self._ended)]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waiting:
                    task.cancel()
            if not ping.is_over:
                self._on_readable()
            if not ping.is_over:
                # says how it has ended
                self._try_send(b"", None, WHOLE)
            return ping.result()
        finally:
            self._pongs_expected -= 1
            self._pings.pop(ping.payload, None)

    async def pong(self, data: Data = b"") -> None:
        """Send a pong that nobody asked for. Pings are answered without it."""
        payload = data.encode() if isinstance(data, str) else bytes(data)
        while not self._send_control(False, payload):
            await asyncio.sleep(PAUSE)

    async def recv_frame(self) -> Frame:
        """Receive the next frame: a message, a part of one with `part_size`, each frame as it came with `raw`, and the
        control frames and events that `deliver` names."""
        while True:
            raw = await self._recv_frame()
            if self._shows(raw):
                return Frame.of(raw)

    async def send_frame(
        self,
        type: FrameType,
        data: Data = b"",
        *,
        fin: bool = True,
        compress: bool = True,
        cork: bool = False,
        close_code: int | None = None,
    ) -> None:
        """Send a frame. A message in fragments begins with TEXT or BINARY; its others are CONTINUATION, and `fin` is
        true for the last one. Meanwhile no other message can be sent. `cork` says that more messages follow at once."""
        payload = payload_of(type, data, close_code)
        while not self._send_frame(type, payload, flags_of(fin, compress, cork), 0):
            if type in (FrameType.PING, FrameType.PONG):
                await asyncio.sleep(PAUSE)
            else:
                await self._wait_writable()

    async def recv_streaming(self, decode: bool | None = None) -> AsyncIterator[str | bytes]:
        """Receive the next message in parts, as they arrive (`part_size`); without parts, as one. A later call drops
        the rest of it. It raises ConnectionResetError if the connection is lost in the middle (`reconnect`)."""
        if not self._by_frames:
            yield await self.recv(decode)
            return
        stream = Stream(self._assembly, decode)
        while not stream.is_over:
            stream.check()
            raw = await self._recv_frame()
            if not stream.has_begun and self._assembly.is_left_over(raw):
                continue
            part = stream.add(raw)
            if part is not None and (part or stream.is_over):
                yield part

    async def flush(self) -> None:
        """Wait until the kernel has taken everything that was sent before. The server need not have received it."""
        while not self._flush(0):
            await asyncio.sleep(PAUSE)

    async def _recv_whole(self, decode: bool | None) -> str | bytes:
        """What recv() does where other frames than whole messages may come."""
        while True:
            raw = await self._recv_frame()
            whole = None if self._assembly.is_left_over(raw) else self._assembly.add(raw)
            if whole is not None:
                is_text, data = whole
                return data.decode() if (is_text if decode is None else decode) else data

    async def _next_whole(self) -> str | bytes:
        try:
            return await self._recv_whole(None)
        except ConnectionClosedOK:
            raise StopAsyncIteration from None

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
        """What send() does not do at once. It has its turn from now on: what is sent later goes behind it."""
        send = _Send(as_whole(message), text)
        self._queue(send)
        if asyncio._get_running_loop() is self._loop:
            self._begin(send)
        else:
            self._loop.call_soon_threadsafe(self._begin, send)
        return self._send_in_turn(send, message)

    def _queue(self, send: _Send) -> None:
        send.is_queued = True
        self._sends.append(send)
        self._slow_sends = len(self._sends)

    def _begin(self, send: _Send) -> None:
        self._go_on()
        if send.whole is None and not send.is_over:
            # A task that was made for it begins in the next round; without one it must not keep others waiting.
            self._loop.call_soon(self._loop.call_soon, self._pass_by, send)

    def _pass_by(self, send: _Send) -> None:
        if not send.has_begun:
            send.is_queued = False
            self._sends.remove(send)
            self._go_on()

    def _go_on(self) -> None:
        """Sends what waits, in turn, as far as there is room."""
        while self._sends:
            first = self._sends[0]
            if not first.is_over:
                if first.whole is None:
                    first.wake()
                    break
                try:
                    if not self._try_send(first.whole, first.text, WHOLE):
                        break
                except Exception as error:
                    # With its traceback it would hold this frame, and so itself.
                    first.error = error.with_traceback(None)
                first.is_over = True
            first.wake()
            self._sends.popleft()
        self._slow_sends = len(self._sends)

    async def _send_in_turn(self, send: _Send, message: object) -> None:
        send.has_begun = True
        if not send.is_queued:
            self._queue(send)
            self._go_on()
        try:
            while not send.is_over and not (send.whole is None and self._sends[0] is send):
                send.turn = self._loop.create_future()
                await send.turn
            if send.whole is None:
                await self._send_fragments(message, send.text)
        finally:
            send.is_over = True
            self._go_on()
        error, send.error = send.error, None
        if error is not None:
            try:
                raise error
            finally:
                del error

    async def _send_fragments(self, message: object, text: bool | None) -> None:
        has_begun = False
        try:
            async for fragment, part in _fragments_of(message):
                await self._send_part(fragment, text, part)
                has_begun = True
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
            self._go_on()
            for writer in self._writers:
                if not writer.done():
                    writer.set_result(None)
        if news & _ENDED:
            self._end_watching()

    def _call_on_reconnect(self) -> None:
        assert self._on_reconnect is not None
        try:
            self._on_reconnect(self)
        except Exception as error:
            self._loop.call_exception_handler({"message": "on_reconnect failed", "exception": error})


async def _fragments_of(message: object) -> AsyncIterator[tuple[Data, int]]:
    if not isinstance(message, AsyncIterable):
        for fragment in fragments_of(message):
            yield fragment
        return
    before: Data | None = None
    async for part in message:
        check_part(before, part)
        before = part
        yield part, FRAGMENT
    if before is not None:
        yield nothing_like(before), LAST_FRAGMENT


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
        config = config_of(self._uri, self._options)
        connection = Connection(loop, self._options.get("reconnect"))
        connection._open(self._uri, config, loop)
        loop.add_reader(connection._news_descriptor, connection._on_news)
        try:
            await connection._opened
            connection._check_open()
            if connection._on_reconnect is not None:
                # It is called also while nobody receives.
                connection._watch()
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
