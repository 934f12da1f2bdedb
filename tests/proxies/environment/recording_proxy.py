"""A proxy, HTTP and SOCKS5 on one port, that records what it is asked and leads every target to the same server."""

import asyncio
import ipaddress
import struct

LOGIN = 2
IPV4, DOMAIN, IPV6 = 1, 3, 4
REFUSALS = {
    "403": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
    "407": b'HTTP/1.1 407 Login Required\r\nProxy-Authenticate: Basic realm="p"\r\nContent-Length: 0\r\n\r\n',
    "garbage": b"\xff\xfe" * 100,
    "silent": None,
}


class RecordingProxy:
    """records: {kind, target, headers or login}; links: {address that the server is connected from: (name, record)}"""

    def __init__(self, name, backend_port_for, links, refusal=None):
        self.name, self.backend_port_for, self.links, self.refusal = name, backend_port_for, links, refusal
        self.records = []
        self.port = None
        # nobody else holds them
        self.tasks = set()

    async def listen(self, hosts, port=0, ssl=None):
        server = await asyncio.start_server(self.serve, hosts[0], port, ssl=ssl)
        self.port = server.sockets[0].getsockname()[1]
        servers = [server]
        for host in hosts[1:]:
            servers.append(await asyncio.start_server(self.serve, host, self.port, ssl=ssl))
        return servers

    async def serve(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        try:
            first = await reader.readexactly(1)
            if first not in b"\x05C":
                return
            ask = self.socks(reader, writer) if first == b"\x05" else self.connect(first, reader)
            record, answer = await ask
            if answer is None:
                # says nothing until the client goes
                await reader.read()
            else:
                await self.tunnel(record, answer, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self.tasks.discard(asyncio.current_task())

    async def connect(self, first, reader):
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        method, target, version = request.split(" ")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        record = {"kind": "http", "method": method, "target": target, "version": version, "headers": headers}
        record["fields"] = len(lines)
        self.records.append(record)
        return record, REFUSALS[self.refusal] if self.refusal else b"HTTP/1.1 200 OK\r\n\r\n"

    async def socks(self, reader, writer):
        record = {"kind": "socks", "login": None, "target": None}
        self.records.append(record)
        methods = await reader.readexactly((await reader.readexactly(1))[0])
        record["methods"] = list(methods)
        method = LOGIN if LOGIN in methods else 0
        writer.write(bytes([5, method]))
        if method == LOGIN:
            user = await reader.readexactly((await reader.readexactly(2))[1])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            record["login"] = (user, password)
            if self.refusal == "407":
                return record, b"\x01\x01"
            writer.write(b"\x01\x00")
        kind = (await reader.readexactly(4))[3]
        if kind == DOMAIN:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode("latin-1")
        else:
            host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == IPV4 else 16)))
        port = struct.unpack("!H", await reader.readexactly(2))[0]
        record["target"] = (kind, host, port)
        return record, bytes([5, 2 if self.refusal else 0, 0, 1]) + bytes(6)

    async def tunnel(self, record, answer, reader, writer):
        writer.write(answer)
        if self.refusal:
            return await writer.drain()
        there, back = await asyncio.open_connection("127.0.0.1", self.backend_port_for(record["target"]))
        address = back.get_extra_info("sockname")[:2]
        self.links[address] = self.name, record
        try:
            await asyncio.gather(pump(reader, back), pump(there, writer))
        finally:
            # the next one from there is somebody else
            if self.links.get(address) == (self.name, record):
                del self.links[address]
            back.close()


async def pump(source, sink):
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()
        else:
            sink.close()
    except ConnectionError:
        pass
