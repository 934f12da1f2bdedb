"""The options of connect(), as real servers see them, and its exceptions."""

import copy
import os
import pickle
import socket
import ssl
import threading

import pytest
import trustme

import ktorws
from conftest import basic, echo, read_head, refuse, serving, tls_server, until_gone, wants
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


def test_exceptions_and_options_can_be_pickled_and_copied():
    answer = refuse(403, "not you", X_Reason="mood", Retry_After="7")
    with serving(echo, answer) as server, pytest.raises(ktorws.InvalidStatus) as refused:
        connect(server.url)
    assert refused.value.response.headers["X-Reason"] == "mood"
    for again in (pickle.loads(pickle.dumps(refused.value)), copy.deepcopy(refused.value)):
        for _ in range(2):
            assert str(again) == str(refused.value)
            assert again.response.status_code == 403
            assert again.response.body == b"not you"
            assert again.response.headers["x-reason"] == "mood"
            assert again.response.headers.get_all("retry-after") == ["7"]
            assert "X-None" not in again.response.headers
            assert list(again.response.headers.raw_items()) == list(refused.value.response.headers.raw_items())
            again = pickle.loads(pickle.dumps(again))
    tls = ktorws.TLSError("no")
    tls.alert = 40
    closed = ktorws.ConnectionClosedError(ktorws.Close(4000, "why"), None, None, "lost")
    proxy = ktorws.InvalidProxyStatus(refused.value.response)
    for error in (tls, closed, proxy, ktorws.CertificateError("no"), ktorws.InvalidURI("no")):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), str(error))
        assert getattr(again, "alert", 0) == getattr(error, "alert", 0)
    settings = ktorws.TLS(ca=os.environ["ECHO_CA_FILE"])
    with connect(os.environ["ECHO_WSS_URL"], ssl=settings):
        pass
    with connect(os.environ["ECHO_WSS_URL"], ssl=pickle.loads(pickle.dumps(settings))):
        pass


def test_credentials_are_not_told():
    auth = ktorws.BasicAuth("user", "secret-p")
    assert "secret-p" not in repr(auth)
    assert "secret-t" not in repr(ktorws.BearerAuth("secret-t"))
    with pytest.raises(ValueError) as wrong:
        connect("ws://127.0.0.1/", auth=ktorws.BearerAuth("secret t"))
    assert "secret" not in str(wrong.value)


def test_uris_that_are_wrong():
    for uri in ("", "localhost", "ftp://localhost/", "ws://", "ws://localhost:99999/", "ws://localhost/#f"):
        with pytest.raises(ktorws.InvalidURI):
            connect(uri)


def test_refused_connections():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        connect(f"ws://127.0.0.1:{port}/")


def test_what_is_no_websocket_server(script):
    def answer(peer):
        read_head(peer)
        peer.sendall(b"SSH-2.0-OpenSSH\r\n")

    with pytest.raises(ktorws.InvalidHandshake):
        connect(script(answer, shakes_hands=False))


def test_open_timeout(script):
    with pytest.raises(TimeoutError):
        connect(script(until_gone, shakes_hands=False), open_timeout=0.1)


def test_a_refusal_tells_what_the_server_said():
    with serving(echo, refuse(403, "not you", X_Reason="mood")) as server, pytest.raises(ktorws.InvalidStatus) as no:
        connect(server.url)
    assert no.value.response.status_code == 403
    assert no.value.response.headers["x-reason"] == "mood"
    assert no.value.response.headers.get_all("x-reason") == ["mood"]
    assert no.value.response.body == b"not you"
    assert "403" in str(no.value)


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


def test_tls(tmp_path):
    authority, other = trustme.CA(), trustme.CA()
    good, bad = authority.cert_pem.bytes(), other.cert_pem.bytes()
    tls = tls_server(authority, "localhost", wants_certificate=True)
    client = authority.issue_cert("client@example.com")
    both = tmp_path / "client.pem"
    both.write_bytes(client.private_key_and_cert_chain_pem.bytes())
    ca = tmp_path / "ca.pem"
    ca.write_bytes(good)
    with serving(echo, tls=tls) as server:
        url = f"wss://localhost:{server.port}/"
        shown = ktorws.TLS(ca=ca, certificate=both, key_log=tmp_path / "keys")
        for _ in range(2):
            with connect(url, ssl=shown) as ws:
                ws.send("secret")
                assert ws.recv() == "secret"
        assert b"CLIENT_" in (tmp_path / "keys").read_bytes()
        chain = b"".join(part.bytes() for part in client.cert_chain_pems)
        key = client.private_key_pem.bytes()
        with connect(url, ssl=ktorws.TLS(ca=str(tmp_path), certificate=chain, key=key)):
            pass
        address = f"wss://127.0.0.1:{server.port}/"
        with connect(address, ssl=ktorws.TLS(ca=good, certificate=both, server_hostname="localhost")):
            pass
        with connect(address, ssl=ktorws.TLS(ca=good, certificate=both, check_hostname=False)):
            pass
        with connect(address, ssl=ktorws.TLS(certificate=both, verify=False)):
            pass
        for wrong, uri in (
            (ktorws.TLS(ca=bad, certificate=both), url),
            (ktorws.TLS(certificate=both), url),
            (ktorws.TLS(ca=good, certificate=both), address),
            (ktorws.TLS(ca=good, certificate=both, pins=["A" * 43 + "="]), url),
        ):
            with pytest.raises(ktorws.CertificateError) as failed:
                connect(uri, ssl=wrong)
            assert isinstance(failed.value, OSError)


def test_sessions_with_the_same_settings_resume_tls():
    settings = ktorws.TLS(ca=os.environ["ECHO_CA_FILE"])
    resumed = []
    for _ in range(2):
        with connect(os.environ["ECHO_WSS_URL"], ssl=settings) as ws:
            ws.send("x")
            ws.recv()
            resumed.append(ws.session_info.tls_resumed)
    assert resumed == [False, True]


def test_credentials():
    with serving(echo, wants(basic("user", "pass"))) as server:
        for uri, auth in (
            (server.url, ktorws.BasicAuth("user", "pass")),
            (server.url.replace("ws://", "ws://user:pass@"), None),
            (server.url, lambda _challenge: ktorws.BasicAuth("user", "pass")),
            (server.url, lambda _challenge: basic("user", "pass")),
        ):
            with connect(uri, auth=auth) as ws:
                ws.send("in")
                assert ws.recv() == "in"
        with pytest.raises(ktorws.InvalidStatus) as refused:
            connect(server.url, auth=ktorws.BasicAuth("user", "wrong"))
        assert refused.value.response.headers["WWW-Authenticate"] == 'Basic realm="here"'
    with serving(echo, wants("Bearer t0ken")) as server, connect(server.url, auth=ktorws.BearerAuth("t0ken")):
        pass


def test_a_function_is_asked_for_credentials():
    asked = []

    def answer(challenge):
        asked.append(challenge)
        return ktorws.BasicAuth("user", "wrong") if challenge.attempt == 1 else None

    with serving(echo, wants(basic("user", "pass"))) as server:
        with pytest.raises(ktorws.InvalidStatus):
            connect(server.url, auth=answer)
        assert asked[0] == ktorws.Challenge(server.url, ['Basic realm="here"'], 1)
        assert asked[1].attempt == 2


def test_a_function_that_fails_gives_no_credentials(monkeypatch):
    reported = []
    monkeypatch.setattr("sys.unraisablehook", lambda report: reported.append(report.exc_type))
    with serving(echo, wants("nothing")) as server, pytest.raises(ktorws.InvalidStatus):
        connect(server.url, auth=lambda _challenge: 1 / 0)
    assert reported == [ZeroDivisionError]


def test_digest(script):
    heads = []

    def act(peer):
        heads.append(read_head(peer))
        if "Authorization: Digest" in heads[-1]:
            peer.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        else:
            peer.sendall(
                b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'
                b"Content-Length: 0\r\nConnection: close\r\n\r\n"
            )

    with pytest.raises(ktorws.InvalidStatus) as refused:
        connect(script(act, shakes_hands=False), auth=lambda _challenge: ktorws.DigestAuth("user", "secret"))
    assert refused.value.response.status_code == 403
    assert 'username="user"' in heads[1]
    assert "secret" not in heads[1]


def test_cookies():
    jar = ktorws.CookieJar()

    def answer(connection, request):
        if "Cookie" not in request.headers:
            return refuse(403, Set_Cookie="id=1; Path=/")(connection, request)
        return None

    with serving(echo, answer) as server:
        with pytest.raises(ktorws.InvalidStatus):
            connect(server.url, cookies=jar)
        with connect(server.url, cookies=jar):
            pass
        assert jar.header(server.url) == "id=1"
        jar.add(server.url, "more=2")
        with connect(server.url, cookies=jar):
            pass
        jar.clear()
        assert jar.header(server.url) == ""
    assert server.requests[1].headers["Cookie"] == "id=1"
    assert set(server.requests[2].headers["Cookie"].split("; ")) == {"id=1", "more=2"}
    with pytest.raises(ValueError):
        jar.add("ws://127.0.0.1/", "a=b; Domain=example.com")
    with pytest.raises(ktorws.InvalidURI):
        jar.header("nowhere")


def test_redirects():
    def answer(connection, request):
        if request.path == "/there":
            return None
        return refuse(302, Location="/there" if request.path == "/" else "/loop")(connection, request)

    with serving(echo, answer) as server:
        with connect(server.url) as ws:
            assert ws.uri == server.url + "there"
        with pytest.raises(ktorws.InvalidStatus) as refused:
            connect(server.url, max_redirects=0)
        assert refused.value.response.headers["Location"] == "/there"
        with pytest.raises(ktorws.TooManyRedirects):
            connect(server.url + "loop", max_redirects=3)


def test_proxies(script, url, monkeypatch):
    heads = []

    def tunnel(peer):
        heads.append(read_head(peer))
        host, port = heads[-1].split(" ")[1].rsplit(":", 1)
        if host == "forbidden.example":
            peer.sendall(b"HTTP/1.1 403 Forbidden\r\nX-Why: rules\r\nContent-Length: 2\r\n\r\nno")
            return
        with socket.create_connection((host, int(port))) as server:
            peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=pump, args=(server, peer))
            back.start()
            pump(peer, server)
            back.join()

    def pump(source, target):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)

    proxy = script(tunnel, shakes_hands=False).replace("ws://", "http://")
    with connect(url, proxy=proxy) as ws:
        ws.send("through")
        assert ws.recv() == "through"
    assert len(heads) == 1
    with pytest.raises(ktorws.InvalidProxyStatus) as refused:
        connect("ws://forbidden.example/", proxy=proxy)
    assert refused.value.response.status_code == 403
    assert refused.value.response.headers["X-Why"] == "rules"

    monkeypatch.setenv("ws_proxy", proxy)
    with connect(url):
        assert len(heads) == 3
    with connect(url, proxy=None):
        assert len(heads) == 3
    monkeypatch.setenv("ws_proxy", "http://127.0.0.1:1/")
    with pytest.raises(ktorws.ProxyError):
        connect(url)


def test_other_ways_to_the_server(url, tmp_path):
    port = int(url.rstrip("/").rsplit(":", 1)[1])
    for resolve in ({"echo.example": "127.0.0.1"}, {f"echo.example:{port}": "127.0.0.1"}):
        with connect(f"ws://echo.example:{port}/", resolve=resolve, local_address="127.0.0.1") as ws:
            ws.send("x")
            assert ws.recv() == "x"
    with socket.create_connection(("127.0.0.1", port)) as sock, connect(url, sock=sock) as ws:
        ws.send("x")
        assert ws.recv() == "x"
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(TimeoutError):
            connect(url, unix=path, open_timeout=0.1)
        peer, _ = listener.accept()
        assert peer.recv(4) == b"GET "
        peer.close()
