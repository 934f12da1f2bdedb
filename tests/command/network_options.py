"""The options that say which way to the server, how long it may take, and what is done about losses."""

import contextlib
import os
import signal
import socket
import threading

from checking import HANG_S, equal, eventually, true
from peer import CLOSE, PING, PONG, TEXT, frame
from python_server import echo
from tool import (
    ABNORMALLY,
    CLEANLY,
    CLOSE_CODE,
    CONNECT,
    HANDSHAKE,
    PROXY,
    REFUSED,
    TIMEOUT,
    Running,
    directory,
    echo_url,
    has,
    has_not,
    run,
)
from web import Server, answers, opens
from websockets.sync.server import unix_serve
from wire import Listener, answer, upgrade

HELLO = ("-m", "hello")


@contextlib.contextmanager
def http_proxy():
    """its URL without user and password, and the heads of its requests"""
    heads = []

    def pump(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def serve(sock):
        with contextlib.suppress(OSError), sock:
            head = b""
            while b"\r\n\r\n" not in head:
                head += sock.recv(65536)
            heads.append(head.decode())
            host, port = head.split()[1].rsplit(b":", 1)
            with socket.create_connection((host, int(port))) as server:
                sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                threading.Thread(target=pump, args=(server, sock), daemon=True).start()
                pump(sock, server)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", heads
        listener.shutdown(socket.SHUT_RDWR)


def test_a_proxy():
    with http_proxy() as (proxy, heads):
        timings = run(*HELLO, "--json", "-x", f"http://me:pw@{proxy}", echo_url()).event("opened")["timings_ms"]
        equal("requests", len(heads), 1)
        has("the request", heads[0], "CONNECT 127.0.0.1:", "Proxy-Authorization: Basic bWU6cHc=")
        true("the tunnel takes time", timings["proxy"] > 0, timings)


def test_a_proxy_of_the_environment():
    with http_proxy() as (proxy, heads):
        run(*HELLO, echo_url(), environment={"ws_proxy": f"http://{proxy}"})
        equal("requests", len(heads), 1)
        run(*HELLO, "-x", "", echo_url(), environment={"ws_proxy": f"http://{proxy}"})
        run(*HELLO, "--noproxy", "127.0.0.1", echo_url(), environment={"ws_proxy": f"http://{proxy}", "NO_PROXY": "x"})
        run(*HELLO, "-x", f"http://{proxy}", "--noproxy", "a.example, 127.0.0.0/8", echo_url())
        equal("requests", len(heads), 1)
        run(*HELLO, "-x", f"http://{proxy}", "--noproxy", "a.example", echo_url())
        equal("requests", len(heads), 2)


def test_a_proxy_that_refuses():
    with Server(lambda request: answers(407)) as server:
        run("-x", f"http://127.0.0.1:{server.port}", echo_url(), status=PROXY)


def test_addresses_of_a_host():
    with Server() as server:
        for option in (f"some.example:{server.port}:127.0.0.1", "some.example:0:127.0.0.1"):
            run(*HELLO, "--resolve", option, server.url(host="some.example"))
        equal("Host", server.requests[0].value("Host"), f"some.example:{server.port}")
        run(*HELLO, "--resolve", f"[::2]:{server.port}:127.0.0.1", server.url(host="[::2]"))
        # the first one does not answer
        run(*HELLO, "--resolve", f"some.example:{server.port}:[::1],127.0.0.1", server.url(host="some.example"))


def test_an_address_of_this_machine():
    peers = []
    with Server(lambda request: peers.append(request.wire.sock.getpeername()[0]) or opens()) as server:
        run(*HELLO, "--interface", "127.0.0.5", server.url())
        equal("peers", peers, ["127.0.0.5"])
        run(*HELLO, "--interface", "192.0.2.1", server.url(), status=CONNECT)


def test_a_unix_socket():
    hosts = []

    def serve(ws):
        hosts.append(ws.request.headers["Host"])
        echo(ws)

    with directory() as path:
        name = os.path.join(path, "socket")
        with unix_serve(serve, name) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            equal("output", run(*HELLO, "-n", "1", "--unix-socket", name, "ws://inside/").out, b"hello\n")
        equal("Host", hosts, ["inside"])
        run("--unix-socket", name + "-not-there", "ws://inside/", status=CONNECT)


def test_pings():
    payloads = []

    def serve(wire):
        upgrade()(wire)
        while (sent := wire.next_or_none()) is not None:
            if sent.opcode == PING:
                payloads.append(sent.payload)
                wire.send(frame(PONG, sent.payload))
                if len(payloads) == 3:
                    wire.send(b"\x88\x02\x03\xe8")
            elif sent.opcode == CLOSE:
                wire.fin()

    with Listener(serve) as listener:
        closed = run("-N", "--ping", "0.02", "--json", listener.url())
        equal("pongs", sum(event["event"] == "pong" for event in closed.events), 3)
        true("the round trip is told", closed.event("closed")["statistics"]["last_rtt_ms"] > 0)


def test_silence():
    with Listener() as listener:
        run("-N", "--idle-timeout", "0.05", listener.url(), status=ABNORMALLY)


def test_a_host_that_does_not_answer():
    """a queue of connections that is full"""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(2):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
        run("--connect-timeout", "0.05", url, status=TIMEOUT)
        run("--open-timeout", "0.05", url, status=TIMEOUT)


def losing_the_first():
    """a server whose first connection is lost behind a message"""
    connections = []

    def serve(wire):
        upgrade()(wire)
        connections.append(wire)
        if len(connections) == 1:
            wire.send(frame(TEXT, b"first"))
            wire.close()
        else:
            wire.send(frame(TEXT, b"second"))
            wire.send(b"\x88\x02\x0f\xa0")
            wire.next_or_none()

    return Listener(serve)


def test_reconnecting():
    with losing_the_first() as listener:
        ended = run("-N", "--reconnect", listener.url(), status=CLOSE_CODE)
        equal("lines", ended.lines, ["first", "second"])
        has("standard error", ended.err, "attempt 1 in ", "* connected again")


def test_reconnecting_as_events():
    with losing_the_first() as listener:
        ended = run("-N", "--reconnect", "--json", listener.url(), status=CLOSE_CODE)
        # a loss is told as it happens, beside messages that came before, and the new connection in its place among them
        kinds = [event["event"] for event in ended.events if event["event"] != "lost"]
        equal("events", kinds, ["opened", "message", "reconnected", "message", "closed"])
        equal("texts", [event["text"] for event in ended.events if event["event"] == "message"], ["first", "second"])
        equal("attempt", ended.event("lost")["attempt"], 1)
        equal("reconnects", ended.event("closed")["statistics"]["reconnects"], 1)


def test_reconnecting_quietly():
    with losing_the_first() as listener:
        ended = run("-N", "-q", "--reconnect", listener.url(), status=CLOSE_CODE)
        equal("standard error", ended.err, "ktorws: the server closed with 4000\n")


def test_reconnecting_after_an_ordinary_close():
    """the others end it: see test_reconnecting"""
    closes = [b"\x88\x02\x03\xe8", b"\x88\x00"]

    def serve(wire):
        upgrade()(wire)
        wire.send(frame(TEXT, b"%d" % len(closes)))
        wire.send(closes.pop() if closes else b"\x88\x02\x0f\xa0")
        wire.next_or_none()
        wire.fin()

    with Listener(serve) as listener:
        equal("lines", run("-N", "--reconnect", listener.url(), status=CLOSE_CODE).lines, ["2", "1", "0"])
    # what we have begun to close is not opened again
    equal("lines", run("-m", "x", "--reconnect", echo_url()).lines, ["x"])


def test_the_first_opening_is_tried_again():
    answers = [b"HTTP/1.1 503 No\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"]

    def serve(wire):
        if answers:
            wire.read_request()
            wire.send(answers.pop())
            wire.fin()
            return
        upgrade()(wire)
        wire.send(frame(TEXT, b"at last"))

    with Listener(serve) as listener:
        ended = run("-N", "-n", "1", "--reconnect", "--json", "--close-timeout", "0.05", listener.url(), status=TIMEOUT)
        equal("events", [event["event"] for event in ended.events][:3], ["lost", "opened", "message"])
        equal("status", (ended.event("lost")["status"], ended.event("lost")["attempt"]), ("WS_ERR_HANDSHAKE_STATUS", 1))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{taken.getsockname()[1]}/"
        ended = run("-N", "--reconnect=1", url, status=CONNECT)
        has("standard error", ended.err, "* ", "attempt 1 in ")
        has_not("standard error", ended.err, "attempt 2 ")
        with Running("-N", "--reconnect", url) as tool:
            has("the note", tool.process.stderr.readline().decode(), "attempt 1")
            tool.interrupt()
            tool.end(-signal.SIGINT)
    # what another attempt does not help against
    with Listener(answer("HTTP/1.1 403 No\r\nContent-Length: 0")) as listener:
        has_not("standard error", run("-N", "--reconnect", listener.url(), status=REFUSED).err, "attempt")


def test_so_many_attempts():
    connections = []

    def serve(wire):
        connections.append(wire)
        if len(connections) == 1:
            upgrade()(wire)
        else:
            wire.read_request()
        wire.fin()

    with Listener(serve) as listener:
        run("-N", listener.url(), status=ABNORMALLY)
        connections.clear()
        ended = run("-N", "--reconnect=1", listener.url(), status=HANDSHAKE)
        equal("connections", len(connections), 2)
        has("standard error", ended.err, "attempt 1 ")
        has_not("standard error", ended.err, "attempt 2 ")


def test_input_goes_to_the_next_connection():
    """the connection is lost while it reads lines"""
    got, is_lost = [], threading.Event()

    def serve(wire):
        upgrade()(wire)
        if not is_lost.is_set():
            wire.next()
            wire.close()
            is_lost.set()
            return
        while (sent := wire.next_or_none()) is not None:
            if sent.opcode == TEXT:
                got.append(sent.payload)
            else:
                wire.send(b"\x88\x02\x03\xe8")
                wire.fin()

    with Listener(serve) as listener, Running("--reconnect", listener.url()) as tool:
        tool.write("one\n")
        true("it is lost", is_lost.wait(HANG_S))
        has("the note", tool.process.stderr.readline().decode(), "attempt 1")
        tool.write("two\nthree\n")
        eventually("they come", lambda: len(got) == 2)
        equal("messages", got, [b"two", b"three"])
        tool.end(CLEANLY)
