"""ws_shutdown while a proxy says nothing: who opens a session must not wait for it."""

import socket
import threading

from acts import HANG_S
from checks import Check
from connect_faults import OPENED
from ktorws_ctypes import Failure, Session, Status, shutdown
from socks_peer import reply

# URL of the proxy, and what it answers to each thing that it is sent before it falls silent.
SILENT = {
    "http": ("http://127.0.0.1:{port}", []),
    "https": ("https://127.0.0.1:{port}", []),
    "SOCKS greeting": ("socks5h://127.0.0.1:{port}", []),
    "SOCKS login": ("socks5h://u:p@127.0.0.1:{port}", [b"\x05\x02"]),
    "SOCKS request": ("socks5h://127.0.0.1:{port}", [b"\x05\x00"]),
    "http tunnel": ("http://127.0.0.1:{port}", [OPENED]),
    "SOCKS tunnel": ("socks5h://127.0.0.1:{port}", [b"\x05\x00", reply()]),
}


def shut_down_in(proxy, answers):
    check = Check()
    outcome = []

    def connect(url):
        limits = dict(set_connect_timeout_ms=-1, set_handshake_timeout_ms=-1)
        try:
            with Session("ws://silent.proxy.test", set_proxy=url.encode(), **limits):
                outcome.append("a session")
        except Failure as failure:
            outcome.append(failure.status)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(HANG_S)
        url = proxy.format(port=listener.getsockname()[1])
        thread = threading.Thread(target=connect, args=(url,), daemon=True)
        thread.start()
        connection, _ = listener.accept()
    with connection:
        connection.settimeout(HANG_S)
        for answer in answers:
            connection.recv(65536)
            connection.sendall(answer)
        # what is not answered
        connection.recv(65536)
        check.equal("ws_shutdown", shutdown(HANG_S * 1000), Status.OK)
        thread.join(HANG_S)
        check.true("ws_connect does not return", not thread.is_alive())
        check.equal("ws_connect", outcome, [Status.ABORTED])
        check.equal("the end of TCP", connection.recv(1), b"")
    return check.complaints


def check_shutdown():
    return [f"{name}: {complaint}" for name, stage in SILENT.items() for complaint in shut_down_in(*stage)]
