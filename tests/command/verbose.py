"""What -v shows of the connection."""

import os
import ssl
import threading

from certificates import server_context
from checking import equal, true
from network_options import http_proxy
from python_server import echo
from tls_options import authority_file
from tool import directory, echo_url, has_not, run
from web import Server, opens, redirects
from websockets.sync.server import unix_serve

HELLO = ("-v", "-m", "hello")


def connection_of(ended):
    """the lines before the request"""
    lines = ended.err.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("> GET "))
    return lines[:first]


def seen(context=None, *arguments):
    """what -v shows; what the server sees: both addresses, the version of TLS and the cipher suite"""
    sockets = []

    def script(request):
        sock = request.wire.sock
        name = [f"127.0.0.1:{port}" for _, port in (sock.getsockname()[:2], sock.getpeername()[:2])]
        sockets.append((name, sock.version() if context else None, sock.cipher() if context else None))
        return opens()

    with directory() as path:
        trust = ["--cacert", authority_file(path)] if context else []
        with Server(script, tls=context, host="localhost" if context else "127.0.0.1") as server:
            lines = connection_of(run(*HELLO, *trust, *arguments, server.url()))
    return lines, *sockets[0]


def test_addresses():
    lines, (server, client), *_ = seen()
    equal("lines", lines, [f"* connected to {server} from {client}", "* HTTP/1.1"])


def test_a_proxy():
    with http_proxy() as (proxy, heads):
        ended = run(*HELLO, "-x", f"http://me:secret@{proxy}", echo_url())
        equal("requests", len(heads), 1)
        first, *others = connection_of(ended)
    true("the proxy is the peer", first.startswith(f"* connected to {proxy} from 127.0.0.1:"), first)
    equal("lines", others, [f"* proxy http://{proxy}", "* HTTP/1.1"])
    has_not("standard error", ended.err, "secret")


def test_a_unix_socket():
    with directory() as path:
        name = os.path.join(path, "socket")
        with unix_serve(echo, name) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            ended = run(*HELLO, "-n", "1", "--unix-socket", name, "ws://inside/")
            equal("lines", connection_of(ended), [f"* connected to {name}", "* HTTP/1.1"])


def test_tls_1_3():
    context = server_context("localhost")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_ecdh_curve("secp384r1")
    context.set_alpn_protocols(["chat"])
    lines, _, version, cipher = seen(context, "--alpn", "http/1.1,chat")
    equal("version", version, "TLSv1.3")
    equal("TLS", lines[1:], [f"* TLS 1.3, {cipher[0]}, secp384r1, new session, ALPN chat", "* HTTP/1.1"])


def test_tls_1_2():
    context = server_context("localhost")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ecdh_curve("prime256v1")
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    lines, _, version, _ = seen(context)
    equal("version", version, "TLSv1.2")
    suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    equal("TLS", lines[1:], [f"* TLS 1.2, {suite}, secp256r1, new session, no ALPN", "* HTTP/1.1"])


def test_a_resumed_session_of_tls():
    script = {"/": redirects("/again"), "/again": opens()}
    with directory() as path, Server(script, tls=server_context("localhost"), host="localhost") as server:
        lines = connection_of(run(*HELLO, "-L", "--cacert", authority_file(path), server.url()))
    true("it is resumed", ", resumed, " in lines[1], lines[1])
