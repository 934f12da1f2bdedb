#!/usr/bin/env python3
"""URLs of proxies, in the configuration and in the environment, and what the proxies are asked for."""

import base64
import sys

from lab import DEFAULTS_HOST, Attempt, Check, report, run_all
from ktorws_ctypes import Status, lib

HOST = "127.0.0.1"
# All that a CONNECT needs to say (RFC 9110 section 9.3.6).
MAY_BE_ASKED_WITH = {"host", "proxy-authorization", "user-agent", "proxy-connection", "connection"}
IPV4, DOMAIN, IPV6 = 1, 3, 4

MALFORMED = [
    "http://",
    "http:///",
    "http:///127.0.0.1:1",
    "://127.0.0.1:1",
    ":1",
    "http://:1",
    "http://user@:1",
    "http://127.0.0.1:port",
    "http://127.0.0.1:65536",
    "http://127.0.0.1:99999999999999999999",
    "http://127.0.0.1:-1",
    "http://127.0.0.1:0",
    "http://127.0.0.1:1:2",
    "http://127.0.0.256:1",
    "http://127.0.0.1:1 ",
    " http://127.0.0.1:1",
    "http://127.0.0.1 :1",
    "http://pro xy:1",
    "http://127.0.0.1:1\r\nX: 1",
    "http://127.0.0.1:1\n",
    "http://127.0.0.1:1\t",
    "http://127.0.0.1:1\x7f",
    "http://[::1",
    "http://[::1]1",
    "http://::1:1",
    "http://[127.0.0.1]:1",
    "http://[::g]:1",
    "http://127.0.0.1:1/path",
    "http://127.0.0.1:1/?query",
    "http://127.0.0.1:1?query",
    "http://127.0.0.1:1#fragment",
    "http://pro%00xy:1",
    "http://pro<xy:1",
    "http://127.0.0.1,127.0.0.2:1",
    "http://xn--:1",
    "ftp://127.0.0.1:1",
    "ws://127.0.0.1:1",
    "socks://127.0.0.1:1",
    "socks4://127.0.0.1:1",
    "socks4a://127.0.0.1:1",
    "direct://",
    "DIRECT",
    "PROXY 127.0.0.1:1",
    "http=127.0.0.1:1",
    "http//127.0.0.1:1",
    # credentials that cannot be said
    "http://us%0Aer:pass@127.0.0.1:1",
    "http://user:pa%0D%0Ass@127.0.0.1:1",
    "http://user:pa%00ss@127.0.0.1:1",
    "http://us%3Aer:pass@127.0.0.1:1",
    "http://user:%FF@127.0.0.1:1",
    "socks5://user:pa%00ss@127.0.0.1:1",
    "socks5h://" + 256 * "u" + ":pass@127.0.0.1:1",
    "socks5h://user:" + 256 * "p" + "@127.0.0.1:1",
    "socks5h://user:" + 128 * "%C3%A4" + "@127.0.0.1:1",
]
# What the environment is forgiven, or cannot have.
ONLY_SETTING = ("DIRECT", "http://127.0.0.1:1 ", " http://127.0.0.1:1", "http://127.0.0.1:1\n", "http://127.0.0.1:1\t")
ONLY_SETTING_BYTES = [b"", b" ", b"\xff", b"http://\xff:1", b"http://user:\xff@127.0.0.1:1"]
NOT_UTF_8 = ["\udcff", "http://\udcff:1", "http://user:\udcff@127.0.0.1:1"]


def refused_settings():
    """ws_config_set_proxy checks at once, and what was there before stays"""
    check = Check()
    config = lib.ws_config_new()
    for url in [*(url.encode() for url in MALFORMED), *ONLY_SETTING_BYTES]:
        if url != b"DIRECT":
            check.equal(f"ws_config_set_proxy {url}", lib.ws_config_set_proxy(config, url), Status.INVALID_ARGUMENT)
    for on in (-1, 2, 1 << 30):
        check.equal(
            f"ws_config_set_proxy_from_env {on}", lib.ws_config_set_proxy_from_env(config, on), Status.INVALID_ARGUMENT
        )
    check.equal(
        "ws_config_set_proxy without a config", lib.ws_config_set_proxy(None, b"127.0.0.1"), Status.INVALID_ARGUMENT
    )
    check.equal(
        "ws_config_set_proxy_from_env without a config",
        lib.ws_config_set_proxy_from_env(None, 1),
        Status.INVALID_ARGUMENT,
    )
    for timeout in (0, -1, 1):
        expected = Status.OK if timeout else Status.INVALID_ARGUMENT
        check.equal(
            f"ws_config_set_proxy_timeout_ms {timeout}", lib.ws_config_set_proxy_timeout_ms(config, timeout), expected
        )
    lib.ws_config_free(config)
    return check.complaints


def malformed(_lab):
    for variables in (["ws_proxy"], ["all_proxy"], ["ws_proxy", "http_proxy", "ALL_PROXY"]):
        values = [url for url in [*MALFORMED, *NOT_UTF_8] if url not in ONLY_SETTING]
        yield (
            f"malformed in {variables}",
            {},
            [
                Attempt(
                    "ws://a.test:{ws}",
                    None,
                    "PROXY",
                    # a proxy that is well-formed comes after it
                    environment={"ALL_PROXY": "{one}", **dict.fromkeys(variables, url)},
                    look=lambda _record, outcome, check: check.equal("phase", outcome["phase"], "PROXY"),
                )
                for url in values
            ],
        )


def in_both(name, attempts):
    """attempts by URL of the proxy: once set, and once in the environment"""
    yield (
        f"{name}, set",
        {},
        [
            Attempt(url, went, settings=[["set_proxy", proxy], *settings], look=look)
            for proxy, url, went, settings, look in attempts
        ],
    )
    yield (
        f"{name}, in the environment",
        {},
        [
            Attempt(url, went, environment={"all_proxy": proxy}, settings=settings, look=look)
            for proxy, url, went, settings, look in attempts
        ],
    )


def kind_is(kind):
    return lambda record, _outcome, check: check.equal("protocol", record["kind"], kind)


def forms(_lab):
    port, tls_port = "{one-port}", "{tls-port}"
    proxies = [
        (f"{start}{host}:{port}{end}", "one", kind)
        for host in ("127.0.0.1", "localhost", "[::1]", "[0:0:0:0:0:0:0:1]", "2130706433")
        for start, kind in (
            ("", "http"),
            ("http://", "http"),
            ("HTTP://", "http"),
            ("socks5://", "socks"),
            ("SOCKS5H://", "socks"),
        )
        for end in ("", "/")
    ]
    proxies += [(f"https://{host}:{tls_port}", "tls", "http") for host in ("127.0.0.1", "[::1]")]
    proxies += [(f"{start}{HOST}:{port}", "one", kind) for start, kind in (("http://@", "http"), ("http://:@", "http"))]
    attempts = [(proxy, "ws://a.test:{ws}", went, [], kind_is(kind)) for proxy, went, kind in proxies]
    # a name that the configuration knows
    for proxy, name in (("proxy.test", "proxy.test"), ("b\xfccher-proxy.test", "xn--bcher-proxy-thb.test")):
        attempts.append(
            (f"http://{proxy}:{port}", "ws://a.test:{ws}", "one", [["add_resolve", name, 0, HOST]], kind_is("http"))
        )
    yield from in_both("forms", attempts)


def defaults(lab):
    """the ports of proxies that name none"""
    host = DEFAULTS_HOST
    attempts = []
    if "at-1080" in lab.proxies:
        for proxy, kind in (("", "http"), ("http://", "http"), ("socks5://", "socks"), ("socks5h://", "socks")):
            attempts.append((proxy + host, "ws://a.test:{ws}", "at-1080", [], kind_is(kind)))
    if "at-443" in lab.proxies:
        attempts.append(("https://" + host, "ws://a.test:{ws}", "at-443", [], kind_is("http")))
    yield from in_both("default ports", attempts)


TARGETS = [
    ("ws://name.test", "name.test:80"),
    ("wss://name.test", "name.test:443"),
    ("http://name.test", "name.test:80"),
    ("https://name.test", "name.test:443"),
    ("ws://name.test:8080", "name.test:8080"),
    ("ws://Name.TEST:65535", "name.test:65535"),
    ("ws://b\xfccher.test", "xn--bcher-kva.test:80"),
    ("ws://B\xdcCHER.test:8080", "xn--bcher-kva.test:8080"),
    ("ws://xn--bcher-kva.test", "xn--bcher-kva.test:80"),
    ("ws://\u4f8b\u3048.test", "xn--r8jz45g.test:80"),
    ("ws://10.1.2.3", "10.1.2.3:80"),
    ("ws://0x0a.66051:81", "10.1.2.3:81"),
    ("ws://[::1]", "[::1]:80"),
    ("wss://[fd00:0:0::1]", "[fd00::1]:443"),
    ("ws://[FD00::A]:8080", "[fd00::a]:8080"),
    ("ws://[::ffff:10.1.2.3]", "[::ffff:a01:203]:80"),
    # the zone means something here only
    ("ws://[fe80::1%25lo]:81", "[fe80::1]:81"),
    # credentials of the server are none of the proxy's business
    ("ws://us3r:s3cret@name.test", "name.test:80"),
]


def asked_for(target):
    host, _, port = target.rpartition(":")

    def look(record, _outcome, check):
        if record["kind"] == "http":
            asked = (record["method"], record["target"], record["version"], record["headers"].get("host"))
            check.equal("request", asked, ("CONNECT", target, "HTTP/1.1", target))
            check.true("fields", set(record["headers"]) <= MAY_BE_ASKED_WITH, sorted(record["headers"]))
            check.equal("fields sent twice", record["fields"], len(record["headers"]))
            check.true("credentials", "proxy-authorization" not in record["headers"])
        else:
            check.equal("methods", record["methods"], [0])
            kind = IPV6 if host[0] == "[" else IPV4 if host[0].isdigit() else DOMAIN
            check.equal("target", record["target"], (kind, host.strip("[]"), int(port)))

    return look


def resolved_here(target):
    def look(record, _outcome, check):
        # "lab.py" has every name be this address
        check.equal("target", record["target"], (IPV4, HOST, int(target.rpartition(":")[2])))

    return look


def targets(_lab):
    for scheme in ("http", "socks5h"):
        proxy = scheme + "://127.0.0.1:{one-port}"
        yield from in_both(
            f"targets by {scheme}", [(proxy, url, "one", [], asked_for(target)) for url, target in TARGETS]
        )
    names = [(url, target) for url, target in TARGETS if ".test:" in target]
    proxy = "socks5://127.0.0.1:{one-port}"
    yield from in_both("targets by socks5", [(proxy, url, "one", [], resolved_here(target)) for url, target in names])
    # the longest that SOCKS can say has 255 bytes: nothing shorter is asked for instead
    label = 63 * "a" + "."
    yield from (
        (
            f"a name of {len(name)} bytes for SOCKS",
            {"all_proxy": "socks5h://127.0.0.1:{two-port}"},
            [Attempt(f"ws://{name}:81", ("two", None), "OK or PROXY or URL", look=long_name(name))],
        )
        for name in (4 * label + "b", 4 * label + "test", 8 * label + "test")
    )


def long_name(name):
    def look(record, outcome, check):
        if record:
            check.equal("target", record["target"], (DOMAIN, name, 81))
        else:
            check.true("a name that SOCKS can say was refused", len(name) > 253, outcome)

    return look


LOGINS = {
    "user:pass": ("user", "pass"),
    "us%40er:p%3Ass%25%2f%23%3F": ("us@er", "p:ss%/#?"),
    "user": ("user", ""),
    "user:": ("user", ""),
    "u%C3%A4:p%E2%82%AC": ("u\xe4", "p\u20ac"),
    "u\xe4:p\u20ac": ("u\xe4", "p\u20ac"),
    "user:pa:ss": ("user", "pa:ss"),
    "user:pa+ss": ("user", "pa+ss"),
    "user:pa%20ss": ("user", "pa ss"),
    "user:pa%2Bss": ("user", "pa+ss"),
    # once, and not once more
    "us%2540er:p%253Ass": ("us%40er", "p%3Ass"),
    "user:pa%zz%": ("user", "pa%zz%"),
    "user:p@ss": ("user", "p@ss"),
    255 * "u" + ":" + 255 * "p": (255 * "u", 255 * "p"),
}


def authorized_with(user, password):
    def look(record, _outcome, check):
        if record["kind"] == "http":
            expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
            check.equal("Proxy-Authorization", record["headers"].get("proxy-authorization"), expected)
        else:
            check.equal("login", record["login"], (user.encode(), password.encode()))

    return look


def logins(_lab):
    for scheme, port in (
        ("http", "one-port"),
        ("https", "tls-port"),
        ("socks5", "one-port"),
        ("socks5h", "one-port"),
        ("", "one-port"),
    ):
        start = scheme + "://" if scheme else ""
        more = {":pass": ("", "pass")} if scheme.startswith("http") else {}
        more |= {"us%3Aer:pass": ("us:er", "pass")} if scheme.startswith("socks") else {}
        attempts = [
            (
                f"{start}{login}@127.0.0.1:{{{port}}}",
                "ws://a.test:{ws}",
                "tls" if scheme == "https" else "one",
                [],
                authorized_with(*parts),
            )
            for login, parts in {**LOGINS, **more}.items()
        ]
        yield from in_both(f"logins by {scheme or 'no scheme'}", attempts)


def main():
    failed = report("refused settings", refused_settings())
    subjects = (malformed, forms, defaults, targets, logins)
    return run_all(subjects) or failed


if __name__ == "__main__":
    sys.exit(main())
