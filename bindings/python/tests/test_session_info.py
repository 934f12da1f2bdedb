"""What is known of a session: numbers, addresses, proxy and TLS."""

import os
import socket
import threading

import ktorws
from conftest import accept, read_head
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
