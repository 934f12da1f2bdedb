"""What a proxy, and a server in its tunnel, may have been told."""

import collections
import re

from proxy_case import FOR_THE_SERVER, PASSWORD, SUBPROTOCOL, Proxied
from socks_peer import DOMAIN, LOGIN, NO_AUTH
from wire import check_wire

# All that a CONNECT needs to say (RFC 9110 section 9.3.6).
MAY_BE_ASKED_WITH = {"host", "proxy-authorization", "user-agent", "proxy-connection", "connection"}


def check_proxied(case, peer, ports, check):
    if case.asked:
        record = peer.record("proxy " + case.name)
        check.equal("trouble in the proxy", record["trouble"], None)
        check.among("end of TCP at the proxy", record["ended"], case.proxy_ended)
        check.true(
            f"sent outside of a tunnel: not {case.rest!r}",
            re.fullmatch(case.rest, record["rest"], re.DOTALL),
            record["rest"],
        )
        if case.poured is not None:
            check.true(f"more than {case.poured} bytes were taken", record["poured"] <= case.poured, record["poured"])
        if case.path.startswith("/connect/"):
            check_connect(case, record, ports, check)
        else:
            check_socks(case, record, ports, check)
    if case.tunnel:
        record = peer.record(case.name)
        check_wire(case, record, check)
        fields = dict(record["headers"])
        for name, value in FOR_THE_SERVER.items():
            check.equal(f"{name} for the server", fields.get(name), value)
        check.equal("Sec-WebSocket-Protocol for the server", fields.get("Sec-WebSocket-Protocol"), SUBPROTOCOL)
        check.equal("Host for the server", fields.get("Host"), f"{case.host}:{ports['decoy']}")
        check.true("the server was told what is the proxy's", PASSWORD not in str(record), fields)


def check_connect(case, record, ports, check):
    target = f"{case.host}:{ports['decoy']}"
    for request, headers in record["asked"]:
        check.equal("request to the proxy", request, f"CONNECT {target} HTTP/1.1")
        fields = {name.lower(): value for name, value in headers}
        check.equal("fields sent twice", len(fields), len(headers))
        check.equal("Host for the proxy", fields.get("host"), target)
        check.true("fields for the proxy", set(fields) <= MAY_BE_ASKED_WITH, sorted(fields))
        if "proxy-authorization" in fields:
            check.equal("Proxy-Authorization", fields["proxy-authorization"], case.login and case.authorization)
    for value in (*FOR_THE_SERVER.values(), SUBPROTOCOL):
        check.true("the proxy was told what is the server's", value not in str(record["asked"]), record["asked"])


def check_socks(case, record, ports, check):
    version, *methods = record["methods"]
    check.equal("version of the greeting", version, 5)
    check.true("methods", methods and set(methods) <= {NO_AUTH, LOGIN}, methods)
    check.equal("login is offered", LOGIN in methods, bool(case.login))
    user, _, password = case.login.partition(":")
    check.equal("login", record["login"], [1, user, password] if case.logged_in else None)
    if not case.target:
        check.equal("request", record["target"], None)
    elif case.proxy.startswith("socks5h:"):
        check.equal("request", record["target"], [5, 1, 0, DOMAIN, case.host, ports["decoy"]])
    else:
        check.equal("request", record["target"], [5, 1, 0, 1, "127.0.0.1", ports["decoy"]])


def check_asked(cases, records, check):
    """how often the proxies were asked, and that nobody went around them"""
    asked, authorized = collections.Counter(), collections.Counter()
    for record in records:
        for _request, headers in record.get("asked", []):
            asked[record["case"]] += 1
            authorized[record["case"]] += any(name.lower() == "proxy-authorization" for name, _ in headers)
    for case in cases:
        if isinstance(case, Proxied):
            times = asked["proxy " + case.name]
            check.true(f"{case.name} asked too often", times <= case.most_asked, times)
            # the same credentials a second time would be refused again
            check.true(f"{case.name} authorized too often", authorized["proxy " + case.name] <= 1)
    for record in records:
        check.true("somebody connected without the proxy", record["case"] != "decoy", record.get("data"))
        if record["request"]:
            names = {name.lower() for name, _ in record["headers"]}
            check.true("a server got Proxy-Authorization", "proxy-authorization" not in names, record["path"])
    return check.complaints
