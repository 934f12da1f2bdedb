"""Echo server on aiohttp: aiohttp_echo.py

Prints `PORT n`; ends when standard input does. The paths /, /close/N and /ping are those of python_echo.py, but for
/ping: there the server pings every 50 ms and drops who does not answer.
"""

import asyncio
import sys

from aiohttp import WSMsgType, web


async def handle(request):
    heartbeat = 0.05 if request.path == "/ping" else None
    ws = web.WebSocketResponse(protocols=("chat.v2",), max_msg_size=64 << 20, heartbeat=heartbeat)
    await ws.prepare(request)
    if request.path.startswith("/close/"):
        await ws.close(code=int(request.path.removeprefix("/close/")), message=b"bye")
    async for message in ws:
        if message.type is WSMsgType.TEXT:
            await ws.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await ws.send_bytes(message.data)
    return ws


async def main():
    application = web.Application()
    application.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print("PORT", runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


asyncio.run(main())
