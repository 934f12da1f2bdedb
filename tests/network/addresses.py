#!/usr/bin/env python3
"""Known addresses of hosts, the local address, IPv6 in URLs, and hosts beyond ASCII, all on the loopback interface.

addresses.py [NAME ...]
"""

import contextlib
import errno
import json
import os
import socket

from harness import for_each, main, refusal, setting_status  # first: it says where the others are
from checking import HANG_MS, equal, true
from certificates import server_context, trusted
from ktorws_ctypes import Configuration, Phase, Session, Status
from telling_server import listen_to_both, telling

PATIENT = dict(set_connect_timeout_ms=HANG_MS, set_handshake_timeout_ms=HANG_MS)
# With a colon, a bracket or a space it is no host; nor is it without a letter.
NOT_HOSTS = (b"", b"a b", b"a\rb", b"a\nb", b"a\x7fb", b"a/b", b"a@b", b"a:80", b"[::1", b"\xff\xfe")
NOT_ADDRESSES = (
    b"",
    b"localhost",
    b"127.0.0",
    b"127.0.0.256",
    b"127.0.0.1:80",
    b"127.0.0.1 ",
    b" 127.0.0.1",
    b"127.0.0.1\n",
    b"127.0.0.1%lo",
    b"::1::",
    b"::g",
    b"fe80::1%no-such-interface",
    b"fe80::1%",
    b"\xff",
)
port = None


def told_by(host, at=None, **settings):
    """what the server says of a session: host, client, server"""
    with Session(f"ws://{host}:{at or port}/", **{**PATIENT, **settings}) as session:
        status, told = session.recv(HANG_MS)
        equal("ws_recv", status, Status.OK)
        return json.loads(told)


def known(*addresses, host=b"host.test", at=0):
    return dict(add_resolve=[(host, at, address) for address in addresses])


@contextlib.contextmanager
def secure(context):
    """the port of a server with TLS"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        at = listener.getsockname()[1]
        with telling(listener, ssl=context):
            yield at


def a_known_address():
    for at in (0, port):
        told = told_by("host.test", **known(b"127.0.0.9", at=at))
        equal("server", told["server"], "127.0.0.9")
        equal("Host", told["host"], f"host.test:{port}")
    equal("server", told_by("host.test", **known(b"::1"))["server"], "::1")
    # in whatever case the host is written
    equal("server", told_by("HOST.test", **known(b"127.0.0.9", host=b"Host.TEST"))["server"], "127.0.0.9")


def a_known_address_is_for_its_host_and_port():
    here = {"server": "127.0.0.9"}
    for settings in (
        known(b"127.0.0.9", host=b"other.test"),
        known(b"127.0.0.9", host=b"localhost", at=port - 1),
        known(b"127.0.0.9", host=b"sub.localhost"),
    ):
        told = told_by("localhost", **settings)
        true("it is used for another", told["server"] in ("127.0.0.1", "::1"), told)
    equal("server", told_by("localhost", **known(b"127.0.0.9", host=b"localhost"))["server"], here["server"])


def further_known_addresses():
    """the first that takes the connection"""
    # addresses at which no other process has a server
    net = f"127.{100 + os.getpid() // 250 % 100}.{os.getpid() % 250 + 1}"
    addresses = tuple(f"{net}.{last}".encode() for last in (1, 2, 3))
    with socket.create_server((f"{net}.3", 0), backlog=64) as listener, telling(listener):
        at = listener.getsockname()[1]
        equal("server", told_by("host.test", at, **known(*addresses))["server"], f"{net}.3")
    failure = refusal(f"ws://host.test:{at}/", **known(*addresses))
    equal("status and phase", (failure.status, failure.phase), (Status.CONNECT, Phase.CONNECT))
    equal("errno", failure.os_errno, errno.ECONNREFUSED)
    for address in addresses:
        name = f"{address.decode()}:{at}"
        true(f"the message does not name {name}", name in failure.message, failure.message)


def a_known_address_changes_nothing_for_tls():
    """neither the name in the certificate nor the one the server is told"""
    context = server_context("host.test")
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with secure(context) as at:
        url = f"wss://host.test:{at}/"
        with Session(url, **known(b"127.0.0.1"), **trusted(), **PATIENT) as session:
            status, told = session.recv(HANG_MS)
            equal("ws_recv", status, Status.OK)
            equal("Host", json.loads(told)["host"], f"host.test:{at}")
        others = known(b"127.0.0.1", host=b"other.test")
        failure = refusal(url.replace("host.test", "other.test"), **others, **trusted())
        equal("status", failure.status, Status.TLS_CERTIFICATE)
    equal("names the server was told", names, ["host.test", "other.test"])


def configurations_have_their_own():
    """a copy has what its original had, and nothing of what it gets later"""
    with Configuration(add_resolve=(b"localhost", 0, b"127.0.0.8")) as config, config.clone() as copy:
        config.change(add_resolve=(b"localhost", port, b"127.0.0.9"))
        for used, server in (config, "127.0.0.9"), (copy, "127.0.0.8"):
            with Session(f"ws://localhost:{port}/", used) as session:
                equal("server", json.loads(session.recv(HANG_MS)[1])["server"], server)


def wrong_known_addresses():
    def is_refused(arguments):
        equal("ws_config_add_resolve", setting_status("add_resolve", *arguments), Status.INVALID_ARGUMENT)

    for_each([(host, 0, b"127.0.0.1") for host in (None, *NOT_HOSTS)], is_refused)
    for_each([(b"host.test", 0, address) for address in NOT_ADDRESSES], is_refused)
    equal("config NULL", setting_status("add_resolve", b"a", 0, b"127.0.0.1", is_null=True), Status.INVALID_ARGUMENT)


def the_local_address():
    equal("client", told_by("127.0.0.1", set_local_address=b"127.0.0.5")["client"], "127.0.0.5")
    equal("client", told_by("[::1]", set_local_address=b"::1")["client"], "::1")
    equal("client", told_by("127.0.0.1", set_local_address=[b"127.0.0.5", None])["client"], "127.0.0.1")
    equal("client", told_by("127.0.0.1", set_local_address=[b"127.0.0.5", b"127.0.0.6"])["client"], "127.0.0.6")
    # of the addresses that a host has those of its family
    both = known(b"::1", b"127.0.0.1")
    equal("server", told_by("host.test", **both, set_local_address=b"127.0.0.5")["server"], "127.0.0.1")
    equal("server", told_by("host.test", **both, set_local_address=b"::1")["server"], "::1")


def wrong_local_addresses():
    def is_refused(address):
        equal("ws_config_set_local_address", setting_status("set_local_address", address), Status.INVALID_ARGUMENT)

    for_each(NOT_ADDRESSES, is_refused)
    equal("config NULL", setting_status("set_local_address", b"127.0.0.1", is_null=True), Status.INVALID_ARGUMENT)


def local_addresses_that_do_not_fit():
    # one that this machine does not have
    failure = refusal(f"ws://127.0.0.1:{port}/", set_local_address=b"192.0.2.199")
    equal("status and phase", (failure.status, failure.phase), (Status.CONNECT, Phase.CONNECT))
    equal("errno", failure.os_errno, errno.EADDRNOTAVAIL)
    failure = refusal(f"ws://127.0.0.1:{port}/", set_local_address=b"::1")
    equal("status and phase", (failure.status, failure.phase), (Status.CONNECT, Phase.CONNECT))


def ipv6_in_urls():
    """in whatever form, the server is told the shortest one"""
    for text, host, server in (
        ("[::1]", "[::1]", "::1"),
        ("[0:0:0:0:0:0:0:1]", "[::1]", "::1"),
        ("[0000::0001]", "[::1]", "::1"),
        ("[::FFFF:127.0.0.1]", "[::ffff:7f00:1]", "127.0.0.1"),
    ):
        told = told_by(text)
        equal("Host and server", (told["host"], told["server"]), (f"{host}:{port}", server))
    # the zone of an address that needs none does no harm
    told = told_by("[::1%25lo]")
    equal("Host and server", (told["host"], told["server"]), (f"[::1]:{port}", "::1"))


def wrong_urls():
    for url in (
        "ws://[::1/",
        "ws://::1/",
        "ws://[::g]/",
        "ws://[1:2:3]/",
        "ws://[::1]x/",
        "ws://[127.0.0.1]/",
        "ws://[127.0.0.1%25lo]/",
        "ws://host%25lo/",
        "ws://[fe80::1%]/",
        "ws://[fe80::1%25a%0d%0aX:y]/",
        "ws://[fe80::1%25a\r\nX:y]/",
        "ws://[fe80::1%25a b]/",
        "ws://127.0.0.256/",
        "ws://xn--/",
        "ws://\u00ad/",
        "ws://a\u3002\u3002b\u2100/",
    ):
        failure = refusal(url)
        equal(f"{url!r}: status and phase", (failure.status, failure.phase), (Status.URL, Phase.NONE))


def hosts_beyond_ascii():
    """they are looked up, and the server is told of them, as ASCII (UTS 46)"""
    for host, ascii_host in (
        ("b\u00fccher.test", "xn--bcher-kva.test"),
        ("B\u00dcCHER.test", "xn--bcher-kva.test"),
        ("bu\u0308cher.test", "xn--bcher-kva.test"),
        ("b%C3%BCcher.test", "xn--bcher-kva.test"),
        ("xn--bcher-kva.test", "xn--bcher-kva.test"),
        ("stra\u00dfe.test", "xn--strae-oqa.test"),
        ("\u65e5\u672c\u8a9e.test", "xn--wgv71a119e.test"),
        ("\u2603.test", "xn--n3h.test"),
        ("\uff48\uff4f\uff53\uff54.test", "host.test"),
        ("host\u3002test", "host.test"),
    ):
        told = told_by(host, **known(b"127.0.0.9", host=ascii_host.encode()))
        equal("Host and server", (told["host"], told["server"]), (f"{ascii_host}:{port}", "127.0.0.9"))
    # it can be named as it is written, too
    told = told_by("b\u00fccher.test", **known(b"127.0.0.9", host="B\u00fccher.test".encode()))
    equal("server", told["server"], "127.0.0.9")


def hosts_beyond_ascii_under_tls():
    context = server_context("xn--bcher-kva.test")
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with secure(context) as at:
        settings = known(b"127.0.0.1", host=b"xn--bcher-kva.test")
        with Session(f"wss://b\u00fccher.test:{at}/", **settings, **trusted(), **PATIENT) as session:
            equal("ws_recv", session.recv(HANG_MS)[0], Status.OK)
    equal("names the server was told", names, ["xn--bcher-kva.test"])


TESTS = (
    a_known_address,
    a_known_address_is_for_its_host_and_port,
    further_known_addresses,
    a_known_address_changes_nothing_for_tls,
    configurations_have_their_own,
    wrong_known_addresses,
    the_local_address,
    wrong_local_addresses,
    local_addresses_that_do_not_fit,
    ipv6_in_urls,
    wrong_urls,
    hosts_beyond_ascii,
    hosts_beyond_ascii_under_tls,
)

if __name__ == "__main__":
    with listen_to_both() as listener:
        port = listener.getsockname()[1]
        with telling(listener):
            main(TESTS, warm_up=lambda: told_by("localhost"))
