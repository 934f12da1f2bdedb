"""HTTP proxies."""

import errno

import connect_faults
from case import KIB
from connect_faults import CHALLENGES, LARGE
from ktorws_ctypes import Phase, Status
from proxy_case import (
    IMPATIENT_WITH_PROXY,
    LOGIN,
    SLOW_CERTAINLY,
    failed,
    held_up,
    refused,
    spoilt,
    tunnelled,
)

BASIC = ['Basic realm="proxy"']
MOST_POURED = 16 * KIB * KIB
# What the process may take for one session that is not to take much.
LITTLE = 2 * KIB
TLS_RECORD = "\x16\x03.*"


def needs_login(name, *challenges, body=b"", **more):
    fields = {"Proxy-Authenticate": list(challenges)}
    return refused("/connect/" + name, 407, body, **{"connect": (Status.PROXY_AUTH,), "fields": fields, **more})


OPEN = """
    ok http-10 content-length content-length-twice transfer-encoding connection-close challenge status-201 status-204
    status-299 reason-missing reason-empty reason-8-bit field-8-bit head-60k slow byte-by-byte interim-100 interim-103
    interim-three
""".split()
WRONG = """
    http-09 http-2 http-lower-case icy no-status-line empty-lines status-20 status-2000 status-plus status-word
    status-000 nul-in-status nul-in-field cr-in-status cr-in-field
""".split()
# Not right, but nothing in the header of a 2xx answer counts.
EITHER_WAY = "no-colon name-empty space-before-colon".split()


def https(make, name, *says, **more):
    """through a proxy that speaks TLS"""
    more = {"proxy": "https://127.0.0.1:{connect-tls}", "trusting": True, "variant": "https", **more}
    return make("/connect/" + name, *says, **more)


def no_tls(name, status, **more):
    return failed(
        "/no-proxy/" + name, **{"asked": False, "trusting": True, "variant": "https", "connect": status, **more}
    )


CASES = [
    *(tunnelled("/connect/" + name) for name in OPEN),
    tunnelled("/connect/folded"),
    # credentials go to whoever wants them, and to the proxy only
    tunnelled("/connect/ok", variant="login", login=LOGIN),
    tunnelled("/connect/ok", variant="no-scheme", proxy="127.0.0.1:{connect}", login=LOGIN),
    *(
        tunnelled("/connect/" + name, inner="/tunnel/rest")
        for name in ("early-answer", "early-behind-interim", "split-in-its-end")
    ),
    tunnelled("/connect/early-interim", inner="/tunnel/rest"),
    # what the server is sent goes through the tunnel as it is
    tunnelled(
        "/connect/ok", variant="echo", inner="/handshake/echo", act="echo", sent=["a", b"\0" * 70000], messages=None
    ),
    tunnelled(
        "/connect/ok", variant="byte-by-byte", inner="/tcp/byte-by-byte", messages=["x" * 300, "abcd"], pongs=["pp"]
    ),
    tunnelled("/connect/auth", variant="login", login=LOGIN, most_asked=2),
    tunnelled("/connect/auth-body", variant="login", login=LOGIN, most_asked=2),
    tunnelled("/connect/auth-close", variant="login", login=LOGIN, most_asked=2),
    # early bytes are the server's: they are not skipped, nor is a body before them
    *(spoilt("/connect/" + name) for name in ("early-garbage", "early-zero", "body", "chunked-body")),
    spoilt(
        "/connect/opened-twice",
        connect=(Status.HANDSHAKE_STATUS,),
        http=(200, None),
    ),
    spoilt("/connect/tunnel-fin"),
    spoilt("/connect/tunnel-garbage"),
    spoilt("/connect/tunnel-tls-alert"),
    spoilt("/connect/tunnel-answers-101"),
    spoilt("/connect/tunnel-endless", poured=MOST_POURED, alone=LITTLE),
    spoilt("/connect/tunnel-rst", connect=(Status.IO,), errno=errno.ECONNRESET),
    # refusals in the tunnel are the server's, whatever they say
    spoilt("/connect/tunnel-answers-404", "404", connect=(Status.HANDSHAKE_STATUS,), http=(404, b"server")),
    spoilt(
        "/connect/tunnel-answers-407",
        "407",
        connect=(Status.HANDSHAKE_STATUS,),
        http=(407, b""),
        fields={"Proxy-Authenticate": ['Basic realm="s"']},
        login=LOGIN,
    ),
    held_up("/connect/tunnel-silent", phase=Phase.HANDSHAKE, rest="GET .*"),
    # TLS begins behind the proxy's answer
    *(
        spoilt(
            "/connect/" + name, variant="tls", scheme="wss", rest=TLS_RECORD, connect=(Status.TLS,), phase=(Phase.TLS,)
        )
        for name in ("tunnel-garbage", "tunnel-tls-alert")
    ),
    spoilt(
        "/connect/tunnel-fin", variant="tls", scheme="wss", rest=TLS_RECORD, connect=(Status.IO,), phase=(Phase.TLS,)
    ),
    spoilt("/connect/opened-twice", variant="tls", scheme="wss", connect=(Status.TLS,), phase=(Phase.TLS,)),
    held_up("/connect/tunnel-silent", variant="tls", scheme="wss", phase=Phase.TLS, rest=TLS_RECORD),
    refused("/connect/status-403", 403, b"forbidden by the proxy", variant="tls", scheme="wss"),
    # refusals
    refused("/connect/status-300", 300, b""),
    # where it leads to is not asked, with or without redirects allowed
    refused("/connect/status-301", 301, b"", fields={"Location": ["http://127.0.0.1:1/"]}),
    refused(
        "/connect/status-302",
        302,
        b"",
        fields={"Location": ["ws://elsewhere.proxy.test/handshake/hello"]},
        config=dict(max_redirects=5),
    ),
    refused("/connect/status-305", 305, b"", fields={"Location": ["http://127.0.0.1:1/"]}),
    refused("/connect/status-307", 307, b"", fields={"Location": ["/"]}, config=dict(max_redirects=5)),
    refused("/connect/status-400", 400, b"bad request"),
    # some proxies say so; not the server's 401, and nothing that credentials of the server help with
    refused(
        "/connect/status-401",
        401,
        b"who?",
        connect=(Status.PROXY_AUTH,),
        fields={"WWW-Authenticate": ['Basic realm="p"']},
    ),
    refused(
        "/connect/status-401",
        401,
        b"who?",
        variant="basic-auth",
        connect=(Status.PROXY_AUTH,),
        config=dict(basic_auth=(b"f0r-the-server", b"f0r-the-server")),
    ),
    refused("/connect/status-403", 403, b"forbidden by the proxy"),
    refused("/connect/status-404", 404, b""),
    refused("/connect/status-405", 405, b""),
    refused("/connect/status-426", 426, b"", fields={"Sec-WebSocket-Version": ["8"]}),
    refused("/connect/status-429", 429, b"", fields={"Retry-After": ["7"]}),
    refused("/connect/status-500", 500, b"<html>500</html>"),
    refused("/connect/status-502", 502, b"gateway"),
    refused("/connect/status-503", 503, b"later", fields={"Retry-After": ["7"]}),
    refused("/connect/status-503-kept", 503, b"kept open"),
    refused("/connect/status-503-large", 503, LARGE[: 64 * KIB]),
    refused("/connect/status-504", 504, b""),
    refused("/connect/status-999", 999, b""),
    *(failed("/connect/" + name) for name in ("status-101", "status-101-bare", "status-101-accepted")),
    # 407
    *(needs_login("407-" + name, *challenges) for name, challenges in CHALLENGES.items() if name != "malformed"),
    # all challenges are refused the same way where the credentials have been tried
    *(
        needs_login("407-" + name, *challenges, variant="login", login=LOGIN, most_asked=2)
        for name, challenges in CHALLENGES.items()
        if name != "malformed"
    ),
    needs_login("407-basic", *BASIC, variant="tls", scheme="wss"),
    # an answer in such a field is one that is wrong, or one with a challenge that nobody understands
    failed("/connect/407-malformed", connect=(Status.PROXY, Status.PROXY_AUTH)),
    needs_login("407-body", *BASIC, body=b"no access"),
    needs_login("407-body-large", *BASIC, body=LARGE[: 64 * KIB]),
    needs_login("407-body-until-close", *BASIC, body=b"until the end"),
    needs_login("407-body-chunked", *BASIC, body=b"hello"),
    needs_login("407-body-cut-short", *BASIC, body=b"short"),
    needs_login("407-body-stalled", *BASIC, body=b"half", config=SLOW_CERTAINLY),
    needs_login("407-body-endless", *BASIC, body=b"x" * 64 * KIB, poured=MOST_POURED, alone=LITTLE),
    needs_login("407-body-endless", *BASIC, body=None, variant="login", login=LOGIN, most_asked=2, poured=MOST_POURED),
    needs_login("407-http-10", *BASIC),
    needs_login("407-folded", 'Digest realm="p",   nonce="n"'),
    # the same server is not asked without end, and the one that wants credentials gets none that are not there
    *(needs_login(name, *BASIC) for name in ("auth", "auth-close", "407-again", "407-again-close")),
    needs_login("auth-body", *BASIC, body=b"who are you?"),
    needs_login("auth", *BASIC, variant="wrong", login="u:s3cret-too", most_asked=2),
    *(
        needs_login(name, *BASIC, variant="login", login=LOGIN, most_asked=2)
        for name in ("407-again", "407-again-close")
    ),
    needs_login("407-again-stale", *BASIC, 'Digest realm="p", nonce="n", stale=true', login=LOGIN, most_asked=2),
    # wrong HTTP
    *(failed("/connect/" + name) for name in connect_faults.NOT_HTTP),
    *(failed("/connect/" + name, proxy_ended=("fin", "rst", "tunnel")) for name in WRONG),
    *(
        failed(
            "/connect/" + name, proxy_ended=("fin", "rst", "tunnel"), connect=(Status.OK, Status.PROXY), closes=[1000]
        )
        for name in EITHER_WAY
    ),
    *(
        failed("/connect/" + name, "65536", proxy_ended=("fin", "rst", "tunnel"), alone=LITTLE)
        for name in ("head-64k", "head-1m")
    ),
    failed("/connect/endless-head", "65536", poured=MOST_POURED, alone=LITTLE),
    failed("/connect/endless-line", poured=MOST_POURED, alone=LITTLE),
    failed("/connect/interim-endless", poured=MOST_POURED, alone=LITTLE),
    # it goes
    failed("/connect/fin"),
    failed("/connect/fin-in-the-head"),
    failed("/connect/rst", errno=errno.ECONNRESET),
    failed("/connect/rst-in-the-head", errno=errno.ECONNRESET),
    # or says nothing
    *(
        held_up("/connect/" + name)
        for name in (
            "silent silent-in-the-head silent-after-interim one-header-after-another one-interim-after-another".split()
        )
    ),
    *(
        held_up("/connect/" + name, variant="proxy-timeout", config=IMPATIENT_WITH_PROXY)
        for name in "silent silent-in-the-head one-header-after-another one-interim-after-another".split()
    ),
    held_up("/connect/silent", variant="tls", scheme="wss"),
    # the proxy's own time is over when the tunnel is open
    held_up(
        "/connect/tunnel-silent",
        variant="in-time",
        phase=Phase.HANDSHAKE,
        rest="GET .*",
        config=dict(proxy_timeout_ms=1000, handshake_timeout_ms=1500),
    ),
    # before CONNECT
    *(
        failed(
            "/no-proxy/" + name,
            proxy="http://127.0.0.1:{" + port + "}",
            asked=False,
            phase=(Phase.PROXY, Phase.CONNECT),
        )
        for name, port in (("fin", "at-accept/fin"), ("rst", "at-accept/rst"), ("ssh", "at-accept/ssh"))
    ),
    held_up("/no-proxy/silent", proxy="http://127.0.0.1:{at-accept/silent}", asked=False),
    failed(
        "/no-proxy/refused",
        proxy="http://127.0.0.1:{refused}",
        asked=False,
        phase=(Phase.CONNECT,),
        errno=errno.ECONNREFUSED,
    ),
    failed(
        "/no-proxy/refused",
        variant="tls",
        scheme="wss",
        proxy="http://127.0.0.1:{refused}",
        asked=False,
        login=LOGIN,
        phase=(Phase.CONNECT,),
        errno=errno.ECONNREFUSED,
    ),
    failed(
        "/no-proxy/unresolvable",
        proxy="http://" + 64 * "a" + ".invalid:1",
        asked=False,
        phase=(Phase.RESOLVE,),
    ),
    failed(
        "/no-proxy/full",
        r"\b300\b",
        proxy="http://127.0.0.1:{full}",
        asked=False,
        connect=(Status.TIMEOUT,),
        phase=(Phase.CONNECT,),
        config=dict(connect_timeout_ms=300),
    ),
    # TLS to the proxy
    https(tunnelled, "ok"),
    https(
        tunnelled,
        "ok",
        variant="https-echo",
        inner="/handshake/echo",
        act="echo",
        sent=["a", b"\0" * 70000],
        messages=None,
    ),
    https(tunnelled, "early-answer", inner="/tunnel/rest"),
    https(tunnelled, "byte-by-byte"),
    https(tunnelled, "auth", login=LOGIN, most_asked=2),
    https(spoilt, "early-garbage"),
    https(spoilt, "tunnel-answers-404", "404", connect=(Status.HANDSHAKE_STATUS,), http=(404, b"server")),
    https(refused, "status-403", 403, b"forbidden by the proxy"),
    https(
        refused, "407-body-chunked", 407, b"hello", connect=(Status.PROXY_AUTH,), fields={"Proxy-Authenticate": BASIC}
    ),
    https(failed, "fin"),
    https(failed, "garbage"),
    https(failed, "endless-head", "65536", poured=MOST_POURED, alone=LITTLE),
    https(held_up, "silent"),
    https(held_up, "tunnel-silent", variant="https-tls", scheme="wss", phase=Phase.TLS, rest=TLS_RECORD),
    https(
        spoilt,
        "tunnel-tls-alert",
        variant="https-tls",
        scheme="wss",
        rest=TLS_RECORD,
        connect=(Status.TLS,),
        phase=(Phase.TLS,),
    ),
    # a proxy with another certificate than it should have is told nothing
    https(failed, "ok", variant="https-untrusted", trusting=False, asked=False, connect=(Status.TLS_CERTIFICATE,)),
    https(
        failed,
        "ok",
        variant="https-unverified",
        trusting=False,
        asked=False,
        login=LOGIN,
        connect=(Status.TLS_CERTIFICATE,),
        config=dict(tls_verify=(0, 0)),
    ),
    https(
        failed,
        "ok",
        variant="https-other-name",
        proxy="https://localhost:{connect-tls}",
        asked=False,
        connect=(Status.TLS_CERTIFICATE,),
    ),
    # the name of the server is not the proxy's
    https(tunnelled, "ok", variant="https-server-name", config=dict(tls_server_name=b"f0r-the-server.test")),
    no_tls("ssh", (Status.TLS,), proxy="https://127.0.0.1:{at-accept/ssh}"),
    no_tls("plain", (Status.TLS,), proxy="https://127.0.0.1:{connect}"),
    no_tls("not-plain", (Status.PROXY,), proxy="http://127.0.0.1:{connect-tls}", login=LOGIN),
    no_tls("fin", (Status.PROXY, Status.TLS), proxy="https://127.0.0.1:{at-accept/fin}"),
    no_tls("refused", (Status.PROXY,), proxy="https://127.0.0.1:{refused}", phase=(Phase.CONNECT,)),
    held_up("/no-proxy/silent", variant="https", proxy="https://127.0.0.1:{at-accept/silent}", asked=False),
]
