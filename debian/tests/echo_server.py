#!/usr/bin/env python3
"""echo_server.py COMMAND ARGUMENT...: runs COMMAND with an echo server at ECHO_WS_URL and ends as it does."""

import asyncio
import os
import sys

import websockets


async def echo(connection, _path=None):
    async for message in connection:
        await connection.send(message)


async def main():
    async with websockets.serve(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        environment = os.environ | {"ECHO_WS_URL": f"ws://127.0.0.1:{port}/"}
        command = await asyncio.create_subprocess_exec(*sys.argv[1:], env=environment)
        return await command.wait()


sys.exit(asyncio.run(main()))
