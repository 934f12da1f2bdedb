"""The options of TLS."""

import base64
import datetime
import hashlib
import os
import ssl

import trustme
from certificates import AUTHORITY, server_context
from checking import equal, true
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from tool import CERTIFICATE, TLS, USAGE, directory, file_with, has, run
from web import Server, opens, redirects

HELLO = ("-m", "hello")


def authority_file(path):
    name = os.path.join(path, "ca.pem")
    AUTHORITY.cert_pem.write_to_path(name)
    return name


def key_and_certificate():
    leaf = AUTHORITY.issue_cert("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return leaf, x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()), context


def test_an_authority_of_a_file_or_a_directory():
    with directory() as path, Server(tls=server_context("localhost"), host="localhost") as server:
        name = authority_file(path)
        equal("output", run(*HELLO, "--cacert", name, server.url()).out, b"hello\n")
        run(*HELLO, "--capath", path, server.url())
        run(*HELLO, server.url(), status=CERTIFICATE)


def test_any_certificate():
    with Server(tls=server_context("other.example"), host="localhost") as server:
        for option in ("-k", "--insecure"):
            run(*HELLO, option, server.url())


def test_another_name():
    with directory() as path, Server(tls=server_context("other.example"), host="localhost") as server:
        name = authority_file(path)
        run(*HELLO, "--cacert", name, server.url(), status=CERTIFICATE)
        run(*HELLO, "--cacert", name, "--tls-name", "other.example", server.url())


def test_a_revoked_certificate():
    leaf, certificate, context = key_and_certificate()
    key = serialization.load_pem_private_key(AUTHORITY.private_key_pem.bytes(), None)
    issuer = x509.load_pem_x509_certificate(AUTHORITY.cert_pem.bytes())
    now = datetime.datetime.now(datetime.timezone.utc)

    def list_of(*serials):
        builder = x509.CertificateRevocationListBuilder(issuer.subject, now, now + datetime.timedelta(days=1))
        for serial in serials:
            revoked = x509.RevokedCertificateBuilder(serial, now).build()
            builder = builder.add_revoked_certificate(revoked)
        aki = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        builder = builder.add_extension(x509.CRLNumber(1), False).add_extension(aki, False)
        return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    with directory() as path, Server(tls=context, host="localhost") as server:
        name = authority_file(path)
        with file_with(list_of(certificate.serial_number + 1)) as other:
            run(*HELLO, "--cacert", name, "--crl", other, server.url())
        with file_with(list_of(certificate.serial_number)) as ours:
            has("the error", run(*HELLO, "--cacert", name, "--crl", ours, server.url(), status=CERTIFICATE).err, "revoked")


def test_a_certificate_of_the_client():
    context = server_context("localhost")
    context.verify_mode = ssl.CERT_REQUIRED
    AUTHORITY.configure_trust(context)
    # TLS 1.3 refuses only after the client is done
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    client = AUTHORITY.issue_cert("client")
    with directory() as path, Server(tls=context, host="localhost") as server:
        trust = ["--cacert", authority_file(path)]
        certificate, key, both = (os.path.join(path, name) for name in ("client.pem", "client.key", "both.pem"))
        client.cert_chain_pems[0].write_to_path(certificate)
        client.private_key_pem.write_to_path(key)
        client.private_key_and_cert_chain_pem.write_to_path(both)
        run(*HELLO, *trust, "--cert", certificate, "--key", key, server.url())
        run(*HELLO, *trust, "--cert", both, server.url())
        run(*HELLO, *trust, server.url(), status=TLS)
        other = os.path.join(path, "other.key")
        trustme.CA().issue_cert("client").private_key_pem.write_to_path(other)
        run("--cert", certificate, "--key", other, server.url(), status=USAGE)
        run("--cert", certificate, server.url(), status=USAGE)


def test_the_lowest_version():
    context = server_context("localhost")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with directory() as path, Server(tls=context, host="localhost") as server:
        trust = ["--cacert", authority_file(path)]
        run(*HELLO, *trust, "--tls-min", "1.2", server.url())
        run(*HELLO, *trust, "--tls-min", "1.3", server.url(), status=TLS)


def test_protocols_within_tls():
    context = server_context("localhost")
    context.set_alpn_protocols(["chat"])
    chosen = []

    def script(request):
        chosen.append(request.wire.sock.selected_alpn_protocol())
        return opens()

    with directory() as path, Server(script, tls=context, host="localhost") as server:
        trust = ["--cacert", authority_file(path)]
        run(*HELLO, *trust, "--alpn", "http/1.1,chat", server.url())
        run(*HELLO, *trust, "--alpn", "", server.url())
        equal("protocols", chosen, ["chat", None])
        run("--alpn", "h2", server.url(), status=USAGE)


def test_a_pinned_key():
    _, certificate, context = key_and_certificate()
    info = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pin = base64.b64encode(hashlib.sha256(info).digest()).decode()
    other = base64.b64encode(bytes(32)).decode()
    with directory() as path, Server(tls=context, host="localhost") as server:
        trust = ["--cacert", authority_file(path)]
        for pins in (["--pin", pin], ["--pin", f"sha256//{pin}"], ["--pin", other, "--pin", pin]):
            run(*HELLO, *trust, *pins, server.url())
        run(*HELLO, *trust, "--pin", other, server.url(), status=CERTIFICATE)
        run(*HELLO, "-k", "--pin", other, server.url(), status=CERTIFICATE)


def test_a_log_of_keys():
    with directory() as path, Server(tls=server_context("localhost"), host="localhost") as server:
        log = os.path.join(path, "keys")
        run(*HELLO, "--cacert", authority_file(path), "--keylog", log, server.url())
        with open(log, encoding="ascii") as f:
            has("the log", f.read(), "CLIENT_TRAFFIC_SECRET_0 ")
        run("--keylog", "/no/such/file", server.url(), status=USAGE)


def test_a_resumed_session_of_tls_is_told():
    script = {"/": redirects("/again"), "/again": opens()}
    with directory() as path, Server(script, tls=server_context("localhost"), host="localhost") as server:
        trust = ["--json", "--cacert", authority_file(path)]
        equal("redirected", run(*HELLO, *trust, "-L", server.url()).event("opened")["tls_resumed"], True)
        equal("directly", run(*HELLO, *trust, server.url("/again")).event("opened")["tls_resumed"], False)


def test_the_time_of_tls_is_told():
    with directory() as path, Server(tls=server_context("localhost"), host="localhost") as server:
        opened = run(*HELLO, "--json", "--cacert", authority_file(path), server.url()).event("opened")
    timings = opened["timings_ms"]
    true("TLS takes time", timings["tls"] > 0, timings)
    parts = sum(timings[name] for name in ("resolve", "connect", "proxy", "tls", "handshake"))
    equal("the sum", round(parts, 3), timings["total"])
