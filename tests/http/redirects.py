"""Redirects: which are followed, where to, what goes along, and which are refused."""

import socket

from certificates import server_context, trusted
from checking import equal, true
from http_api import fails, refused
from ktorws_ctypes import Phase, Session, Status, lib
from python_server import python_server
from web import Server, answers, opens, redirects, works

SECRETS = dict(add_header=[(b"Authorization", b"Custom secret"), (b"Cookie", b"session=secret"), (b"X-Other", b"1")])


def follows(server, path="/start", most=5, **settings):
    """the session opens; the URL that it says it has"""
    with Session(server.url(path), set_max_redirects=most, **settings) as session:
        works(session)
        return lib.ws_request_url(session.handle).decode()


def test_each_status():
    for status in (301, 302, 303, 307, 308):
        with Server([redirects("/next", status=status), opens()]) as server:
            equal("ws_request_url", follows(server), server.url("/next"))
            equal("requests", [r.line for r in server.requests], ["GET /start HTTP/1.1", "GET /next HTTP/1.1"])
            keys = {request.value("Sec-WebSocket-Key") for request in server.requests}
            equal("different keys", len(keys), 2)


def test_other_statuses_are_not_followed():
    for status in (300, 304, 305, 306, 309, 200, 404):
        with Server([redirects("/next", status=status)]) as server:
            failure = refused(server.url(), status, set_max_redirects=5)
            equal("Location", failure.http_location, "/next")
            server.only()


def test_none_are_followed_unless_asked_for():
    for settings in ({}, dict(set_max_redirects=0), dict(set_max_redirects=[5, 0])):
        with Server([redirects("/next", body=b"over there")]) as server:
            failure = refused(server.url(), 302, **settings)
            equal("Location and body", (failure.http_location, failure.http_body), ("/next", b"over there"))
            server.only()


def test_relative_references():
    """RFC 3986 section 5.4, as far as it has to do with paths"""
    for location, expected in (
        ("/next?x=1", "/next?x=1"),
        ("next", "/a/b/next"),
        ("./next/", "/a/b/next/"),
        ("../next", "/a/next"),
        ("../../../next", "/next"),
        ("?q=2", "/a/b/c?q=2"),
        ("", "/a/b/c?q"),
        ("x/./y/../z;p?y=/../", "/a/b/x/z;p?y=/../"),
        (" \t/next \t", "/next"),
        ("/%7Euser/%2e%2E%2F", "/%7Euser/%2e%2E%2F"),
        ("/%0d%0aX-Injected:%201", "/%0d%0aX-Injected:%201"),
        ("/next#fragment", "/next"),
        ("#fragment", "/a/b/c?q"),
    ):
        script = [redirects(location, ends=False), opens()]
        with Server(script) as server:
            url = follows(server, "/a/b/c?q")
            got = server.targets[-1]
            # that these two dots are a segment is what browsers say
            expected = [expected, "/%2F", "/%7Euser/%2F"] if "%2e" in location else [expected]
            true(f"target of {location!r}", got in expected, got)
            equal("ws_request_url", url, server.url(got))
            equal("headers", len(server.requests[1].headers), len(server.requests[0].headers))


def test_absolute_references():
    for form in ("ws://{}/next", "http://{}/next", "WS://{}/next", "//{}/next", "ws://{}/next#fragment"):
        with Server({"/next": opens()}) as other:
            location = form.format(f"127.0.0.1:{other.port}")
            with Server([redirects(location)]) as server:
                equal("ws_request_url", follows(server), other.url("/next"))
                equal("Host", other.only().value("Host"), f"127.0.0.1:{other.port}")
    with Server({"/": opens()}) as other, Server([redirects(f"ws://127.0.0.1:{other.port}")]) as server:
        equal("ws_request_url without a path", follows(server), other.url("/"))


def test_a_chain():
    chain = [redirects(f"/{i}", status=301 + i % 2) for i in range(5)]
    with Server([*chain, opens()]) as server:
        equal("ws_request_url", follows(server, most=5), server.url("/4"))
        equal("targets", server.targets, ["/start", "/0", "/1", "/2", "/3", "/4"])
    with Server(chain) as server:
        failure = fails(server.url("/start"), Status.TOO_MANY_REDIRECTS, set_max_redirects=4)
        equal("phase", failure.phase, Phase.HANDSHAKE)
        equal("targets", server.targets, ["/start", "/0", "/1", "/2", "/3"])


def test_loops_come_to_an_end():
    with Server(lambda request: redirects(request.target)) as server:
        fails(server.url("/a"), Status.TOO_MANY_REDIRECTS, set_max_redirects=20)
        equal("requests", len(server.requests), 21)
    with Server() as one, Server() as other:
        one.script = lambda request: redirects(other.url("/b"))
        other.script = lambda request: redirects(one.url("/a"))
        fails(one.url("/a"), Status.TOO_MANY_REDIRECTS, set_max_redirects=5)
        equal("requests", len(one.requests) + len(other.requests), 6)


def test_each_session_counts_for_itself():
    with Server([redirects("/next"), opens()] * 2) as server:
        for _ in range(2):
            follows(server, most=1)


def test_bodies_of_redirects():
    chunked = b"2\r\nno\r\n0\r\n\r\n"
    for how in (
        dict(body=b"x" * 300_000),
        dict(body=b"x" * 300_000, ends=False),
        dict(body=b"", ends=False),
        dict(body=b"until the end", length=False),
    ):
        with Server([redirects("/next", **how), opens()]) as server:
            follows(server)
    with Server(
        [redirects("/next", "Transfer-Encoding: chunked", body=chunked, length=False, ends=False), opens()]
    ) as server:
        follows(server)
    with Server([pours, opens()]) as server:
        follows(server)


def pours(request):
    """a redirect whose body has no end"""
    request.wire.send(b"HTTP/1.1 302 Found\r\nLocation: /next\r\n\r\n")
    while True:
        request.wire.send(b"x" * 65536)


def not_followed(*fields, status=Status.HANDSHAKE_INVALID, **settings):
    """the answer with these fields is the end of it"""
    with Server([answers(302, *fields)]) as server:
        fails(server.url("/start"), status, set_max_redirects=5, **settings)
        server.only()


def test_no_location():
    not_followed()
    not_followed("X-Location: /next", "Content-Location: /next")


def test_two_locations():
    """whoever believes one of them may be led where the other party did not mean to"""
    not_followed("Location: /next", "Location: /other")
    not_followed("Location: /next", "X-Between: 1", "location: ws://127.0.0.1:1/")


def test_other_schemes():
    for location in (
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "unix:///run/docker.sock",
        "javascript:alert(1)",
        "data:text/html,hello",
        "gopher://127.0.0.1:6379/_x",
        "about:blank",
        "wsx://127.0.0.1/",
    ):
        not_followed(f"Location: {location}")


def test_what_is_no_url():
    for location in (
        "ws://",
        "ws:///",
        "http://",
        "ws://[::1/",
        "ws://127.0.0.1:99999/",
        "ws://a b/",
        "ws://127.0.0.1:0/",
        "//",
    ):
        not_followed(f"Location: {location}")


def test_control_characters():
    for bad in ("\x00", "\x01", "\x08", "\x0b", "\x1b", "\x7f", "\r", "\rX-Injected: 1"):
        not_followed(f"Location: /a{bad}b")
        not_followed(f"Location: ws://127.0.0.1{bad}:1/")
    # inside it a tab is one too
    not_followed("Location: /a\tb")


def test_bytes_that_are_not_ascii():
    """followed, percent-encoded, or not"""
    for location in ("/a b", "/\xc3\xa4", "/\xe4\xff", '/"<>\\^`{|}'):
        with Server([redirects(location), opens()]) as server:
            try:
                follows(server)
                equal("headers", len(server.requests[1].headers), len(server.requests[0].headers))
                true("target", server.targets[1].isascii() and " " not in server.targets[1], server.targets)
            except Exception as failure:
                equal(f"status for {location!r}: {failure}", getattr(failure, "status", None), Status.HANDSHAKE_INVALID)
                server.only()


def test_a_long_location():
    with Server([redirects("/" + "x" * 50_000), opens()]) as server:
        follows(server)
        equal("target", server.targets[1], "/" + "x" * 50_000)


def test_from_tls_to_plain():
    """never, and the other server hears nothing"""
    for form in ("ws://localhost:{}/next", "http://localhost:{}/next"):
        with Server() as plain, Server(tls=server_context("localhost"), host="localhost") as safe:
            safe.script = [redirects(form.format(plain.port))]
            fails(safe.url(), Status.HANDSHAKE_INVALID, set_max_redirects=5, **trusted())
            safe.only()
            plain.unseen()


def test_to_tls():
    for form in ("wss://localhost:{}/next", "https://localhost:{}/next"):
        with Server(tls=server_context("localhost"), host="localhost") as safe:
            with Server([redirects(form.format(safe.port))], host="localhost") as server:
                equal("ws_request_url", follows(server, **trusted(), **SECRETS), safe.url("/next"))
                takes_nothing_along(safe.only())
    # who is there has to show that it is
    with Server(tls=server_context("elsewhere.example"), host="localhost") as safe:
        with Server([redirects(safe.url("/next"))], host="localhost") as server:
            failure = fails(server.url(), Status.TLS_CERTIFICATE, set_max_redirects=5, **trusted())
            equal("phase", failure.phase, Phase.TLS)
            equal("requests over TLS", safe.requests, [])


def test_within_tls():
    with Server(tls=server_context("localhost"), host="localhost") as server:
        server.script = [redirects("/next"), redirects(server.url("/last")), opens()]
        equal("ws_request_url", follows(server, **trusted(), **SECRETS), server.url("/last"))
        equal("Authorization", server.requests[2].value("Authorization"), "Custom secret")


def takes_nothing_along(request):
    equal("Authorization", request.value("Authorization"), None)
    equal("Cookie", request.value("Cookie"), None)


def test_credentials_go_along_within_the_origin():
    for settings, user, expected in (
        (SECRETS, None, "Custom secret"),
        (dict(set_basic_auth=(b"user", b"pass")), None, "Basic dXNlcjpwYXNz"),
        (dict(set_bearer_token=b"token"), None, "Bearer token"),
        ({}, "user:pass@", "Basic dXNlcjpwYXNz"),
    ):
        with Server(host="localhost") as server:
            server.script = [redirects("/b"), redirects(server.url("/c").replace("localhost", "LocalHost")), opens()]
            url = f"ws://{user or ''}localhost:{server.port}/a"
            with Session(url, set_max_redirects=5, **settings) as session:
                works(session)
            got = [request.value("Authorization") for request in server.requests]
            equal("Authorization", got, [expected] * 3)
            if settings is SECRETS:
                equal("Cookie", [r.value("Cookie") for r in server.requests], ["session=secret"] * 3)


def test_credentials_stay_with_their_origin():
    """another port, or another name of the same address, is another origin"""
    for settings, user in (
        (SECRETS, ""),
        (dict(set_basic_auth=(b"user", b"pass")), ""),
        (dict(set_bearer_token=b"token"), ""),
        ({}, "user:pass@"),
    ):
        with Server() as other:
            with Server([redirects(other.url("/b"))]) as server:
                with Session(f"ws://{user}127.0.0.1:{server.port}/a", set_max_redirects=5, **settings) as session:
                    works(session)
                true("Authorization at first", server.only().value("Authorization"))
                takes_nothing_along(other.only())
        with Server() as server:
            server.script = [redirects(f"ws://localhost:{server.port}/b"), opens()]
            with Session(f"ws://{user}127.0.0.1:{server.port}/a", set_max_redirects=5, **settings) as session:
                works(session)
            takes_nothing_along(server.requests[1])


def test_credentials_stay_behind_for_all_that_follows():
    """at the third server as well; whether they are there again where it began, is not said"""
    with (
        Server() as third,
        Server([redirects(third.url("/c"))]) as second,
        Server([redirects(second.url("/b"))]) as first,
    ):
        follows(first, **SECRETS)
        takes_nothing_along(second.only())
        takes_nothing_along(third.only())
        equal("X-Other goes along", second.only().value("X-Other"), "1")


def test_a_host_header_is_for_its_own_origin():
    with Server() as other, Server([redirects("/next"), redirects(other.url("/b"))]) as server:
        follows(server, add_header=(b"Host", b"virtual.example"))
        equal("Host", [r.value("Host") for r in server.requests], ["virtual.example"] * 2)
        equal("Host at the other one", other.only().value("Host"), f"127.0.0.1:{other.port}")


def test_user_and_password_of_a_location_are_ignored():
    with Server() as other, Server() as server:
        location = f"ws://evil:guess@127.0.0.1:{other.port}/b"
        server.script = [redirects(location)]
        equal("ws_request_url", follows(server), other.url("/b"))
        takes_nothing_along(other.only())
    with Server() as server:
        server.script = [redirects(f"ws://evil:guess@127.0.0.1:{server.port}/b"), opens()]
        equal("ws_request_url", follows(server, set_basic_auth=(b"user", b"pass")), server.url("/b"))
        equal("Authorization", server.requests[1].value("Authorization"), "Basic dXNlcjpwYXNz")


def test_what_is_negotiated_behind_a_redirect():
    with (
        python_server(subprotocols=["chat"], compression="deflate") as url,
        Server([redirects(url + "/room")]) as server,
    ):
        settings = dict(add_subprotocol=[b"other", b"chat"], install_deflate=(None,), set_max_redirects=1)
        with Session(server.url(), **settings) as session:
            works(session)
            equal("ws_subprotocol", session.subprotocol, "chat")
            equal("extensions", list(session.extensions), ["permessage-deflate"])
            equal("ws_request_url", lib.ws_request_url(session.handle).decode(), url + "/room")
            equal("ws_response_status", lib.ws_response_status(session.handle), 101)
            equal("Location of the answer before", session.response_values("Location"), [])
        request = server.only()
        equal("Sec-WebSocket-Protocol", request.value("Sec-WebSocket-Protocol"), "other, chat")
        true("Sec-WebSocket-Extensions", "permessage-deflate" in request.value("Sec-WebSocket-Extensions"))


def test_what_is_wrong_behind_a_redirect():
    with Server([redirects("/next"), answers(403, "X-Told: last", body=b"not here")]) as server:
        failure = refused(server.url(), 403, set_max_redirects=1)
        equal("field and body", (failure.http_fields["X-Told"], failure.http_body), (["last"], b"not here"))
    with socket.socket() as bound:
        # not listening: it refuses
        bound.bind(("127.0.0.1", 0))
        with Server([redirects(f"ws://127.0.0.1:{bound.getsockname()[1]}/")]) as server:
            equal("phase", fails(server.url(), Status.CONNECT, set_max_redirects=1).phase, Phase.CONNECT)
    with Server([redirects("ws://" + "a" * 64 + ".invalid/")]) as server:
        fails(server.url(), Status.RESOLVE, Status.HANDSHAKE_INVALID, set_max_redirects=1)


def test_a_socket_of_the_caller_is_for_one_connection():
    with Server() as other, Server([redirects(other.url("/b"))]) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            fails(server.url("/a"), Status.STATE, set_socket_fd=sock.fileno(), set_max_redirects=1)
        server.only()
        other.unseen()


def test_arguments():
    equal("ws_config_set_max_redirects", lib.ws_config_set_max_redirects(None, 1), Status.INVALID_ARGUMENT)
    config = lib.ws_config_new()
    equal("most", lib.ws_config_set_max_redirects(config, 100), Status.OK)
    for count in (101, 2**32 - 1):
        equal("too many", lib.ws_config_set_max_redirects(config, count), Status.INVALID_ARGUMENT)
    lib.ws_config_free(config)
