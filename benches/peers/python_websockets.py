"""The Python package websockets: its asyncio client, which is quicker than its blocking one."""

import argparse
import asyncio
import json
import resource
import sys
import time
import zlib
from pathlib import Path

import websockets
from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

NAME = "python-websockets"
WORKS = "json-4k,json-64k,deflate-4k,deflate-alone-4k,deflate-64k"
# As the default of connect() makes it.
COMPRESS_SETTINGS = {"memLevel": 5}
CODEC = "zlib 6/5"
WARM_UP = 200


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--settings", action="store_true")
    parser.add_argument("--client", choices=[NAME])
    parser.add_argument("--work")
    parser.add_argument("--url")
    parser.add_argument("--count", type=int)
    parser.add_argument("--texts", type=Path)
    return parser.parse_args()


def settings():
    has_speedups = "with" if "websockets.speedups" in sys.modules else "without"
    return (
        f"websockets {websockets.__version__} of Python {sys.version.split()[0]}, {has_speedups} its C extension: "
        "websockets.asyncio.client, no pings; permessage-deflate only where it is measured, with its defaults: zlib "
        f"{zlib.ZLIB_RUNTIME_VERSION}, level 6, memory level 5"
    )


def open_session(work, url):
    options = {"max_size": None, "ping_interval": None, "proxy": None}
    if work.startswith("deflate-alone-"):
        deflate = ClientPerMessageDeflateFactory(
            server_no_context_takeover=True, client_no_context_takeover=True, compress_settings=COMPRESS_SETTINGS
        )
        return connect(url, compression=None, extensions=[deflate], **options)
    return connect(url, compression="deflate" if work.startswith("deflate-") else None, **options)


async def echo(session, texts, count):
    for number in range(count):
        text = texts[number % len(texts)]
        await session.send(text)
        if await session.recv() != text:
            sys.exit("another text came than was sent")


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def run(work, url, count, file):
    texts = file.read_text().splitlines()
    async with open_session(work, url) as session:
        await echo(session, texts, max(WARM_UP, count // 10))
        start, cpu = time.monotonic(), cpu_seconds()
        await echo(session, texts, count)
        took, cpu = time.monotonic() - start, cpu_seconds() - cpu
    codec = CODEC if work.startswith("deflate-") else "none"
    print(json.dumps({"msgs_per_s": count / took, "cpu_us_per_msg": cpu / count * 1e6, "codec": codec}))


def main():
    arguments = parse_arguments()
    if arguments.list:
        print(NAME, Path(__file__).name, WORKS, sep="\t")
    elif arguments.settings:
        print(settings())
    elif arguments.work not in WORKS.split(","):
        sys.exit(77)
    else:
        asyncio.run(run(arguments.work, arguments.url, arguments.count, arguments.texts))


if __name__ == "__main__":
    main()
