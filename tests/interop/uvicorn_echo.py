"""Echo server on uvicorn: uvicorn_echo.py BACK_END

BACK_END is what uvicorn speaks the protocol with: websockets, websockets-sansio or wsproto. Prints `PORT n`; ends when
standard input does. The paths / and /close/N are those of python_echo.py. The server pings every 50 ms.
"""

import asyncio
import socket
import sys

import uvicorn


async def application(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    subprotocol = "chat.v2" if "chat.v2" in scope["subprotocols"] else None
    await send({"type": "websocket.accept", "subprotocol": subprotocol})
    if scope["path"].startswith("/close/"):
        code = int(scope["path"].removeprefix("/close/"))
        await send({"type": "websocket.close", "code": code, "reason": "bye"})
    while (message := await receive())["type"] == "websocket.receive":
        kind = "bytes" if message.get("bytes") is not None else "text"
        await send({"type": "websocket.send", kind: message[kind]})


async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        application, ws=sys.argv[1], ws_max_size=64 << 20, ws_ping_interval=0.05, log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    print("PORT", listener.getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await serving


asyncio.run(main())
