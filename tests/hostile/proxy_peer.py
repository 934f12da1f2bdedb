"""A proxy's side of a connection: what the client asks for, and then the tunnel, in which this is the server too.

The first label of the host that the client asks for names the fault, the labels up to proxy.test the case: the host
fault.variant.proxy.test is the case /connect/fault~variant. No resolver knows such a name; the proxy need not ask one.
"""

import select
import socket
import ssl

from peer import HOLD, KIB, Connection
from steered_stream import Plain, Tls

OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"
# of what the client sends where nothing is asked of it
MOST_REST = 64 * KIB


def case_of(kind, host):
    return f"proxy /{kind}/" + "~".join(host.split(".")[:-2])


class Tunnelled(Connection):
    no_request = "no request in the tunnel"


class ProxyConnection(Connection):
    no_request = "no request to the proxy"

    def __init__(self, sock):
        super().__init__(sock)
        # each CONNECT with its header, and what else the client sent outside of a tunnel
        self.asked = []
        self.rest = b""

    def read_request(self):
        return self.read_connect()

    def read_connect(self):
        """the next CONNECT on this connection"""
        known = self.case
        if not self.read_head(b"CONNECT "):
            self.case = known or self.case
            return False
        self.asked.append([self.request, self.headers])
        host = self.request.split(" ")[1].rpartition(":")[0]
        self.path, self.case = "/connect/" + host.split(".")[0], case_of("connect", host)
        return True

    def tunnel(self):
        """from here on this is the server"""
        server = Tunnelled(self.sock)
        server.surplus = self.surplus
        server.serve()
        self.ended = "tunnel"

    def read_frames(self, _answer_close):
        ended, self.rest, self.surplus = "held", self.surplus, b""
        try:
            while chunk := self.sock.recv(1 << 16):
                with self.changed:
                    self.rest = (self.rest + chunk)[:MOST_REST]
                    self.changed.notify_all()
            ended = "fin"
        except TimeoutError:
            pass
        except OSError:
            ended = "rst"
        with self.changed:
            self.ended = self.ended or ended
            self.changed.notify_all()

    def record(self):
        return {
            "case": self.case,
            "path": self.path,
            # the checks of all requests are for those of WebSockets
            "request": "",
            "asked": self.asked,
            "rest": self.rest.decode("latin-1"),
            "ended": self.ended,
            "poured": self.poured,
            "trouble": self.trouble,
        }


def over_tls(context, port, sock):
    """the proxy behind port for a client that speaks TLS with it"""
    sock.settimeout(HOLD)
    try:
        client = Tls(sock, context)
    except (ssl.SSLError, OSError):
        # it does not like the certificate
        return sock.close()
    proxy = Plain(socket.create_connection(("127.0.0.1", port)))
    directions = {client.sock: (client, proxy), proxy.sock: (proxy, client)}
    # what came with the end of the handshake has left the socket already
    readable = list(directions)
    try:
        while readable:
            for source, sink in [directions[ready] for ready in readable]:
                while data := source.receive():
                    pass_on(sink, data)
                if data == b"":
                    sink.finish()
                    del directions[source.sock]
            readable = directions and select.select(list(directions), [], [], HOLD)[0]
    except OSError:
        pass
    for stream in (client, proxy):
        stream.sock.close()


def pass_on(sink, data):
    while data or not sink.flush():
        select.select([], [sink.sock], [], HOLD)
        data = data[sink.send(data) :]
