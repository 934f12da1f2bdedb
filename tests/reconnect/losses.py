#!/usr/bin/env python3
"""Which ends of a connection are tried again, and which end the session.

Run as `losses.py [NAME ...]`.
"""

from away import Decisions, Site, for_each, goes_on, main, reconnects, talks  # first: it says where the others are
from certificates import server_context, trusted
from checking import HANG_MS, equal, true
from ktorws_ctypes import QUEUE_CLOSE, Initiator, Phase, Status
from peer import PING, PONG, TEXT, close, frame, more, text
from sessions import ends, receives
from wire import upgrade

TRIED_CODES = (1001, 1011, 1012, 1013, 1014)
OTHER_CODES = (None, 1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 3999, 4000, 4999)


def sends_first(session, wire):
    """a message that the library has read, so that a reset cannot throw it away; the application has not received it"""
    wire.send(text(b"first") + frame(PING, b"read?"))
    wire.expect(PONG, b"read?")


def is_tried_again(status, lose, **settings):
    """with the library's table alone, and with a decision that leaves it to the library"""
    decisions = Decisions()
    for how in reconnects(), decisions.setting():
        with Site() as site, site.open(**settings, **how) as (session, wire):
            sends_first(session, wire)
            lose(wire)
            receives(session, "first")
            goes_on(session, site)
            equal("connections", len(site.met), 2)
            equal("ws_session_error", session.error, None)
    decisions.check((status, 1, True))
    return decisions.all[0].why


def ends_the_session(status, lose, is_asked=True, acts=(), **settings):
    decisions = Decisions()
    for how in reconnects(), decisions.setting():
        with Site(*acts) as site, site.open(**settings, **how) as (session, wire):
            sends_first(session, wire)
            lose(wire)
            receives(session, "first")
            ends(session, status)
            equal("connections", len(site.met), 1)
            equal("ws_stats.reconnects", session.stats.reconnects, 0)
    decisions.check(*[(status, 1, False)] * is_asked)


def closing_with(code, reason=b""):
    def lose(wire):
        wire.send(close(code, reason))
        # answered, whether the session goes on or not
        wire.expect_close(code, reason)
        wire.expect_end("fin", "rst")

    return lose


def closes_that_pass():
    for_each(TRIED_CODES, lambda code: is_tried_again(Status.CLOSED, closing_with(code, b"why")))


def closes_that_end():
    def check(code):
        def lose(wire):
            wire.send(close(code))
            wire.expect_close(code)
            wire.fin()

        ends_the_session(Status.CLOSED, lose)

    for_each(OTHER_CODES, check)


def how_it_was_closed_is_told():
    """as in sessions that do not reconnect"""
    with Site() as site, site.open(**reconnects()) as (session, wire):
        wire.send(close(4001, b"go away"))
        wire.expect_close(4001, b"go away")
        wire.fin()
        told = dict(local=4001, remote=4001, reason=b"go away", clean=True, initiator=Initiator.REMOTE)
        ends(session, Status.CLOSED, **told)


def how_a_later_connection_was_closed_is_told():
    """nothing of an earlier Close is mixed in"""
    with Site() as site, site.open(**reconnects()) as (session, wire):
        closing_with(1012, b"restarts")(wire)
        wire = goes_on(session, site)
        equal("ws_close", session.close(3000, "done"), Status.OK)
        wire.expect_close(3000, b"done")
        wire.send(close(3000, b"done"))
        wire.fin()
        told = dict(local=3000, remote=3000, reason=b"done", clean=True, initiator=Initiator.LOCAL)
        ends(session, Status.CLOSED, **told)


def streams_that_end():
    """at the border of messages and within one, of which nothing is delivered"""

    def check(part):
        def lose(wire):
            wire.send(part)
            wire.fin()
            wire.expect_end("fin", "rst")

        equal("ws_error_phase", is_tried_again(Status.CLOSED_ABNORMALLY, lose).phase, Phase.OPEN)

    for_each([b"", b"\x81", text(b"part of a frame")[:-3], frame(TEXT, b"a", fin=False) + more(b"b")], check)


def continuing_a_message_that_is_lost_breaks_the_protocol():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        wire.send(frame(TEXT, b"half", fin=False))
        wire.fin()
        wire = site.wire()
        wire.send(frame(0, b"the other half"))
        wire.fin()
        ends(session, Status.PROTOCOL)


def resets():
    why = is_tried_again(Status.IO, lambda wire: wire.rst())
    true("ws_error_os_errno", why.os_errno != 0, why.os_errno)


def streams_that_end_under_tls():
    """with TLS' own farewell, without it, and by a reset"""

    def check(end):
        with Site(tls=server_context("127.0.0.1")) as site, site.open(**reconnects(), **trusted()) as (session, wire):
            talks(session, wire)
            if end == "farewell":
                wire.sock = wire.sock.unwrap()
            elif end == "reset":
                wire.rst()
            wire.close()
            goes_on(session, site)

    for_each(["farewell", "end", "reset"], check)


def pings_without_an_answer():
    def lose(wire):
        equal("the client's next frame", wire.next().name.split()[0], "ping")
        wire.expect_close(1011, b"Ping timeout")
        wire.expect_end("fin", "rst")

    # long enough that the second connection's pings are not due
    is_tried_again(Status.PING_TIMEOUT, lose, set_ping_interval_ms=400, set_ping_timeout_ms=20)


def silence():
    def lose(wire):
        wire.expect_close(1001, b"Idle timeout")
        wire.expect_end("fin", "rst")

    is_tried_again(Status.IDLE_TIMEOUT, lose, set_idle_timeout_ms=400)


VIOLATIONS = [
    (frame(3), Status.PROTOCOL, {}),
    (frame(TEXT, b"x", rsv=4), Status.PROTOCOL, {}),
    (frame(TEXT, b"x", mask=b"abcd"), Status.PROTOCOL, {}),
    (frame(0, b"x"), Status.PROTOCOL, {}),
    (frame(8, b"x"), Status.PROTOCOL, {}),
    # codes that must not be sent
    *((close(code), Status.PROTOCOL, {}) for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000)),
    (text(b"\xff"), Status.UTF8, {}),
    (close(1001, b"\xff"), Status.UTF8, {}),
    (text(bytes(200)), Status.FRAME_TOO_BIG, dict(set_max_frame_size=100)),
    (
        frame(TEXT, bytes(90), fin=False) + more(bytes(90)),
        Status.MESSAGE_TOO_BIG,
        dict(set_max_message_size=100),
    ),
]


def violations():
    def check(case):
        data, status, settings = case

        def lose(wire):
            wire.send(data)
            wire.fin()

        ends_the_session(status, lose, **settings)

    for_each(VIOLATIONS, check)


def compressed_garbage():
    def lose(wire):
        wire.send(frame(TEXT, b"\xff\xff\xff", rsv=4))
        wire.fin()

    agrees = upgrade(extra=["Sec-WebSocket-Extensions: permessage-deflate"])
    ends_the_session(Status.COMPRESSION, lose, acts=[agrees], install_deflate=None)


def a_queue_that_runs_over():
    """it is this side that ends the session: nobody is asked"""

    def lose(wire):
        wire.send(text(b"second"))
        wire.expect_close(1008, b"Incoming queue overflow")
        wire.fin()

    ends_the_session(Status.OVERFLOW, lose, is_asked=False, set_incoming_queue=(1, 0, QUEUE_CLOSE))


def closing_it():
    """the application has ended it: nobody is asked, however the server takes that"""

    def check(end):
        decisions = Decisions()
        with Site() as site, site.open(**decisions.setting(), set_close_timeout_ms=500) as (session, wire):
            equal("ws_close", session.close(1000, "bye"), Status.OK)
            wire.expect_close(1000, b"bye")
            if end == "rst":
                wire.rst()
            elif end == "fin":
                wire.fin()
            elif end:
                wire.send(close(end))
                wire.fin()
            equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
            true("ws_recv", session.recv(0)[0] not in (Status.OK, Status.TIMEOUT))
            equal("connections", len(site.met), 1)
        decisions.check()

    for_each(["rst", "fin", 1000, 1001, 1012, None], check)


def aborting_it():
    decisions = Decisions()
    with Site() as site, site.open(**decisions.setting()) as (session, wire):
        equal("ws_abort", session.abort(), Status.OK)
        ends(session, Status.ABORTED)
        wire.expect_end("fin", "rst")
        equal("connections", len(site.met), 1)
    decisions.check()


TESTS = (
    closes_that_pass,
    closes_that_end,
    how_it_was_closed_is_told,
    how_a_later_connection_was_closed_is_told,
    streams_that_end,
    continuing_a_message_that_is_lost_breaks_the_protocol,
    resets,
    streams_that_end_under_tls,
    pings_without_an_answer,
    silence,
    violations,
    compressed_garbage,
    a_queue_that_runs_over,
    closing_it,
    aborting_it,
)


def warm_up():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        talks(session, wire)
    closes_that_pass()


if __name__ == "__main__":
    main(TESTS, warm_up)
