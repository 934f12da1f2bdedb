"""Python's own clients: websockets, blocking and asyncio, picows and aiohttp; with asyncio's loop and with uvloop."""

import asyncio
import sys
import time
from importlib.metadata import version

import aiohttp
import picows
import picows.websockets.asyncio.client as picows_websockets
import uvloop
import websockets.asyncio.client
import websockets.sync.client

from measuring import BURST, SIZES, Measure, check, main, measure, measure_async, payload, warm_up

# What costs time and is not measured: pings, limits, compression.
PLAIN = {"max_size": None, "ping_interval": None, "proxy": None, "compression": None}


def blocking_websockets(work, url, count):
    with websockets.sync.client.connect(url, **PLAIN) as session:
        measure(session, work, count)


async def asyncio_websockets(work, url, count):
    async with websockets.asyncio.client.connect(url, **PLAIN) as session:
        await measure_async(session, work, count)


async def compatible_picows(work, url, count):
    async with picows_websockets.connect(url, **PLAIN) as session:
        await measure_async(session, work, count)


class AiohttpSession:
    def __init__(self, session):
        self.send = session.send_bytes
        self.recv = session.receive_bytes


async def asyncio_aiohttp(work, url, count):
    async with aiohttp.ClientSession() as client, client.ws_connect(url, max_msg_size=0, compress=0) as session:
        await measure_async(AiohttpSession(session), work, count)


class Listener(picows.WSListener):
    """Sends the next message from inside the function that is called with the last one."""

    def begin(self, transport, work, count):
        self.transport, self.work = transport, work
        self.message = payload(SIZES[work])
        self.left = self.warm_up = warm_up(work, count)
        self.count = count
        self.measure = None
        self.done = asyncio.get_running_loop().create_future()
        self.go_on()

    def go_on(self):
        if self.left == 0 and self.measure is None:
            self.measure = Measure()
            self.left = self.count
        elif self.left == 0:
            self.measure.print(self.work, self.count)
            self.done.set_result(None)
            return
        self.missing = BURST if self.work == "burst-64" else 1
        self.start = time.perf_counter()
        for _ in range(self.missing):
            self.transport.send(picows.WSMsgType.BINARY, self.message)

    def on_ws_frame(self, transport, frame):
        check(frame.get_payload_as_memoryview(), self.message)
        self.missing -= 1
        self.left -= 1
        if self.missing == 0:
            if self.measure is not None:
                self.measure.times.append(time.perf_counter() - self.start)
            self.go_on()


async def called_back_picows(work, url, count):
    transport, listener = await picows.ws_connect(Listener, url, max_frame_size=1 << 26)
    listener.begin(transport, work, count)
    await listener.done
    transport.disconnect()


def in_loop(run, function):
    return lambda *arguments: run(function(*arguments))


def told(package, how, loop=""):
    return lambda: f"{package} {version(package)} of Python {sys.version.split()[0]}: {how}{loop}"


def clients():
    yield "websockets-sync", (blocking_websockets, told("websockets", "websockets.sync.client"))
    functions = {
        "websockets": (asyncio_websockets, "websockets", "websockets.asyncio.client"),
        "picows": (called_back_picows, "picows", "WSListener"),
        "picows-websockets": (compatible_picows, "picows", "picows.websockets.asyncio.client"),
        "aiohttp": (asyncio_aiohttp, "aiohttp", "ClientSession.ws_connect"),
    }
    for name, (function, package, how) in functions.items():
        yield name, (in_loop(asyncio.run, function), told(package, how, ", asyncio's loop"))
        yield f"{name}-uvloop", (in_loop(uvloop.run, function), told(package, how, f", uvloop {version('uvloop')}"))


if __name__ == "__main__":
    main("peers.py", dict(clients()))
