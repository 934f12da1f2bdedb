#!/usr/bin/env python3
"""nginx and HAProxy, which take TLS off, between the library and real servers.

front_ends.py --work DIRECTORY [--env DIRECTORY]
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[1:1] = [TESTS, os.path.join(TESTS, "behaviours"), os.path.join(TESTS, "hostile")]
import exercise
import outages
from checking import equal, eventually, true
from checks import refused
from fronts import DOWN, IDLE_MS, haproxy, nginx
from ktorws_ctypes import Configuration, Initiator, Phase, Session, Status
from programs import Missing, echo_server, free_ports
from report import Certificates, main
from sessions import ends, receives

# TLS, no_application_protocol
NO_APPLICATION_PROTOCOL = 120


class Way:
    """Opens sessions to the server behind a front end."""

    def __init__(self, front, ca):
        self.front, self.ca = front, ca

    def __call__(self, path, **settings):
        return Session(self.front.base + path, add_tls_ca_file=self.ca.encode(), **settings)


def subprotocol(way):
    with way("/", add_subprotocol=[b"chat.v1", b"chat.v2"]) as session:
        equal("ws_subprotocol", session.subprotocol, "chat.v2")
        exercise.closes(session)
    with way("/") as session:
        equal("ws_subprotocol", session.subprotocol, "")
        exercise.closes(session)


def answer_of_both(way):
    """the header has the server's fields and the front end's; both would rather have spoken h2"""
    with way("/") as session:
        true("the server's", session.response_values("x-served-by") != [])
        equal("X-Alpn", session.response_values("X-Alpn"), ["<http/1.1>"])
        exercise.closes(session)


def no_alpn(way):
    with way("/", set_tls_alpn=None) as session:
        equal("X-Alpn", session.response_values("X-Alpn"), ["<>"])
        exercise.closes(session)


def foreign_alpn(way):
    """nginx ends it, as RFC 7301 wants, HAProxy goes on without"""
    if way.front.name == "nginx":
        refused(lambda: way("/", set_tls_alpn=b"x-other"), Status.TLS, Phase.TLS, tls_alert=NO_APPLICATION_PROTOCOL)
    else:
        with way("/", set_tls_alpn=b"x-other,http/1.1") as session:
            equal("X-Alpn", session.response_values("X-Alpn"), ["<http/1.1>"])
            exercise.closes(session)


def resumed(way):
    """with the ticket that an earlier session of the same configuration got"""
    with Configuration(add_tls_ca_file=way.ca.encode()) as configuration:
        for expected in (0, 1, 1):
            with Session(way.front.base + "/", configuration) as session:
                exercise.sends(session, "hello")
                receives(session, "hello")
                exercise.closes(session)
                equal("ws_session_info.tls_resumed", session.info.tls_resumed, expected)


def idle_tunnel(way):
    """is cut, without a Close"""
    with way("/idle/") as session:
        ends(
            session,
            Status.CLOSED_ABNORMALLY,
            remote=1006,
            reason=b"",
            clean=False,
            initiator=Initiator.TRANSPORT,
        )


def kept_alive(way):
    """by pings, for three times as long as it may be idle"""
    with way("/idle/", set_ping_interval_ms=50) as session:
        pongs = 3 * IDLE_MS // 50
        eventually(f"{pongs} pongs", lambda: session.stats.pongs_received >= pongs)
        exercise.sends(session, "still there")
        receives(session, "still there")
        exercise.closes(session)


def server_down(way):
    failure = refused(lambda: way(DOWN), Status.HANDSHAKE_STATUS, Phase.HANDSHAKE, http_status=way.front.down)
    true("the front end's page", b"</html>" in failure.http_body, failure.http_body)


OWN = (subprotocol, answer_of_both, no_alpn, foreign_alpn, resumed, idle_tunnel, kept_alive, server_down)


def check_all(report, environment):
    certificates = Certificates(environment)
    certificate, key, both = certificates.issue("front", "localhost")
    (nobody,) = free_ports(1)
    ports = {kind: echo_server(environment, kind)[1] for kind in ("node", "python")}
    for kind, port in ports.items():
        for start, tls in ((nginx, (certificate, key)), (haproxy, (both,))):
            try:
                front = start(environment, *tls, port, nobody)
            except Missing as why:
                report.skip(start.__name__, why)
                continue
            front.program.wait_until_it_listens()
            way = Way(front, certificates.ca)
            for check in (*exercise.ALL, *(OWN if kind == "node" else ())):
                report.run(f"{front.name} before {kind}: {check.__name__}", check, way)
            for check in (outages.outlives, outages.ends_with):
                report.run(f"{front.name} before {kind}: {check.__name__}", check, front.program, way)


if __name__ == "__main__":
    main(check_all)
