"""ktorws.asyncio against real servers, on asyncio's event loop and on uvloop's."""

import asyncio
import threading

import pytest

import ktorws
from conftest import serving, tell_parts, until_gone
from ktorws.asyncio import connect


def test_messages(run, url):
    async def main():
        async with connect(url, max_size=None) as ws:
            for message in ("", "€", b"", b"\0\xff", "x" * 3_000_000):
                await ws.send(message)
                assert await ws.recv() == message
            for message in (bytearray(b"ace"), memoryview(b"abcdef")[::2]):
                await ws.send(message)
                assert await ws.recv() == b"ace"
            await ws.send("€", text=False)
            assert await ws.recv() == "€".encode()
            await ws.send("€")
            assert await ws.recv(decode=False) == "€".encode()
            assert ws.state is ktorws.State.OPEN
        assert (ws.close_code, ws.close_reason, ws.state) == (1000, "", ktorws.State.CLOSED)

    run(main())


def test_what_is_wrong_is_told_when_it_is_awaited(run, url):
    async def main():
        async with connect(url) as ws:
            for wrong, error in (
                (None, TypeError),
                ({}, TypeError),
                (["a", b"b"], TypeError),
                ("\ud800", UnicodeEncodeError),
            ):
                sending = ws.send(wrong)
                with pytest.raises(error):
                    await sending
            with pytest.raises(ValueError):
                await ws.send(b"\xff", text=True)
            with pytest.raises(TypeError):
                ws.send()
            await ws.send("fine")
            assert await ws.recv() == "fine"

    run(main())


def test_fragments(run):
    async def parts():
        for part in ("a", "bc"):
            await asyncio.sleep(0)
            yield part

    async def main(url):
        async with connect(url, compression=None) as ws:
            await ws.send([b"a", b"bc"])
            assert await ws.recv() == "bytes:1,bytes:2"
            # An empty one ends what does not say beforehand how many there are.
            await ws.send(iter([b"a", b"bc"]))
            assert await ws.recv() == "bytes:1,bytes:2,bytes:0"
            # The second one waits for the first.
            await asyncio.gather(ws.send(parts()), ws.send("one"))
            assert await ws.recv() == "str:1,str:2,str:0"
            assert await ws.recv() == "str:3"

    with serving(tell_parts) as server:
        run(main(server.url))


def test_each_fragment_goes_out_at_once(run):
    async def tell_each(connection):
        async for part in connection.recv_streaming():
            loop.call_soon_threadsafe(arrived.put_nowait, part)

    async def parts():
        for part in ("a", "b", "c"):
            yield part
            # The next one is not known before this one has arrived.
            assert await arrived.get() == part

    async def main(url):
        nonlocal loop, arrived
        loop, arrived = asyncio.get_running_loop(), asyncio.Queue()
        async with connect(url) as ws:
            await ws.send(parts())

    loop = arrived = None
    with serving(tell_each) as server:
        run(main(server.url))


def test_a_send_that_nobody_awaits_keeps_no_other_waiting(run, url):
    async def main():
        async with connect(url, compression=None) as ws:
            unawaited = ws.send(["never", "awaited"])
            await ws.send("x")
            assert await ws.recv() == "x"
            for _ in range(2):
                await asyncio.sleep(0)
            assert ws._slow_sends == 0
            unawaited.close()
            late = ws.send(iter(["a", "b"]))
            await ws.send("y")
            assert await ws.recv() == "y"
            await late
            assert await ws.recv() == "ab"
            with pytest.raises(TypeError):
                await ws.send(5)
            assert ws._slow_sends == 0

    run(main())


def test_messages_go_out_in_the_order_of_the_calls(run, script):
    goes_on = threading.Event()
    order = []

    def read_late(peer):
        goes_on.wait()
        rest = b""
        while len(order) < 25:
            while len(rest) < 14:
                rest += peer.recv(1 << 20)
            size = int.from_bytes(rest[2:10], "big")
            while len(rest) < 14 + size:
                rest += peer.recv(1 << 20)
            order.append(rest[14] ^ rest[10])
            rest = rest[14 + size :]
        peer.sendall(b"\x81\x04done")
        until_gone(peer)

    async def main():
        async with connect(script(read_late), close_timeout=1, compression=None) as ws:
            sends = [ws.send(bytes([number]) * (1 << 20)) for number in range(25)]
            assert ws._slow_sends > 2
            goes_on.set()
            # Awaited the other way round.
            for send in reversed(sends):
                await send
            assert await ws.recv() == "done"
            assert ws._slow_sends == 0

    run(main())
    assert order == list(range(25))


def test_a_message_that_breaks_off_closes_the_session(run):
    async def broken():
        yield "a"
        yield "b"
        raise KeyError

    async def main(url):
        async with connect(url) as ws:
            with pytest.raises(KeyError):
                await ws.send(broken())
            await ws.wait_closed()

    with serving(tell_parts) as server:
        run(main(server.url))
    assert server.closes == [(1011, "")]


def test_iterating_ends_with_the_session(run, url):
    async def main():
        async with connect(url + "burst/1000") as ws:
            assert [message async for message in ws] == [str(number) for number in range(1000)]
            with pytest.raises(ktorws.ConnectionClosedOK) as closed:
                await ws.recv()
            with pytest.raises(ktorws.ConnectionClosedOK):
                await ws.send("too late")
            assert closed.value.rcvd == ktorws.Close(1000, "")
        async with connect(url + "close/4321/because") as ws:
            with pytest.raises(ktorws.ConnectionClosedError) as closed:
                async for _ in ws:
                    pass
            assert closed.value.rcvd == ktorws.Close(4321, "because")
        async with connect(url + "drop") as ws:
            with pytest.raises(ktorws.ConnectionClosedError):
                await ws.recv()

    run(main())


def test_a_cancelled_recv_loses_nothing(run, url):
    count = 300

    async def main():
        received = []
        async with connect(url) as ws:
            for number in range(count):
                task = asyncio.create_task(ws.recv())
                await asyncio.sleep(0)
                await ws.send(str(number))
                # Cancelled before the echo, with it, or behind it.
                for _ in range(number % 7):
                    await asyncio.sleep(0)
                task.cancel()
                try:
                    received.append(await task)
                except asyncio.CancelledError:
                    pass
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(asyncio.Event().wait(), 0)
            while len(received) < count:
                received.append(await asyncio.wait_for(ws.recv(), 10))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ws.recv(), 0.01)
        assert received == [str(number) for number in range(count)]

    run(main())


def test_cancelling_tells_the_task_why(run, url):
    async def main():
        async with connect(url) as ws:
            task = asyncio.create_task(ws.recv())
            await asyncio.sleep(0)
            task.cancel("enough")
            with pytest.raises(asyncio.CancelledError) as cancelled:
                await task
            assert cancelled.value.args == ("enough",)
            async with asyncio.TaskGroup() as group:
                receiving = group.create_task(ws.recv())
                group.create_task(ws.send("in a group"))
            assert receiving.result() == "in a group"
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await ws.recv()

    run(main())


def test_one_task_receives_at_a_time(run, url):
    async def main():
        async with connect(url) as ws:
            first = asyncio.create_task(ws.recv())
            await asyncio.sleep(0)
            with pytest.raises(ktorws.ConcurrencyError):
                await ws.recv()
            await ws.send("for the first")
            assert await first == "for the first"
            once = ws.recv()
            await ws.send("x")
            assert await once == "x"
            with pytest.raises(RuntimeError):
                await once

    run(main())


def test_other_tasks_run_during_a_flood(run, url):
    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        async with connect(url + "burst/20000") as ws:
            ticking = asyncio.create_task(tick())
            # Most is there before anybody receives.
            while ws.statistics().incoming_messages < 10000 and ws.state is ktorws.State.OPEN:
                await asyncio.sleep(0.001)
            before = ticks
            count = 0
            async for _ in ws:
                count += 1
            assert count == 20000
            assert ticks - before > 20
            ticking.cancel()

    run(main())


def test_sessions_share_a_loop(run, url):
    async def talk(name):
        async with connect(url) as ws:
            for number in range(50):
                await ws.send(f"{name} {number}")
                assert await ws.recv() == f"{name} {number}"

    async def main():
        await asyncio.gather(*(talk(name) for name in range(20)))

    run(main())
