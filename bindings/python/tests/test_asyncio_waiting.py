"""Waiting for room to send and for pongs, on asyncio's event loop and on uvloop's."""

import asyncio
import threading

import pytest

import ktorws
from conftest import lose_pings, until_gone
from ktorws.asyncio import connect


def test_sending_waits_until_there_is_room(run, script):
    goes_on = threading.Event()
    received = []

    def read_late(peer):
        goes_on.wait()
        with peer.makefile("rb") as stream:
            for _ in range(32):
                header = stream.read(14)
                payload = stream.read(1 << 20)
                received.append(header[10] ^ payload[0])
        peer.sendall(b"\x81\x04done")
        until_gone(peer)

    async def main():
        async with connect(script(read_late), close_timeout=1, compression=None) as ws:
            sent = []

            async def send(number):
                await ws.send(bytes([number]) * (1 << 20))
                sent.append(number)

            tasks = [asyncio.create_task(send(number)) for number in range(32)]
            # The loop runs on meanwhile; a cancelled send sends nothing.
            before = -1
            while before != len(sent):
                before = len(sent)
                await asyncio.sleep(0.05)
            assert len(sent) < 31
            tasks[-1].cancel()
            await asyncio.sleep(0)
            last = asyncio.create_task(send(32))
            goes_on.set()
            await asyncio.gather(*tasks[:-1], last)
            # A send that finds room when it is called ends before the tasks that waited are resumed.
            assert sorted(sent) == [*range(31), 32]
            assert await ws.recv() == "done"
            assert received == [*range(31), 32]

    run(main())


def test_the_end_wakes_who_waits_for_room(run, script):
    stop = threading.Event()

    async def main():
        async with connect(script(lambda _peer: stop.wait()), close_timeout=0.1, compression=None) as ws:

            async def send():
                with pytest.raises(ktorws.ConnectionClosed):
                    while True:
                        await ws.send(bytes(1 << 20))

            sending = asyncio.create_task(send())
            await asyncio.sleep(0.05)
            stop.set()
            await sending

    run(main())


def test_ping(run, url):
    async def main():
        async with connect(url) as ws:
            assert await ws.ping() > 0
            await ws.send("before")
            assert await ws.ping("data") == ws.latency
            assert await ws.recv() == "before"
            receiving = asyncio.create_task(ws.recv())
            await asyncio.gather(ws.ping(), ws.ping(), ws.ping())
            await ws.send("after")
            assert await receiving == "after"
            first = asyncio.create_task(ws.ping("same"))
            with pytest.raises(ktorws.ConcurrencyError):
                await asyncio.gather(ws.ping("same"), ws.ping("same"))
            await first

    run(main())


def test_ping_without_pong(run, script):
    async def main():
        async with connect(script(until_gone), close_timeout=0.05) as ws:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await ws.ping()
            pinging = asyncio.create_task(ws.ping())
            await asyncio.sleep(0)
            await ws.close()
            with pytest.raises(ktorws.ConnectionClosed):
                await pinging

    run(main())


def test_a_ping_that_is_lost_with_its_connection_fails(run, script):
    async def main():
        reconnect = ktorws.Reconnect(first_delay=0.01)
        async with connect(script(lose_pings(3)), reconnect=reconnect, close_timeout=0.1) as ws:
            for data in (None, "the same", "the same"):
                with pytest.raises(ConnectionResetError):
                    await ws.ping(data)
            assert ws.latency == 0
            assert await ws.ping("the same") == ws.latency
            assert ws.statistics().reconnects == 3

    run(main())


def test_a_ping_in_an_outage_has_its_time_from_when_it_is_sent(run, script):
    async def main():
        reconnect = ktorws.Reconnect(decide=lambda _why, _attempt, _delay: 0.5)
        async with connect(script(lose_pings(1)), reconnect=reconnect, close_timeout=0.1) as ws:
            ws._send_control(True, b"to be closed on")
            while ws.state is ktorws.State.OPEN:
                await asyncio.sleep(0.001)
            lost = asyncio.get_running_loop().time()
            latency = await ws.ping()
            assert latency < asyncio.get_running_loop().time() - lost - 0.4

    run(main())
