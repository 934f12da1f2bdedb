#!/usr/bin/env python3
"""Real proxies between the library and real servers: squid, tinyproxy, dante, microsocks, and HAProxy for TLS.

real.py --work DIRECTORY [--env DIRECTORY]
"""

import contextlib
import os
import socket
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[1:1] = [TESTS, os.path.join(TESTS, "behaviours"), os.path.join(TESTS, "hostile")]
import checks
import exercise
import outages
from checks import Tunnel
from programs import echo_server, free_ports
from proxies import HIDDEN_NAME, start_all
from report import Certificates, main
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve


class Lab:
    """The servers behind the proxies, and a port that nobody listens on."""

    def __init__(self, environment):
        certificates = Certificates(environment)
        self.ca = certificates.ca
        # not for its address
        self.proxy_tls = certificates.issue("proxy", "localhost")
        self.server_certificate, key, _ = certificates.issue("server", "localhost", HIDDEN_NAME)
        self.ports = {
            "ws": echo_server(environment, "python")[1],
            "wss": echo_server(environment, "node", self.server_certificate, key)[1],
        }
        (self.closed,) = free_ports(1)
        self.port_of_ipv6 = serve_ipv6()


def serve_ipv6():
    """the port of an echo server on ::1, None where there is no IPv6"""

    def echo(connection):
        with contextlib.suppress(ConnectionClosed):
            for message in connection:
                connection.send(message)

    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        return None
    server = serve(echo, sock=listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return listener.getsockname()[1]


def checks_of(tunnel):
    proxy = tunnel.proxy
    secure, tls_proxy = tunnel.scheme == "wss", proxy.scheme == "https"
    tells_names = proxy.name.startswith(("squid", "tinyproxy", "microsocks"))
    # socks5 and socks5h are one program
    yield from exercise.ALL if secure and not proxy.user and proxy.scheme != "socks5" else exercise.SHORT
    yield checks.server_sees_no_credentials
    yield checks.wrong_credentials if proxy.user else checks.needless_credentials
    yield checks.target_refuses
    yield checks.own_addresses
    if secure:
        yield checks.many
    if not secure and tunnel.lab.port_of_ipv6:
        yield checks.ipv6_target
    if not secure and not proxy.name.startswith("tinyproxy"):
        yield checks.wrong_kind
    if tells_names:
        yield checks.who_resolves
    if proxy.name.startswith(("squid", "dante")):
        yield checks.forbidden
    if tunnel.is_squid:
        yield checks.hidden_name
        yield checks.unknown_name
        yield checks.from_environment
    if tls_proxy:
        yield checks.tls_faults_of_the_proxy
    if tls_proxy and secure:
        yield checks.tls_settings_are_for_the_server
    if proxy.scheme == "http":
        yield checks.no_scheme
        if tunnel.is_squid:  # tinyproxy waits for more
            yield checks.no_tls_there


def check_all(report, environment):
    lab = Lab(environment)
    if not lab.port_of_ipv6:
        report.skip("ipv6_target", "no IPv6")
    found = start_all(environment, lab.proxy_tls, report.skip)
    for proxy in found:
        for scheme in ("ws", "wss"):
            tunnel = Tunnel(lab, scheme, proxy)
            for check in checks_of(tunnel):
                report.run(f"{scheme} through {proxy.name}: {check.__name__}", check, tunnel)
    # one behind another first
    last_of = {proxy.program: proxy for proxy in found}
    for program, proxy in reversed(last_of.items()):
        tunnel = Tunnel(lab, "wss", proxy)
        name = f"wss through {proxy.name}"
        report.run(f"{name}: outlives", outages.outlives, program, tunnel)
        report.run(f"{name}: ends_with", outages.ends_with, program, tunnel)
        report.run(f"{name}: is_down", checks.is_down, tunnel)


if __name__ == "__main__":
    main(check_all)
