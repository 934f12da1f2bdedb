"""No secret gets into the log, into an error's message or into a session's URL, whatever happens."""

import base64
import contextlib
import ctypes
import os
import socket
import threading
from ctypes import c_int64, c_size_t, c_uint32, c_void_p

from certificates import server_context, trusted
from checking import HANG_MS, equal, eventually, true
from http_api import Asked, Jar, fails, told
from ktorws_ctypes import Session, Status, lib
from peer import frame, text
from web import Server, answers, opens, redirects, works

# In everything that is secret.
MARK = "s3cr3t"
USER, PASSWORD = f"{MARK}-user", f"{MARK}-pass:word"
ENCODED = [
    base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(),
    base64.b64encode(f"{MARK}:{MARK}".encode()).decode(),
]
USERINFO = f"{USER}:{PASSWORD.replace(':', '%3A')}@"
QUERY = f"?token={MARK}-query"
HEADERS = dict(add_header=[(b"X-Api-Key", MARK.encode()), (b"Cookie", f"session={MARK}".encode())])
# What goes out as Authorization; the URL's user and password are always there as well.
CREDENTIALS = [
    {},
    dict(set_basic_auth=(USER.encode(), PASSWORD.encode())),
    dict(set_bearer_token=MARK.encode()),
    dict(add_header=[*HEADERS["add_header"], (b"Authorization", f"Custom {MARK}".encode())]),
]


def url_of(server, path="/path"):
    return server.url(path + QUERY, user=USERINFO[:-1])


def clean(what, *texts):
    for one in texts:
        for secret in (MARK, *ENCODED):
            true(f"a secret is in {what}", secret.lower() not in one.lower(), one)


class Watched:
    """Everything that the library says while it lasts."""

    def __init__(self, silent=False):
        # there is nothing to tell of where nothing was begun
        self.silent = silent

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.lines = self.stack.enter_context(told())
        return self

    def __exit__(self, kind, *_):
        self.stack.close()
        if kind is None:
            clean("the log", *self.lines)
            true("the log says nothing", self.lines or self.silent)

    def fails(self, url, *statuses, **settings):
        for credentials in CREDENTIALS:
            failure = fails(url, *statuses, **{**HEADERS, **credentials, **settings})
            clean("the message", failure.message)
        return failure


def test_urls_that_are_none():
    with Watched(silent=True) as watched:
        for url in (
            f"ws://{USERINFO}127.0.0.1:99999/{QUERY}",
            f"ws://{USERINFO}127.0.0.1:{MARK}/{QUERY}",
            f"ws://{USERINFO}[::1/{QUERY}",
            f"ws://{USERINFO}/{QUERY}",
            f"ws://{USERINFO}a b/{QUERY}",
            f"ws://{USERINFO}127.0.0.1/{QUERY}\x01",
            f"ws://{USERINFO}127.0.0.1/#{MARK}",
            f"ftp://{USERINFO}127.0.0.1/{QUERY}",
            f"{USERINFO}127.0.0.1/{QUERY}",
            f"ws:{USERINFO}127.0.0.1/{QUERY}",
            f"ws://{MARK}%0a:{MARK}@127.0.0.1/",
            f"ws://{MARK}%ff:{MARK}@127.0.0.1/",
            # with a slash in the password, that becomes the port
            f"ws://user:{MARK}/word@127.0.0.1/",
            MARK,
        ):
            watched.fails(url, Status.URL)


def test_hosts_that_are_not_there():
    with socket.socket() as bound, Watched() as watched:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        watched.fails(f"ws://{USERINFO}127.0.0.1:{port}/{QUERY}", Status.CONNECT)
        watched.fails(f"wss://{USERINFO}127.0.0.1:{port}/{QUERY}", Status.CONNECT)
        watched.fails(f"ws://{USERINFO}{'a' * 64}.invalid/{QUERY}", Status.RESOLVE)


def test_tls():
    with Server(tls=server_context("elsewhere.example"), host="localhost") as wrong, Watched() as watched:
        watched.fails(url_of(wrong), Status.TLS_CERTIFICATE)
        watched.fails(url_of(wrong), Status.TLS_CERTIFICATE, **trusted())
    with Server() as plain, Watched() as watched:
        watched.fails(url_of(plain).replace("ws:", "wss:"), Status.TLS, Status.IO)


def test_time_limits():
    with Server(lambda request: lambda _: request.wire.next_or_none()) as server, Watched() as watched:
        watched.fails(url_of(server), Status.TIMEOUT, set_handshake_timeout_ms=100)


def test_answers():
    echoed = f"you sent {USER}:{PASSWORD}, {ENCODED[0]}"
    fields = [f"X-Echo: {echoed}", f"Set-Cookie: a={MARK}", f'WWW-Authenticate: Basic realm="{MARK}"']
    for status in (200, 400, 401, 403, 407, 429, 500, 503):
        refusal = answers(status, *fields, body=echoed.encode())
        with Server(lambda request: refusal) as server, Watched() as watched, Jar() as jar:
            watched.fails(url_of(server), Status.HANDSHAKE_STATUS, **jar.setting)
    for garbage in (
        f"HTTP/1.1 101 {MARK}\r\nX-Echo: {echoed}\r\n\r\n",
        f"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSet-Cookie: a={MARK}\r\n\r\n",
        f"HTTP/1.1 403 No\r\n{echoed}\r\n\r\n",
        # how it begins is quoted, but that is no secret of this side
        f"this is not HTTP at all: {echoed}\r\n\r\n",
    ):
        with Server(lambda request: lambda _: request.wire.send(garbage.encode())) as server, Watched() as watched:
            watched.fails(url_of(server), Status.HANDSHAKE_INVALID, Status.HANDSHAKE_STATUS)


def test_redirects():
    place = f"{USERINFO}127.0.0.1:1/{QUERY}"
    for location, statuses in (
        (f"ftp://{place}", [Status.HANDSHAKE_INVALID]),
        (f"ws://{USERINFO}127.0.0.1:{MARK}/", [Status.HANDSHAKE_INVALID]),
        (f"/a\x01{QUERY}", [Status.HANDSHAKE_INVALID]),
        (f"ws://{place}", [Status.CONNECT]),
        (f"/path{QUERY}", [Status.TOO_MANY_REDIRECTS]),
    ):
        moved = redirects(location)
        with Server(lambda request: moved) as server, Watched() as watched:
            watched.fails(url_of(server), *statuses, set_max_redirects=2)
    with Server(tls=server_context("localhost"), host="localhost") as safe, Watched() as watched:
        safe.script = lambda request: redirects(f"ws://{place}")
        watched.fails(url_of(safe), Status.HANDSHAKE_INVALID, set_max_redirects=2, **trusted())


def test_auth_callbacks():
    digest = f'Digest realm="{MARK}", nonce="{MARK}", qop="auth"'
    refusal = answers(401, f"WWW-Authenticate: {digest}", "WWW-Authenticate: Basic")
    for answer in (
        ("basic", MARK, MARK),
        ("bearer", MARK),
        ("header", f"Custom {MARK}"),
        ("digest", MARK, MARK),
        ("bearer", f"{MARK}\n"),
    ):
        asked = Asked(lambda auth: auth.answer(*answer))
        with Server(lambda request: refusal) as server, Watched() as watched:
            watched.fails(url_of(server), Status.HANDSHAKE_STATUS, **asked.setting)
        clean("ws_auth_url", *(auth.url.replace(QUERY, "") for auth in asked.calls))


@contextlib.contextmanager
def proxy(*replies):
    """one that sends a reply to each thing that it is sent"""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run():
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                with sock, contextlib.suppress(OSError):
                    sock.settimeout(HANG_MS / 1000)
                    for reply in replies:
                        sock.recv(65536)
                        sock.sendall(reply)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_proxies():
    target = f"ws://{USERINFO}server.invalid/{QUERY}"
    fields = [f"X-Echo: {ENCODED[0]}", f'Proxy-Authenticate: Basic realm="{MARK}"', "Content-Length: 0"]
    head = "\r\n".join([f"HTTP/1.1 {{}} {MARK}", *fields]) + "\r\n\r\n"
    for scheme, replies, status in (
        ("http", [head.format(407).encode()], Status.PROXY_AUTH),
        ("http", [head.format(502).encode()], Status.PROXY),
        ("http", [f"this is not HTTP at all: {ENCODED[0]}\r\n\r\n".encode()], Status.PROXY),
        ("http", [b""], Status.PROXY),
        ("https", [b"not TLS"], Status.TLS),
        ("socks5h", [b"\x05\xff"], Status.PROXY_AUTH),
        ("socks5h", [b"\x05\x02", b"\x01\x01"], Status.PROXY_AUTH),
        ("socks5h", [b"\x05\x02", b"\x01\x00", b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"], Status.PROXY),
    ):
        with proxy(*replies) as port, Watched() as watched:
            statuses = [status, Status.PROXY] if status != Status.PROXY_AUTH else [status]
            watched.fails(target, *statuses, set_proxy=f"{scheme}://{USERINFO}127.0.0.1:{port}".encode())
    with socket.socket() as bound, Watched() as watched:
        bound.bind(("127.0.0.1", 0))
        url = f"http://{USERINFO}127.0.0.1:{bound.getsockname()[1]}"
        watched.fails(target, Status.PROXY, set_proxy=url.encode())
        watched.fails(target, Status.PROXY, set_proxy=f"http://{USERINFO}{'a' * 64}.invalid".encode())


def test_a_proxy_of_the_environment():
    with Watched(silent=True) as watched:
        for value in (
            f"ftp://{USERINFO}host",
            f"http://{USERINFO}host:99999",
            f"http://{USERINFO}a b",
            f"http://{MARK}%0a:x@host",
        ):
            os.environ["ws_proxy"] = value
            try:
                watched.fails(f"ws://{USERINFO}server.invalid/{QUERY}", Status.PROXY)
            finally:
                del os.environ["ws_proxy"]


def test_sessions():
    """that open, and end in one way or the other"""
    for ending, status in (
        (frame(8, b"\x03\xe8" + MARK.encode()), Status.CLOSED),
        (frame(3, MARK.encode()), Status.PROTOCOL),
        (text(MARK.encode() + b"\xff"), Status.UTF8),
        (b"", Status.CLOSED_ABNORMALLY),
    ):

        def serve(request):
            request.wire.send(
                request.wire.head(extra=[f"X-Echo: {MARK}", f"Set-Cookie: a={MARK}"]) + text(b"first") + ending
            )
            request.wire.fin()

        for credentials in CREDENTIALS:
            with Server(lambda request: serve) as server, Watched(), Jar() as jar:
                with Session(url_of(server), **{**HEADERS, **credentials, **jar.setting}) as session:
                    equal("ws_request_url", lib.ws_request_url(session.handle).decode(), server.url("/path" + QUERY))
                    session.send(MARK)
                    equal("first", session.recv(HANG_MS), (Status.OK, "first"))
                    equal("ws_recv", session.recv(HANG_MS), (status, None))
                    session.wait_closed(HANG_MS)
                    if status != Status.CLOSED:
                        clean("ws_session_error", session.error.message)


class ReconnectOptions(ctypes.Structure):
    DECIDE = ctypes.CFUNCTYPE(ctypes.c_int32, c_void_p, c_void_p, c_uint32, ctypes.c_int32, c_void_p, c_void_p)
    _fields_ = [
        ("struct_size", c_size_t),
        *((name, c_int64) for name in ("first_delay_ms", "max_delay_ms", "max_outage_ms")),
        ("max_attempts", c_uint32),
        ("flags", c_uint32),
        ("max_retry_after_ms", c_int64),
        ("decide", DECIDE),
        ("prepare", c_void_p),
        ("user_data", c_void_p),
    ]


def test_reconnecting():
    def drops(request):
        request.wire.send(request.wire.head())

    script = [drops, answers(503, f"X-Echo: {MARK}"), redirects(f"/b{QUERY}"), drops, answers(404), answers(404)]
    options = ReconnectOptions(struct_size=ctypes.sizeof(ReconnectOptions), first_delay_ms=1, max_attempts=2)
    with Server(lambda request: script[len(server.requests) - 1]) as server, Watched():
        settings = {**HEADERS, **CREDENTIALS[1], "set_reconnect": ctypes.addressof(options), "set_max_redirects": 1}
        with Session(url_of(server), **settings) as session:
            eventually("it is tried again until it fails", lambda: session.recv(HANG_MS)[0] != Status.OK)
            clean("ws_session_error", session.error.message)
        true("requests", len(server.requests) >= 4, server.targets)


def test_a_session_that_goes_well():
    asked = Asked(lambda auth: auth.answer("digest", MARK, MARK))
    script = [
        answers(401, f'WWW-Authenticate: Digest realm="{MARK}", nonce="{MARK}", qop="auth"', f"Set-Cookie: a={MARK}"),
        redirects(f"/next{QUERY}"),
        opens(),
    ]
    with Server(script) as server, Watched(), Jar() as jar:
        with Session(url_of(server), set_max_redirects=1, **asked.setting, **jar.setting, **HEADERS) as session:
            works(session)
            equal("ws_request_url", lib.ws_request_url(session.handle).decode(), server.url("/next" + QUERY))
            session.close(1000, MARK)
            session.wait_closed(HANG_MS)


def test_cookie_jars():
    with Watched(silent=True), Jar() as jar:
        for url in (f"ws://{USERINFO}example.com/{QUERY}", f"ftp://{USERINFO}example.com/", MARK):
            for cookie in (f"a={MARK}", f"a={MARK}\n", f"a={MARK}; Domain={MARK}.com"):
                jar.add(url, cookie)
