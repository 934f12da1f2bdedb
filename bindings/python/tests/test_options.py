"""The options of connect(), as real servers see them."""

import os
import socket
import ssl
import time

import pytest

import ktorws
from conftest import echo, frame, next_frame, refuse, serving, tell_parts, until_gone
from ktorws.sync import connect


def test_headers_of_the_request():
    async def nothing(_connection):
        pass

    with serving(nothing, select_subprotocol=lambda _connection, offered: "chat.v2" if offered else None) as server:
        with connect(
            server.url + "path?query",
            origin="http://here.example",
            subprotocols=["chat.v1", "chat.v2"],
            additional_headers=[("X-A", "1"), ("X-A", "2")],
            user_agent_header="tests",
        ) as ws:
            assert ws.subprotocol == "chat.v2"
            assert ws.response.status_code == 101
            assert ws.response.headers["upgrade"].lower() == "websocket"
            assert ws.response.headers.get("X-None", "none") == "none"
            assert "X-None" not in ws.response.headers
            assert ("upgrade", "websocket") in [(n.lower(), v.lower()) for n, v in ws.response.headers.raw_items()]
            assert {"upgrade", "connection", "sec-websocket-accept"} <= set(ws.response.headers)
            assert ws.uri == server.url + "path?query"
        with connect(server.url, additional_headers={"X-B": "3"}, user_agent_header=None) as ws:
            assert ws.subprotocol is None
        with connect(server.url) as ws:
            pass
    first, second, third = server.requests
    assert first.path == "/path?query"
    assert first.headers["Origin"] == "http://here.example"
    assert first.headers.get_all("X-A") == ["1", "2"]
    assert first.headers["User-Agent"] == "tests"
    assert second.headers["X-B"] == "3"
    assert "User-Agent" not in second.headers
    assert third.headers["User-Agent"].startswith("ktorws/")


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ({"additional_headers": {"a b": "c"}}, ValueError),
        ({"additional_headers": {"a": "b\r\nc: d"}}, ValueError),
        ({"origin": "a\nb"}, ValueError),
        ({"subprotocols": ["a", "a"]}, ValueError),
        ({"subprotocols": "chat"}, TypeError),
        ({"subprotocols": b"chat"}, TypeError),
        ({"additional_headers": "X: 1"}, TypeError),
        ({"resolve": "host"}, TypeError),
        ({"compression": "zip"}, ValueError),
        ({"compression": ktorws.Deflate(level=10)}, ValueError),
        ({"proxy": "gopher://host"}, ValueError),
        ({"ssl": ssl.create_default_context()}, TypeError),
        ({"ssl": ktorws.TLS(ca="/nowhere")}, FileNotFoundError),
        ({"ssl": ktorws.TLS(ca=b"nothing")}, ValueError),
        ({"ssl": ktorws.TLS(pins=["short"])}, ValueError),
        ({"ssl": ktorws.TLS(key=b"k")}, ValueError),
        ({"auth": 5}, TypeError),
        ({"auth": ktorws.BasicAuth("a:b", "c")}, ValueError),
        ({"cookies": {}}, TypeError),
        ({"max_redirects": 101}, ValueError),
        ({"max_size": 0}, ValueError),
        ({"open_timeout": 0}, ValueError),
        ({"ping_interval": -1}, ValueError),
        ({"reconnect": ktorws.Reconnect(first_delay=0)}, ValueError),
        ({"local_address": "here"}, ValueError),
        ({"sock": 99999}, ValueError),
        ({"sock": -1}, ValueError),
        ({"timeout": 5}, TypeError),
        ({"part_size": 1023}, ValueError),
        ({"deliver": [ktorws.FrameType.TEXT]}, ValueError),
        ({"ping_liveness": "some"}, ValueError),
        ({"incoming_queue": ktorws.Queue(policy="drop")}, ValueError),
        ({"outgoing_queue": ktorws.Queue()}, ValueError),
        ({"masking": False}, ValueError),
        ({"auto_fragment": 1}, ValueError),
        ({"spin": 1}, ValueError),
        ({"tcp_keepalive": ktorws.KeepAlive(10, 0, 1)}, ValueError),
        ({"ssl": ktorws.TLS(alpn=["h2"])}, ValueError),
    ],
)
def test_options_that_are_wrong(url, option, error):
    with pytest.raises(error):
        connect(url.replace("ws:", "wss:") if "ssl" in option else url, **option)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"max_redirects": 101}, "max_redirects: 101"),
        ({"open_timeout": 0}, "open_timeout: 0"),
        ({"ping_timeout": -1.5}, "ping_timeout: -1.5"),
        ({"max_size": 0}, "max_size: 0"),
        ({"compression": ktorws.Deflate(level=10)}, "compression: .*10"),
        ({"local_address": "here"}, 'local_address: "here" is not an IP address'),
        ({"subprotocols": ["a b"]}, 'subprotocol "a b"'),
        ({"resolve": {"here": "there"}}, 'resolve: "there"'),
        ({"ssl": ktorws.TLS(pins=["short"])}, 'pin_sha256: "short"'),
    ],
)
def test_what_is_wrong_with_an_option_is_told(url, option, words):
    with pytest.raises(ValueError, match=words):
        connect(url.replace("ws:", "wss:") if "ssl" in option else url, **option)


def test_no_limits(url):
    options = ("open_timeout", "close_timeout", "idle_timeout", "ping_interval", "ping_timeout", "max_size")
    with connect(url, **dict.fromkeys(options)) as ws:
        ws.send("x")
        assert ws.recv() == "x"


def test_a_closed_socket_does_not_become_a_connection_of_the_library_s():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        sock = socket.socket()
        sock.close()
        with pytest.raises(ValueError, match="closed"):
            connect(f"ws://127.0.0.1:{listener.getsockname()[1]}/", sock=sock)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_tls_is_not_for_plain_uris(url):
    for uri in (url, url.replace("ws:", "WS:"), url.replace("ws:", "http:")):
        with pytest.raises(ValueError, match="wss"):
            connect(uri, ssl=ktorws.TLS())
    with pytest.raises(TypeError):
        ktorws.TLS(pins="A" * 43 + "=")
    # The settings are for a proxy, too.
    with pytest.raises(ktorws.ProxyError):
        connect(url, ssl=ktorws.TLS(), proxy="https://127.0.0.1:1/")


def test_open_timeout(script):
    with pytest.raises(TimeoutError):
        connect(script(until_gone, shakes_hands=False), open_timeout=0.1)


def test_compression(url):
    text = "much of the same " * 1000
    with serving(echo) as server:
        with connect(server.url) as ws:
            assert [name for name, _ in ws.extensions] == ["permessage-deflate"]
            ws.send(text)
            assert ws.recv() == text
            assert ws.statistics().wire_received < len(text) / 10
        with connect(server.url, compression=ktorws.Deflate(level=9, server_no_context_takeover=True)) as ws:
            assert "server_no_context_takeover" in ws.extensions[0][1]
        with connect(server.url, compression=None) as ws:
            assert ws.extensions == []
            ws.send(text)
            assert ws.recv() == text


def test_max_size(url):
    with connect(url) as ws:
        ws.send(bytes(1 << 20))
        assert len(ws.recv()) == 1 << 20
        ws.send(bytes((1 << 20) + 1))
        with pytest.raises(ktorws.ConnectionClosedError) as closed:
            ws.recv()
    assert closed.value.sent.code == 1009
    with connect(url, max_size=None) as ws:
        ws.send(bytes(5 << 20))
        assert len(ws.recv()) == 5 << 20


def test_pings_without_pongs_end_the_session(script):
    with connect(script(until_gone), ping_interval=0.05, ping_timeout=0.05) as ws:
        with pytest.raises(ktorws.ConnectionClosedError, match="(?i)ping"):
            ws.recv()
    assert ws.statistics().pings_sent >= 1


def test_pings_of_the_library_tell_the_latency(url):
    with connect(url, ping_interval=0.02) as ws:
        while ws.statistics().pongs_received < 2:
            with pytest.raises(TimeoutError):
                ws.recv(timeout=0.02)
        assert ws.latency > 0


def test_idle_timeout(url):
    with connect(url, idle_timeout=0.05) as ws, pytest.raises(ktorws.ConnectionClosedError, match="sent nothing"):
        ws.recv()


def test_close_timeout(script):
    with connect(script(until_gone), close_timeout=0.05) as ws:
        pass
    assert ws.state is ktorws.State.CLOSED


def test_texts_need_not_be_utf_8(script):
    def act(peer):
        peer.sendall(frame(0x81, b"\xff"))
        until_gone(peer)

    with connect(script(act), validate_utf8=False, close_timeout=0.1) as ws:
        assert ws.recv(decode=False) == b"\xff"
    with connect(script(act), close_timeout=0.1) as ws, pytest.raises(ktorws.ConnectionClosedError):
        ws.recv(decode=False)


def test_masks(script):
    got = []

    def act(peer):
        got.append(next_frame(peer)[2])

    for options in ({}, {"allow_unmasked": True}, {"allow_unmasked": True, "masking": False}):
        with connect(script(act), close_timeout=0.1, **options) as ws:
            ws.send("x")
            with pytest.raises(ktorws.ConnectionClosed):
                ws.recv()
    assert got == [True, True, False]


def test_whatever_comes_answers_a_ping(script):
    def act(peer):
        while next_frame(peer):
            peer.sendall(frame(0x81, b"no pong"))

    # A ping is sent when the one before is answered.
    options = {"ping_interval": 0.01, "close_timeout": 0.1}
    with connect(script(act), ping_liveness="any", ping_timeout=None, **options) as ws:
        for _ in range(5):
            assert ws.recv() == "no pong"
    with connect(script(act), ping_timeout=0.05, **options) as ws, pytest.raises(ktorws.ConnectionClosedError):
        list(ws)


def test_queues(url):
    async def flood(connection):
        for number in range(1000):
            await connection.send(str(number))
        await connection.recv()

    with serving(flood) as server:
        with connect(server.url, incoming_queue=ktorws.Queue(10, policy="drop_oldest")) as ws:
            while ws.statistics().messages_received < 1000:
                time.sleep(0.001)
            assert ws.statistics().incoming_dropped >= 900
            ws.send("over")
        with connect(server.url, incoming_queue=ktorws.Queue(10, policy="close")) as ws:
            while ws.state is ktorws.State.OPEN:
                time.sleep(0.001)
            with pytest.raises(ktorws.ConnectionClosedError):
                list(ws)
    with connect(url + "silent", outgoing_queue=ktorws.Queue(bytes=1 << 16, policy="close"), close_timeout=0.1) as ws:
        with pytest.raises(ktorws.ConnectionClosedError):
            while True:
                ws.send(bytes(1 << 15))


def test_messages_in_fragments_of_the_library():
    with serving(tell_parts) as server, connect(server.url, auto_fragment=200, compression=None) as ws:
        ws.send(bytes(500))
        assert ws.recv() == "bytes:200,bytes:200,bytes:100"


def test_time_limits_of_the_steps():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        for uri, words, options in (
            (f"wss://{place}/", "TLS", {"tls_timeout": 0.02}),
            ("ws://none.invalid/", "proxy", {"proxy_timeout": 0.02, "proxy": f"http://{place}"}),
            (f"ws://{place}/", "handshake", {"handshake_timeout": 0.02}),
        ):
            with pytest.raises(TimeoutError, match=words):
                connect(uri, **options)


@pytest.mark.parametrize("on", [True, False])
def test_tcp_nodelay(url, on):
    with connect(url, tcp_nodelay=on, tcp_keepalive=ktorws.KeepAlive(60, 10, 3)) as ws:
        seen = []
        for name in os.listdir("/proc/self/fd"):
            try:
                with socket.socket(fileno=os.dup(int(name))) as sock:
                    if sock.getsockname() == ws.local_address:
                        options = (socket.TCP_NODELAY, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
                        seen.append([sock.getsockopt(socket.IPPROTO_TCP, option) for option in options])
            except OSError:
                continue
    assert [int(on), 60, 10, 3] in seen


def test_small_messages_without_coalescing(url):
    with connect(url, coalescing=False, spin=0.001, ping_liveness="pong") as ws:
        ws.send("x")
        assert ws.buffered_amount == 0
        assert ws.recv() == "x"


def test_offers_of_compression():
    for options, offer in (
        (ktorws.Deflate(), "permessage-deflate; client_max_window_bits"),
        (ktorws.Deflate(omit_client_max_window_bits=True), "permessage-deflate"),
        (
            ktorws.Deflate(client_max_window_bits=10, offer_fallback=True),
            "permessage-deflate; client_max_window_bits=10, permessage-deflate",
        ),
    ):
        with serving(echo, refuse(403)) as server, pytest.raises(ktorws.InvalidStatus):
            connect(server.url, compression=options)
        assert server.requests[0].headers["Sec-WebSocket-Extensions"] == offer


def test_a_filter_says_what_is_compressed(monkeypatch):
    asked = []
    reported = []
    monkeypatch.setattr("sys.unraisablehook", lambda what: reported.append(type(what.exc_value)))

    def wants(message):
        asked.append(message[:3])
        if message[:3] == b"oop":
            raise KeyError
        return message[:3] == "yes"

    with serving(echo) as server, connect(server.url, compression=ktorws.Deflate(filter=wants)) as ws:
        for message in ("no " + "x" * 1000, "yes" + "x" * 10_000, b"no " + bytes(100), b"oop" + bytes(97)):
            ws.send(message)
            assert ws.recv() == message
        # What it raises is reported, and the message is compressed.
        assert ws.statistics().compressed_sent_before == 10_003 + 100
        ws.send_frame(ktorws.FrameType.TEXT, "yes" + "y" * 1000, compress=False)
        assert len(ws.recv()) == 1003
        assert ws.statistics().compressed_sent_before == 10_003 + 100
    assert asked[:4] == ["no ", "yes", b"no ", b"oop"]
    assert reported == [KeyError]
