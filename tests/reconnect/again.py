#!/usr/bin/env python3
"""What it takes to reach a server is done again for every connection: redirects, credentials, cookies, proxies, TLS.

Run as `again.py [NAME ...]`.
"""

import contextlib
import socket
import threading
from ctypes import byref, c_void_p

from away import Decisions, Site, for_each, free_port, goes_on, is_back, lose, main, reconnects, talks
from certificates import server_context, trusted
from checking import HANG_MS, equal, true
from http_api import Asked, Jar, told
from ktorws_ctypes import Configuration, Phase, Session, Status, lib
from sessions import ends
from web import Server, answers, opens, redirects, works


def drops(request):
    """accepts, and then the connection is lost"""
    request.wire.send(request.wire.head())
    request.wire.fin()


def comes_back(server, url, count=1, **settings):
    """the session is opened, lost `count` times, and works"""
    with Session(url, **{**reconnects(), **settings}) as session:
        is_back(session, count)
        works(session)
        return session.error


def the_request():
    """is the same but for the key, with all that was set for it"""
    headers = dict(
        add_header=[(b"X-Own", b"1"), (b"X-Own", b"2"), (b"Cookie", b"own=1")],
        add_subprotocol=[b"a", b"b"],
        set_bearer_token=b"token",
        install_deflate=None,
    )
    with Server([drops, drops, opens()]) as server:
        comes_back(server, server.url("/path?query=1"), 2, **headers)
        requests = [(r.line, [(n, v) for n, v in r.headers if n != "Sec-WebSocket-Key"]) for r in server.requests]
        equal("the second request", requests[1], requests[0])
        equal("the third request", requests[2], requests[0])
        equal("different keys", len({r.value("Sec-WebSocket-Key") for r in server.requests}), 3)


def what_is_told_is_of_the_first_handshake():
    with Server([drops, opens("X-Number: 2")]) as server, Session(server.url(), **reconnects()) as session:
        is_back(session)
        equal("ws_response_header", session.response_values("X-Number"), [])
        works(session)


def redirects_again():
    """from the first URL on: the target may be another one each time"""
    with Server({"/1": drops}) as first, Server({"/2": lambda request: opens()(request)}) as second:
        targets = [first.url("/1"), second.url("/2")]
        with Server(lambda request: redirects(targets[len(server.requests) - 1])) as server:
            comes_back(server, server.url("/start"), set_max_redirects=1)
            equal("requests", server.targets, ["/start"] * 2)
        equal("requests", (first.targets, second.targets), (["/1"], ["/2"]))


def redirects_that_lead_nowhere():
    """end the session, as they fail an opening; a target that is down is tried again"""
    with Server([drops, redirects("/b"), redirects("/c")]) as server:
        with Session(server.url(), **reconnects(), set_max_redirects=1) as session:
            ends(session, Status.TOO_MANY_REDIRECTS)
    with Server([drops, redirects("http:///")]) as server:
        with Session(server.url(), **reconnects(), set_max_redirects=1) as session:
            ends(session, Status.HANDSHAKE_INVALID)
    down = f"ws://127.0.0.1:{free_port()}/"
    with Server([drops, redirects(down), redirects(down), opens()]) as server:
        comes_back(server, server.url(), set_max_redirects=1)


def credentials_are_asked_for_again():
    """each connection has its own questions; a thread of the library asks them"""
    names = []

    def act(auth):
        with open("/proc/thread-self/comm", encoding="ascii") as name:
            names.append(name.read().strip())
        equal("answer", auth.answer("bearer", f"token-{len(asked.calls)}"), Status.OK)

    asked = Asked(act)
    demands = answers(401, "WWW-Authenticate: Bearer", body=b"no")
    with Server([demands, drops, demands, drops, demands, demands, opens()]) as server:
        comes_back(server, server.url(), 2, **asked.setting)
        got = [request.value("Authorization") for request in server.requests]
    equal("attempts", [auth.attempt for auth in asked.calls], [1, 1, 1, 2])
    equal("troubles", asked.trouble, [])
    tokens = [f"Bearer token-{number}" for number in range(1, 5)]
    equal("Authorization", got, [None, tokens[0], None, tokens[1], None, tokens[2], tokens[3]])
    equal("threads", names[1:], ["ktorws"] * 3)


def credentials_that_are_not_taken_any_more():
    """end the session"""
    asked = Asked(lambda auth: None if len(asked.calls) > 1 else auth.answer("bearer", "token"))
    demands = answers(401, "WWW-Authenticate: Bearer", body=b"no")
    with Server([demands, drops, demands]) as server, Session(server.url(), **reconnects(), **asked.setting) as session:
        ends(session, Status.HANDSHAKE_STATUS)
        equal("http_status", (session.error.http_status, session.error.http_body), (401, b"no"))


def cookies():
    """those of the answers before go along, of refusals too"""
    with Jar() as jar:

        def sets(request):
            request.wire.send(request.wire.head(extra=["Set-Cookie: a=1"]))
            request.wire.fin()

        with Server([sets, answers(503, "Set-Cookie: b=2"), opens("Set-Cookie: c=3")]) as server:
            comes_back(server, server.url(), **jar.setting)
            got = [request.value("Cookie") for request in server.requests]
            equal("Cookie", got, [None, "a=1", "a=1; b=2"])
            equal("the jar", jar.cookies(server.url()), ["a=1", "b=2", "c=3"])


class Proxy:
    """A proxy whose answers to CONNECT are scripted; "open" opens the tunnel."""

    def __init__(self, *script):
        self.script = list(script)
        self.requests = []
        self.socks = []
        self.port = free_port()
        self.url = f"http://user:secret@127.0.0.1:{self.port}".encode()
        self.start()

    def start(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        serving(self.listener, self.serve)

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self, client):
        with contextlib.suppress(OSError), client:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65536)
            self.requests.append(head.decode())
            what = self.script[len(self.requests) - 1] if len(self.requests) <= len(self.script) else "open"
            if what != "open":
                client.sendall(what)
                return
            host, _, port = head.split(b" ")[1].decode().rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                in_both_directions(client, server)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def serving(listener, serve):
    """the thread that has `serve` called for every connection, on a thread of its own"""

    def accept():
        with contextlib.suppress(OSError):
            while True:
                sock = listener.accept()[0]
                threading.Thread(target=serve, args=(sock,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    return thread


def in_both_directions(client, server):
    other = threading.Thread(target=pass_on, args=(server, client), daemon=True)
    other.start()
    pass_on(client, server)
    other.join()


def pass_on(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def refusal(status, *fields):
    return "\r\n".join([f"HTTP/1.1 {status} No", *fields, "Content-Length: 0", "", ""]).encode()


def proxies():
    """every connection has a tunnel of its own, with the credentials; none goes past the proxy"""
    with Proxy() as proxy, Site() as site, site.open(**reconnects(), set_proxy=proxy.url) as (session, wire):
        for count in range(1, 4):
            wire.fin()
            wire = goes_on(session, site, count)
        equal("tunnels", len(proxy.requests), 4)
        equal("different requests", len(set(proxy.requests)), 1)
        true("credentials", "\r\nProxy-Authorization: Basic " in proxy.requests[0], proxy.requests[0])


def proxies_that_refuse():
    def check(case):
        answer, status, tries = case
        decisions = Decisions(lambda asked: 0 if asked.tries else None)
        with Proxy("open", answer) as proxy, Site() as site:
            with site.open(**decisions.setting(), set_proxy=proxy.url) as (session, wire):
                wire.fin()
                if tries:
                    goes_on(session, site)
                else:
                    ends(session, status)
                    equal("connections", len(site.met), 1)
        decisions.check((Status.CLOSED_ABNORMALLY, 1, True), (status, 2, tries))
        equal("ws_error_phase", decisions.all[1].why.phase, Phase.PROXY)
        if b"Retry-After" in answer:
            equal("delay", decisions.all[1].delay_ms, 7000)

    passing = [(refusal(status), Status.PROXY, True) for status in (408, 425, 429, 500, 502, 503, 504, 520, 524)]
    ending = [(refusal(status), Status.PROXY, False) for status in (302, 400, 403, 404, 405, 501)]
    for_each(
        [
            *passing,
            *ending,
            (refusal(503, "Retry-After: 7"), Status.PROXY, True),
            (refusal(407, "Proxy-Authenticate: Basic"), Status.PROXY_AUTH, False),
            (b"", Status.PROXY, True),
            (b"HTTP/1.1 200 Conn", Status.PROXY, True),
        ],
        check,
    )


def a_proxy_that_is_down():
    decisions = Decisions()
    with Site() as site, Proxy() as proxy, site.open(**decisions.setting(), set_proxy=proxy.url) as (session, wire):
        proxy.stop()
        wire.fin()
        equal("asked", decisions.next().told, (Status.CLOSED_ABNORMALLY, 1, True))
        equal("asked", decisions.next().told, (Status.PROXY, 2, True))
        proxy.start()
        goes_on(session, site)


def tls_is_resumed():
    with Site(tls=server_context("127.0.0.1")) as site:
        with site.open(**trusted(), **reconnects()) as (session, wire):
            # a ticket comes with what is read first
            talks(session, wire)
            for count in range(1, 4):
                wire.close()
                wire = goes_on(session, site, count)
                true("the server has resumed it", wire.sock.session_reused)


def a_given_socket():
    """can be used once: there is no way to another connection"""
    with Site() as site:
        with socket.create_connection(("127.0.0.1", site.port)) as sock:
            with site.open(**reconnects(), set_socket_fd=sock.fileno()) as (session, wire):
                talks(session, wire)
                # the test's own descriptor would keep it open
                wire.fin()
                ends(session, Status.STATE)
                equal("connections", len(site.met), 1)


def unix_sockets():
    """something behind the socket passes everything on"""
    with Site() as site, socket.socket(socket.AF_UNIX) as listener:
        name = f"@ktorws-reconnect-{site.port}"
        listener.bind("\0" + name[1:])
        listener.listen()

        def serve(client):
            with client, socket.create_connection(("127.0.0.1", site.port)) as server:
                in_both_directions(client, server)

        accepting = serving(listener, serve)
        with site.open(**reconnects(), set_unix_socket=name.encode()) as (session, wire):
            for count in range(1, 4):
                wire.fin()
                wire = goes_on(session, site, count)
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


def opening_without_waiting():
    with Site() as site, Configuration(**reconnects()) as config:
        handle = c_void_p()
        status = lib.ws_connect_async(site.url().encode(), config.handle, byref(handle))
        equal("ws_connect_async", Status(status), Status.OK)
        session = object.__new__(Session)
        session.handle = handle.value
        with session:
            equal("ws_wait_open", session.call("wait_open", HANG_MS, None), Status.OK)
            wire = site.wire()
            talks(session, wire)
            lose(wire)
            goes_on(session, site)


def the_log_tells_of_it():
    with told() as lines, Site() as site, site.open(**reconnects()) as (session, wire):
        lose(wire)
        goes_on(session, site)
    for part in ("the connection is lost", "reconnecting in", "reconnected"):
        true(f"a line with {part!r}", any(part in line for line in lines), lines)


TESTS = (
    the_request,
    what_is_told_is_of_the_first_handshake,
    redirects_again,
    redirects_that_lead_nowhere,
    credentials_are_asked_for_again,
    credentials_that_are_not_taken_any_more,
    cookies,
    proxies,
    proxies_that_refuse,
    a_proxy_that_is_down,
    tls_is_resumed,
    a_given_socket,
    unix_sockets,
    opening_without_waiting,
    the_log_tells_of_it,
)


def warm_up():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        lose(wire)
        goes_on(session, site)


if __name__ == "__main__":
    main(TESTS, warm_up)
