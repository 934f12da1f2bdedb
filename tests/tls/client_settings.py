"""Certificates of clients."""

from cryptography.hazmat.primitives import serialization

from checking import equal
from identities import FORMAT
from ktorws_ctypes import Status
from lab_client import configured
from lab_server import V1_2, V1_3
from settings import invalid, refusal, serving, setting, visit

NUL_TERMINATED = (1 << 64) - 1
PKCS8, TRADITIONAL = FORMAT.PKCS8, FORMAT.TraditionalOpenSSL
# As `openssl ecparam -genkey` writes them in front of the key: P-256.
EC_PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
# Who, in which form the key is, and how it begins.
FORMS = {
    "PKCS#8, P-256": ("client", PKCS8, b"-----BEGIN PRIVATE KEY"),
    "PKCS#8, P-384": ("client-p384", PKCS8, b"-----BEGIN PRIVATE KEY"),
    "PKCS#8, RSA": ("client-rsa", PKCS8, b"-----BEGIN PRIVATE KEY"),
    "PKCS#8, Ed25519": ("client-ed25519", PKCS8, b"-----BEGIN PRIVATE KEY"),
    "PKCS#1, RSA": ("client-rsa", TRADITIONAL, b"-----BEGIN RSA PRIVATE KEY"),
    "SEC1, P-256": ("client", TRADITIONAL, b"-----BEGIN EC PRIVATE KEY"),
    "SEC1, P-384": ("client-p384", TRADITIONAL, b"-----BEGIN EC PRIVATE KEY"),
}


def wanting(lab, versions=(V1_2, V1_3)):
    """a server that wants a client's certificate"""
    return serving(lab, versions=versions, client_ca=lab.ca)


def is_seen(lab, server, common, **settings):
    with configured(lab, **settings) as configuration:
        equal("the client the server saw", visit(server, configuration).client, common)


def from_memory(certificate, key):
    return dict(set_tls_client_cert_pem=(certificate, len(certificate), key, len(key)))


@setting("client-cert/from files")
def _(lab):
    for name, (who, form, beginning) in FORMS.items():
        identity, key = lab[who], lab[who].key_pem(form)
        equal("the key", key[: len(beginning)], beginning)
        paths = lab.write(f"client/{name}.crt", identity.pem), lab.write(f"client/{name}.key", key)
        for versions in ((V1_2, V1_2), (V1_3, V1_3)):
            with wanting(lab, versions) as server:
                is_seen(lab, server, identity.common_name, set_tls_client_cert_file=paths)


@setting("client-cert/from memory")
def _(lab):
    for who, form, _ in FORMS.values():
        identity, key = lab[who], lab[who].key_pem(form)
        with wanting(lab) as server:
            common = identity.common_name
            is_seen(lab, server, common, **from_memory(identity.pem, key))
            is_seen(lab, server, common, set_tls_client_cert_pem=(identity.pem, NUL_TERMINATED, key, NUL_TERMINATED))


@setting("client-cert/both in one")
def _(lab):
    identity = lab["client"]
    contents = {
        "certificate first": identity.pem + identity.key_pem(),
        "key first": identity.key_pem(TRADITIONAL) + identity.pem,
        "parameters and text": EC_PARAMETERS + identity.key_pem(TRADITIONAL) + b"Subject: client one\n" + identity.pem,
        "CRLF": (identity.pem + identity.key_pem()).replace(b"\n", b"\r\n"),
    }
    with wanting(lab) as server:
        for name, content in contents.items():
            path = lab.write(f"client/{name}.pem", content)
            is_seen(lab, server, "client one", set_tls_client_cert_file=(path, None))
            is_seen(lab, server, "client one", set_tls_client_cert_file=(path, path))
            is_seen(lab, server, "client one", set_tls_client_cert_pem=(content, len(content), None, 0))


@setting("client-cert/with its intermediate")
def _(lab):
    path = lab.path("client-chain.pem").encode()
    with wanting(lab) as server:
        is_seen(lab, server, "client chain", set_tls_client_cert_file=(path, None))
        identity = lab["client-chain"]
        is_seen(lab, server, "client chain", **from_memory(identity.pem, identity.key_pem()))


@setting("client-cert/the last one counts, NULL is none")
def _(lab):
    one, two = (lab.path(f"{name}.pem").encode() for name in ("client", "client-two"))
    with wanting(lab, (V1_3, V1_3)) as server:
        with configured(lab, set_tls_client_cert_file=[(one, None), (two, None)]) as configuration:
            equal("the client the server saw", visit(server, configuration).client, "client two")
            configuration.change(set_tls_client_cert_file=(one, None))
            equal("the client the server saw", visit(server, configuration).client, "client one")
            configuration.change(**from_memory(lab["client-two"].pem, lab["client-two"].key_pem()))
            equal("the client the server saw", visit(server, configuration).client, "client two")
            configuration.change(set_tls_client_cert_file=(None, None))
            return refusal(server, configuration, status=Status.TLS, told="")


@setting("client-cert/to each configuration its own")
def _(lab):
    with wanting(lab) as server:
        with configured(lab) as one, configured(lab) as two:
            one.change(set_tls_client_cert_file=(lab.path("client.pem").encode(), None))
            two.change(set_tls_client_cert_file=(lab.path("client-two.pem").encode(), None))
            for _ in range(2):
                equal("the client the server saw", visit(server, one).client, "client one")
                equal("the client the server saw", visit(server, two).client, "client two")


def encrypted_keys(lab):
    yield lab["client"].key_pem(PKCS8, b"secret")
    yield lab["client"].key.private_bytes(
        serialization.Encoding.PEM, TRADITIONAL, serialization.BestAvailableEncryption(b"secret")
    )


@setting("client-cert/that is none")
def _(lab):
    identity, other = lab["client"], lab["client-two"]
    certificate, key = lab.write("client/x.crt", identity.pem), lab.write("client/x.key", identity.key_pem())
    other_key = lab.write("client/other.key", other.key_pem())
    absent, junk = lab.path("absent").encode(), lab.write("client/junk", bytes(range(256)))
    damaged = identity.key_pem().replace(b"M", b"!", 1)
    with wanting(lab) as server, configured(lab, set_tls_client_cert_file=(certificate, key)) as configuration:
        for pair in (
            (certificate, other_key),
            (certificate, None),
            (key, None),
            (certificate, absent),
            (absent, key),
            (absent, None),
            (key, certificate),
            (junk, key),
            (certificate, junk),
            (certificate, lab.directory.encode()),
            (certificate, lab.write("client/damaged.key", damaged)),
            (b"", b""),
        ):
            invalid(configuration, "set_tls_client_cert_file", *pair)
        for certificate_text, key_text in (
            (identity.pem, other.key_pem()),
            (identity.pem, b""),
            (b"", identity.key_pem()),
            (identity.pem, damaged),
            (identity.pem[:-40], identity.key_pem()),
        ):
            sizes = len(certificate_text), len(key_text)
            invalid(configuration, "set_tls_client_cert_pem", certificate_text, sizes[0], key_text, sizes[1])
        invalid(configuration, "set_tls_client_cert_pem", None, 0, None, 0)
        # what was set before is still set
        equal("the client the server saw", visit(server, configuration).client, "client one")


@setting("client-cert/an encrypted key")
def _(lab):
    identity = lab["client"]
    path = lab.write("client/x.crt", identity.pem)
    with wanting(lab) as server, configured(lab) as configuration:
        for number, key in enumerate(encrypted_keys(lab)):
            encrypted = lab.write(f"client/encrypted-{number}.key", key)
            invalid(configuration, "set_tls_client_cert_file", path, encrypted)
            invalid(configuration, "set_tls_client_cert_pem", identity.pem, len(identity.pem), key, len(key))
        refusal(server, configuration, status=Status.TLS, told="")
