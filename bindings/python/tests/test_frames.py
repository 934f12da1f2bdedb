"""Frames: raw sessions, control frames and events, blocking and in event loops."""

import asyncio
import threading

import pytest

import ktorws
from conftest import frame, next_frame, until_gone
from ktorws import Frame, FrameType
from ktorws.asyncio import connect as asyncio_connect
from ktorws.sync import connect


class Waiting:
    """A blocking session with the methods of one that is awaited."""

    def __init__(self, url, options):
        self.session = connect(url, **options)

    def __getattr__(self, name):
        value = getattr(self.session, name)
        if not callable(value) or name in ("start_default", "statistics"):
            return value

        async def call(*arguments, **named):
            return value(*arguments, **named)

        return call

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.session.close()

    def __aiter__(self):
        return self

    async def __anext__(self):
        for message in self.session:
            return message
        raise StopAsyncIteration


@pytest.fixture(params=["sync", "asyncio"])
def opening(request):
    """connect() of both kinds, as if both were awaited."""
    return asyncio_connect if request.param == "asyncio" else lambda url, **options: Waiting(url, options)


def test_raw(opening, script):
    got = []

    def act(peer):
        peer.sendall(frame(0x89, b"ping") + frame(0x01, b"he") + frame(0x80, b"llo") + frame(0xF2, b"reserved"))
        got.extend(next_frame(peer) for _ in range(3))
        peer.sendall(frame(0x88, b"\x0f\xa1bye"))
        got.append(next_frame(peer))

    async def main():
        async with opening(script(act), raw=True) as ws:
            assert await ws.recv_frame() == Frame(FrameType.PING, b"ping")
            assert await ws.recv_frame() == Frame(FrameType.TEXT, b"he", fin=False)
            assert await ws.recv_frame() == Frame(FrameType.TEXT, b"llo")
            assert await ws.recv_frame() == Frame(FrameType.BINARY, b"reserved", True, True, True, True)
            await ws.send_frame(FrameType.PONG, "pong")
            await ws.send_frame(FrameType.TEXT, "by ", fin=False)
            await ws.send_frame(FrameType.CONTINUATION, b"hand")
            assert await ws.recv_frame() == Frame(FrameType.CLOSE, b"bye", close_code=4001)
            await ws.send_frame(FrameType.CLOSE, "bye", close_code=4001)
            with pytest.raises(ktorws.ConnectionClosedError) as closed:
                await ws.recv_frame()
            assert closed.value.rcvd == ktorws.Close(4001, "bye")

    asyncio.run(main())
    assert [(first, payload) for first, payload, _ in got] == [
        (0x8A, b"pong"),
        (0x01, b"by "),
        (0x80, b"hand"),
        (0x88, b"\x0f\xa1bye"),
    ]


def test_recv_puts_the_messages_of_a_raw_session_together(opening, script):
    def act(peer):
        peer.sendall(frame(0x01, b"\xe2\x82") + frame(0x89, b"ping") + frame(0x80, b"\xac") + frame(0x82, b"next"))
        peer.sendall(frame(0x81, b"text") + frame(0x82, b"bytes") + frame(0x88, b"\x03\xe8"))
        until_gone(peer)

    async def main():
        async with opening(script(act), raw=True, close_timeout=0.1) as ws:
            assert await ws.recv() == "€"
            assert await ws.recv(decode=True) == "next"
            assert await ws.recv(decode=False) == b"text"
            assert await ws.__anext__() == b"bytes"
            assert (await ws.recv_frame()).type is FrameType.CLOSE

    asyncio.run(main())


def test_start_default(opening, script, url):
    got = []

    def act(peer):
        peer.sendall(frame(0x89, b"for the application"))
        got.append(next_frame(peer)[1])
        peer.sendall(frame(0x89, b"for the library"))
        for _ in range(2):
            first, payload, _ = next_frame(peer)
            if first == 0x89:
                peer.sendall(frame(0x8A, payload))
            else:
                got.append((first, payload))
        peer.sendall(frame(0x01, b"one ") + frame(0x80, b"message"))
        until_gone(peer)

    async def main():
        async with opening(script(act), raw=True, close_timeout=0.1) as ws:
            assert await ws.recv_frame() == Frame(FrameType.PING, b"for the application")
            ws.start_default(ping_interval=3600, ping_timeout=None)
            assert (ws.ping_interval, ws.ping_timeout) == (3600, None)
            await ws.send("from now on")
            # Its pong is not delivered any more.
            assert await ws.ping() > 0
            assert await ws.recv_frame() == Frame(FrameType.TEXT, b"one message")
            with pytest.raises(RuntimeError, match="not raw"):
                ws.start_default()
        async with opening(url) as ws:
            with pytest.raises(RuntimeError, match="not raw"):
                ws.start_default()

    asyncio.run(main())
    assert got == [b"from now on", (0x8A, b"for the library")]


def test_control_frames(opening, script):
    got = []

    def act(peer):
        peer.sendall(frame(0x89, b"ping") + frame(0x8A, b"pong"))
        got.append(next_frame(peer)[:2])
        peer.sendall(frame(0x81, b"message") + frame(0x88, b"\x0f\xa0"))
        got.append(next_frame(peer)[:2])

    async def main():
        async with opening(script(act), deliver=[FrameType.PING, FrameType.PONG, FrameType.CLOSE]) as ws:
            assert await ws.recv_frame() == Frame(FrameType.PING, b"ping")
            assert await ws.recv_frame() == Frame(FrameType.PONG, b"pong")
            assert await ws.recv() == "message"
            assert await ws.recv_frame() == Frame(FrameType.CLOSE, b"", close_code=4000)

    asyncio.run(main())
    assert got == [(0x8A, b"ping"), (0x88, b"\x0f\xa0")]


def test_pings_have_their_pongs_whatever_is_delivered(opening, url):
    async def main():
        for deliver in ([FrameType.PONG], [FrameType.PING]):
            async with opening(url, deliver=deliver) as ws:
                assert await ws.ping("x") > 0
                await ws.send("message")
                if FrameType.PONG in deliver:
                    assert await ws.recv_frame() == Frame(FrameType.PONG, b"x")
                assert await ws.recv_frame() == Frame(FrameType.TEXT, b"message")

    asyncio.run(main())


def test_without_answers_to_pings(opening, script):
    got = []

    def act(peer):
        peer.sendall(frame(0x89, b"ping"))
        got.extend(next_frame(peer)[:2] for _ in range(2))
        until_gone(peer)

    async def main():
        async with opening(script(act), auto_pong=False, deliver=[FrameType.PING], close_timeout=0.1) as ws:
            assert await ws.recv_frame() == Frame(FrameType.PING, b"ping")
            await ws.send("message")
            await ws.pong("by hand")

    asyncio.run(main())
    assert got[1] == (0x8A, b"by hand")
    assert got[0][0] & 15 == 1


def test_events(opening, script):
    connections = []

    def act(peer):
        connections.append(peer)
        peer.sendall(frame(0x81, b"message"))
        if len(connections) == 1:
            peer.sendall(frame(0x88, b"\x03\xf4"))
            next_frame(peer)
            return
        until_gone(peer)

    async def main():
        told = []
        reconnect = ktorws.Reconnect(first_delay=0.01, on_reconnect=told.append)
        every = (FrameType.OPENED, FrameType.LOST, FrameType.RESUMED)
        async with opening(script(act), deliver=every, reconnect=reconnect, close_timeout=0.1) as ws:
            assert await ws.recv_frame() == Frame(FrameType.OPENED, b"")
            assert await ws.recv_frame() == Frame(FrameType.TEXT, b"message")
            lost = await ws.recv_frame()
            assert (lost.type, lost.close_code, bool(lost.data)) == (FrameType.LOST, 1012, True)
            assert await ws.recv_frame() == Frame(FrameType.RESUMED, b"")
            assert len(told) == 1
            assert await ws.recv_frame() == Frame(FrameType.TEXT, b"message")

    asyncio.run(main())


def test_what_cannot_be_sent(opening, url):
    async def main():
        async with opening(url) as ws:
            for error, arguments, named in (
                (ValueError, (FrameType.OPENED,), {}),
                (ValueError, (FrameType.PING, b"x" * 126), {}),
                (ValueError, (FrameType.TEXT, "x"), {"close_code": 1000}),
                (ValueError, (FrameType.CLOSE,), {"close_code": 1 << 16}),
                (ValueError, (FrameType.CLOSE,), {"close_code": 999}),
                (ktorws.ConcurrencyError, (FrameType.CONTINUATION,), {}),
                (TypeError, (FrameType.BINARY, 5.0), {}),
            ):
                with pytest.raises(error):
                    await ws.send_frame(*arguments, **named)
            await ws.send_frame(FrameType.TEXT, "a", cork=True, compress=False)
            await ws.send_frame(FrameType.TEXT, "b")
            assert [await ws.recv(), await ws.recv()] == ["a", "b"]
            await ws.flush()
            assert ws.buffered_amount == 0

    asyncio.run(main())


def test_a_timeout_of_a_frame_loses_nothing(url):
    with connect(url, deliver=[FrameType.PING]) as ws:
        for receive in (ws.recv_frame, ws.recv):
            for timeout in (0, 0.01):
                with pytest.raises(TimeoutError):
                    receive(timeout)
        ws.send("late")
        assert ws.recv_frame(timeout=20) == Frame(FrameType.TEXT, b"late")


def test_room_that_does_not_come_in_time(script):
    goes_on = threading.Event()

    def act(peer):
        goes_on.wait()
        until_gone(peer)

    with connect(script(act), close_timeout=0.1, compression=None) as ws:
        big = bytes(1 << 20)
        for send in (
            lambda: ws.send(big, timeout=0.01),
            lambda: ws.send([big, big], None, 0.01),
            lambda: ws.send_frame(FrameType.BINARY, big, timeout=0.01),
            lambda: ws.flush(0.01),
        ):
            with pytest.raises(TimeoutError):
                while True:
                    send()
        assert ws.buffered_amount > 0
        goes_on.set()
        ws.flush(timeout=20)
        assert ws.buffered_amount == 0
        ws.abort()
        with pytest.raises(ktorws.ConnectionClosedError):
            ws.recv()
