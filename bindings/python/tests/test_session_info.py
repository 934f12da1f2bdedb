"""What is known of a session: numbers, addresses, proxy and TLS."""

import logging
import os
import socket
import ssl
import subprocess
import sys
import threading

import pytest

import ktorws
from conftest import accept, echo, frame, next_frame, read_head, serving
from ktorws.asyncio import connect as asyncio_connect
from ktorws.sync import connect


def test_statistics(url):
    with connect(url, compression=None) as ws:
        ws.send("four")
        ws.recv()
    numbers = ws.statistics()
    assert (numbers.messages_sent, numbers.messages_received) == (1, 1)
    assert (numbers.payload_sent, numbers.payload_received) == (4, 4)
    assert numbers.wire_received > 4
    assert numbers.handshake_us > 0


def test_addresses():
    for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
        try:
            listener = socket.create_server((host, 0), family=family)
        except OSError:
            continue
        with listener, socket.socket(family) as client:
            client.connect(listener.getsockname())
            peer, _ = listener.accept()
            with peer:
                answering = threading.Thread(target=accept, args=(peer,))
                answering.start()
                with connect("ws://host.example/", sock=client, close_timeout=0.05) as ws:
                    assert ws.local_address == client.getsockname()
                    assert ws.remote_address == listener.getsockname()
                # They are those of the last connection.
                assert ws.remote_address == listener.getsockname()
                answering.join()


def test_session_info(url):
    port = int(url.rstrip("/").rsplit(":", 1)[1])
    with connect(url) as ws:
        info = ws.session_info
    assert info.remote_address == ("127.0.0.1", port) == ws.remote_address
    assert info.local_address == ws.local_address
    assert (info.http_version, info.proxy, info.tls_version, info.tls_cipher_suite) == ("1.1", None, None, None)
    assert (info.tls_key_exchange_group, info.tls_resumed, info.alpn) == (None, False, None)
    settings = ktorws.TLS(ca=os.environ["ECHO_CA_FILE"])
    with connect(os.environ["ECHO_WSS_URL"], ssl=settings) as ws:
        info = ws.session_info
    assert info.tls_version in ("1.2", "1.3")
    assert info.tls_cipher_suite and info.tls_key_exchange_group


def test_session_info_behind_a_proxy(script, url):
    def tunnel(peer):
        read_head(peer)
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        accept(peer)

    address = script(tunnel, shakes_hands=False).removeprefix("ws://").rstrip("/")
    with connect(url, proxy=f"http://user:secret@{address}", close_timeout=0.05) as ws:
        assert ws.session_info.proxy == f"http://{address}"
        host, port = address.split(":")
        assert ws.remote_address == (host, int(port))


def test_session_info_of_a_unix_socket(tmp_path):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        answering = threading.Thread(target=lambda: accept(listener.accept()[0]))
        answering.start()
        with connect("ws://localhost/", unix=path, close_timeout=0.05) as ws:
            assert ws.remote_address == path
        answering.join()


def test_addresses_in_a_loop(run, url):
    async def main():
        async with asyncio_connect(url) as ws:
            assert ws.remote_address == ("127.0.0.1", int(url.rstrip("/").rsplit(":", 1)[1]))
            assert ws.session_info.local_address == ws.local_address

    run(main())


def test_the_server_s_certificates(url):
    with connect(url) as ws:
        assert ws.peer_certificates == []
    settings = ktorws.TLS(ca=os.environ["ECHO_CA_FILE"])
    with connect(os.environ["ECHO_WSS_URL"], ssl=settings) as ws:
        certificates = ws.peer_certificates
        assert certificates
        assert "BEGIN CERTIFICATE" in ssl.DER_cert_to_PEM_cert(certificates[0])
        assert b"localhost" in certificates[0]


def test_what_was_agreed_on_for_compression(url):
    with connect(url) as ws:
        assert ws.deflate_info is None

    with serving(echo) as server:
        options = ktorws.Deflate(level=3, client_max_window_bits=10, client_no_context_takeover=True)
        with connect(server.url, compression=options) as ws:
            assert ws.deflate_info == ktorws.DeflateInfo(3, 10, 12, True, False)


def test_headers_that_were_sent(url):
    with connect(url, additional_headers=[("X-A", "1"), ("X-A", "2")]) as ws:
        assert ws.request_headers.get_all("x-a") == ["1", "2"]
        assert "Sec-WebSocket-Key" in ws.request_headers


def test_settings_of_a_session(script):
    got = []

    def act(peer):
        first = next_frame(peer)
        peer.sendall(frame(0x8A, first[1]))
        while received := next_frame(peer):
            got.append((first[2], *received))
            if received[0] == 0x89:
                peer.sendall(frame(0x8A, received[1]))

    with connect(script(act), ping_interval=None, allow_unmasked=True, close_timeout=0.1, compression=None) as ws:
        assert (ws.ping_interval, ws.ping_timeout, ws.masking, ws.max_size) == (None, 20, True, 1 << 20)
        ws.ping_interval, ws.ping_timeout = 0.001, None
        assert (ws.ping_interval, ws.ping_timeout) == (0.001, None)
        while ws.statistics().pongs_received == 0:
            with pytest.raises(TimeoutError):
                ws.recv(timeout=0.001)
        ws.ping_interval = None
        ws.max_size = None
        assert ws.max_size is None
        ws.max_size = 5
        assert ws.max_size == 5
        ws.masking = False
        assert not ws.masking
        ws.send("bare")
        ws.flush()
    assert [(first, masked) for _, first, payload, masked in got if payload == b"bare"] == [(0x81, False)]
    assert got[0][0]
    for name, wrong in (("max_size", 0), ("ping_interval", 0), ("ping_timeout", -1)):
        with pytest.raises(ValueError):
            setattr(ws, name, wrong)


def test_masks_are_a_must(url):
    with connect(url) as ws, pytest.raises(ValueError, match="allow_unmasked"):
        ws.masking = False


def test_the_library():
    assert ktorws.has_feature("tls")
    assert not ktorws.has_feature("nonsense")
    with pytest.raises((RuntimeError, ValueError)):
        ktorws.set_worker_threads(0)
    with pytest.raises(OverflowError):
        ktorws.set_worker_threads(-1)


def test_worker_threads_are_set_before_the_first_session(url):
    program = """
import os, sys
import ktorws
from ktorws.sync import connect
ktorws.set_worker_threads(5)
with connect(sys.argv[1]):
    names = [open(f"/proc/self/task/{task}/comm").read() for task in os.listdir("/proc/self/task")]
    print(sum(name.startswith("ktorws") for name in names) >= 5)
    try:
        ktorws.set_worker_threads(5)
    except RuntimeError:
        print("too late")
"""
    printed = subprocess.run([sys.executable, "-c", program, url], check=True, capture_output=True, text=True).stdout
    assert printed == "True\ntoo late\n"


def test_the_log(url, caplog):
    logger = logging.getLogger("tests.of.ktorws")
    with caplog.at_level(logging.INFO, logger.name):
        ktorws.set_logger(logger)
        try:
            with connect(url + "?secret") as ws:
                pass
        finally:
            ktorws.set_logger(None)
    of_session = [record for record in caplog.records if record.session == ws.id]
    assert of_session
    assert {record.levelno for record in of_session} == {logging.INFO}
    assert "secret" not in caplog.text
    caplog.clear()
    with connect(url):
        pass
    assert not caplog.records
