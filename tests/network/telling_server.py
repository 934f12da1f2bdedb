"""A real server, Python websockets, that tells each client how it came, and then echoes."""

import contextlib
import json
import os
import socket
import threading

from harness import skip
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve


def tell_and_echo(ws):
    def host(address):
        # IPv4 to a socket for both; a zone stays; Unix sockets have names
        return address[0].removeprefix("::ffff:") if isinstance(address, tuple) else os.fsdecode(address)

    told = {
        "host": ws.request.headers.get("Host"),
        "client": host(ws.socket.getpeername()),
        "server": host(ws.socket.getsockname()),
    }
    with contextlib.suppress(ConnectionClosed):
        ws.send(json.dumps(told))
        for message in ws:
            ws.send(message)


def listen_to_both():
    """a listening socket for IPv6 and IPv4"""
    try:
        return socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
    except OSError as error:
        skip(f"no IPv6: {error}")


@contextlib.contextmanager
def telling(listener, **options):
    """serves what the listening socket accepts"""
    with serve(
        tell_and_echo, sock=listener, ping_interval=None, max_size=None, compression=None, close_timeout=1, **options
    ) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield
    thread.join()
