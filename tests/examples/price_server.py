"""Sends prices: price_server.py PORT

Told "subscribe X", it sends "X PROCESS N" every few milliseconds, N counting from 1. A line on its standard input is
"CODE REASON": all connections are closed with them. It tells how connections were closed: "closed CODE".
"""

import asyncio
import os
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

PAUSE_S = 0.005


async def send_prices(connection, symbol):
    number = 0
    while True:
        number += 1
        await connection.send(f"{symbol} {os.getpid()} {number}")
        await asyncio.sleep(PAUSE_S)


async def handle(connection):
    subscriptions = []
    try:
        async for message in connection:
            verb, symbol = message.split()
            assert verb == "subscribe", message
            subscriptions.append(asyncio.create_task(send_prices(connection, symbol)))
    except ConnectionClosed:
        pass
    for task in subscriptions:
        task.cancel()
    await asyncio.gather(*subscriptions, return_exceptions=True)
    print("closed", connection.close_code, flush=True)


async def main():
    async with serve(handle, "127.0.0.1", int(sys.argv[1])) as server:
        while line := await asyncio.to_thread(sys.stdin.readline):
            code, reason = line.strip().split(" ", 1)
            for connection in server.connections:
                await connection.close(int(code), reason)


asyncio.run(main())
