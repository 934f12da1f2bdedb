#!/usr/bin/env python3
"""Which variable of the environment names the proxy, and when none does."""

import sys

from lab import PROXIES, Attempt, run_all

WS = "ws_proxy WS_PROXY http_proxy all_proxy ALL_PROXY".split()
WSS = "wss_proxy WSS_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY".split()
# HTTP_PROXY is what a CGI program gets from a client's header "Proxy".
NOT_FOR_WS = "wss_proxy WSS_PROXY https_proxy HTTPS_PROXY HTTP_PROXY Ws_Proxy Http_proxy All_Proxy proxy PROXY".split()
NOT_FOR_WSS = "ws_proxy WS_PROXY http_proxy HTTP_PROXY Wss_Proxy Https_proxy All_Proxy proxy PROXY".split()
SCHEMES = {"ws": ("http", WS, NOT_FOR_WS), "wss": ("https", WSS, NOT_FOR_WSS)}


def both(scheme, went, **more):
    """http means ws, https means wss"""
    return [Attempt(f"{name}://a.test:{{{scheme}}}", went, **more) for name in (scheme, SCHEMES[scheme][0])]


def of(names, proxies=PROXIES):
    return {name: f"{{{proxy}}}" for name, proxy in zip(names, proxies)}


def precedence(_lab):
    for scheme, (_, order, others) in SCHEMES.items():
        for i, first in enumerate(order):
            # a proxy of its own for each of those that come after it
            yield f"{scheme}: {first} and what comes after it", of(order[i:]), both(scheme, "one")
            yield f"{scheme}: {first} alone", of([first]), both(scheme, "one")
            yield f"{scheme}: {first} empty", {**of(order[i:]), first: ""}, both(scheme, "direct")
            yield (
                f"{scheme}: {first} malformed",
                {**of(order[i:]), first: "http://127.0.0.1:port"},
                both(scheme, None, status="PROXY"),
            )
        for name in others:
            yield f"{scheme}: {name}", of([name]), both(scheme, "direct")
        yield f"{scheme}: none", {}, both(scheme, "direct")


BOTH_SCHEMES = {"ws_proxy": "{one}", "wss_proxy": "{two}", "all_proxy": "{three}"}
EXPLICIT = [["set_proxy", "{four}"]]


def switches(_lab):
    yield "each scheme has its own", BOTH_SCHEMES, [*both("ws", "one"), *both("wss", "two")]
    yield "HTTP_PROXY does not stand in the way", of(["HTTP_PROXY", "ALL_PROXY"]), both("ws", "two")
    off, on = [["set_proxy_from_env", 0]], [["set_proxy_from_env", 1]]
    for scheme in SCHEMES:
        for settings, went in (
            (off, "direct"),
            (on, {"ws": "one", "wss": "two"}[scheme]),
            (EXPLICIT, "four"),
            ([["set_proxy", None]], "direct"),
            # each replaces the other
            ([*EXPLICIT, ["set_proxy", None]], "direct"),
            ([*EXPLICIT, ["set_proxy", "{five}"]], "five"),
            ([*off, *EXPLICIT], "four"),
            ([["set_proxy", None], *EXPLICIT], "four"),
        ):
            name = ", ".join(" ".join(map(str, setting)) for setting in settings)
            yield f"{scheme}: {name}", BOTH_SCHEMES, both(scheme, went, settings=settings)
    # what does not count is not looked at either
    malformed = {"ws_proxy": "http://127.0.0.1:port", "wss_proxy": "ftp://127.0.0.1", "no_proxy": "10.0.0.0/99"}
    for settings, went in ((off, "direct"), ([["set_proxy", None]], "direct"), (EXPLICIT, "four")):
        yield (
            f"malformed, but {settings}",
            malformed,
            [*both("ws", went, settings=settings), *both("wss", went, settings=settings)],
        )


def moments(_lab):
    """the environment counts as it is when a session is opened"""
    yield (
        "changes",
        {"ws_proxy": "{one}"},
        [
            Attempt("ws://a.test:{ws}", "one"),
            Attempt("ws://a.test:{ws}", "two", environment={"ws_proxy": "{two}"}),
            Attempt("ws://a.test:{ws}", "direct", environment={"no_proxy": "a.test"}),
            Attempt(
                "ws://a.test:{ws}", "three", environment={"no_proxy": None, "ws_proxy": None, "all_proxy": "{three}"}
            ),
            Attempt("ws://a.test:{ws}", None, "PROXY", environment={"all_proxy": "http://"}),
            Attempt("ws://a.test:{ws}", "direct", environment={"all_proxy": ""}),
            Attempt("ws://a.test:{ws}", "four", environment={"http_proxy": "{four}"}),
        ],
    )


def redirects(_lab):
    """each step has a proxy of its own"""
    plain, secure, other = "ws://a.test:{ws}", "wss://a.test:{wss}", "ws://b.test:{ws}"
    yield (
        "redirects",
        {
            "ws_proxy": "http://u:pw@127.0.0.1:{one-port}",
            "wss_proxy": "http://127.0.0.1:{two-port}",
            "no_proxy": "b.test",
        },
        [
            Attempt(plain, "one", redirect=secure, went_then="two", look=has_no_login),
            Attempt(plain, "one", redirect=plain, went_then="one"),
            Attempt(plain, "one", redirect=other, went_then="direct"),
            Attempt(other, "direct", redirect=plain, went_then="one"),
            Attempt(other, "direct", redirect=secure, went_then="two"),
            Attempt(plain, "one", "PROXY", environment={"wss_proxy": "http://"}, redirect=secure),
            Attempt(other, "direct", "PROXY", redirect=secure),
        ],
    )
    yield (
        "redirects with a proxy of the configuration",
        {"no_proxy": "*"},
        [Attempt(plain, "four", redirect=url, went_then="four", settings=EXPLICIT) for url in (plain, secure, other)],
    )


def has_no_login(record, _outcome, check):
    check.true("another proxy's credentials", "proxy-authorization" not in record["headers"], record["headers"])


if __name__ == "__main__":
    sys.exit(run_all([precedence, switches, moments, redirects]))
