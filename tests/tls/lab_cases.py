"""The cases of the lab: a server, and what must become of a connection to it."""

import dataclasses
import errno

import lab_server
from api import TLS_1_3
from ktorws_ctypes import Phase, Status
from lab_server import V1_0, V1_1, V1_2, V1_3

WEAK = "ALL:@SECLEVEL=0"
ONLY_1_2, ONLY_1_3 = (V1_2, V1_2), (V1_3, V1_3)
# Alerts of certificates, as OpenSSL tells of them.
OF_A_CERTIFICATE = "ALERT_(BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA)$"
UNKNOWN_CA, EXPIRED, REVOKED = "ALERT_UNKNOWN_CA$", "ALERT_CERTIFICATE_EXPIRED$", "ALERT_CERTIFICATE_REVOKED$"
# What is no TLS at all, and what only looks like it.
PLAIN_HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
GARBAGE = bytes(range(7, 256, 5)) * 2
HANDSHAKE_OF_GARBAGE = b"\x16\x03\x03\x00\x40" + b"\x02\x00\x00\x3c" + GARBAGE[:60]
# A ServerHello of TLS 1.1 without extensions: TLS_RSA_WITH_AES_128_CBC_SHA.
HELLO_1_1 = bytes.fromhex("160302002a020000260302") + bytes(32) + bytes.fromhex("00002f00")


def alert(number):
    return bytes((21, 3, 3, 0, 2, 2, number))


@dataclasses.dataclass
class Case:
    name: str
    # the server's; None for a server without TLS, which has an answer instead
    certificate: str = None
    answer: object = None
    # for lab_server.context and lab_server.Server
    context: dict = dataclasses.field(default_factory=dict)
    then: callable = lab_server.orderly
    host: str = "localhost"
    # takes the lab, returns settings of the client
    settings: callable = lambda _lab: {}
    status: Status = Status.OK
    phase: Phase = Phase.TLS
    errno: int = 0
    # patterns that the message must match; {subject} and the like are Identity.patterns of the server
    says: tuple = ()
    # the alert that the server has sent, as the library tells it
    alert: int = -1
    # the client's alert: as OpenSSL tells it, or, without TLS, its number
    told: object = None
    # how an open session ends
    end: Status = Status.CLOSED
    version: str = None
    alpn: str = None


def opens(name, certificate=None, **more):
    return Case(name, certificate or name, **more)


def refused(name, told, *says, certificate=None, **more):
    """for its certificate"""
    more = {"status": Status.TLS_CERTIFICATE, "says": says, "told": told, **more}
    return Case(name, certificate or name, **more)


def fails(name, certificate, number, *says, **more):
    """TLS cannot be negotiated: the server says so by an alert"""
    return Case(name, certificate, **{"status": Status.TLS, "alert": number, "says": says, **more})


def not_tls(name, answer, status, *says, **more):
    return Case(name, answer=answer, status=status, says=says, **more)


def cut(name, then, end=Status.CLOSED_ABNORMALLY, **more):
    return Case(name, "valid", then=then, end=end, **more)


def resolved(host):
    return lambda _lab: dict(add_resolve=(host.encode(), 0, b"127.0.0.1"))


def with_client(name):
    return lambda lab: dict(set_tls_client_cert_file=(lab.path(f"{name}.pem").encode(), None))


def with_crl(lab):
    return dict(add_tls_crl_file=lab.crl)


GOOD = [
    opens("valid"),
    opens("valid-ip", "valid", host="127.0.0.1"),
    opens("valid-ip6", "valid", host="[::1]"),
    opens("case-of-names"),
    # neither asked for nor checked with the dot
    opens("valid-dot", "valid", host="localhost.", settings=resolved("localhost.")),
    opens("rsa"),
    opens("rsa4096"),
    opens("p384"),
    opens("ed25519"),
    opens("chain"),
    opens("chain-with-root"),
    opens("chain-extra"),
    opens("chain-long"),
    opens("chain-long/1.2", "chain-long", context=dict(versions=ONLY_1_2)),
    opens("no-usage"),
    opens("wildcard", host="a.lab.test", settings=resolved("a.lab.test")),
    opens("tls12", "rsa", context=dict(versions=ONLY_1_2), version="TLSv1.2"),
    opens("tls13", "valid", context=dict(versions=ONLY_1_3), version="TLSv1.3"),
    opens("sni-only", "valid", context=dict(name="localhost")),
    opens("sni-none", "valid", host="127.0.0.1", context=dict(name="")),
    # h2 is not offered, so that the server has nothing to pick
    opens("alpn-h2", "valid", context=dict(alpn=["h2"]), alpn=""),
    opens("alpn-h1", "valid", context=dict(alpn=["h2", "http/1.1"]), alpn="http/1.1"),
]

NAMES = [
    refused(
        "wildcard-deep",
        OF_A_CERTIFICATE,
        r"a\.b\.lab\.test",
        r"\*\.lab\.test",
        "{subject}",
        certificate="wildcard",
        host="a.b.lab.test",
        settings=resolved("a.b.lab.test"),
    ),
    refused(
        "wildcard-bare",
        OF_A_CERTIFICATE,
        r"[^.]lab\.test",
        r"\*\.lab\.test",
        "{subject}",
        certificate="wildcard",
        host="lab.test",
        settings=resolved("lab.test"),
    ),
    refused("wildcard-partial", OF_A_CERTIFICATE, "{subject}", host="www.lab.test", settings=resolved("www.lab.test")),
    refused("wildcard-alone", OF_A_CERTIFICATE, "{subject}"),
    refused("wrong-host", OF_A_CERTIFICATE, r"\blocalhost\b", r"other\.test", r"also\.test", "{subject}"),
    refused("odd-subject", OF_A_CERTIFICATE, "lines", r"other\.test"),
    refused("many-names", OF_A_CERTIFICATE, r"0\.other\.test", "{subject}"),
    refused("suffix-host", OF_A_CERTIFICATE, r"\blocalhost\b(?!\.evil)", r"localhost\.evil\.test", "{subject}"),
    refused("wrong-ip", OF_A_CERTIFICATE, r"127\.0\.0\.1", r"127\.0\.0\.2", "{subject}", host="127.0.0.1"),
    # that it is for 127.0.0.1, and not for 127.0.0.1, needs a word more
    refused("ip-as-dns", OF_A_CERTIFICATE, r"127\.0\.0\.1", r"(?i)\bDNS\b|address", "{subject}", host="127.0.0.1"),
    refused("cn-only", OF_A_CERTIFICATE, r"\blocalhost\b", r"(?i)\bno\b"),
]

# It is the one at fault, and the leaf is not.
OF_THE_INTERMEDIATE = ("{chain_subject}", r"\A(?!.*{subject})")

TRUST = [
    refused("expired", EXPIRED, "(?i)expired", "{subject}", "{after}"),
    refused("not-yet", EXPIRED, "(?i)not (yet )?valid", "{subject}", "{before}"),
    refused("expired-intermediate", EXPIRED, "(?i)expired", *OF_THE_INTERMEDIATE, "{chain_after}"),
    refused("no-intermediate", UNKNOWN_CA, "{subject}", "{issuer}"),
    refused("self-signed", UNKNOWN_CA, "{subject}", "(?i)trust|unknown|self-signed"),
    refused("untrusted", UNKNOWN_CA, "{issuer}", "(?i)trust|unknown"),
    # issued by another root of the same name
    refused("same-name", "ALERT", "{subject}", "(?i)signature|key|trust|known"),
    refused("leaf-as-ca", OF_A_CERTIFICATE, "{issuer}"),
    refused("name-constraint", OF_A_CERTIFICATE, "(?i)constrain|permit|not allowed"),
    refused("path-length", OF_A_CERTIFICATE, "(?i)path|depth|length"),
    refused("critical-extension", OF_A_CERTIFICATE, "{subject}", "(?i)critical.*extension"),
    refused("wrong-usage", OF_A_CERTIFICATE, "{subject}", "(?i)usage|purpose|server"),
    refused("sha1", "ALERT", "{subject}|{issuer}", "(?i)signature|SHA-?1|algorithm", context=dict(ciphers=WEAK)),
    refused("rsa1024", "ALERT", "{subject}", "RSA key of 1024 bits", "not supported", context=dict(ciphers=WEAK)),
    refused("version-1", "ALERT", "{subject}|subject", "(?i)version"),
    opens("revoked"),
    refused("revoked/crl", REVOKED, "(?i)revoked", "{subject}", certificate="revoked", settings=with_crl),
    # what is not on the list
    opens("valid/crl", "valid", settings=with_crl),
    refused("revoked-chain", REVOKED, "(?i)revoked", *OF_THE_INTERMEDIATE, settings=with_crl),
    refused(
        "revoked-under-chain",
        REVOKED,
        "(?i)revoked",
        "{subject}",
        settings=lambda lab: dict(add_tls_crl_file=lab.chain_crl),
    ),
    # of authorities without a list none is
    opens("chain/crl-of-others", "chain", settings=with_crl),
    opens("chain/crl", "chain", settings=lambda lab: dict(add_tls_crl_file=lab.chain_crl)),
]


def mutual(name, versions, without, unknown):
    server = dict(certificate="valid", context=dict(versions=versions, client_ca=True))
    return [
        Case(name, settings=with_client("client"), **server),
        Case(f"{name}/without", status=Status.TLS, alert=without[0], says=without[1:], **server),
        Case(
            f"{name}/unknown",
            status=Status.TLS,
            alert=unknown,
            says=("(?i)unknown.?ca",),
            settings=with_client("client-unknown"),
            **server,
        ),
    ]


NEGOTIATION = [
    *mutual("mtls", ONLY_1_3, (116, "(?i)certificate.?required"), 48),
    *mutual("mtls12", ONLY_1_2, (40, "(?i)handshake.?failure"), 48),
    fails("tls10", "rsa", 70, "(?i)version", context=dict(versions=(V1_0, V1_0), ciphers=WEAK)),
    fails("tls11", "rsa", 70, "(?i)version", context=dict(versions=(V1_1, V1_1), ciphers=WEAK)),
    fails(
        "tls12/minimum",
        "rsa",
        70,
        "(?i)version",
        context=dict(versions=ONLY_1_2),
        settings=lambda _lab: dict(set_tls_min_version=TLS_1_3),
    ),
    fails("null-cipher", "rsa", 40, context=dict(versions=ONLY_1_2, ciphers="NULL-SHA256:@SECLEVEL=0")),
    # Two that are not known to the library: suites with CBC, and keys on P-521.
    fails("cbc-only", "rsa", 40, context=dict(versions=ONLY_1_2, ciphers="AES128-SHA:@SECLEVEL=0")),
    fails("p521", "p521", 40),
]

ENDS = [
    opens("no-close-notify-behind-close", "valid", then=lab_server.no_close_notify),
    cut("no-close-notify", lab_server.cut_fin),
    cut("no-close-notify/1.2", lab_server.cut_fin, context=dict(versions=ONLY_1_2)),
    cut("cut-rst", lab_server.cut_reset, end=Status.IO),
    cut("notify-no-ws-close", lab_server.cut_notify),
]

NOT_TLS = [
    not_tls("plain-http", PLAIN_HTTP, Status.TLS, told="any"),
    not_tls("alert", alert(40), Status.TLS, "(?i)handshake.?failure", alert=40),
    not_tls("alert/no-application-protocol", alert(120), Status.TLS, "(?i)application.?protocol", alert=120),
    not_tls("alert/unrecognized-name", alert(112), Status.TLS, "(?i)unrecogni[sz]ed.?name", alert=112),
    not_tls("garbage", GARBAGE, Status.TLS, told="any"),
    not_tls("garbage/handshake", HANDSHAKE_OF_GARBAGE, Status.TLS, told="any"),
    not_tls("server-hello-of-1.1", HELLO_1_1, Status.TLS, told=70),
    not_tls("fin", b"", Status.IO),
    not_tls("rst", "rst", Status.IO, errno=errno.ECONNRESET),
    not_tls(
        "stall",
        None,
        Status.TIMEOUT,
        "(?i)TLS",
        r"\b400\b",
        settings=lambda _lab: dict(set_handshake_timeout_ms=400),
    ),
    not_tls(
        "stall/tls-timeout",
        None,
        Status.TIMEOUT,
        "(?i)TLS",
        r"\b300\b",
        settings=lambda _lab: dict(set_tls_timeout_ms=300),
    ),
]

CASES = GOOD + NAMES + TRUST + NEGOTIATION + ENDS + NOT_TLS
