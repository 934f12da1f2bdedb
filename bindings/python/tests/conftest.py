"""Peers: the echo server that the tests run under, and servers of the package websockets in threads."""

import asyncio
import base64
import faulthandler
import os
import socket
import ssl
import sys
import threading
from contextlib import contextmanager
from http import HTTPStatus

import pytest
import uvloop
import websockets.asyncio.server
from websockets.exceptions import ConnectionClosed

# Generous: it only ends what hangs.
PATIENCE_S = 20

for name in ("ws_proxy", "wss_proxy", "http_proxy", "https_proxy", "all_proxy", "no_proxy"):
    os.environ.pop(name, None)
    os.environ.pop(name.upper(), None)


@pytest.fixture(autouse=True)
def no_hanging():
    faulthandler.dump_traceback_later(PATIENCE_S, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def url():
    return os.environ["ECHO_WS_URL"]


class Server:
    """A websockets server that does what `handle` says, answers with `answer`, and notes the requests' headers."""

    def __init__(self, handle, answer=None, tls=None, **options):
        self.requests = []
        self.closes = []
        self.handle, self.answer, self.tls, self.options = handle, answer, tls, options
        self.is_up = threading.Event()
        self.thread = threading.Thread(target=asyncio.run, args=(self.serve(),))

    async def run_handler(self, connection):
        try:
            await self.handle(connection)
        except ConnectionClosed:
            pass
        finally:
            await connection.close()
            self.closes.append((connection.close_code, connection.close_reason))

    def process_request(self, connection, request):
        self.requests.append(request)
        return self.answer(connection, request) if self.answer else None

    async def serve(self):
        self.loop = asyncio.get_running_loop()
        self.stop = asyncio.Event()
        async with websockets.asyncio.server.serve(
            self.run_handler, "127.0.0.1", 0, ssl=self.tls, process_request=self.process_request, **self.options
        ) as server:
            self.port = server.sockets[0].getsockname()[1]
            self.is_up.set()
            await self.stop.wait()

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}/"


@contextmanager
def serving(handle, *arguments, **options):
    server = Server(handle, *arguments, **options)
    server.thread.start()
    server.is_up.wait()
    try:
        yield server
    finally:
        server.loop.call_soon_threadsafe(server.stop.set)
        server.thread.join()


@pytest.fixture
def serve():
    return serving


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def tell_parts(connection):
    """Answers a message with the sizes of its fragments."""
    while True:
        parts = [part async for part in connection.recv_streaming()]
        await connection.send(",".join(f"{type(part).__name__}:{len(part)}" for part in parts))


def refuse(status, body="", **headers):
    def answer(connection, _request):
        response = connection.respond(HTTPStatus(status), body)
        for name, value in headers.items():
            response.headers[name.replace("_", "-")] = value
        return response

    return answer


def wants(authorization, challenge='Basic realm="here"'):
    def answer(connection, request):
        if request.headers.get("Authorization") == authorization:
            return None
        return refuse(401, "who are you?", WWW_Authenticate=challenge)(connection, request)

    return answer


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Script:
    """A server for what no good one does: `act` is called in a thread with each connection's socket, behind the
    handshake unless that is the point."""

    def __init__(self, act, shakes_hands=True):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self.listener.getsockname()[1]}/"
        self.act, self.shakes_hands = act, shakes_hands
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(peer,), daemon=True).start()

    def talk(self, peer):
        with peer:
            if self.shakes_hands:
                shake_hands(peer)
            self.act(peer)


def shake_hands(peer):
    head = read_head(peer)
    key = next(line.split(": ")[1] for line in head.split("\r\n") if "key" in line.lower())
    peer.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + websockets.utils.accept_key(key).encode() + b"\r\n\r\n"
    )


def accept(peer):
    """Opens the session, and does nothing with it."""
    with peer:
        shake_hands(peer)
        until_gone(peer)


def read_head(peer):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = peer.recv(1)
        if not piece:
            break
        head += piece
    return head.decode()


@pytest.fixture
def script():
    scripts = []

    def make(act, **options):
        scripts.append(Script(act, **options))
        return scripts[-1].url

    yield make
    for made in scripts:
        made.listener.shutdown(socket.SHUT_RDWR)
        made.listener.close()


def lose_pings(count):
    """Ends so many connections with the first ping, and answers all pings of the next one."""
    lost = []

    def act(peer):
        while len(head := peer.recv(2, socket.MSG_WAITALL)) == 2:
            rest = peer.recv(4 + (head[1] & 127), socket.MSG_WAITALL)
            if head[0] != 0x89:
                continue
            if len(lost) < count:
                lost.append(head)
                return
            payload = bytes(byte ^ rest[at % 4] for at, byte in enumerate(rest[4:]))
            peer.sendall(bytes((0x8A, len(payload))) + payload)

    return act


def frame(first, payload=b""):
    """A frame of a server: its first byte, FIN and the opcode, and its payload."""
    size = bytes((len(payload),)) if len(payload) < 126 else b"\x7f" + len(payload).to_bytes(8, "big")
    return bytes((first,)) + size + payload


def next_frame(peer):
    """The first byte and the payload of a client's frame, and whether it was masked; None at the end."""
    head = peer.recv(2, socket.MSG_WAITALL)
    if len(head) < 2:
        return None
    size, is_masked = head[1] & 127, head[1] > 127
    if size > 125:
        size = int.from_bytes(peer.recv(2 if size == 126 else 8, socket.MSG_WAITALL), "big")
    mask = peer.recv(4, socket.MSG_WAITALL) if is_masked else bytes(4)
    payload = peer.recv(size, socket.MSG_WAITALL) if size else b""
    return head[0], bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)), is_masked


def until_gone(peer):
    """Reads and does not answer."""
    while peer.recv(65536):
        pass


def tls_server(authority, *names, wants_certificate=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    if wants_certificate:
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    return request.param
