#!/usr/bin/env python3
"""A WebSocket server that misbehaves: one URL path per fault.

    server.py [--list] [--log FILE] [--tls CERTIFICATE KEY]

Prints `LISTENING {"": PORT, "small-window": PORT, "at-accept/...": PORT, ...}` once it accepts connections on
127.0.0.1. The first two ports serve the paths that --list prints, the second with a TCP window of a few KiB; those
of at-accept do their fault before a request is read. `connect` is an HTTP proxy, `connect-tls` one that speaks TLS with
the certificate of --tls, `socks` and `socks/...` are SOCKS5 proxies: see proxy_peer.py. To `decoy` nobody may connect.

For each connection one JSON line goes to FILE (default: standard output) when it has ended: the request as it came, the
frames of the client (opcode, fin, rsv, masked, key, length; the payload up to 125 bytes; close code and reason), its
messages (whether compressed, size as received and as it is) and how the client's side of TCP ended: `fin`, `rst`, or
`held` when it was still open after HOLD seconds. A query `?case=NAME` comes back as `case`.

A line NAME on standard input releases the faults that wait for that. Ends when standard input does.
"""

import functools
import json
import os
import socket
import ssl
import struct
import sys
import threading

import bomb_faults  # noqa: F401  (registers its faults)
import closing_faults  # noqa: F401
import connect_faults  # noqa: F401
import deflate_faults  # noqa: F401
import frame_faults  # noqa: F401
import header_faults  # noqa: F401
import http_faults  # noqa: F401
import limit_faults  # noqa: F401
import negotiation_faults  # noqa: F401
import opening_faults  # noqa: F401
import ping_faults  # noqa: F401
import socks_faults
import tcp_faults
import utf8_faults  # noqa: F401
from peer import FAULTS, RELEASED, Connection, Log
from proxy_peer import ProxyConnection, over_tls
from socks_peer import SocksConnection

# Faults before a request is read

AT_ACCEPT = {
    "fin": lambda sock: sock.close(),
    "rst": lambda sock: (sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)), sock.close()),
    "ssh": lambda sock: sock.sendall(tcp_faults.NOT_HTTP["ssh"]),
    "silent": lambda sock: None,
}


def listen(accepted, window=None):
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    if window:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)

    def run():
        while True:
            accepted(listener.accept()[0])

    threading.Thread(target=run, daemon=True).start()
    return listener.getsockname()[1]


def at_accept(run, sock):
    kept.append(sock)
    run(sock)


kept = []


def visited(sock):
    """somebody connected who should not have"""
    address = sock.getpeername()
    sock.settimeout(1)
    try:
        data = sock.recv(4096)
    except OSError as error:
        data = str(error).encode()
    sock.close()
    Log.write({"case": "decoy", "request": "", "data": data.decode("latin-1"), "from": address})


def start(run, *arguments):
    threading.Thread(target=run, args=arguments, daemon=True).start()


def listen_as_proxies():
    ports = {
        "decoy": listen(lambda sock: start(visited, sock)),
        "connect": listen(lambda sock: start(ProxyConnection(sock).serve)),
        "socks": listen(lambda sock: start(SocksConnection(sock).serve)),
    }
    for name in socks_faults.PORTS:
        ports["socks/" + name] = listen(lambda sock, name=name: start(SocksConnection(sock, name).serve))
    if "--tls" in sys.argv:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*sys.argv[sys.argv.index("--tls") + 1 :][:2])
        ports["connect-tls"] = listen(lambda sock: start(over_tls, context, ports["connect"], sock))
    return ports


def main():
    if "--list" in sys.argv:
        return print("\n".join(FAULTS))
    if "--log" in sys.argv:
        Log.file = open(sys.argv[sys.argv.index("--log") + 1], "a", encoding="utf-8")

    def serve(sock):
        start(Connection(sock).serve)

    ports = {"": listen(serve), "small-window": listen(serve, window=4096), **listen_as_proxies()}
    for name, run in AT_ACCEPT.items():
        ports["at-accept/" + name] = listen(functools.partial(at_accept, run))
    print("LISTENING", json.dumps(ports), flush=True)
    for line in sys.stdin:
        RELEASED[line.strip()].set()
    # connections that are still held would keep an orderly exit waiting
    os._exit(0)


if __name__ == "__main__":
    main()
