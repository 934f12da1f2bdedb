#!/usr/bin/env python3
"""A TCP proxy that breaks connections where it is told to. It has a process of its own, so that the one with the
library in it has no descriptors and threads but its own.

It takes JSON lines and answers with such, each with the `id` of a connection:

    {"id", "listen": PORT OF THE SERVER, "up": FAULTS, "down": FAULTS}
                      -> {"id", "port"}: serves one connection there
    {"id", "arm": "up" or "down", "after": BYTES, "action"}
                      -> {"id", "armed"}: one more action, when so many more bytes have passed
    {"id", "release": "up" or "down"}
                      goes on behind a `hold`

`up` is from the client to the server, `down` the other way. FAULTS is {"at": {OFFSET: ACTION}, "slice": BYTES,
"latency_ms": MS}. An action takes place when so many bytes have passed in its direction; one at 0 before the first, and
one that is armed for 0 before the next:

    fin         both peers get a FIN behind what they got; what they still send is dropped
    rst         both get a RST
    half-close  only whom this direction leads to gets a FIN; what still comes in it is dropped, the other one goes on
    stall       no byte passes any more in this direction, nor is one read
    drop        what comes in this direction is dropped
    hold        no byte passes until there is a release

When an action has taken place: {"id", "reached": "DIRECTION ACTION"}. When the client's side has ended:

    {"id", "ended": "fin", "rst" or "cut", "up": BYTES, "down": BYTES, "turns": [[DIRECTION, BYTES], ...]}

with "cut" for an end by this proxy, what has passed each way, and in which order. Ends when standard input does.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import select
import socket
import struct
import sys

BLOCK = 65536
# ioctl: how much was sent and is not acknowledged
TIOCOUTQ = 0x5411


def say(**answer):
    print(json.dumps(answer), flush=True)


class Over(Exception):
    """Nothing more is to pass, in neither direction."""

    def __init__(self, fault=None):
        super().__init__(fault)
        self.fault = fault


class Ends:
    """Tells how peers end, also when nobody reads from them."""

    def __init__(self):
        self.epoll = select.epoll()
        self.waiting = {}
        asyncio.get_running_loop().add_reader(self.epoll.fileno(), self.look)

    def look(self):
        for fd, events in self.epoll.poll(0):
            self.epoll.unregister(fd)
            self.waiting.pop(fd).set_result("rst" if events & (select.EPOLLERR | select.EPOLLHUP) else "fin")

    def of(self, sock):
        fd = sock.fileno()
        self.epoll.register(fd, select.EPOLLRDHUP)
        self.waiting[fd] = asyncio.get_running_loop().create_future()
        return self.waiting[fd]

    def forget(self, sock):
        if self.waiting.pop(sock.fileno(), None):
            self.epoll.unregister(sock.fileno())


class Passage:
    """One direction of a connection."""

    def __init__(self, connection, name, source, sink, faults):
        self.connection, self.name, self.source, self.sink = connection, name, source, sink
        self.actions = sorted((int(offset), action) for offset, action in faults.get("at", {}).items())
        self.slice = faults.get("slice", BLOCK)
        self.latency_s = faults.get("latency_ms", 0) / 1000
        self.passed = 0
        self.released = asyncio.Event()

    async def run(self):
        loop = asyncio.get_running_loop()
        await self.act()
        while data := await loop.sock_recv(self.source, BLOCK):
            while data:
                size = min(len(data), self.slice)
                if self.actions:
                    size = min(size, self.actions[0][0] - self.passed)
                if self.latency_s:
                    await asyncio.sleep(self.latency_s)
                await loop.sock_sendall(self.sink, data[:size])
                self.passed += size
                self.connection.note_turn(self.name, size)
                data = data[size:]
                await self.act()
        self.sink.shutdown(socket.SHUT_WR)

    async def act(self):
        while self.actions and self.actions[0][0] == self.passed:
            action = self.actions.pop(0)[1]
            if action in ("fin", "rst"):
                raise Over(f"{self.name} {action}")
            if action == "half-close":
                self.sink.shutdown(socket.SHUT_WR)
            say(id=self.connection.id, reached=f"{self.name} {action}")
            if action == "hold":
                await self.connection.unless_it_ends(self.released.wait())
                self.released.clear()
            else:
                await self.connection.unless_it_ends(swallow(self.source) if action != "stall" else forever())
                await self.connection.unless_it_ends(forever())


class Connection:
    """What one client and its server send each other."""

    def __init__(self, ends, number, faults):
        self.ends, self.id, self.faults = ends, number, faults
        self.passages = {}
        self.turns = []

    def release(self, direction):
        self.passages[direction].released.set()

    def arm(self, direction, after, action):
        passage = self.passages[direction]
        passage.actions.append((passage.passed + after, action))
        say(id=self.id, armed=direction)

    def note_turn(self, direction, size):
        if self.turns and self.turns[-1][0] == direction:
            self.turns[-1][1] += size
        else:
            self.turns.append([direction, size])

    async def unless_it_ends(self, doing):
        """what is done for a direction that passes nothing ends with the client"""
        doing = asyncio.ensure_future(doing)
        try:
            await asyncio.wait((doing, self.client_end), return_when=asyncio.FIRST_COMPLETED)
            if self.client_end.done():
                raise Over
        finally:
            # done with its descriptor before that is closed: the number may be another connection's next
            await cancel([doing])

    async def serve(self, listener, server_port):
        loop = asyncio.get_running_loop()
        client, _ = await loop.sock_accept(listener)
        listener.close()
        server = socket.socket()
        for sock in (client, server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(server, ("127.0.0.1", server_port))
        self.client_end = self.ends.of(client)
        self.passages["up"] = Passage(self, "up", client, server, self.faults.get("up", {}))
        self.passages["down"] = Passage(self, "down", server, client, self.faults.get("down", {}))
        running = [asyncio.ensure_future(passage.run()) for passage in self.passages.values()]
        try:
            await asyncio.gather(*running)
        except Over as over:
            await cancel(running)
            if over.fault:
                await self.cut(over.fault, client, server)
        except OSError:
            # one of them has reset it: so hears the other one
            await cancel(running)
            self.ends.look()
            self.ends.forget(client)
            reset(client, server)
        ended = self.client_end.result() if self.client_end.done() else "cut"
        self.ends.forget(client)
        for sock in (client, server):
            sock.close()
        passed = {name: passage.passed for name, passage in self.passages.items()}
        say(id=self.id, ended=ended, turns=self.turns, **passed)

    async def cut(self, fault, client, server):
        if fault.endswith("rst"):
            for sock in (client, server):
                # a reset throws away what is under way
                while struct.unpack("i", fcntl.ioctl(sock, TIOCOUTQ, bytes(4)))[0]:
                    await asyncio.sleep(0.001)
            self.ends.forget(client)
            reset(client, server)
            return say(id=self.id, reached=fault)
        for sock in (client, server):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)
        say(id=self.id, reached=fault)
        # what is left unread would make a reset of it
        with contextlib.suppress(Over, OSError):
            await self.unless_it_ends(swallow(client))
            await self.client_end


async def forever():
    await asyncio.Event().wait()


async def swallow(sock):
    with contextlib.suppress(OSError):
        while await asyncio.get_running_loop().sock_recv(sock, BLOCK):
            pass


async def cancel(running):
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def reset(*sockets):
    for sock in sockets:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()


async def main():
    ends = Ends()
    connections, serving = {}, set()
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    async for line in commands:
        command = json.loads(line)
        number = command["id"]
        if "release" in command:
            connections[number].release(command["release"])
            continue
        if "arm" in command:
            connections[number].arm(command["arm"], command["after"], command["action"])
            continue
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        connections[number] = Connection(ends, number, command)
        task = asyncio.ensure_future(connections[number].serve(listener, command["listen"]))
        serving.add(task)
        task.add_done_callback(serving.discard)
        say(id=number, port=listener.getsockname()[1])
    # connections that are still held would keep an orderly exit waiting
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
