#!/usr/bin/env python3
"""client_certificate.c against servers that ask for a certificate."""

import base64
import hashlib
import os
import ssl
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[1:1] = [TESTS, os.path.join(TESTS, "behaviours"), os.path.join(TESTS, "proxies")]
import trustme
from checking import HANG_S, equal
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from harness import contains, main
from websockets.sync.server import serve


def echo(connection):
    for message in connection:
        connection.send(message)


def start_server(authority, certificate, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    certificate.configure_cert(context)
    server = serve(echo, "127.0.0.1", 0, ssl=context)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"wss://127.0.0.1:{server.socket.getsockname()[1]}/"


def pin_of(issued):
    key = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes()).public_key()
    subject = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(subject).digest()).decode()


def check(environment, program):
    def files(name, issued):
        certificate = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        return (
            environment.file(name + ".pem", certificate),
            environment.file(name + ".key", issued.private_key_pem.bytes()),
        )

    authority, stranger = trustme.CA(), trustme.CA()
    ca = environment.file("ca.pem", authority.cert_pem.bytes())
    other_ca = environment.file("other_ca.pem", stranger.cert_pem.bytes())
    server = authority.issue_cert("127.0.0.1")
    certificate, key = files("client", authority.issue_cert("client@example.test"))
    foreign, foreign_key = files("foreign", stranger.issue_cert("client@example.test"))
    pin, other_pin = pin_of(server), pin_of(authority.issue_cert("127.0.0.1"))

    def run(*arguments):
        ended = subprocess.run([*program, *arguments], capture_output=True, text=True, timeout=HANG_S)
        return ended.returncode, ended.stdout, ended.stderr

    def refused(what, arguments, *parts):
        status, out, error = run(*arguments)
        equal(what, (status, out), (1, ""))
        contains(what, error, *parts)

    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        url = start_server(authority, server, version)
        equal("all is right", run(url, ca, certificate, key, pin), (0, "hello\n", ""))
        refused("another pin", (url, ca, certificate, key, other_pin), "WS_ERR_TLS_CERTIFICATE", pin, "CA_FILE and PIN")
        # under valgrind each run takes a second
        if len(program) > 1:
            return
        refused(
            "another authority", (url, other_ca, certificate, key, pin), "WS_ERR_TLS_CERTIFICATE", "CA_FILE and PIN"
        )
        refused(
            "a certificate of somebody else's",
            (url, ca, foreign, foreign_key, pin),
            "WS_ERR_TLS: ",
            "TLS alert 48: look at CERTIFICATE_FILE",
        )
    refused("another key", (url, ca, certificate, foreign_key, pin), "ws_config_set_tls_client_cert_file: ")
    refused("no authority", (url, key, certificate, key, pin), "ws_config_add_tls_ca_file: ")
    refused("no pin", (url, ca, certificate, key, "AAAA"), "ws_config_add_tls_pin_sha256: ", "SHA-256")
    equal("usage", run(url)[0], 2)


if __name__ == "__main__":
    sys.exit(main(check))
