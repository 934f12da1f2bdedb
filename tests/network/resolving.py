#!/usr/bin/env python3
"""Names that the system looks up at a name server of this process: found, not found, late, never.

resolving.py [NAME ...]
"""

import json
import re
import socket

from harness import for_each, main, refusal  # first: it says where the others are
import namespace
from checking import HANG_MS, Background, equal, eventually, true
from ktorws_ctypes import Phase, Session, Status
from name_server import SERVFAIL, NameServer
from telling_server import listen_to_both, telling

SHORT_MS, LONG_MS = 120, HANG_MS
NAMES = {
    "four.test": ["127.0.0.4"],
    "six.test": ["::1"],
    "both.test": ["127.0.0.4", "::1"],
    "second.test": ["127.0.0.77", "127.0.0.78", "127.0.0.4"],
    "none.test": [],
    "broken.test": SERVFAIL,
    "late.test": ["127.0.0.4"],
    "xn--bcher-kva.test": ["127.0.0.4"],
}
port = None


def url(name):
    return f"ws://{name}:{port}/"


def limits(**lengths):
    return {f"set_{name}_timeout_ms": length for name, length in lengths.items()}


def told_by(name, **settings):
    """what the server says of a session: host, client, server"""
    opening = Background(Session, url(name), **settings)
    with opening.result() as session:
        status, told = session.recv(HANG_MS)
        equal("ws_recv", status, Status.OK)
        return json.loads(told)


def names_that_are_found():
    with NameServer(NAMES):
        for name, servers in (
            ("four.test", ["127.0.0.4"]),
            ("six.test", ["::1"]),
            ("both.test", ["127.0.0.4", "::1"]),
            ("FOUR.test", ["127.0.0.4"]),
        ):
            told = told_by(name)
            true(f"{name} leads elsewhere", told["server"] in servers, told)
            equal("Host", told["host"], f"{name.lower()}:{port}")


def a_name_beyond_ascii():
    with NameServer(NAMES) as server:
        told = told_by("b\u00fccher.test")
        equal("Host", told["host"], f"xn--bcher-kva.test:{port}")
        true("another name was looked up", server.was_asked_for("xn--bcher-kva.test"), server.asked)


def names_that_are_not_found():
    with NameServer(NAMES):
        for name in ("absent.test", "none.test", "broken.test"):
            failure = refusal(url(name), set_connect_timeout_ms=LONG_MS)
            equal("status", failure.status, Status.RESOLVE)
            equal("phase", failure.phase, Phase.RESOLVE)
            true(f"the message does not name {name}", name in failure.message, failure.message)


def known_addresses_are_not_looked_up():
    with NameServer(NAMES) as server:
        for name in ("four.test", "known.test"):
            told = told_by(name, add_resolve=(name.encode(), 0, b"127.0.0.9"))
            equal("server", told["server"], "127.0.0.9")
        told_by("127.0.0.4")
        told_by("[::1]")
        # for another port: that is no answer here
        equal("server", told_by("four.test", add_resolve=(b"four.test", 1, b"127.0.0.9"))["server"], "127.0.0.4")
        equal("asked for", set(server.asked), {"four.test"})


def limits_that_end_it():
    def check(case):
        short, rest = case
        lengths = {name: rest for name in ("resolve", "connect", "handshake", "open") if rest} | {short: SHORT_MS}
        failure = refusal(url("late.test"), **limits(**({"connect": -1} | lengths)))
        equal("status", failure.status, Status.TIMEOUT)
        equal("phase", failure.phase, Phase.RESOLVE)
        told = [int(found) for found in re.findall(r"\b(\d+) ms\b", failure.message)]
        true(f"the message must say {SHORT_MS} ms and no other time", told == [SHORT_MS], failure.message)
        true("the message does not name the host", "late.test" in failure.message, failure.message)

    with NameServer(NAMES, held=["late.test"]):
        for_each([(short, rest) for short in ("resolve", "connect", "open") for rest in (LONG_MS, None)], check)


def the_limit_on_resolving_ends_with_it():
    """no part of it is left for what follows, which may take longer"""
    with NameServer(NAMES), socket.create_server(("127.0.0.4", 0)) as silent:
        at = f"ws://four.test:{silent.getsockname()[1]}/"
        failure = refusal(at, **limits(resolve=1000, connect=LONG_MS, handshake=1500))
        equal("status and phase", (failure.status, failure.phase), (Status.TIMEOUT, Phase.HANDSHAKE))
        true("the message names another limit", " 1500 ms" in failure.message, failure.message)


def late_is_not_too_late():
    for lengths in (dict(resolve=LONG_MS), dict(connect=LONG_MS), dict(connect=-1, resolve=-1, open=-1)):
        with NameServer(NAMES, held=["late.test"]) as server:
            opening = Background(told_by, "late.test", **limits(**lengths))
            eventually("the name is looked up", lambda server=server: server.was_asked_for("late.test"))
            server.release()
            equal("server", opening.result()["server"], "127.0.0.4")


def names_do_not_wait_for_each_other():
    with NameServer(NAMES, held=["late.test"]) as server:
        waiting = [Background(told_by, "late.test", **limits(connect=LONG_MS)) for _ in range(20)]
        eventually("they are looked up", lambda: len(server.waiting) >= len(waiting))
        equal("server", told_by("four.test", **limits(connect=LONG_MS))["server"], "127.0.0.4")
        true("one that waits is done", not any(opening.is_done for opening in waiting))
        server.release()
        for opening in waiting:
            equal("server", opening.result()["server"], "127.0.0.4")


def the_next_address_is_tried():
    """nobody listens at the first two"""
    with NameServer(NAMES), socket.create_server(("127.0.0.4", 0)) as server:
        at = server.getsockname()[1]
        opening = Background(refusal, f"ws://second.test:{at}/", **limits(connect=LONG_MS))
        sock, _ = server.accept()
        sock.close()
        opening.result()
    with NameServer(NAMES):
        failure = refusal(f"ws://second.test:{at}/", **limits(connect=LONG_MS))
        equal("status and phase", (failure.status, failure.phase), (Status.CONNECT, Phase.CONNECT))
        for address in NAMES["second.test"]:
            true(f"the message does not name {address}", f"{address}:{at}" in failure.message, failure.message)


TESTS = (
    names_that_are_found,
    a_name_beyond_ascii,
    names_that_are_not_found,
    known_addresses_are_not_looked_up,
    limits_that_end_it,
    the_limit_on_resolving_ends_with_it,
    late_is_not_too_late,
    names_do_not_wait_for_each_other,
    the_next_address_is_tried,
)


def warm_up():
    with NameServer(NAMES, held=["late.test"]) as server:
        waiting = [Background(told_by, "late.test", set_connect_timeout_ms=LONG_MS) for _ in range(20)]
        eventually("they are looked up", lambda: len(server.waiting) >= len(waiting))
        server.release()
        for opening in waiting:
            opening.result()


if __name__ == "__main__":
    namespace.enter()
    namespace.ip("link set lo up")
    namespace.replace_file("/etc/nsswitch.conf", "hosts: dns\n")
    namespace.replace_file("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n")
    listener = listen_to_both()
    port = listener.getsockname()[1]
    with telling(listener):
        main(TESTS, warm_up)
