"""A jar and its sessions: cookies that come with answers and go out with requests; a jar of many threads."""

import ctypes
import threading
from ctypes import byref, c_size_t

from certificates import server_context, trusted
from checking import HANG_S, Background, equal, true
from http_api import Asked, Jar, refused
from ktorws_ctypes import Session, Status, lib
from web import Server, answers, opens, redirects, works


def cookie(request):
    return request.value("Cookie")


def cookies(request):
    """the same, taken apart, in the order of their names"""
    return sorted(cookie(request).split("; ")) if cookie(request) else []


def test_cookies_in_a_header_of_the_configuration():
    with Server() as server, Session(server.url(), add_header=(b"Cookie", b"a=b; c=d")) as session:
        works(session)
        equal("Cookie", cookie(server.only()), "a=b; c=d")


def test_all_cookies_of_the_configuration_go_with_those_of_the_jar():
    """in one header, however many it has"""
    with Server() as server, Jar() as jar:
        jar.add(server.url(), "e=f")
        headers = [(b"Cookie", b"a=b"), (b"cookie", b"c=d")]
        with Session(server.url(), add_header=headers, **jar.setting) as session:
            works(session)
        equal("Cookie", cookie(server.only()), "a=b; c=d; e=f")


def test_a_jar_that_redirects_filled():
    """has room for others' cookies; what one answer brings is bounded"""
    many = [f"Set-Cookie: c{i}={'v' * 10}" for i in range(400)]
    hosts = [f"host{number}.example" for number in range(60)]

    def script(request):
        number = int(request.target[1:])
        return redirects(f"ws://{hosts[number]}:{server.port}/{number + 1}", *many) if number < len(hosts) else opens()

    with Server() as server, Jar() as jar:
        server.script = script
        settings = dict(add_resolve=[(host.encode(), 0, b"127.0.0.1") for host in hosts], set_max_redirects=60)
        with Session(server.url("/0"), **settings, **jar.setting) as session:
            works(session)
        equal("requests", len(server.requests), 61)
        counts = [len(jar.cookies(f"ws://{host}/")) for host in hosts]
        true("cookies of each server", max(counts) <= 180 and 1000 < sum(counts) <= 3000, counts)
        equal("ws_cookie_jar_add", jar.add("wss://www.example.com/", "a=b"), Status.OK)
        equal("another's", jar.header("wss://www.example.com/"), "a=b")


def test_cookies_of_answers_can_be_read():
    lines = ["a=b; Path=/", "c=d; Secure", "e=f, g=h"]
    fields = [f"Set-Cookie: {line}" for line in lines]
    with Server([opens(*fields), answers(403, *fields)]) as server:
        with Session(server.url()) as session:
            equal("of a 101", session.response_values("set-cookie"), lines)
        equal("of a 403", refused(server.url(), 403).http_fields["Set-Cookie"], lines)
        equal("without a jar none comes back", cookie(server.requests[1]), None)


def test_cookies_of_a_101_come_back():
    with Server([opens("Set-Cookie: a=b", "set-cookie: c=d; Path=/other"), opens(), opens()]) as server, Jar() as jar:
        for path in ("/", "/", "/other"):
            with Session(server.url(path), **jar.setting) as session:
                works(session)
        equal("Cookie", [cookie(request) for request in server.requests], [None, "a=b", "c=d; a=b"])
        equal("ws_cookie_jar_header", jar.header(server.url()), "a=b")


def test_cookies_of_refusals_come_back():
    for status in (200, 401, 403, 429, 503):
        with Server([answers(status, "Set-Cookie: a=b"), opens()]) as server, Jar() as jar:
            refused(server.url(), status, **jar.setting)
            with Session(server.url(), **jar.setting) as session:
                works(session)
            equal(f"after {status}", cookie(server.requests[1]), "a=b")


def test_cookies_between_attempts_and_redirects():
    asked = Asked(lambda auth: auth.answer("bearer", "token"))
    script = [
        answers(401, "WWW-Authenticate: Bearer", "Set-Cookie: first=1"),
        redirects("/b", "Set-Cookie: second=2", "Set-Cookie: first=3"),
        opens("Set-Cookie: third=3"),
    ]
    with Server(script) as server, Jar() as jar:
        with Session(server.url("/a"), set_max_redirects=1, **asked.setting, **jar.setting) as session:
            works(session)
        equal("Cookie", [cookies(r) for r in server.requests], [[], ["first=1"], ["first=3", "second=2"]])
        equal("kept", sorted(jar.cookies(server.url())), ["first=3", "second=2", "third=3"])


def test_each_host_gets_its_own():
    with Server([opens("Set-Cookie: own=2"), opens()]) as other, Jar() as jar:
        other.host = "localhost"
        jar.add("ws://localhost/", "there=1")
        with Server([redirects(other.url("/b"), "Set-Cookie: here=2"), opens()]) as server:
            jar.add(server.url(), "here=1")
            with Session(server.url("/a"), set_max_redirects=1, **jar.setting) as session:
                works(session)
            with Session(server.url("/a"), **jar.setting) as session:
                works(session)
            equal("here", [cookie(request) for request in server.requests], ["here=1", "here=2"])
        equal("there", cookie(other.only()), "there=1")
        equal("kept", sorted(jar.cookies("ws://localhost/")), ["own=2", "there=1"])


def test_an_answer_cannot_set_those_of_other_hosts():
    lines = ["a=b; Domain=example.com", "c=d; Domain=com", "e=f; Domain=127.0.0.2", "__Host-g=h; Path=/", "i=j; Secure"]
    with Server([opens(*(f"Set-Cookie: {line}" for line in lines), "Set-Cookie: k=l")]) as server, Jar() as jar:
        with Session(server.url(), **jar.setting) as session:
            works(session)
        equal("kept", jar.header(server.url()), "k=l")
        equal("over TLS", jar.header(server.url().replace("ws:", "wss:")), "k=l")
        for url in ("wss://example.com/", "wss://www.example.com/", "ws://127.0.0.2/"):
            equal(f"for {url}", jar.header(url), "")


def test_secure_cookies_go_over_tls_only():
    with Server(tls=server_context("localhost"), host="localhost") as safe, Server() as plain, Jar() as jar:
        plain.host = "localhost"
        safe.script = [
            opens("Set-Cookie: secret=1; Secure", "Set-Cookie: open=1", "Set-Cookie: __Host-h=1; Secure; Path=/")
        ]
        safe.script.append(opens())
        for server in (safe, safe, plain):
            with Session(server.url(), **trusted(), **jar.setting) as session:
                works(session)
        expected = [[], ["__Host-h=1", "open=1", "secret=1"]]
        equal("over TLS", [cookies(request) for request in safe.requests], expected)
        equal("plain", cookie(plain.only()), "open=1")


def test_hostile_answers():
    """the session opens all the same, and what goes out next is one proper header"""
    flood = [f"Set-Cookie: c{i}={'v' * 40}" for i in range(1000)]
    for fields in (
        flood,
        ["Set-Cookie: huge=" + "v" * 50_000, "Set-Cookie: a=b"],
        ["Set-Cookie: a\tb=c\td", "Set-Cookie: e=f\xe4\xff", "Set-Cookie: a=b"],
        ["Set-Cookie:", "Set-Cookie: =", "Set-Cookie: ;;;", "Set-Cookie: a=b"],
        ["Set-Cookie: a=b; Path=/" + "p" * 50_000, "Set-Cookie: a=b"],
    ):
        with Server([opens(*fields), opens()]) as server, Jar() as jar:
            for _ in range(2):
                with Session(server.url(), **jar.setting) as session:
                    works(session)
            first, second = server.requests
            equal("headers", len(second.headers), len(first.headers) + 1)
            if fields is flood:
                true("cookies", 50 <= cookie(second).count("=") <= 1000, cookie(second))
            else:
                true("cookies", "a=b" in cookie(second).split("; "), cookie(second))
                true(
                    "no control character",
                    not any(ord(c) < 32 for c in cookie(second).replace("\t", " ")),
                    cookie(second),
                )


def test_control_characters_in_an_answer():
    """either the answer is none, or the cookie is not taken"""
    for bad in ("\x00", "\x01", "\x7f", "\rX-Injected: 1", "\r", "\x0b"):
        with Server([answers(403, f"Set-Cookie: a=b{bad}c"), opens()]) as server, Jar() as jar:
            try:
                refused(server.url(), 403, **jar.setting)
            except AssertionError as error:
                true("another status", "HANDSHAKE_INVALID" in str(error), error)
            with Session(server.url(), **jar.setting) as session:
                works(session)
            equal(f"Cookie after {bad!r}", cookie(server.requests[1]), None)


def test_a_jar_and_a_header():
    """one header goes out, as HTTP wants it, with both"""
    with Server() as server, Jar() as jar:
        jar.add(server.url(), "jar=1")
        with Session(server.url(), add_header=(b"Cookie", b"own=2; other=3"), **jar.setting) as session:
            works(session)
        equal("Cookie", cookie(server.only()), "own=2; other=3; jar=1")


def test_the_jar_may_be_freed_first():
    with Server([opens("Set-Cookie: a=b"), opens(), opens()]) as server:
        jar, config = Jar(), lib.ws_config_new()
        equal("ws_config_set_cookie_jar", lib.ws_config_set_cookie_jar(config, jar.handle), Status.OK)
        lib.ws_cookie_jar_free(jar.handle)
        copy = lib.ws_config_clone(config)
        for one in (config, config, copy):
            handle = ctypes.c_void_p()
            equal("ws_connect", lib.ws_connect(server.url().encode(), one, byref(handle), None), Status.OK)
            lib.ws_session_free(handle)
        lib.ws_config_free(config)
        lib.ws_config_free(copy)
        equal("Cookie", [cookie(request) for request in server.requests], [None, "a=b", "a=b"])


def test_it_can_be_taken_away():
    with Server() as server, Jar() as jar:
        jar.add(server.url(), "a=b")
        with Session(server.url(), set_cookie_jar=[jar.handle, None]) as session:
            works(session)
        equal("Cookie", cookie(server.only()), None)


def test_threads_share_a_jar():
    with Server(lambda request: opens(f"Set-Cookie: s{request.target[1:]}=1; Path=/")) as server, Jar() as jar:
        together = threading.Barrier(6)

        def connect(number):
            together.wait(HANG_S)
            for i in range(15):
                with Session(server.url(f"/{number}x{i}"), **jar.setting) as session:
                    works(session)

        def change(number):
            together.wait(HANG_S)
            for i in range(1000):
                equal("ws_cookie_jar_add", jar.add("ws://example.com/", f"c{number}={i}"), Status.OK)
                true("own cookie", f"c{number}={i}" in jar.cookies("ws://example.com/"))

        running = [Background(run, i) for i in range(3) for run in (connect, change)]
        for one in running:
            one.result()
        equal("of the sessions", len(jar.cookies(server.url())), 45)
        equal("of the threads", len(jar.cookies("ws://example.com/")), 3)


def test_buffers():
    url = b"ws://example.com/"
    with Jar() as jar:
        jar.add(url.decode(), "a=b", "c=d")
        size = c_size_t(77)
        buffer = ctypes.create_string_buffer(b"#" * 16, 16)
        call = lib.ws_cookie_jar_header
        for capacity in (0, 1, 7):
            equal("too small", call(jar.handle, url, buffer, capacity, byref(size)), Status.BUFFER_TOO_SMALL)
            equal("size", size.value, 8)
        equal("buffer", buffer.raw, b"#" * 16)
        equal("just right", call(jar.handle, url, buffer, 8, byref(size)), Status.OK)
        equal("size and what is behind", (size.value, buffer.raw[8:]), (8, b"#" * 8))
        equal("buffer", sorted(buffer.raw[:8].split(b"; ")), [b"a=b", b"c=d"])
        equal("another host", call(jar.handle, b"ws://example.org/", None, 0, byref(size)), Status.OK)
        equal("size", size.value, 0)


def test_arguments():
    with Jar() as jar:
        size, buffer = c_size_t(77), ctypes.create_string_buffer(16)
        refuse = Status.INVALID_ARGUMENT
        url = b"ws://example.com/"
        equal("add", lib.ws_cookie_jar_add(None, url, b"a=b"), refuse)
        equal("add", lib.ws_cookie_jar_add(jar.handle, None, b"a=b"), refuse)
        equal("add", lib.ws_cookie_jar_add(jar.handle, url, None), refuse)
        equal("add", lib.ws_cookie_jar_add(jar.handle, url, b"a=\xff\xfe"), refuse)
        for arguments in (
            (None, url, buffer, 16, byref(size)),
            (jar.handle, None, buffer, 16, byref(size)),
            (jar.handle, url, None, 16, byref(size)),
            (jar.handle, url, buffer, 16, None),
        ):
            equal(f"header {arguments}", lib.ws_cookie_jar_header(*arguments), refuse)
        equal("size", size.value, 0)
        lib.ws_cookie_jar_clear(None)
        equal("of the configuration", lib.ws_config_set_cookie_jar(None, jar.handle), refuse)
        lib.ws_cookie_jar_free(None)
