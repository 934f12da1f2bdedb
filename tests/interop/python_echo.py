"""Echo server on Python websockets: python_echo.py [CERT KEY]

Prints `PORT n`; ends when standard input does.
/           echo; the text `pongs?` is answered with the payloads of all pongs so far, in hexadecimal
/headers    one text: the request's headers as JSON, names in lower case
/close/N    Close with code N and reason "bye"
/ping       a ping with a binary payload; when its pong is there the text "pong ok"; then as /
/fragments  one text in fragments with two pings in between; when their pongs are there "pong ok"; then as /
"""

import asyncio
import json
import ssl
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode


class Connection(ServerConnection):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.pongs = []

    def process_event(self, event):
        if isinstance(event, Frame) and event.opcode is Opcode.PONG:
            self.pongs.append(bytes(event.data).hex())
        super().process_event(event)


async def handle(ws):
    path = ws.request.path
    if path.startswith("/close/"):
        return await ws.close(int(path.removeprefix("/close/")), "bye")
    if path == "/headers":
        await ws.send(
            json.dumps({name.lower(): value for name, value in ws.request.headers.raw_items()}, separators=(",", ":"))
        )
    elif path == "/ping":
        await (await ws.ping(bytes([0, 255, 128, 10, 0])))
        await ws.send("pong ok")
    elif path == "/fragments":
        pongs = []

        async def parts():
            # cut inside the euro sign
            yield b"price: \xe2"
            pongs.append(await ws.ping(b"\1"))
            yield b"\x82"
            pongs.append(await ws.ping(b"\2"))
            yield b"\xac 5"

        await ws.send(parts(), text=True)
        await asyncio.gather(*pongs)
        await ws.send("pong ok")
    async for message in ws:
        await ws.send(" ".join(ws.pongs) if message == "pongs?" else message)


def choose(_connection, offered):
    return "chat.v2" if "chat.v2" in offered else None


def sign(_connection, _request, response):
    response.headers["X-Served-By"] = "Python websockets"


async def main():
    context = None
    if len(sys.argv) == 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*sys.argv[1:])
    async with serve(
        handle,
        "127.0.0.1",
        0,
        ssl=context,
        max_size=64 << 20,
        ping_interval=None,
        create_connection=Connection,
        select_subprotocol=choose,
        process_response=sign,
    ) as server:
        print("PORT", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
