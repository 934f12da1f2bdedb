#!/usr/bin/env python3
"""What becomes of an attempt to reconnect: which failures are tried again, and which end the session.

Run as `attempts.py [NAME ...]`.
"""

import base64
import hashlib
import ssl

from away import Decisions, Site, accepts, for_each, goes_on, leaves, lose, main, reconnects, refuses, resets, talks
from certificates import AUTHORITY, expired, server_context, trusted
from checking import HANG_MS, equal, true
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from ktorws_ctypes import Initiator, Phase, Status
from sessions import ends
import trustme
from wire import upgrade

TRIED_STATUSES = (408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524)
OTHER_STATUSES = (200, 204, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 406, 407, 409, 410, 418, 426, 431)
OTHER_STATUSES += (501, 505, 511, 599)
# Short limits for what has no end, long ones for all else.
LIMITS = dict(set_connect_timeout_ms=HANG_MS, set_handshake_timeout_ms=HANG_MS)
SHORT_MS = 30


def is_tried_again(status, act, **settings):
    """the second connection fails in this way, the third one does not"""
    decisions = Decisions()
    for how in reconnects(), decisions.setting():
        with Site(accepts, act) as site, site.open(**{**LIMITS, **settings}, **how) as (session, wire):
            lose(wire)
            # which of them is served first is the threads' doing
            for _ in range(2):
                site.wire()
            goes_on(session, site, wire=site.met[2])
            equal("connections", len(site.met), 3)
    decisions.check((Status.IO, 1, True), (status, 2, True))
    return decisions.all[1].why


def ends_the_session(status, act, **settings):
    decisions = Decisions()
    for how in reconnects(), decisions.setting():
        with Site(accepts, act) as site, site.open(**{**LIMITS, **settings}, **how) as (session, wire):
            lose(wire)
            ends(session, status, remote=1006, clean=False, initiator=Initiator.TRANSPORT)
            equal("connections", len(site.met), 2)
            equal("ws_stats.reconnects", session.stats.reconnects, 0)
            true("the message says what was given up", "gave up reconnecting after 1 attempt" in session.error.message)
            failure = session.error
    decisions.check((Status.IO, 1, True), (status, 2, False))
    return failure


def statuses_that_pass():
    def check(status):
        why = is_tried_again(Status.HANDSHAKE_STATUS, refuses(status, "X-Any: thing", body=b"why not"))
        equal("ws_error_http_", (why.http_status, why.http_body), (status, b"why not"))

    for_each(TRIED_STATUSES, check)


def statuses_that_end():
    def check(status):
        failure = ends_the_session(Status.HANDSHAKE_STATUS, refuses(status, "Location: /elsewhere", "Retry-After: 0"))
        equal("ws_error_http_status", failure.http_status, status)
        equal("ws_error_http_header", failure.http_fields["Retry-After"], ["0"])

    for_each(OTHER_STATUSES, check)


def says(data, ends_it=True):
    def act(wire):
        if wire.read_request():
            wire.send(data)
            if ends_it:
                wire.fin()

    return act


def connections_that_are_lost_before_the_answer():
    """as those of a server that is about to go away, or of a front end without one behind it"""

    def check(case):
        name, act, statuses = case
        try:
            is_tried_again(statuses, act)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None

    for_each(
        [
            ("a reset", resets, Status.IO),
            ("an end", leaves, Status.HANDSHAKE_INVALID),
            ("an end in the head", says(b"HTTP/1.1 101 Switching Protocols\r\nUpgr"), Status.HANDSHAKE_INVALID),
            ("a reset without reading", lambda wire: wire.rst(), Status.IO),
        ],
        check,
    )


def answers_that_break_the_protocol():
    for_each(
        [
            says(b"nonsense\r\n\r\n"),
            says(b"\x16\x03\x01"),
            upgrade(accept="x" * 28),
            upgrade(accept=None),
            upgrade(upgrade="other"),
            upgrade(extra=["Sec-WebSocket-Protocol: never-asked-for"]),
            upgrade(extra=["Sec-WebSocket-Extensions: never-asked-for"]),
        ],
        lambda act: ends_the_session(Status.HANDSHAKE_INVALID, act),
    )


def a_subprotocol_that_is_not_the_first_one():
    """another one of those that were offered, or none"""

    def choosing(name):
        return upgrade(extra=[f"Sec-WebSocket-Protocol: {name}"] if name else [])

    def check(case):
        before, then = case
        offers = dict(add_subprotocol=[b"a", b"b"])
        with Site(choosing(before), choosing(then)) as site, site.open(**offers, **reconnects()) as (session, wire):
            lose(wire)
            if before == then:
                goes_on(session, site)
                equal("ws_subprotocol", session.subprotocol, before)
            else:
                ends(session, Status.HANDSHAKE_INVALID)
                equal("ws_subprotocol", session.subprotocol, before)
                equal("connections", len(site.met), 2)

    for_each([(before, then) for before in ("a", "b", "") for then in ("a", "b", "")], check)


def nobody_listens():
    decisions = Decisions()
    with Site() as site, site.open(**decisions.setting()) as (session, wire):
        site.stop()
        lose(wire)
        equal("asked", decisions.next().told, (Status.IO, 1, True))
        for attempt in range(2, 6):
            asked = decisions.next()
            equal("asked", (asked.told, asked.why.phase), ((Status.CONNECT, attempt, True), Phase.CONNECT))
        site.start()
        goes_on(session, site)
    decisions.check(*[asked.told for asked in decisions.all])


def nobody_accepts():
    decisions = Decisions()
    with Site() as site:
        with site.open(**decisions.setting(), set_connect_timeout_ms=SHORT_MS) as (session, wire):
            with site.hole():
                lose(wire)
                equal("asked", decisions.next().told, (Status.IO, 1, True))
                asked = decisions.next()
                equal("asked", (asked.told, asked.why.phase), ((Status.TIMEOUT, 2, True), Phase.CONNECT))
            goes_on(session, site)


def nobody_answers():
    """what the server holds is given up after the timeout of the handshake"""

    def silent(wire):
        if wire.read_request():
            wire.expect_end("fin", "rst")

    why = is_tried_again(Status.TIMEOUT, silent, set_handshake_timeout_ms=1000)
    equal("ws_error_phase", why.phase, Phase.HANDSHAKE)


def encrypted(*later, act=accepts, **settings):
    """a session whose first connection is lost; `later`: the TLS contexts of those behind it, None for a second one
    without TLS, which is met with `act`"""
    contexts = dict(enumerate(later, 1))
    decisions = Decisions()
    with Site(accepts, act, tls=server_context("127.0.0.1"), contexts=contexts) as site:
        with site.open(**trusted(), **LIMITS, **settings, **decisions.setting()) as (session, wire):
            talks(session, wire)
            lose(wire)
            yield site, session, decisions


def certificates_that_are_refused():
    def check(case):
        context, word = case
        for _, session, decisions in encrypted(context):
            ends(session, Status.TLS_CERTIFICATE)
            true(f"the message says {word!r}", word in session.error.message, session.error.message)
            decisions.check((Status.IO, 1, True), (Status.TLS_CERTIFICATE, 2, False))

    stranger = server_context("127.0.0.1", by=trustme.CA())
    for_each([(expired("127.0.0.1"), "expired"), (server_context("example.com"), "example.com"), (stranger, "")], check)


def another_certificate_that_is_trusted():
    for site, session, _ in encrypted(server_context("127.0.0.1")):
        goes_on(session, site)


def another_key_where_one_is_pinned():
    certificate = AUTHORITY.issue_cert("127.0.0.1")
    first = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(first)
    key = x509.load_pem_x509_certificate(certificate.cert_chain_pems[0].bytes()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(spki).digest())
    with Site(tls=first, contexts={2: server_context("127.0.0.1")}) as site:
        with site.open(**trusted(), **reconnects(), add_tls_pin_sha256=pin) as (session, wire):
            lose(wire)
            lose(goes_on(session, site))
            ends(session, Status.TLS_CERTIFICATE)


def connections_that_are_lost_while_tls_is_negotiated():
    """as those of a front end that restarts"""

    def leaves_at_once(wire):
        wire.sock.recv(1 << 16)
        wire.close()

    def check(act):
        for site, session, decisions in encrypted(None, act=act):
            site.wire()
            goes_on(session, site)
            decisions.check((Status.IO, 1, True), (decisions.all[1].why.status, 2, True))
            equal("ws_error_phase", decisions.all[1].why.phase, Phase.TLS)

    for_each([leaves_at_once, lambda wire: wire.rst()], check)


def servers_without_tls_any_more():
    def check(act):
        for _, session, decisions in encrypted(None, act=act):
            ends(session, Status.TLS)
            decisions.check((Status.IO, 1, True), (Status.TLS, 2, False))

    def alerts(wire):
        wire.sock.recv(1 << 16)
        # fatal, handshake_failure
        wire.send(bytes([21, 3, 3, 0, 2, 2, 40]))
        wire.fin()

    def speaks_http(wire):
        wire.sock.recv(1 << 16)
        wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        wire.fin()

    for_each([alerts, speaks_http], check)


TESTS = (
    statuses_that_pass,
    statuses_that_end,
    connections_that_are_lost_before_the_answer,
    answers_that_break_the_protocol,
    a_subprotocol_that_is_not_the_first_one,
    nobody_listens,
    nobody_accepts,
    nobody_answers,
    certificates_that_are_refused,
    another_certificate_that_is_trusted,
    another_key_where_one_is_pinned,
    connections_that_are_lost_while_tls_is_negotiated,
    servers_without_tls_any_more,
)


def warm_up():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        lose(wire)
        goes_on(session, site)


if __name__ == "__main__":
    main(TESTS, warm_up)
