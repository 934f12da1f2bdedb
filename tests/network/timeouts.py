#!/usr/bin/env python3
"""Each limit on the time of opening: where it ends the opening and where not, and which of several is named.

Run as `echo_server -- timeouts.py [NAME ...]`. What has to do with resolving is in resolving.py.
"""

import contextlib
import os
import re
import socket
import threading

from harness import for_each, main, refusal, setting_status  # first: it says where the others are
from checking import HANG_MS, equal, true
from certificates import server_context, trusted
from ktorws_ctypes import Phase, Session, State, Status
from wire import Listener

LIMITS = ("resolve", "connect", "proxy", "tls", "handshake", "open")
# One that ends the opening; every other one that is set is longer.
SHORT_MS = 300
# Two that have some work done before they end it, or not.
MEDIUM_MS, LATER_MS = 1000, 1500
LONG_MS = HANG_MS
CA = dict(add_tls_ca_file=os.environ["ECHO_CA_FILE"].encode())


def limits(**lengths):
    return {f"set_{name}_timeout_ms": length for name, length in lengths.items()}


@contextlib.contextmanager
def silent():
    """the port of a server that takes connections and says nothing"""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


@contextlib.contextmanager
def full():
    """the port of a server whose backlog is full, so that a connect gets no answer"""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        with socket.create_connection(address), socket.socket() as waiting:
            waiting.setblocking(False)
            waiting.connect_ex(address)
            yield address[1]


@contextlib.contextmanager
def tunnel():
    """the port of a proxy that opens tunnels to a server that says nothing"""
    connections = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                connections.append(sock)
                head = b""
                while b"\r\n\r\n" not in head:
                    head += sock.recv(65536)
                sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        # wakes the accept
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    for sock in connections:
        sock.close()


@contextlib.contextmanager
def silent_under_tls():
    """the port of a server that says nothing more once TLS is negotiated"""
    with Listener(lambda wire: wire.read_request(), tls=server_context("localhost")) as listener:
        yield listener.port
        while not listener.wires.empty():
            listener.wires.get().close()


def names(failure, phase, length):
    """the one limit that ended it, and where"""
    equal("status", failure.status, Status.TIMEOUT)
    equal("phase", failure.phase, phase)
    told = [int(found) for found in re.findall(r"\b(\d+) ms\b", failure.message)]
    true(f"the message must say {length} ms and no other time", told == [length], failure.message)


def in_turn(url, phase, *applying, **settings):
    """whichever of the limits that apply in a phase is the short one ends it, the others being long, or not set"""

    def check(case):
        short, rest = case
        lengths = {name: rest for name in LIMITS if rest} | {short: SHORT_MS}
        # without limit where the default is one
        lengths = {"connect": -1, "handshake": -1} | lengths
        names(refusal(url, **limits(**lengths), **settings), phase, SHORT_MS)

    for_each([(short, rest) for short in applying for rest in (LONG_MS, None)], check)


def while_connecting():
    with full() as port:
        in_turn(f"ws://127.0.0.1:{port}/", Phase.CONNECT, "connect", "open")


def while_the_proxy_is_connected_to():
    with full() as port:
        proxy = f"http://127.0.0.1:{port}".encode()
        in_turn("ws://127.0.0.1:1/", Phase.CONNECT, "connect", "open", set_proxy=proxy)


def while_the_proxy_is_silent():
    with silent() as port:
        for scheme in ("http", "https", "socks5h"):
            proxy = f"{scheme}://127.0.0.1:{port}".encode()
            in_turn("ws://127.0.0.1:1/", Phase.PROXY, "proxy", "handshake", "open", set_proxy=proxy)


def while_tls_is_negotiated():
    with silent() as port:
        in_turn(f"wss://127.0.0.1:{port}/", Phase.TLS, "tls", "handshake", "open")


def while_tls_is_negotiated_behind_a_proxy():
    with tunnel() as port:
        proxy = f"http://127.0.0.1:{port}".encode()
        in_turn("wss://127.0.0.1:1/", Phase.TLS, "tls", "handshake", "open", set_proxy=proxy)


def in_the_handshake():
    with silent() as port:
        in_turn(f"ws://127.0.0.1:{port}/", Phase.HANDSHAKE, "handshake", "open")


def in_the_handshake_behind_a_proxy():
    with tunnel() as port:
        proxy = f"http://127.0.0.1:{port}".encode()
        in_turn("ws://127.0.0.1:1/", Phase.HANDSHAKE, "handshake", "open", set_proxy=proxy)


def in_the_handshake_under_tls():
    with silent_under_tls() as port:
        in_turn(f"wss://localhost:{port}/", Phase.HANDSHAKE, "handshake", "open", **trusted())


def a_limit_ends_with_its_phase():
    """what was meant for an earlier phase, and is shorter, does not count in a later one"""
    earlier = limits(resolve=MEDIUM_MS, connect=MEDIUM_MS, proxy=MEDIUM_MS, tls=MEDIUM_MS)
    over = {**earlier, **limits(handshake=LATER_MS, open=LONG_MS)}
    with silent() as port, tunnel() as proxy_port, silent_under_tls() as tls_port:
        proxy = dict(set_proxy=f"http://127.0.0.1:{proxy_port}".encode())

        def check(case):
            url, phase, settings = case
            names(refusal(url, **{**over, **settings}), phase, LATER_MS)

        for_each(
            [
                (f"ws://127.0.0.1:{port}/", Phase.HANDSHAKE, {}),
                (f"wss://127.0.0.1:{port}/", Phase.TLS, limits(tls=-1)),
                ("ws://127.0.0.1:1/", Phase.HANDSHAKE, proxy),
                ("wss://127.0.0.1:1/", Phase.TLS, {**proxy, **limits(tls=-1)}),
                (f"wss://localhost:{tls_port}/", Phase.HANDSHAKE, trusted()),
            ],
            check,
        )


def the_whole_ends_what_has_gone_through_several_phases():
    """the limit on all together goes on counting"""
    with tunnel() as port:
        proxy = f"http://127.0.0.1:{port}".encode()
        lengths = {name: LONG_MS for name in LIMITS} | {"open": MEDIUM_MS}
        names(refusal("wss://127.0.0.1:1/", **limits(**lengths), set_proxy=proxy), Phase.TLS, MEDIUM_MS)


def limits_that_do_not_end_anything():
    """they are over when the session is open: none of them ends it later"""
    url, tls_url = os.environ["ECHO_WS_URL"], os.environ["ECHO_WSS_URL"]

    def check(case):
        at, length = case
        with Session(at, **limits(**{name: length for name in LIMITS}), **CA) as session:
            equal("ws_recv while nothing comes", session.recv(max(20, min(length + 300, 2000))), (Status.TIMEOUT, None))
            equal("ws_state", session.state, State.OPEN)
            equal("sending", session.send("still there"), Status.OK)
            equal("ws_recv", session.recv(HANG_MS), (Status.OK, "still there"))

    for_each([(at, length) for at in (url, tls_url) for length in (1500, LONG_MS, -1, -(2**63), 2**63 - 1)], check)


def wrong_lengths():
    for name in LIMITS:
        setter = f"set_{name}_timeout_ms"
        equal(f"{setter}(0)", setting_status(setter, 0), Status.INVALID_ARGUMENT)
        equal(f"{setter} of NULL", setting_status(setter, 1, is_null=True), Status.INVALID_ARGUMENT)
        equal(f"{setter}(1)", setting_status(setter, 1), Status.OK)


TESTS = (
    while_connecting,
    while_the_proxy_is_connected_to,
    while_the_proxy_is_silent,
    while_tls_is_negotiated,
    while_tls_is_negotiated_behind_a_proxy,
    in_the_handshake,
    in_the_handshake_behind_a_proxy,
    in_the_handshake_under_tls,
    a_limit_ends_with_its_phase,
    the_whole_ends_what_has_gone_through_several_phases,
    limits_that_do_not_end_anything,
    wrong_lengths,
)


def warm_up():
    for url in (os.environ["ECHO_WS_URL"], os.environ["ECHO_WSS_URL"]):
        with Session(url, **CA):
            pass


if __name__ == "__main__":
    main(TESTS, warm_up)
