"""Answers that come before the request is sent: they are read and reported, though the connection takes no more of it."""

import contextlib
import socket
import threading

from certificates import server_context, trusted
from checking import HANG_MS, equal, true
from http_api import fails, refused
from ktorws_ctypes import Phase, Session, Status
from web import Server, opens, works

# More than the kernel takes of a request that nobody reads.
LARGE = dict(add_header=(b"X-Large", b"x" * (16 << 20)))
PATIENT = dict(set_handshake_timeout_ms=HANG_MS)


def answer(status, *fields, body=b"too much"):
    return "\r\n".join([f"HTTP/1.1 {status} No", *fields, f"Content-Length: {len(body)}", "", ""]).encode() + body


class Early:
    """A server that does `act` with each connection before it reads anything. What it holds open it closes at the end.
    `window`: the size of its receive buffer, None for the system's."""

    def __init__(self, act, tls=None, window=4096):
        self.act = act
        self.window = window
        self.tls = tls
        self.held = []
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock = self.socket.accept()[0]
                if self.window:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.window)
                # what it holds back a reset would take with it
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.run, args=(sock,), daemon=True).start()

    def run(self, sock):
        with contextlib.suppress(OSError):
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True, suppress_ragged_eofs=True)
            self.held.append(sock)
            self.act(sock)

    def url(self):
        return f"{'wss' if self.tls else 'ws'}://localhost:{self.port}/"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for sock in self.held:
            sock.close()


def begins(sock):
    """some of the request has come"""
    true("a request comes", sock.recv(64))


def says(data, ends=False):
    def act(sock):
        begins(sock)
        sock.sendall(data)
        if ends:
            # with most of the request unread, which resets the connection
            sock.close()

    return act


def both_ways(check):
    """plain and in TLS"""
    check(None, {})
    check(server_context("localhost"), trusted())


def test_a_server_that_answers_and_reads_no_more():
    """the request cannot be sent: its answer is not waited for until the timeout"""

    def check(tls, settings):
        for status in (413, 431):
            with Early(says(answer(status, "X-Told: early")), tls) as server:
                failure = refused(server.url(), status, **LARGE, **PATIENT, **settings)
                equal("field and body", (failure.http_fields["X-Told"], failure.http_body), (["early"], b"too much"))
                equal("phase", failure.phase, Phase.HANDSHAKE)

    both_ways(check)


def test_a_server_that_answers_and_closes():
    """its connection is reset, behind the answer"""

    def check(tls, settings):
        with Early(says(answer(431), ends=True), tls) as server:
            equal("body", refused(server.url(), 431, **LARGE, **PATIENT, **settings).http_body, b"too much")

    both_ways(check)


def test_a_server_that_answers_before_it_is_asked():
    """as one that is overloaded"""

    def act(sock):
        sock.sendall(answer(503, "Retry-After: 1"))
        sock.shutdown(socket.SHUT_WR)

    for settings in ({}, LARGE):
        with Early(act) as server:
            failure = refused(server.url(), 503, **PATIENT, **settings)
            equal("Retry-After", failure.http_fields["Retry-After"], ["1"])


def given(data, url, **settings):
    """a connection that takes nothing any more, with something to read"""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        ours.shutdown(socket.SHUT_WR)
        return fails(url, *list(Status), set_socket_fd=ours.fileno(), **settings)


def test_a_connection_that_takes_nothing():
    failure = given(answer(503), "ws://localhost/")
    equal("answer", (failure.status, failure.http_status, failure.http_body), (Status.HANDSHAKE_STATUS, 503, b"too much"))
    # without an answer, or with half of one, or with one that cannot be: what failed is sending
    for data in (b"", b"HTTP/1.1 503 N", b"HTTP/1.1 100 Continue\r\n\r\n"):
        failure = given(data, "ws://localhost/")
        equal(f"status for {data}", failure.status, Status.IO)
        true("what could not be done", "send the request" in failure.message, failure.message)


def test_the_alert_of_a_server_that_takes_nothing():
    """says more than that the connection is broken"""
    handshake_failure = bytes((21, 3, 3, 0, 2, 2, 40))
    failure = given(handshake_failure, "wss://localhost/")
    equal("status and alert", (failure.status, failure.tls_alert), (Status.TLS, 40))
    equal("phase", failure.phase, Phase.TLS)
    failure = given(b"", "wss://localhost/")
    equal("status", (failure.status, failure.phase), (Status.IO, Phase.TLS))


def test_redirects_and_proxies():
    with Server([opens()]) as other:
        with Early(says(answer(302, f"Location: {other.url()}"))) as server:
            # a cookie stays with its origin
            large = dict(add_header=(b"Cookie", b"a=" + b"x" * (16 << 20)))
            with Session(server.url(), set_max_redirects=1, **large, **PATIENT) as session:
                works(session)

    def refuses(sock):
        sock.sendall(answer(407, 'Proxy-Authenticate: Basic realm="p"'))
        sock.close()

    with Early(refuses) as proxy:
        proxied = dict(set_proxy=f"http://127.0.0.1:{proxy.port}".encode())
        failure = fails("ws://example.invalid/", Status.PROXY_AUTH, **proxied, **PATIENT)
        equal("answer", (failure.http_status, failure.http_body), (407, b"too much"))


def test_interim_answers_do_not_end_sending():
    """a server that says that it works on it gets the whole request"""
    got = []

    def act(sock):
        begins(sock)
        for _ in range(20):
            sock.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")
        count, end = 0, b""
        while end[-4:] != b"\r\n\r\n":
            data = sock.recv(1 << 20)
            count, end = count + len(data), end[-3:] + data
        got.append(count)
        sock.sendall(answer(403))

    # the whole request would take long through a small window
    with Early(act, window=None) as server:
        refused(server.url(), 403, **LARGE, **PATIENT)
    true("the request", got and got[0] > 16 << 20, got)


def test_invalid_answers():
    """is an error, or that the request could not be sent"""
    for data in (b"nonsense\r\n\r\n", b"HTTP/9.9 431 No\r\n\r\n"):
        with Early(says(data, ends=True)) as server:
            fails(server.url(), Status.HANDSHAKE_INVALID, Status.IO, **LARGE, **PATIENT)


def test_a_server_that_reads_nothing_and_says_nothing():
    """is waited for until the timeout, without the processor"""
    with Early(begins) as server:
        with open("/proc/thread-self/stat", encoding="ascii") as file:
            before = sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
        fails(server.url(), Status.TIMEOUT, set_handshake_timeout_ms=500, **LARGE)
        with open("/proc/thread-self/stat", encoding="ascii") as file:
            ticks = sum(map(int, file.read().rpartition(")")[2].split()[11:13])) - before
        true("ticks of the processor", ticks < 30, ticks)
