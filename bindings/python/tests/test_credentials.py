"""TLS, credentials, cookies, redirects and proxies, as real servers see them."""

import os
import socket
import threading

import pytest
import trustme

import ktorws
from conftest import basic, echo, read_head, refuse, serving, tls_server, wants
from ktorws.sync import connect


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


def test_the_system_s_trust_store(monkeypatch):
    ours, other = trustme.CA(), trustme.CA()
    with serving(echo, tls=tls_server(ours, "localhost")) as server, ours.cert_pem.tempfile() as path:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        uri = server.url.replace("ws://127.0.0.1", "wss://localhost")
        ca = other.cert_pem.bytes()
        with connect(uri, ssl=ktorws.TLS(ca=ca, system_store=True)) as ws:
            assert ws.session_info.tls_version
        for settings in (ktorws.TLS(ca=ca), ktorws.TLS(system_store=False)):
            with pytest.raises((ktorws.CertificateError, ktorws.TLSError)):
                connect(uri, ssl=settings)


def test_alpn():
    authority = trustme.CA()
    context = tls_server(authority, "localhost")
    context.set_alpn_protocols(["chat", "http/1.1"])
    with serving(echo, tls=context) as server:
        uri = server.url.replace("ws://127.0.0.1", "wss://localhost")
        for alpn, chosen in ((("http/1.1",), "http/1.1"), (["other", "chat"], "chat"), ((), None)):
            with connect(uri, ssl=ktorws.TLS(ca=authority.cert_pem.bytes(), alpn=alpn)) as ws:
                assert ws.session_info.alpn == chosen
    with pytest.raises(TypeError):
        ktorws.TLS(alpn="http/1.1")
