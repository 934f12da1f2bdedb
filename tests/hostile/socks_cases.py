"""SOCKS5 proxies."""

import errno

from case import KIB
from ktorws_ctypes import Phase, Status
from proxy_case import IMPATIENT_WITH_PROXY, LOGIN, Proxied, failed, held_up, spoilt, tunnelled
from socks_faults import CUT, NOT_HTTP, REPLIES, UNKNOWN_KINDS

MOST_POURED = 16 * KIB * KIB
LITTLE = 2 * KIB
TLS_RECORD = "\x16\x03.*"
COMMON = dict(proxy="socks5h://127.0.0.1:{socks}")


def at_port(make, name, *says, **more):
    """the fault comes before the request"""
    port = "{socks/" + name + "}"
    return make("/socks/" + name, *says, **{"proxy": f"socks5h://127.0.0.1:{port}", "target": False, **more})


def greeted(make, name, *says, **more):
    return at_port(make, "greeting-" + name, *says, **more)


def logging_in(make, name, *says, **more):
    return at_port(make, "login-" + name, *says, **{"login": LOGIN, "logged_in": True, **more})


def replied(make, name, *says, **more):
    return make("/socks/" + name, *says, **COMMON, **more)


# What a code means (RFC 1928 section 6), or its number.
MEANINGS = {
    1: "general|failure",
    2: "ruleset|rule|allowed|permitted|forbid",
    3: "[Nn]etwork",
    4: "[Hh]ost",
    5: "refused",
    6: "TTL|time to live",
    7: r"[Cc]ommand|\b7\b",
    8: "[Aa]ddress",
    9: r"\b9\b|0x0?9",
    90: r"\b90\b|0x5a",
    255: r"\b255\b|0x(ff|FF)",
}
AUTH = dict(connect=(Status.PROXY_AUTH,))
# Not what was offered, but plainly about a login.
EITHER = dict(connect=(Status.PROXY, Status.PROXY_AUTH))

CASES = [
    # the greeting
    *(
        greeted(failed, name)
        for name in ("version-4", "version-0", "socks4-reply", "cut-0", "cut-1", "http", *NOT_HTTP)
    ),
    greeted(failed, "rst", errno=errno.ECONNRESET),
    greeted(failed, "refused", **AUTH),
    greeted(failed, "refused-kept", **AUTH),
    greeted(failed, "refused-login", login=LOGIN, **AUTH),
    greeted(failed, "wants-login", **EITHER),
    greeted(failed, "wants-gssapi", login=LOGIN, **EITHER),
    greeted(failed, "wants-unknown", login=LOGIN, **EITHER),
    greeted(failed, "endless", poured=MOST_POURED, alone=LITTLE),
    greeted(held_up, "silent"),
    greeted(held_up, "silent-proxy-timeout", config=IMPATIENT_WITH_PROXY),
    greeted(held_up, "half"),
    # the login
    logging_in(failed, "refused", **AUTH),
    logging_in(failed, "refused-255", **AUTH),
    logging_in(failed, "refused-kept", **AUTH),
    # no success, whatever it is
    logging_in(failed, "version-0", connect=(Status.OK, Status.PROXY, Status.PROXY_AUTH), rest=".*"),
    logging_in(failed, "cut-0", **EITHER),
    logging_in(failed, "cut-1", **EITHER),
    logging_in(held_up, "silent"),
    logging_in(held_up, "half"),
    # a password that nobody asks for stays here
    at_port(tunnelled, "login-unneeded", login=LOGIN, target=True),
    at_port(tunnelled, "all-byte-by-byte", login=LOGIN, logged_in=True, target=True),
    # resolved here, and so the proxy gets an address
    at_port(tunnelled, "by-address", proxy="socks5://127.0.0.1:{socks/by-address}", target=True),
    # the reply
    *(replied(tunnelled, name) for name in REPLIES),
    *(replied(tunnelled, "early-" + name, inner="/tunnel/rest") for name in (*REPLIES, "interim")),
    replied(tunnelled, "byte-by-byte", inner="/tunnel/rest"),
    replied(tunnelled, "ipv4", variant="login", login=LOGIN, logged_in=True),
    replied(
        tunnelled, "ipv6", variant="echo", inner="/handshake/echo", act="echo", sent=["a", b"\0" * 70000], messages=None
    ),
    *(
        replied(spoilt, name)
        for name in ("early-garbage", "early-zero", "replied-twice", "tunnel-fin", "tunnel-tls-alert")
    ),
    replied(spoilt, "tunnel-endless", poured=MOST_POURED, alone=LITTLE),
    replied(spoilt, "tunnel-answers-404", "404", connect=(Status.HANDSHAKE_STATUS,), http=(404, b"server")),
    replied(held_up, "tunnel-silent", phase=Phase.HANDSHAKE, rest="GET .*"),
    replied(held_up, "tunnel-silent", variant="tls", scheme="wss", phase=Phase.TLS, rest=TLS_RECORD),
    *(
        replied(spoilt, name, variant="tls", scheme="wss", rest=TLS_RECORD, connect=(status,), phase=(Phase.TLS,))
        for name, status in (("tunnel-fin", Status.IO), ("tunnel-tls-alert", Status.TLS))
    ),
    # refusals
    *(replied(failed, f"code-{code}", meaning) for code, meaning in MEANINGS.items()),
    replied(failed, "code-5", MEANINGS[5], variant="login", login=LOGIN, logged_in=True),
    replied(failed, "code-5", MEANINGS[5], variant="tls", scheme="wss"),
    replied(failed, "code-5-kept", MEANINGS[5]),
    replied(failed, "code-5-domain", MEANINGS[5]),
    replied(failed, "code-5-unknown-kind"),
    replied(failed, "code-5-alone"),
    *(replied(failed, f"kind-{kind}", proxy_ended=("fin", "rst", "tunnel")) for kind in UNKNOWN_KINDS),
    *(replied(failed, f"version-{version}", proxy_ended=("fin", "rst", "tunnel")) for version in (0, 1, 4)),
    # cut off at every byte, or held there
    *(replied(failed, f"cut-{name}-{size}") for name, data in CUT.items() for size in range(len(data))),
    *(replied(held_up, f"half-{name}-{size}") for name, data in CUT.items() for size in range(len(data))),
    replied(failed, "http"),
    replied(failed, "rst", errno=errno.ECONNRESET),
    replied(failed, "rst-in-the-reply", errno=errno.ECONNRESET),
    replied(held_up, "silent"),
    replied(held_up, "silent", variant="proxy-timeout", config=IMPATIENT_WITH_PROXY),
    # before the greeting
    *(
        Proxied(
            "/no-socks/" + name,
            proxy="socks5://127.0.0.1:{" + port + "}",
            asked=False,
            connect=(Status.PROXY,),
            phase=(Phase.PROXY, Phase.CONNECT),
        )
        for name, port in (("fin", "at-accept/fin"), ("rst", "at-accept/rst"), ("ssh", "at-accept/ssh"))
    ),
    failed(
        "/no-socks/refused",
        proxy="socks5h://127.0.0.1:{refused}",
        login=LOGIN,
        asked=False,
        phase=(Phase.CONNECT,),
        errno=errno.ECONNREFUSED,
    ),
    failed("/no-socks/unresolvable", proxy="socks5h://" + 64 * "a" + ".invalid:1", asked=False, phase=(Phase.RESOLVE,)),
]
