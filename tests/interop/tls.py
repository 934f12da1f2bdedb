#!/usr/bin/env python3
"""TLS: which certificates are taken, which refused, and what the caller and the server are told.

    tls.py [-v]

The servers are OpenSSL's (Python's ssl) with certificates made by trustme.
"""

import base64
import datetime
import errno
import hashlib
import os
import re
import socket
import ssl
import struct
import sys
import tempfile
import threading
import warnings
from ssl import TLSVersion

import trustme

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from ktorws_ctypes import Failure, Phase, Session, Status, lib, shutdown

HANG_S = 20
DAY = datetime.timedelta(days=1)
ONLY_1_2 = (TLSVersion.TLSv1_2, TLSVersion.TLSv1_2)
ONLY_1_3 = (TLSVersion.TLSv1_3, TLSVersion.TLSv1_3)
NOW = datetime.datetime.now(datetime.timezone.utc)


class Server:
    """One TLS server: a text "hello" to everyone, then the closing handshake."""

    def __init__(
        self, certificate, versions=(TLSVersion.TLSv1_2, TLSVersion.TLSv1_3), ciphers=None, client_ca=None, cut=False
    ):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self.context)
        self.context.sni_callback = self.see_name
        if ciphers:
            self.context.set_ciphers(ciphers)
        if client_ca:
            client_ca.configure_trust(self.context)
            self.context.verify_mode = ssl.CERT_REQUIRED
        with warnings.catch_warnings():
            # Python deprecates the versions that have to be refused
            warnings.simplefilter("ignore", DeprecationWarning)
            self.context.minimum_version, self.context.maximum_version = versions
        self.cut = cut
        self.server_name = self.error = self.request = None
        self.finished = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def see_name(self, _socket, name, _context):
        self.server_name = name

    def run(self):
        while True:
            sock, _ = self.listener.accept()
            sock.settimeout(HANG_S)
            self.server_name = self.error = self.request = None
            try:
                self.serve(sock)
            except OSError as error:
                self.error = getattr(error, "reason", None) or type(error).__name__
            sock.close()
            self.finished.set()

    def serve(self, sock):
        with self.context.wrap_socket(sock, server_side=True) as tls:
            head = b""
            while b"\r\n\r\n" not in head:
                chunk = tls.recv(65536)
                if not chunk:
                    return
                head += chunk
            self.request = head.decode()
            key = re.search(r"(?i)sec-websocket-key: (\S+)", self.request)[1]
            accept = base64.b64encode(
                hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
            ).decode()
            answer = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            tls.sendall(answer.encode() + b"\x81\x05hello")
            if self.cut:
                # FIN without close_notify and without a Close
                socket.socket.shutdown(tls, socket.SHUT_WR)
                while tls.recv(65536):
                    pass
                return
            frame = b""
            while len(frame) < 8:
                chunk = tls.recv(65536)
                if not chunk:
                    return
                frame += chunk
            tls.sendall(b"\x88\x02\x03\xe8")
            tls.unwrap()


class Plain:
    """A server that answers a ClientHello with something else."""

    def __init__(self, answer):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.answer = answer
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            sock, _ = self.listener.accept()
            # nothing is left unread, or the close would be a reset
            sock.recv(65536)
            if self.answer is None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                sock.sendall(self.answer)
            sock.close()


def session(
    host,
    peer,
    expected,
    says="",
    ca=None,
    alert=None,
    server_name=None,
    server_alert=None,
    end=Status.CLOSED,
    os_errno=None,
    **settings,
):
    """The complaints about one session. says: what the message must match; alert: what the library reports;
    server_name: the SNI the server must have seen ("" for none); server_alert: what the server must have been told."""
    complaints = []

    def equal(what, got, wanted):
        if got != wanted:
            complaints.append(f"{what}: expected {wanted!r}, got {got!r}")

    if ca is not None:
        settings["add_tls_ca_file"] = ca.encode()
    if isinstance(peer, Server):
        peer.finished.clear()
    try:
        with Session(f"wss://{host}:{peer.port}/", set_handshake_timeout_ms=HANG_S * 1000, **settings) as s:
            equal("ws_connect", Status.OK, expected)
            equal("ws_recv", s.recv(HANG_S * 1000), (Status.OK, "hello"))
            if end == Status.CLOSED:
                equal("ws_close", s.close(1000), Status.OK)
            equal("the end", s.recv(HANG_S * 1000)[0], end)
            equal("ws_wait_closed out of time", s.wait_closed(HANG_S * 1000) == Status.TIMEOUT, False)
            if end == Status.CLOSED:
                equal("clean", s.close_info[3], True)
            else:
                equal("remote code", s.close_info[1], 1006)
            message = ""
    except Failure as failure:
        message = failure.message
        equal("ws_connect", failure.status, expected)
        equal("phase", failure.phase, Phase.TLS)
        if not re.search(says, message):
            complaints.append(f"the message does not say {says}: {message}")
        if alert is not None:
            equal("ws_error_tls_alert", failure.tls_alert, alert)
        if os_errno is not None:
            equal("ws_error_os_errno", failure.os_errno, os_errno)
    if isinstance(peer, Server):
        if not peer.finished.wait(HANG_S):
            complaints.append("the server did not see the end of the connection")
        if server_name is not None:
            equal("server name the server saw", peer.server_name or "", server_name)
        if server_alert is not None and not re.search(server_alert, str(peer.error)):
            complaints.append(f"the server was told {peer.error}, expected {server_alert}")
        if expected == Status.OK and end == Status.CLOSED:
            equal("trouble of the server", peer.error, None)
        elif expected != Status.OK:
            equal("HTTP bytes the server got", peer.request, None)
    return complaints, message


def cases(directory):
    ca, other_ca = trustme.CA(), trustme.CA()
    ca_file, other_file, both_file = (os.path.join(directory, name) for name in ("ca.pem", "other.pem", "both.pem"))
    ca.cert_pem.write_to_path(ca_file)
    other_ca.cert_pem.write_to_path(other_file)
    with open(both_file, "wb") as both:
        both.write(b"# two authorities\n" + other_ca.cert_pem.bytes() + b"\n" + ca.cert_pem.bytes())
    pem = ca.cert_pem.bytes()

    good = Server(ca.issue_cert("localhost", "127.0.0.1"))
    name_only = Server(ca.issue_cert("localhost"))
    other_host = Server(ca.issue_cert("other.test"))
    wildcard = Server(ca.issue_cert("*.other.test"))
    expired = Server(ca.issue_cert("localhost", not_before=NOW - 30 * DAY, not_after=NOW - DAY))
    not_yet = Server(ca.issue_cert("localhost", not_before=NOW + DAY, not_after=NOW + 30 * DAY))
    rsa = Server(ca.issue_cert("localhost", key_type=trustme.KeyType.RSA))
    chain = Server(ca.create_child_ca().create_child_ca().issue_cert("localhost"))
    leaf = ca.create_child_ca().issue_cert("localhost")
    leaf.private_key_and_cert_chain_pem = trustme.Blob(leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes())
    leaf_only = Server(leaf)
    tls12 = Server(ca.issue_cert("localhost"), versions=ONLY_1_2)
    tls13 = Server(ca.issue_cert("localhost"), versions=ONLY_1_3)
    tls11 = Server(
        ca.issue_cert("localhost"), ciphers="ALL:@SECLEVEL=0", versions=(TLSVersion.TLSv1, TLSVersion.TLSv1_1)
    )
    mutual12 = Server(ca.issue_cert("localhost"), client_ca=ca, versions=ONLY_1_2)
    mutual13 = Server(ca.issue_cert("localhost"), client_ca=ca, versions=ONLY_1_3)
    cut = Server(ca.issue_cert("localhost"), cut=True)

    OK, TLS, CERTIFICATE = Status.OK, Status.TLS, Status.TLS_CERTIFICATE
    yield "authority from a file", session("localhost", good, OK, ca=ca_file, server_name="localhost")
    yield "no server name for an address", session("127.0.0.1", good, OK, ca=ca_file, server_name="")
    yield "authority from a file of two", session("localhost", good, OK, ca=both_file)
    yield "authority from memory", session("localhost", good, OK, add_tls_ca_pem=(pem, len(pem)))
    yield "RSA", session("localhost", rsa, OK, ca=ca_file)
    yield "two intermediates", session("localhost", chain, OK, ca=ca_file)
    yield (
        "wildcard",
        session("127.0.0.1", wildcard, OK, ca=ca_file, set_tls_server_name=b"a.other.test", server_name="a.other.test"),
    )
    yield "TLS 1.2", session("localhost", tls12, OK, ca=ca_file)
    yield "TLS 1.3", session("localhost", tls13, OK, ca=ca_file)
    yield (
        "server name override",
        session("127.0.0.1", other_host, OK, ca=ca_file, set_tls_server_name=b"other.test", server_name="other.test"),
    )

    yield (
        "authority not in the system's store",
        session("localhost", good, CERTIFICATE, server_alert="UNKNOWN_CA|CERTIFICATE_UNKNOWN"),
    )
    yield "another authority", session("localhost", good, CERTIFICATE, ca=other_file, server_alert="ALERT")
    yield "missing intermediate", session("localhost", leaf_only, CERTIFICATE, ca=ca_file)
    yield "wrong host", session("localhost", other_host, CERTIFICATE, "localhost", ca=ca_file, server_alert="ALERT")
    yield "wrong address", session("127.0.0.1", name_only, CERTIFICATE, r"127\.0\.0\.1", ca=ca_file)
    yield (
        "wrong server name override",
        session(
            "localhost",
            good,
            CERTIFICATE,
            r"other\.test",
            ca=ca_file,
            set_tls_server_name=b"other.test",
            server_name="other.test",
        ),
    )
    yield (
        "wildcard for two labels",
        session("127.0.0.1", wildcard, CERTIFICATE, ca=ca_file, set_tls_server_name=b"a.b.other.test"),
    )
    yield "expired", session("localhost", expired, CERTIFICATE, "expired", ca=ca_file, server_alert="EXPIRED")
    yield "not yet valid", session("localhost", not_yet, CERTIFICATE, "(?i)not (yet )?valid", ca=ca_file)

    yield "host check off, wrong host", session("localhost", other_host, OK, ca=ca_file, set_tls_verify=(1, 0))
    yield (
        "host check off, wrong authority",
        session("localhost", other_host, CERTIFICATE, ca=other_file, set_tls_verify=(1, 0)),
    )
    yield "host check off, expired", session("localhost", expired, CERTIFICATE, ca=ca_file, set_tls_verify=(1, 0))
    yield "verification off, unknown authority", session("localhost", good, OK, set_tls_verify=(0, 0))
    yield "verification off, wrong host", session("localhost", other_host, OK, set_tls_verify=(0, 0))
    yield "verification off, expired", session("localhost", expired, OK, set_tls_verify=(0, 0))
    yield "off for one configuration only", session("localhost", good, CERTIFICATE)

    yield "only TLS 1.1", session("localhost", tls11, TLS, ca=ca_file, alert=70)
    yield "client certificate wanted, TLS 1.2", session("localhost", mutual12, TLS, ca=ca_file)
    yield "client certificate wanted, TLS 1.3", session("localhost", mutual13, TLS, ca=ca_file, alert=116)
    yield "a plain server", session("localhost", Plain(b"HTTP/1.1 400 Bad Request\r\n\r\n"), TLS, ca=ca_file)
    yield "an alert at once", session("localhost", Plain(b"\x15\x03\x03\x00\x02\x02\x28"), TLS, ca=ca_file, alert=40)
    yield "FIN instead of a ServerHello", session("localhost", Plain(b""), Status.IO, ca=ca_file)
    yield (
        "RST instead of a ServerHello",
        session("localhost", Plain(None), Status.IO, ca=ca_file, os_errno=errno.ECONNRESET),
    )
    yield "FIN without close_notify", session("localhost", cut, OK, ca=ca_file, end=Status.CLOSED_ABNORMALLY)

    config = lib.ws_config_new()
    for name, arguments in {
        "no such file": ("file", os.path.join(directory, "absent.pem").encode()),
        "a file without certificates": ("file", __file__.encode()),
        "text that is not PEM": ("pem", b"not a certificate", 17),
        "an empty text": ("pem", b"", 0),
    }.items():
        status = Status(getattr(lib, "ws_config_add_tls_ca_" + arguments[0])(config, *arguments[1:]))
        yield (
            f"authorities from {name}",
            (
                [] if status != Status.OK else ["expected to be refused, got OK"],
                status.name,
            ),
        )
    lib.ws_config_free(config)


def main():
    verbose = "-v" in sys.argv
    passed = failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for name, (complaints, message) in cases(directory):
            if complaints:
                failed += 1
                print(f"FAILED {name}")
                for complaint in complaints:
                    print("    " + complaint)
                print(f"    message: {message}")
            else:
                passed += 1
                if verbose:
                    print(f"ok     {name}" + (f"\n       {message}" if message else ""))
            sys.stdout.flush()
    status = shutdown(HANG_S * 1000)
    if status != Status.OK:
        failed += 1
        print(f"FAILED ws_shutdown: {status.name}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
