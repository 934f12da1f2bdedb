"""A server whose answers a test scripts, and that keeps every request; it echoes messages once it has accepted."""

import dataclasses
import socket
import threading
import traceback

from checking import HANG_S, equal, eventually
from ktorws_ctypes import Status
from peer import CLOSE, PING, PONG, Gone, frame
from sessions import receives
from wire import Wire

REASONS = {101: "Switching Protocols", 401: "Unauthorized", 403: "Forbidden", 302: "Found"}


@dataclasses.dataclass(frozen=True)
class Request:
    line: str
    headers: list
    # counted from 0
    connection: int
    wire: Wire = dataclasses.field(repr=False)

    @property
    def target(self):
        return self.line.split(" ")[1]

    def values(self, name):
        return [value for n, value in self.headers if n.lower() == name.lower()]

    def value(self, name):
        """of the only field of this name, None where there is none"""
        values = self.values(name)
        if len(values) > 1:
            raise AssertionError(f"{name} is sent {len(values)} times: {values}")
        return values[0] if values else None


def answers(status, *fields, body=b"", length=True, ends=True):
    """An answer without more to it; `ends`: the connection ends with it."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}", *fields]
    lines += [f"Content-Length: {len(body)}"] if length else []
    lines += ["Connection: close"] if ends else []
    data = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body

    def act(request):
        request.wire.send(data)
        if ends:
            request.wire.fin()
        return not ends

    return act


def opens(*fields):
    """The handshake is accepted, and messages are echoed."""

    def act(request):
        request.wire.send(request.wire.head(extra=fields))
        echo(request.wire)

    return act


def redirects(location, *fields, status=302, **more):
    return answers(status, f"Location: {location}", *fields, **more)


def echo(wire):
    while (sent := wire.next_or_none()) is not None:
        if sent.opcode == CLOSE:
            wire.send(frame(CLOSE, sent.payload))
            return wire.fin()
        if sent.opcode not in (PING, PONG):
            wire.send(frame(sent.opcode, sent.payload))


class Server:
    """`script` says what each request is answered with: a function of it, a dictionary by target, or a list of answers
    in their order. With `tls`, an SSLContext, it is one of wss."""

    def __init__(self, script=None, tls=None, host="127.0.0.1", address="127.0.0.1"):
        self.script = script if script is not None else lambda request: opens()
        self.tls = tls
        self.host = host
        self.requests = []
        self.connections = 0
        self.trouble = []
        self.lock = threading.Lock()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.create_server((address, 0), family=family, backlog=256)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            with self.lock:
                number = self.connections
                self.connections += 1
            threading.Thread(target=self.run, args=(sock, number), daemon=True).start()

    def run(self, sock, number):
        wire = Wire(sock)
        try:
            if self.tls:
                wire.sock = self.tls.wrap_socket(sock, server_side=True)
            while wire.read_request():
                request = Request(wire.request, [tuple(pair) for pair in wire.headers], number, wire)
                if not self.answer_to(request)(request):
                    break
        except (Gone, OSError):
            pass
        except Exception:
            self.trouble.append(traceback.format_exc())
        finally:
            wire.sock.close()

    def answer_to(self, request):
        with self.lock:
            count = len(self.requests)
            self.requests.append(request)
            if callable(self.script):
                return self.script(request)
            if isinstance(self.script, dict):
                if request.target in self.script:
                    return self.script[request.target]
            elif count < len(self.script):
                return self.script[count]
            raise AssertionError(f"nothing is scripted for request {count}, {request.line}")

    def url(self, path="/", host=None, user=None):
        scheme = "wss" if self.tls else "ws"
        return f"{scheme}://{user + '@' if user else ''}{host or self.host}:{self.port}{path}"

    @property
    def targets(self):
        return [request.target for request in self.requests]

    def only(self):
        equal("requests", len(self.requests), 1)
        return self.requests[0]

    def unseen(self):
        """nothing has come to this server: its first request is the one that is made now"""
        with socket.create_connection(self.socket.getsockname()) as sock:
            sock.settimeout(HANG_S)
            if self.tls is None:
                self.script = lambda request: answers(204, length=False)
                sock.sendall(b"GET /first HTTP/1.1\r\nHost: test\r\n\r\n")
                sock.recv(4096)
                equal("requests", self.targets, ["/first"])
            eventually("the connection is accepted", lambda: self.connections)
        equal("connections", self.connections, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # wakes the accept
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        if self.trouble:
            raise AssertionError("the server had trouble:\n" + "\n".join(self.trouble))


def works(session):
    """messages go both ways"""
    equal("ws_send_text", session.send("hello"), Status.OK)
    receives(session, "hello")
