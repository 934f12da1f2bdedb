"""Messages that are received in parts: part_size and recv_streaming()."""

import asyncio
import threading

import pytest

import ktorws
from conftest import frame, until_gone
from ktorws import FrameType
from ktorws.asyncio import connect as asyncio_connect
from ktorws.sync import connect

PART = 1024
BIG = "€" * 100_000


def halves(goes_on, count=1):
    """Sends messages, and the second half of each when it may."""
    half = BIG.encode()

    def act(peer):
        for _ in range(count):
            peer.sendall(frame(0x81, half + half)[: -len(half)])
            goes_on.acquire()
            peer.sendall(half)
        peer.sendall(frame(0x82, b"short"))
        until_gone(peer)

    return act


def test_parts_come_while_the_message_arrives(script):
    goes_on = threading.Semaphore(0)
    with connect(script(halves(goes_on)), part_size=PART, close_timeout=0.1) as ws:
        parts = ws.recv_streaming()
        received = [next(parts)]
        goes_on.release()
        received.extend(parts)
        assert len(received) > 2
        assert "".join(received) == BIG + BIG
        assert list(ws.recv_streaming(decode=True)) == ["short"]


def test_parts_come_while_the_message_arrives_in_an_event_loop(run, script):
    goes_on = threading.Semaphore(0)

    async def main():
        async with asyncio_connect(script(halves(goes_on)), part_size=PART, close_timeout=0.1) as ws:
            received = []
            async for part in ws.recv_streaming(decode=False):
                if not received:
                    goes_on.release()
                received.append(part)
            assert len(received) > 2
            assert b"".join(received) == (BIG + BIG).encode()
            assert [part async for part in ws.recv_streaming()] == [b"short"]

    run(main())


def test_recv_has_whole_messages_all_the_same(url):
    with connect(url, part_size=PART, max_size=None) as ws:
        for message in (BIG, BIG.encode(), "", b""):
            ws.send(message)
            assert ws.recv() == message
        ws.send(BIG)
        assert ws.recv(decode=False) == BIG.encode()
        ws.send(BIG)
        frames = [ws.recv_frame()]
        while not frames[-1].fin:
            frames.append(ws.recv_frame())
        assert len(frames) > 1
        assert {each.type for each in frames} == {FrameType.TEXT}
        assert b"".join(each.data for each in frames) == BIG.encode()
        ws.send("")
        assert list(ws.recv_streaming()) == [""]
    with connect(url + "burst/3", part_size=PART) as ws:
        assert list(ws) == ["0", "1", "2"]


def test_recv_has_whole_messages_in_an_event_loop(run, url):
    async def main():
        async with asyncio_connect(url, part_size=PART, max_size=None) as ws:
            await ws.send(BIG)
            assert await ws.recv() == BIG
        async with asyncio_connect(url + "burst/3", part_size=PART) as ws:
            assert [message async for message in ws] == ["0", "1", "2"]
            with pytest.raises(ktorws.ConnectionClosedOK):
                await ws.recv()

    run(main())


def received_half(ws, number):
    return ws.statistics().wire_received > (2 * number + 1) * len(BIG.encode())


def test_a_recv_that_ends_amid_a_message_leaves_it_to_the_next(script):
    goes_on = threading.Semaphore(0)
    with connect(script(halves(goes_on, 2)), part_size=PART, close_timeout=0.1) as ws:
        for number in range(2):
            while not received_half(ws, number):
                with pytest.raises(TimeoutError):
                    ws.recv(timeout=0.001)
            goes_on.release()
            message = ws.recv() if number == 0 else "".join(ws.recv_streaming())
            assert message == BIG + BIG


def test_a_cancelled_recv_leaves_its_parts_to_the_next(run, script):
    goes_on = threading.Semaphore(0)

    async def main():
        async with asyncio_connect(script(halves(goes_on, 2)), part_size=PART, close_timeout=0.1) as ws:
            for number in range(2):
                while not received_half(ws, number):
                    with pytest.raises(TimeoutError):
                        await asyncio.wait_for(ws.recv(), 0.001)
                goes_on.release()
                if number == 0:
                    assert await ws.recv() == BIG + BIG
                else:
                    assert "".join([part async for part in ws.recv_streaming()]) == BIG + BIG

    run(main())


def test_what_a_stream_leaves_is_dropped(url):
    with connect(url, part_size=PART, max_size=None) as ws:
        for message in (BIG, "next", BIG, "last"):
            ws.send(message)
        left = ws.recv_streaming()
        next(left)
        assert list(ws.recv_streaming()) == ["next"]
        with pytest.raises(RuntimeError, match="dropped"):
            next(left)
        next(ws.recv_streaming())
        assert ws.recv() == "last"


def test_a_stream_of_whole_messages(run, url):
    with connect(url) as ws:
        ws.send("whole")
        assert list(ws.recv_streaming()) == ["whole"]

    async def main():
        async with asyncio_connect(url) as ws:
            await ws.send("whole")
            assert [part async for part in ws.recv_streaming(decode=False)] == [b"whole"]

    run(main())


def test_a_lost_connection_takes_its_message_along(script):
    connections = []

    def act(peer):
        connections.append(peer)
        if len(connections) <= 2:
            peer.sendall(frame(0x82, bytes(1_000_000))[:10_000])
            return
        peer.sendall(frame(0x82, b"whole"))
        until_gone(peer)

    reconnect = ktorws.Reconnect(first_delay=0.01, max_delay=0.01)
    with connect(script(act), part_size=PART, reconnect=reconnect, close_timeout=0.1) as ws:
        received = []
        with pytest.raises(ConnectionResetError):
            for part in ws.recv_streaming():
                received.append(part)
        assert len(b"".join(received)) >= PART
        # What recv() has begun goes with the second connection.
        assert ws.recv() == b"whole"
        assert ws.statistics().reconnects == 2
