"""The opening handshake: the request, the answers that are taken and those that are not (RFC 6455 section 4)."""

import base64
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from ctypes import byref, c_void_p

import trustme
from certificates import expired, server_context, trusted
from checking import among, equal, serial, true
from ktorws_ctypes import Failure, Phase, Session, State, Status, lib
from peer import KIB, text
from process import descriptors, returns_to, status_kib, threads
from sessions import echoes, receives
from wire import Listener, answer, opened, refused, upgrade

HEX_DIGITS = set(b"0123456789abcdefABCDEF")


def invalid(serve, *says, **settings):
    """the server's answer fails the handshake, and the connection is dropped without a frame"""
    failure, wire = refused(serve, **settings)
    equal("ws_connect", failure.status, Status.HANDSHAKE_INVALID)
    equal("phase", failure.phase, Phase.HANDSHAKE)
    for words in says:
        true(f"the message does not say {words}", words in failure.message, failure.message)
    wire.expect_end("fin", "rst")
    wire.close()


def accepted(serve, **settings):
    with opened(serve, **settings) as (session, wire):
        echoes(session, wire)


def behaviour_001_right_answer_opens_the_session():
    with opened(path="/chat/room?a=1") as (session, wire):
        equal("request line", wire.request, "GET /chat/room?a=1 HTTP/1.1")
        names = [name.lower() for name, _ in wire.headers]
        equal("fields that are sent twice", len(names), len(set(names)))
        true("Host", re.fullmatch(r"127\.0\.0\.1:\d+", wire.header("Host")), wire.header("Host"))
        equal("Upgrade", wire.header("Upgrade"), "websocket")
        equal("Connection", wire.header("Connection"), "Upgrade")
        equal("Sec-WebSocket-Version", wire.header("Sec-WebSocket-Version"), "13")
        equal("length of Sec-WebSocket-Key", len(wire.header("Sec-WebSocket-Key")), 24)
        for absent in ("Origin", "Content-Length", "Transfer-Encoding", "Content-Type", "Sec-WebSocket-Extensions"):
            equal(absent, wire.header(absent), "")
        equal("ws_state", session.state, State.OPEN)
        equal("ws_response_status", lib.ws_response_status(session.handle), 101)
        key = lib.ws_request_header(session.handle, b"sec-websocket-key", 0)
        equal("ws_request_header", key, wire.header("Sec-WebSocket-Key").encode())
        echoes(session, wire)


def behaviour_002_keys_are_16_fresh_random_bytes():
    keys = []
    with Listener() as listener:
        for _ in range(16):
            with listener.open() as (_, wire):
                keys.append(base64.b64decode(wire.header("Sec-WebSocket-Key"), validate=True))
    equal("lengths", {len(key) for key in keys}, {16})
    equal("different keys", len(set(keys)), len(keys))
    true("keys are made of hexadecimal digits", not any(set(key) <= HEX_DIGITS for key in keys), keys)


def behaviour_003_missing_accept_fails():
    invalid(upgrade(accept=None), "Sec-WebSocket-Accept")


def behaviour_004_wrong_accept_fails():
    # of the example in RFC 6455 section 1.3
    invalid(upgrade(accept="s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "Sec-WebSocket-Accept")
    invalid(lambda wire: wire.read_request() and wire.send(wire.head(accept=wire.accept.swapcase())))


def behaviour_005_white_space_around_accept_is_trimmed():
    accepted(lambda wire: wire.read_request() and wire.send(wire.head(accept=f" \t{wire.accept}\t ")))


def behaviour_006_upgrade_must_be_websocket_in_any_case():
    invalid(upgrade(upgrade=None), "Upgrade")
    invalid(upgrade(upgrade="h2c"), "Upgrade", "h2c")
    accepted(upgrade(upgrade="WebSocket"))


def behaviour_007_connection_must_have_the_token_upgrade_in_any_case():
    invalid(upgrade(connection=None), "Connection")
    invalid(upgrade(connection="close"), "Connection")
    invalid(upgrade(connection="Upgrade-Insecure"), "Connection")
    accepted(upgrade(connection="keep-alive, Upgrade"))
    accepted(upgrade(connection="uPGRADE"))


def behaviour_008_other_status_comes_with_its_headers_and_body():
    for status, reason in ((200, "OK"), (400, "Bad Request"), (404, "Not Found"), (500, "Internal Server Error")):
        body = f"it is {status}".encode()
        head = f"HTTP/1.1 {status} {reason}\r\nLocation: /why\r\nContent-Length: {len(body)}"
        failure, wire = refused(answer(head, body))
        equal("ws_connect", failure.status, Status.HANDSHAKE_STATUS)
        equal("HTTP status", failure.http_status, status)
        equal("HTTP header", failure.http_location, "/why")
        equal("HTTP body", failure.http_body, body)
        true("the message does not say the status", str(status) in failure.message, failure.message)
        wire.expect_end("fin", "rst")
    failure, _ = refused(answer(f"HTTP/1.1 503 Busy\r\nContent-Length: {200 * KIB}", b"0123456789abcdef" * 64 * 200))
    equal("HTTP body, as far as it is kept", failure.http_body, b"0123456789abcdef" * 4 * KIB)


def behaviour_010_redirect_is_not_followed():
    with Listener(upgrade()) as elsewhere:
        moved = answer(f"HTTP/1.1 302 Found\r\nLocation: {elsewhere.url('/moved')}\r\nContent-Length: 0")
        failure, wire = refused(moved, add_header=(b"Authorization", b"Basic secret"))
        equal("ws_connect", failure.status, Status.HANDSHAKE_STATUS)
        equal("HTTP status", failure.http_status, 302)
        equal("Location", failure.http_location, elsewhere.url("/moved"))
        true("the message has the credentials", "secret" not in failure.message, failure.message)
        wire.expect_end("fin", "rst")
        with elsewhere.open("/first") as (_, wire):
            equal("the first request that the other server gets", wire.request, "GET /first HTTP/1.1")


def behaviour_011_interim_answers_are_skipped():
    def serve(wire):
        wire.read_request()
        wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        early = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\nUpgrade: h2c\r\n\r\n"
        wire.send(early + wire.head(extra=["X-Final: yes"]))

    with opened(serve) as (session, wire):
        equal("ws_response_status", lib.ws_response_status(session.handle), 101)
        equal("X-Final", lib.ws_response_header(session.handle, b"x-final", 0), b"yes")
        equal("Link", lib.ws_response_header(session.handle, b"Link", 0), None)
        echoes(session, wire)


def behaviour_012_head_in_segments_of_one_byte():
    def serve(wire):
        wire.read_request()
        for byte in wire.head() + text(b"hello"):
            wire.send(bytes([byte]))

    with opened(serve) as (session, wire):
        receives(session, "hello")
        echoes(session, wire)


def behaviour_013_frames_in_the_segment_of_the_head_are_delivered():
    def serve(wire):
        wire.read_request()
        wire.send(wire.head() + text(b"one") + text(b"two") + text(b"three")[:4])

    with opened(serve) as (session, wire):
        receives(session, "one", "two")
        wire.send(text(b"three")[4:])
        receives(session, "three")
        echoes(session, wire)


def behaviour_014_head_is_bounded():
    invalid(upgrade(extra=["X-Long: " + "v" * 70 * KIB]), "65536")
    invalid(upgrade(extra=[f"X-{i:04}: " + "v" * 52 for i in range(1200)]), "65536")

    def endless(wire):
        wire.read_request()
        wire.send(wire.head(end="\r\n"))
        wire.pour(b"X-Field: value\r\n" * 256, 64 * KIB * KIB)

    failure, wire = refused(endless)
    equal("ws_connect", failure.status, Status.HANDSHAKE_INVALID)
    # what the kernel's buffers of both sides take, and no more
    true("bytes that were taken", wire.poured < 32 * KIB * KIB, wire.poured)
    accepted(upgrade(extra=["X-Long: " + "v" * 60 * KIB]))


def behaviour_015_silent_server_is_a_timeout():
    def half(wire):
        wire.read_request()
        wire.send(wire.head()[:60])

    for silent in (lambda wire: wire.read_request(), half):
        failure, wire = refused(silent, set_handshake_timeout_ms=200)
        equal("ws_connect", failure.status, Status.TIMEOUT)
        equal("phase", failure.phase, Phase.HANDSHAKE)
        wire.expect_end("fin", "rst")


def behaviour_016_end_before_the_answer_is_no_success():
    def fin(wire):
        wire.read_request()
        wire.fin()

    def rst(wire):
        wire.read_request()
        wire.rst()

    for ends, status in ((fin, Status.HANDSHAKE_INVALID), (rst, Status.IO)):
        failure, _ = refused(ends)
        equal("ws_connect", failure.status, status)
        equal("phase", failure.phase, Phase.HANDSHAKE)
    failure, _ = refused(lambda wire: wire.sock.close())
    among("ws_connect", failure.status, (Status.HANDSHAKE_INVALID, Status.IO))


def behaviour_017_subprotocol_must_be_one_that_was_offered():
    chosen = upgrade(extra=["Sec-WebSocket-Protocol: superchat"])
    invalid(chosen, "superchat")
    invalid(chosen, "superchat", add_subprotocol=b"chat")
    invalid(upgrade(extra=["Sec-WebSocket-Protocol: CHAT"]), "CHAT", add_subprotocol=b"chat")
    with opened(chosen, add_subprotocol=b"superchat") as (session, wire):
        equal("offer", wire.header("Sec-WebSocket-Protocol"), "superchat")
        equal("ws_subprotocol", session.subprotocol, "superchat")
        echoes(session, wire)
    with opened(upgrade(), add_subprotocol=b"chat") as (session, wire):
        equal("ws_subprotocol", session.subprotocol, "")
        echoes(session, wire)


def behaviour_018_extension_that_was_not_offered_fails():
    invalid(upgrade(extra=["Sec-WebSocket-Extensions: permessage-deflate"]), "permessage-deflate")
    invalid(upgrade(extra=["Sec-WebSocket-Extensions: x-unheard-of; level=9"]), "x-unheard-of")


def behaviour_019_bad_headers_are_refused_before_connecting():
    config = lib.ws_config_new()
    refused_headers = [
        (b"X-Name", b"a\r\nX-Smuggled: b"),
        (b"X-Name", b"a\nb"),
        (b"X-Name", b"a\x01"),
        (b"X-Name\r\nX-Smuggled", b"a"),
        (b"X Name", b"a"),
        (b"", b"a"),
        (b"Upgrade", b"h2c"),
        (b"connection", b"close"),
        (b"Sec-WebSocket-Key", b"AAAAAAAAAAAAAAAAAAAAAA=="),
        (b"Sec-WebSocket-Version", b"8"),
        (b"Sec-WebSocket-Extensions", b"permessage-deflate"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Host", b""),
        (b"Proxy-Authorization", b"Basic c2VjcmV0"),
    ]
    for header in refused_headers:
        for function in ("ws_config_add_header", "ws_config_set_header"):
            equal(f"{function}{header}", getattr(lib, function)(config, *header), Status.INVALID_ARGUMENT)
    with Listener() as listener:
        handle = c_void_p()
        status = lib.ws_connect(listener.url().encode(), config, byref(handle), None)
        equal("ws_connect", (status, handle.value), (Status.INVALID_ARGUMENT, None))
    lib.ws_config_free(config)


def failed(url, **settings):
    """what ws_connect says"""
    try:
        with Session(url, **settings):
            pass
    except Failure as failure:
        return failure
    raise AssertionError(f"ws_connect to {url} succeeds")


# An address of this machine that nobody else listens on.
ALONE = "127.83.20.1"


def scheme_port(scheme, port, host_header, explicit=""):
    """a session with a server on that port, and the Host that it gets"""
    url = f"{scheme}://{ALONE}{explicit}/"
    try:
        listener = Listener(address=(ALONE, port), tls=server_context(ALONE) if scheme == "wss" else None)
    except PermissionError:
        # nobody listens, and the refusal says where it was tried
        failure = failed(url)
        equal("ws_connect", failure.status, Status.CONNECT)
        return true("the message does not say the port", f"{ALONE}:{port}" in failure.message, failure.message)
    with listener, Session(url, **(trusted() if scheme == "wss" else {})) as session:
        wire = listener.wire()
        equal("Host", wire.header("Host"), host_header)
        equal("ws_request_url", lib.ws_request_url(session.handle), f"{scheme}://{host_header}/".encode())
        return wire.close()


def behaviour_020_default_ports_and_host():
    scheme_port("ws", 80, ALONE)
    scheme_port("ws", 80, ALONE, ":80")
    scheme_port("wss", 443, ALONE)
    scheme_port("wss", 443, ALONE, ":443")
    scheme_port("wss", 80, f"{ALONE}:80", ":80")
    with Listener() as listener, listener.open() as (_, wire):
        equal("Host", wire.header("Host"), f"127.0.0.1:{listener.port}")
    try:
        listener = Listener(address=("::1", 0))
    except OSError:
        return  # a machine without IPv6
    with listener, listener.open() as (session, wire):
        equal("Host", wire.header("Host"), f"[::1]:{listener.port}")
        echoes(session, wire)


def behaviour_021_query_is_kept_and_fragment_refused():
    with Listener() as listener:
        for path, resource in (
            ("/a/b?c=d&e=%20f?g", "/a/b?c=d&e=%20f?g"),
            ("?only=query", "/?only=query"),
            ("", "/"),
        ):
            with listener.open(path) as (_, wire):
                equal("request line", wire.request, f"GET {resource} HTTP/1.1")
        for path in ("/#fragment", "/a?b#", "#"):
            failure = failed(listener.url(path))
            equal(f"ws_connect to {path}", failure.status, Status.URL)
        with listener.open("/next") as (_, wire):
            equal("the next request that the server gets", wire.request, "GET /next HTTP/1.1")


def behaviour_022_bad_certificates_are_refused_unless_told_otherwise():
    untrusted = server_context("localhost", by=trustme.CA())
    for what, context in (
        ("untrusted", untrusted),
        ("expired", expired("localhost")),
        ("of another host", server_context("other.test")),
    ):
        with Listener(tls=context) as listener:
            url = listener.url().replace("127.0.0.1", "localhost")
            failure = failed(url, **trusted())
            equal(f"ws_connect, certificate {what}", failure.status, Status.TLS_CERTIFICATE)
            equal("phase", failure.phase, Phase.TLS)
            equal("the request that the server gets", listener.wire().request, "")
            with Session(url, set_tls_verify=(0, 0), **trusted()) as session, listener.wire().sock as sock:
                equal("ws_state", session.state, State.OPEN)
                true("a cipher", sock.cipher() is not None)
    with Listener(tls=server_context("localhost")) as listener:
        with Session(listener.url().replace("127.0.0.1", "localhost"), **trusted()) as session:
            wire = listener.wire()
            echoes(session, wire)
            wire.close()


def behaviour_023_150_sessions_to_one_host():
    count = 150
    with Listener() as listener, ThreadPoolExecutor(16) as pool:
        sessions = list(pool.map(lambda i: Session(listener.url(f"/{i}")), range(count)))
        wires = {wire.path: wire for wire in (listener.wire() for _ in range(count))}
        equal("connections", len(wires), count)
        equal("ws_state", {session.state for session in sessions}, {State.OPEN})
        for i, session in enumerate(sessions):
            echoes(session, wires[f"/{i}"], f"session {i}")
        for i, session in enumerate(sessions):
            session.__exit__()
            wires[f"/{i}"].expect_end()
            wires[f"/{i}"].close()


@serial
def behaviour_024_no_connection_is_a_prompt_error_and_leaves_nothing():
    # bound and not listening: it refuses
    refusing = socket.socket()
    refusing.bind(("127.0.0.1", 0))
    refused_url = f"ws://127.0.0.1:{refusing.getsockname()[1]}/"
    # a label is at most 63 bytes long, so no name server needs to be asked
    unresolvable_url = "ws://" + 64 * "a" + ".invalid/"

    def fail(times):
        for _ in range(times):
            failure = failed(refused_url)
            equal("ws_connect, refused", (failure.status, failure.phase), (Status.CONNECT, Phase.CONNECT))
            failure = failed(unresolvable_url)
            equal("ws_connect, unresolvable", (failure.status, failure.phase), (Status.RESOLVE, Phase.RESOLVE))

    fail(100)
    before = descriptors(), threads(), status_kib("VmRSS")
    fail(900)
    returns_to("descriptors", descriptors, before[0])
    returns_to("threads", threads, before[1])
    true("KiB that 1800 failures took", status_kib("VmRSS") - before[2] < 2048, status_kib("VmRSS") - before[2])
    refusing.close()
    with opened() as (session, wire):
        echoes(session, wire)
