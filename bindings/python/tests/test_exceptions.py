"""Exceptions of connect(), and what they and options say."""

import copy
import os
import pickle
import socket

import pytest

import ktorws
from conftest import echo, read_head, refuse, serving
from ktorws.sync import connect


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


def test_a_refusal_tells_what_the_server_said():
    with serving(echo, refuse(403, "not you", X_Reason="mood")) as server, pytest.raises(ktorws.InvalidStatus) as no:
        connect(server.url)
    assert no.value.response.status_code == 403
    assert no.value.response.headers["x-reason"] == "mood"
    assert no.value.response.headers.get_all("x-reason") == ["mood"]
    assert no.value.response.body == b"not you"
    assert "403" in str(no.value)
