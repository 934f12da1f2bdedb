#!/usr/bin/env python3
"""Where the credentials of a proxy must not turn up: messages, log lines, and whatever the server is told."""

import base64
import json
import socket
import sys

from lab import Attempt, Check, Lab, report

USER, PASSWORD = "us3r@", "s3cr:t"
LOGIN = "us3r%40:s3cr%3At"
# As they are, as they stand in a URL, and as HTTP says them.
SECRETS = [USER, PASSWORD, *LOGIN.split(":"), base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()]
WS, WSS = "ws://a.test:{ws}", "wss://a.test:{wss}"
SHORTLY = [["set_proxy_timeout_ms", 300]]
# a label is at most 63 bytes long, so no name server needs to be asked
UNRESOLVABLE = 64 * "a" + ".invalid"

# Proxies, and what becomes of a session through them.
OUTCOMES = [
    ("http://{login}@127.0.0.1:{one-port}", "one", "OK"),
    ("{login}@127.0.0.1:{one-port}", "one", "OK"),
    ("https://{login}@127.0.0.1:{tls-port}", "tls", "OK"),
    ("socks5://{login}@127.0.0.1:{one-port}", "one", "OK"),
    ("socks5h://{login}@127.0.0.1:{one-port}", "one", "OK"),
    ("http://{login}@127.0.0.1:{wants-login-port}", None, "PROXY_AUTH"),
    ("socks5h://{login}@127.0.0.1:{wants-login-port}", None, "PROXY_AUTH"),
    ("http://{login}@127.0.0.1:{forbids-port}", None, "PROXY"),
    ("socks5://{login}@127.0.0.1:{forbids-port}", None, "PROXY"),
    ("http://{login}@127.0.0.1:{garbles-port}", None, "PROXY"),
    ("http://{login}@127.0.0.1:{silent-port}", None, "TIMEOUT"),
    ("http://{login}@127.0.0.1:{refused}", None, "PROXY"),
    ("socks5h://{login}@127.0.0.1:{refused}", None, "PROXY"),
    ("http://{login}@" + UNRESOLVABLE + ":1", None, "PROXY"),
    ("https://{login}@127.0.0.1:{one-port}", None, "TLS or PROXY"),
    ("http://{login}@127.0.0.1:{tls-port}", None, "PROXY"),
    # another certificate than it should have
    ("https://{login}@localhost.a.test:{tls-port}", None, "TLS_CERTIFICATE or PROXY"),
]

# What is no URL of a proxy, and still has a password in it.
MALFORMED = [
    "http://{login}@127.0.0.1:port",
    "http://{login}@127.0.0.1:99999",
    "http://{login}@127.0.0.1:1:{login}",
    "http://{login}@",
    "http://{login}@:1",
    "http://{login}@[::1",
    "http://{login}@pro xy:1",
    "http://{login}@127.0.0.1/path",
    "http://127.0.0.1:{login}",
    "http://{login}",
    "{login}",
    "{login}://127.0.0.1",
    "{login}:80@",
    "socks4://{login}@127.0.0.1:1",
    "ftp://{login}@127.0.0.1:1",
    "http://127.0.0.1:1/?{login}",
    "http://127.0.0.1:1#{login}",
    "http:{login}@127.0.0.1:1",
    "http//{login}@127.0.0.1:1",
    "http://{login}\udcff@127.0.0.1:1",
    "http://{login}%0a@127.0.0.1:1",
    "socks5://{login}%00@127.0.0.1:1",
    "http://{login}%FF@127.0.0.1:1",
]


def filled(text):
    return text.replace("{login}", LOGIN)


def attempts(url):
    for proxy, went, status in OUTCOMES:
        proxy = filled(proxy)
        yield Attempt(url, went, status, settings=[["set_proxy", proxy], *SHORTLY])
        yield Attempt(url, went, status, settings=SHORTLY, environment={"all_proxy": proxy})
    for value in MALFORMED:
        # some are hosts that no resolver can know
        yield Attempt(url, None, "PROXY", environment={"all_proxy": filled(value)})
    # a URL where a host should be
    for value in ("http://{login}@a.test", "{login}@a.test", "other.test,{login}@127.0.0.1:1", "{login}@[::1]/8"):
        environment = {"all_proxy": "{one}", "no_proxy": filled(value)}
        yield Attempt(url, "one", environment=environment)


def without(text, where):
    """complaints"""
    return [f"{where} tells {secret!r}: {text}" for secret in SECRETS if secret in text]


def main():
    lab = Lab()
    # it does not listen
    refusing = socket.socket()
    refusing.bind(("127.0.0.1", 0))
    lab.values["refused"] = refusing.getsockname()[1]
    failed = 0
    for url in (WS, WSS):
        tried = list(attempts(url))
        complaints, said = lab.run({}, tried, log=True)
        failed += report(f"outcomes of {url}", complaints)
        if said is None:
            continue
        told = [complaint for outcome in said["outcomes"] for complaint in without(json.dumps(outcome), "an outcome")]
        failed += report(f"what the caller of {url} is told", told)
        logged = [complaint for line in said["log"] for complaint in without(line, "a line of the log")]
        # each session says something
        check = Check()
        check.true("there is hardly a log", len(said["log"]) >= len(tried), said["log"])
        ignored = [line for line in said["log"] if "no_proxy is ignored" in line]
        check.equal("lines about no_proxy", len(ignored), 4)
        failed += report(f"the log of {url}", logged + check.complaints)
    requests = [complaint for _, _, header in lab.requests.values() for complaint in without(str(header), "a request")]
    failed += report("what the server was told", requests)
    check = Check()
    # else nothing was to be kept secret
    logins = sum(
        bool(record.get("login") or "proxy-authorization" in record.get("headers", {}))
        for proxy in lab.proxies.values()
        for record in proxy.records
    )
    check.true("proxies got the credentials", logins >= 2 * sum(went is not None for _, went, _ in OUTCOMES), logins)
    failed += report("proxies", check.complaints)
    refusing.close()
    lab.directory.cleanup()
    print(f"{8 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
