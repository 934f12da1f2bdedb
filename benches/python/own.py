"""The library's own package for Python, blocking and in event loops."""

import asyncio
import sys
from importlib.metadata import version

import uvloop

import ktorws.asyncio
import ktorws.sync
from measuring import main, measure, measure_async

# As the peers: what costs time and is not measured.
PLAIN = {"max_size": None, "ping_interval": None, "proxy": None, "compression": None}


def blocking(work, url, count):
    with ktorws.sync.connect(url, **PLAIN) as session:
        measure(session, work, count)


async def asynchronous(work, url, count):
    async with ktorws.asyncio.connect(url, **PLAIN) as session:
        await measure_async(session, work, count)


def told(how):
    return lambda: f"libktorws {ktorws.library_version} of Python {sys.version.split()[0]}: {how}"


CLIENTS = {
    "ktorws+python": (blocking, told("ktorws.sync")),
    "ktorws+asyncio": (lambda *work: asyncio.run(asynchronous(*work)), told("ktorws.asyncio, asyncio's loop")),
    "ktorws+uvloop": (
        lambda *work: uvloop.run(asynchronous(*work)),
        told(f"ktorws.asyncio, uvloop {version('uvloop')}"),
    ),
}

if __name__ == "__main__":
    main("own.py", CLIENTS)
