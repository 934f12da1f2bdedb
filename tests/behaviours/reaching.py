"""The ways to a server that asks for something first, sends the client elsewhere, or stands behind a proxy."""

import socket
import threading

from certificates import server_context, trusted
from checking import HANG_S, equal, true
from ktorws_ctypes import AUTH_CALLBACK, Failure, Phase, Status, lib
from sessions import echoes
from wire import Listener, answer, opened, upgrade

CREDENTIALS = "Basic dXNlcjpzZWNyZXQ="


def behaviour_009_credentials_after_a_401():
    requests = []

    def serve(wire):
        wire.read_request()
        requests.append((wire.header("Sec-WebSocket-Key"), wire.header("Authorization")))
        if wire.header("Authorization") == CREDENTIALS:
            wire.send(wire.head())
        else:
            wire.send(b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="r"\r\nContent-Length: 0\r\n\r\n')
            wire.fin()

    asked = []

    @AUTH_CALLBACK
    def ask(auth, _):
        asked.append((lib.ws_auth_attempt(auth), lib.ws_auth_challenge(auth, 0)))
        lib.ws_auth_basic(auth, b"user", b"secret")

    with Listener(serve) as listener, listener.open(set_auth_callback=(ask, None)) as (session, wire):
        wire.close()
        echoes(session, listener.wire())
    equal("the callback", asked, [(1, b'Basic realm="r"')])
    equal("Authorization", [authorization for _, authorization in requests], ["", CREDENTIALS])
    true("the keys differ", requests[0][0] != requests[1][0], requests)


def behaviour_010_redirect_is_followed_where_that_is_switched_on():
    with Listener(upgrade()) as elsewhere:
        moved = answer(f"HTTP/1.1 302 Found\r\nLocation: {elsewhere.url('/moved')}\r\nContent-Length: 0")
        secret = dict(add_header=[(b"Authorization", CREDENTIALS.encode()), (b"X-Goes-Along", b"yes")])
        with opened(moved, set_max_redirects=1, **secret) as (session, first):
            wire = elsewhere.wire()
            equal("the first request", first.header("Authorization"), CREDENTIALS)
            equal("the second request", wire.request, "GET /moved HTTP/1.1")
            equal("Authorization at another origin", wire.header("Authorization"), "")
            equal("another header", wire.header("X-Goes-Along"), "yes")
            echoes(session, wire)


def behaviour_010_redirect_from_wss_to_ws_is_not_followed():
    with Listener(upgrade()) as plain:
        moved = answer(f"HTTP/1.1 302 Found\r\nLocation: {plain.url('/')}\r\nContent-Length: 0")
        with Listener(moved, tls=server_context("127.0.0.1")) as secure:
            failure, _ = secure.refuse(set_max_redirects=5, **trusted())
            equal("ws_connect", failure.status, Status.HANDSHAKE_INVALID)
        with plain.open("/first") as (_, wire):
            equal("the first request that the other server gets", wire.request, "GET /first HTTP/1.1")


def pump(source, sink):
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def proxy(requests):
    """a server that is an HTTP proxy, and has a password"""

    def serve(wire):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += wire.sock.recv(1)
        request, *lines = head.decode().split("\r\n")
        authorization = dict(line.split(": ") for line in lines if line).get("Proxy-Authorization", "")
        requests.append((request, authorization))
        if authorization != CREDENTIALS:
            wire.send(b'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="p"\r\nContent-Length: 4\r\n\r\nwho?')
            wire.fin()
            return
        host, port = request.split()[1].rsplit(":", 1)
        with socket.create_connection((host, int(port)), HANG_S) as server:
            wire.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(server, wire.sock))
            back.start()
            pump(wire.sock, server)
            back.join()

    return serve


def through(target, **settings):
    requests = []
    with Listener(proxy(requests)) as listener:
        url = f"http://user:secret@127.0.0.1:{listener.port}".encode()
        with target.open("/behind", set_proxy=url, **settings) as (session, wire):
            equal("the request", wire.request, "GET /behind HTTP/1.1")
            equal("Proxy-Authorization at the server", wire.header("Proxy-Authorization"), "")
            echoes(session, wire)
            equal("the proxy's", requests, [(f"CONNECT 127.0.0.1:{target.port} HTTP/1.1", CREDENTIALS)])


def behaviour_025_proxy_with_connect_for_ws():
    with Listener(upgrade()) as target:
        through(target)


def behaviour_025_proxy_with_connect_for_wss():
    with Listener(upgrade(), tls=server_context("127.0.0.1")) as target:
        through(target, **trusted())


def behaviour_025_proxy_that_wants_credentials():
    requests = []
    with Listener(upgrade()) as target, Listener(proxy(requests)) as listener:
        url = f"http://user:wr0ng@127.0.0.1:{listener.port}".encode()
        try:
            with target.open(set_proxy=url):
                raise AssertionError("ws_connect succeeds")
        except Failure as failure:
            equal("ws_connect", failure.status, Status.PROXY_AUTH)
            equal("phase", failure.phase, Phase.PROXY)
            equal("HTTP status", failure.http_status, 407)
            equal("HTTP body", failure.http_body, b"who?")
            true("no password in the message", "wr0ng" not in failure.message, failure.message)
