#!/usr/bin/env python3
"""What no_proxy exempts from the proxy."""

import sys

from lab import Attempt, run_all

DIRECT, PROXIED = "direct", "one"
# In braces: the server's port.
NAME, BELOW, DEEP = "ws://name.test:{ws}", "ws://sub.name.test:{ws}", "ws://a.b.name.test:{ws}"
OTHERS = [
    "ws://name.test.other.test:{ws}",
    "ws://othername.test:{ws}",
    "ws://test:80",
    "ws://ame.test:{ws}",
    "ws://name-test:{ws}",
]
V4, V4_OTHER, V6 = "ws://127.0.0.1:{ws}", "ws://127.9.1.2:{ws}", "ws://[::1]:{ws}"
# Nobody is there; only the proxy leads to the server.
ELSEWHERE = ["ws://10.1.2.3:{ws}", "ws://[fd00::1]:{ws}", "ws://[::ffff:127.0.0.1]:{ws}"]


def exempting(value, *urls, proxied=(), name=None, variables=None):
    """the URLs are connected to directly, and those of proxied are not"""
    attempts = [*(Attempt(url, DIRECT) for url in urls), *(Attempt(url, PROXIED) for url in proxied)]
    variables = {"no_proxy": value} if variables is None else variables
    return name or f"no_proxy={value!r}", {"all_proxy": "{one}", **variables}, attempts


def names(_lab):
    everything = [NAME, BELOW, DEEP, *OTHERS, V4, V6]
    yield exempting("", proxied=everything)
    yield exempting(" , ,\t,", proxied=everything)
    yield exempting("name.test", NAME, BELOW, DEEP, proxied=[*OTHERS, V4])
    yield exempting(".name.test", NAME, BELOW, DEEP, proxied=OTHERS)
    # as others write it
    yield exempting("*.name.test", BELOW, DEEP, proxied=OTHERS)
    yield exempting("NAME.Test", NAME, BELOW, "ws://Name.TEST:{ws}", proxied=OTHERS)
    yield exempting("sub.name.test", BELOW, proxied=[NAME, DEEP, "ws://b.name.test:{ws}", *OTHERS])
    yield exempting("localhost", "ws://localhost:{ws}", proxied=[NAME, V4, V6, V4_OTHER])
    # there is no exception that is not listed
    yield exempting("unrelated.test", proxied=["ws://localhost:{ws}", V4, V6, NAME])
    # the scheme makes no difference
    yield exempting(
        "name.test",
        "wss://name.test:{wss}",
        "http://name.test:{ws}",
        name="schemes",
        proxied=["wss://other.test:{wss}"],
    )
    yield exempting("xn--bcher-kva.test", "ws://b\xfccher.test:{ws}", "ws://xn--bcher-kva.test:{ws}", proxied=[NAME])
    yield exempting("b\xfccher.test", "ws://b\xfccher.test:{ws}", "ws://xn--bcher-kva.test:{ws}", proxied=[NAME])
    # a user name in the URL is not a host
    yield exempting("user", proxied=["ws://user@name.test:{ws}", "ws://user:name.test@other.test:{ws}"])
    yield exempting(
        "name.test",
        "ws://other.test:pass@name.test:{ws}",
        name="user names",
        proxied=["ws://name.test:pass@other.test:{ws}"],
    )


def everything(_lab):
    yield exempting("*", NAME, BELOW, V4, V6, "wss://name.test:{wss}")
    yield exempting(" * ", NAME, V4)
    yield exempting("other.test,*", NAME, V4)


def lists(_lab):
    for value in (
        "name.test,second.test",
        "second.test name.test",
        " second.test , name.test ",
        "second.test,,name.test,",
        "second.test\tname.test",
        ",second.test,, , name.test",
        "127.9.0.0/16,second.test,name.test:{ws},[::1]",
    ):
        yield exempting(value, NAME, "ws://second.test:{ws}", proxied=["ws://third.test:{ws}"])


def ports(_lab):
    yield exempting(
        "name.test:{ws}", NAME, BELOW, proxied=["ws://name.test", "ws://other.test:{ws}", "wss://name.test:{wss}"]
    )
    yield exempting("name.test:1", proxied=[NAME, BELOW, "ws://name.test"])
    # the scheme's own port
    yield exempting("name.test:443", proxied=["ws://name.test", NAME])
    yield exempting("name.test:80", proxied=["wss://name.test", NAME])
    yield exempting("127.0.0.1:{ws}", V4, proxied=["ws://127.0.0.1", V4_OTHER])
    yield exempting("[::1]:{ws}", V6, proxied=["ws://[::1]", V4])
    yield exempting("[::1]:1", proxied=[V6])
    yield exempting("127.0.0.1:1", proxied=[V4])


def addresses(_lab):
    yield exempting(
        "127.0.0.1",
        V4,
        "ws://0x7f.1:{ws}",
        "ws://2130706433:{ws}",
        proxied=[V4_OTHER, V6, "ws://localhost:{ws}", *ELSEWHERE],
    )
    yield exempting("::1", V6, "ws://[0:0:0:0:0:0:0:1]:{ws}", proxied=[V4, *ELSEWHERE])
    yield exempting("[::1]", V6, proxied=[V4])
    yield exempting("0:0::0:1", V6, proxied=[V4])


def networks(_lab):
    for value in (
        "127.0.0.0/8",
        "127.9.0.0/16",
        "127.9.1.0/24",
        "127.9.1.2/31",
        "127.9.1.3/31",
        "127.9.1.2/32",
        "127.8.0.0/15",
    ):
        yield exempting(value, V4_OTHER, proxied=[V6, *ELSEWHERE, NAME, "ws://localhost:{ws}"])
    for value in ("127.9.1.0/31", "127.9.1.3/32", "127.9.0.0/24", "127.10.0.0/16", "128.0.0.0/1", "10.0.0.0/8"):
        yield exempting(value, proxied=[V4_OTHER, V6, NAME])
    yield exempting("0.0.0.0/0", V4, V4_OTHER, proxied=[V6, NAME])
    for value in ("::1/128", "::/120", "::/127", "::/64", "::/0", "[::1]/128"):
        yield exempting(value, V6, proxied=[V4, NAME])
    for value in ("::/128", "::2/127", "fd00::/8", "8000::/1"):
        yield exempting(value, proxied=[V6, V4, NAME])
    # host bits that are not 0 mean the network all the same
    yield exempting("127.9.77.77/16", V4_OTHER, proxied=[V4])


def precedence(_lab):
    yield exempting(None, NAME, name="NO_PROXY", variables={"NO_PROXY": "name.test"}, proxied=["ws://other.test:{ws}"])
    yield exempting(
        None,
        NAME,
        name="no_proxy before NO_PROXY",
        variables={"no_proxy": "name.test", "NO_PROXY": "other.test"},
        proxied=["ws://other.test:{ws}"],
    )
    yield exempting(None, name="no_proxy empty", variables={"no_proxy": "", "NO_PROXY": "*"}, proxied=[NAME])
    yield exempting(None, name="No_Proxy", variables={"No_Proxy": "*"}, proxied=[NAME])
    for proxy in ("http://127.0.0.1:port", "ftp://127.0.0.1", "http://"):
        # a malformed proxy is never a reason to connect directly, but the exception is one
        yield (
            f"exempted from {proxy}",
            {"all_proxy": proxy, "no_proxy": "name.test"},
            [Attempt(NAME, (DIRECT, None), "OK or PROXY"), Attempt("ws://other.test:{ws}", None, "PROXY")],
        )
    # a proxy of the configuration is used whatever the environment says
    explicit = [["set_proxy", "{two}"]]
    yield (
        "no_proxy, and a proxy of the configuration",
        {"no_proxy": "*", "all_proxy": "{one}"},
        [Attempt(NAME, "two", settings=explicit), Attempt(V4, "two", settings=explicit)],
    )


MALFORMED = [
    "127.0.0.0/33",
    "127.0.0.0/",
    "127.0.0.0/x",
    "127.0.0.0/-8",
    "127.0.0.0/8/8",
    "127.0.0.0/255.0.0.0",
    "127.0.0/8",
    "/8",
    "::/129",
    "[::1",
    "::1]",
    "[::1]:port",
    "[127.0.0.1",
    "127.0.0.1:port",
    "127.0.0.1:99999",
    "127.0.0.1:",
    "name.test:port",
    "name.test:65536",
    "name.test/8",
    "http://name.test",
    "name.*",
    # the end of an address, or its beginning, is neither a name nor a network
    "0.0.1",
    ".0.0.1",
    "1",
    "127.",
    "127.9.1",
    "na me.test",
    ".",
    "..",
    "name..test",
    ":",
    "name.test;other.test",
    "<local>",
    "192.168.",
    "name.test:",
    "name.test:+80",
    # no UTF-8
    "\udcff",
    "\udcffname.test",
]


def malformed(_lab):
    """an entry that means nothing exempts nothing, and hides neither the proxy nor other entries"""
    for value in MALFORMED:
        urls = [NAME, BELOW, V4, V4_OTHER, V6]
        yield (
            f"no_proxy={value!r}",
            {"all_proxy": "{one}", "no_proxy": value},
            [Attempt(url, PROXIED) for url in urls],
        )
    yield (
        "malformed among others",
        {"all_proxy": "{one}", "no_proxy": "10.0.0.0/99, other.test"},
        [Attempt(NAME, PROXIED), Attempt("ws://other.test:{ws}", DIRECT)],
    )


if __name__ == "__main__":
    sys.exit(run_all([names, everything, lists, ports, addresses, networks, precedence, malformed]))
