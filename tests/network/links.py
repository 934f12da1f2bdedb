#!/usr/bin/env python3
"""Links: addresses with a zone, the local address, loss, and a link that goes down.

links.py [NAME ...]
"""

import errno
import json
import random
import socket

from harness import main, refusal  # first: it says where the others are
import namespace
from checking import HANG_MS, among, equal, true
from ktorws_ctypes import Initiator, Phase, Session, State, Status
from namespace import v4, v6
from telling_server import telling

PATIENT = dict(set_connect_timeout_ms=HANG_MS, set_handshake_timeout_ms=HANG_MS, set_close_timeout_ms=HANG_MS)
peers = port = None


def opened(host, **settings):
    """a session, and what the server says of how it came"""
    session = Session(f"ws://{host}:{port}/", **{**PATIENT, **settings})
    status, told = session.recv(HANG_MS)
    equal("ws_recv", status, Status.OK)
    return session, json.loads(told)


def echoes(session, message):
    equal("sending", session.send(message), Status.OK)
    status, answer = session.recv(HANG_MS)
    equal("ws_recv", status, Status.OK)
    true("the echo is not what was sent", answer == message)


def link_local_with_a_zone():
    """RFC 6874; the zone means nothing to the server"""
    for zone in ("ws0", str(socket.if_nametoindex("ws0"))):
        session, told = opened(f"[fe80::1%25{zone}]")
        with session:
            equal("server", told["server"].split("%")[0], "fe80::1")
            equal("client", told["client"].split("%")[0], "fe80::100")
            equal("Host", told["host"], f"[fe80::1]:{port}")
            echoes(session, "over a link")


def link_local_as_a_known_address():
    session, told = opened("host.test", add_resolve=(b"host.test", 0, b"fe80::1%ws0"))
    with session:
        equal("server", told["server"].split("%")[0], "fe80::1")
        equal("Host", told["host"], f"host.test:{port}")


def link_local_without_a_zone():
    failure = refusal(f"ws://[fe80::1]:{port}/", **PATIENT)
    equal("status", failure.status, Status.CONNECT)
    equal("phase", failure.phase, Phase.CONNECT)
    equal("errno", failure.os_errno, errno.EINVAL)


def a_zone_that_does_not_exist():
    failure = refusal(f"ws://[fe80::1%25nolink]:{port}/", **PATIENT)
    among("status", failure.status, (Status.RESOLVE, Status.CONNECT))
    among("phase", failure.phase, (Phase.RESOLVE, Phase.CONNECT))
    true("the message does not name it", "nolink" in failure.message, failure.message)


def the_local_address():
    for local, server in (
        (v4(100), v4(1)),
        (v4(101), v4(1)),
        (v6(100), f"[{v6(1)}]"),
        (v6(101), f"[{v6(1)}]"),
        ("fe80::100%ws0", "[fe80::1%25ws0]"),
    ):
        session, told = opened(server, set_local_address=local.encode())
        with session:
            equal("client", told["client"].split("%")[0], local.split("%")[0])
            echoes(session, "bound")


def the_local_address_chooses_the_family():
    both = [(b"host.test", 0, v6(1).encode()), (b"host.test", 0, v4(1).encode())]
    for local, server in (v4(101), v4(1)), (v6(101), v6(1)):
        session, told = opened("host.test", add_resolve=both, set_local_address=local.encode())
        with session:
            equal("client and server", (told["client"], told["server"]), (local, server))


def a_local_address_that_is_none():
    """of another machine; of another family than the server's"""
    failure = refusal(f"ws://{v4(1)}:{port}/", set_local_address=b"10.9.0.77")
    equal("status", failure.status, Status.CONNECT)
    equal("phase", failure.phase, Phase.CONNECT)
    equal("errno", failure.os_errno, errno.EADDRNOTAVAIL)
    failure = refusal(f"ws://{v4(1)}:{port}/", set_local_address=v6(100).encode())
    equal("status", failure.status, Status.CONNECT)
    equal("phase", failure.phase, Phase.CONNECT)


def a_lossy_link():
    """a fifth of all packets is lost, in both directions"""
    message = random.Random(1).randbytes(1 << 20)
    session, _ = opened(v4(1))
    with session:
        try:
            for side, filter_packets, link in (
                (namespace, namespace.filter_packets, "ws0"),
                (peers, peers.filter, "ws1"),
            ):
                # without waiting long for what is lost
                side.ip(f"route change 10.9.0.0/24 dev {link} rto_min 5ms")
                filter_packets(f"iif {link} numgen random mod 100 < 20 drop")
            echoes(session, message)
            equal("ws_close", session.close(1000), Status.OK)
            equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
            equal("clean", session.close_info[3], True)
        finally:
            peers.filter()
            namespace.filter_packets()


def goes_down(set_link, **settings):
    """TCP says nothing of it; the pings do"""
    session, _ = opened(v4(1), set_ping_interval_ms=50, set_ping_timeout_ms=1000, **settings)
    try:
        with session:
            echoes(session, "up")
            set_link("down")
            equal("ws_recv", session.recv(HANG_MS), (Status.PING_TIMEOUT, None))
            equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
            equal("ws_state", session.state, State.CLOSED)
            equal("status and phase", (session.error.status, session.error.phase), (Status.PING_TIMEOUT, Phase.OPEN))
            true("the message does not say 1000 ms", "1000 ms" in session.error.message, session.error.message)
            _, remote_code, _, clean, initiator = session.close_info
            equal("how it ended", (remote_code, clean), (1006, False))
            among("initiator", initiator, (Initiator.LOCAL, Initiator.TRANSPORT))
    finally:
        set_link("up")


def the_own_link_goes_down():
    goes_down(lambda how: namespace.ip(f"link set ws0 {how}"))


def the_peers_link_goes_down():
    goes_down(lambda how: peers.ip(f"link set ws1 {how}"))


def the_local_address_goes_away():
    """as when a machine moves to another network"""
    own = v4(101)
    goes_down(
        lambda how: namespace.ip(f"addr {'del' if how == 'down' else 'add'} {own}/24 dev ws0"),
        set_local_address=own.encode(),
    )


def keepalive_of_tcp():
    """finds it too, without a word of the session"""
    session, _ = opened(v4(1), set_tcp_keepalive=(1, 1, 1))
    try:
        with session:
            echoes(session, "up")
            peers.ip("link set ws1 down")
            equal("ws_recv", session.recv(HANG_MS), (Status.IO, None))
            equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
            equal("phase", session.error.phase, Phase.OPEN)
            # the link's other end may be found not to answer before the connection is
            among("errno", session.error.os_errno, (errno.ETIMEDOUT, errno.EHOSTUNREACH))
            equal("ws_get_close_info", session.close_info, (0, 1006, b"", False, Initiator.TRANSPORT))
    finally:
        peers.ip("link set ws1 up")


def a_router_that_forgets():
    """its answer to what belongs to no connection is a reset"""
    for settings in ({}, dict(set_ping_interval_ms=20, set_ping_timeout_ms=HANG_MS)):
        session, _ = opened(v4(1), **settings)
        try:
            with session:
                echoes(session, "before")
                peers.filter(f"tcp dport {port} reject with tcp reset")
                if not settings:
                    # TCP's own acknowledgement may have been the first to hear of it
                    among("sending", session.send("forgotten"), (Status.OK, Status.IO))
                equal("ws_recv", session.recv(HANG_MS), (Status.IO, None))
                equal("errno", session.error.os_errno, errno.ECONNRESET)
                equal("ws_get_close_info", session.close_info, (0, 1006, b"", False, Initiator.TRANSPORT))
        finally:
            peers.filter()


def a_link_that_comes_back():
    """in time: nobody but TCP has noticed"""
    session, _ = opened(v4(1))
    with session:
        echoes(session, "before")
        peers.ip("link set ws1 down")
        equal("sending", session.send("meanwhile"), Status.OK)
        equal("ws_recv", session.recv(50), (Status.TIMEOUT, None))
        equal("ws_state", session.state, State.OPEN)
        peers.ip("link set ws1 up")
        equal("ws_recv", session.recv(HANG_MS), (Status.OK, "meanwhile"))


def a_network_that_is_gone():
    """no way there at all"""
    failure = refusal(f"ws://203.0.113.1:{port}/", **PATIENT)
    equal("status", failure.status, Status.CONNECT)
    equal("phase", failure.phase, Phase.CONNECT)
    equal("errno", failure.os_errno, errno.ENETUNREACH)


TESTS = (
    link_local_with_a_zone,
    link_local_as_a_known_address,
    link_local_without_a_zone,
    a_zone_that_does_not_exist,
    the_local_address,
    the_local_address_chooses_the_family,
    a_local_address_that_is_none,
    a_lossy_link,
    the_own_link_goes_down,
    the_peers_link_goes_down,
    the_local_address_goes_away,
    keepalive_of_tcp,
    a_router_that_forgets,
    a_link_that_comes_back,
    a_network_that_is_gone,
)

if __name__ == "__main__":
    namespace.enter()
    peers = namespace.make()
    listener = peers.listen()
    port = listener.getsockname()[1]
    with telling(listener):
        main(TESTS, warm_up=lambda: opened(v4(1))[0].__exit__())
