#!/usr/bin/env python3
"""Ending a session that is away, in every stage of that: no call waits for what the session waits for.

Run as `ending.py [NAME ...]`.
"""

import contextlib
import threading

from away import FOR_EVER_MS, KEEP_UNSENT, Decisions, Held, Site, accepts, another_handle, for_each, goes_on, is_away
from away import lose, main, promptly, reconnects, talks
from checking import HANG_MS, HANG_S, Background, among, equal, eventually, true
from ktorws_ctypes import BINARY, PING, Initiator, State, Status, lib, shutdown
from peer import close
from sessions import ends

LIMITS = dict(set_connect_timeout_ms=FOR_EVER_MS, set_handshake_timeout_ms=FOR_EVER_MS)


@contextlib.contextmanager
def waiting(site, **settings):
    """until the next attempt"""
    decisions = Decisions()
    forever = dict(first_delay_ms=FOR_EVER_MS, max_delay_ms=FOR_EVER_MS, **settings)
    with site.open(**LIMITS, **decisions.setting(**forever)) as (session, wire):
        lose(wire)
        decisions.next()
        yield session


@contextlib.contextmanager
def deciding(site, **settings):
    go_on = threading.Event()
    decisions = Decisions(lambda asked: None if go_on.wait(HANG_S) else False)
    with site.open(**LIMITS, **decisions.setting(**settings)) as (session, wire):
        lose(wire)
        decisions.next()
        try:
            yield session
        finally:
            go_on.set()


@contextlib.contextmanager
def connecting(site, **settings):
    """TCP gets no answer"""
    with site.open(**LIMITS, **reconnects(**settings)) as (session, wire):
        with site.hole():
            connects = count_connecting(site)
            lose(wire)
            eventually("it connects", lambda: count_connecting(site) > connects)
            yield session


def count_connecting(site):
    """how many sockets of this machine try to connect to it: in the state SYN_SENT"""
    remote = f"0100007F:{site.port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as lines:
        return sum(line.split()[2:4] == [remote, "02"] for line in lines)


@contextlib.contextmanager
def shaking_hands(site, **settings):
    """the server does not answer"""
    with site.away(**LIMITS, **reconnects(**settings)) as (session, _):
        yield session


STAGES = (waiting, deciding, connecting, shaking_hands)


def in_every_stage(check, **settings):
    """`check` is given the session and its server"""

    def run(stage):
        with Site() as site:
            with stage(site, **settings) as session:
                is_away(session)
                check(session, site)
                if session.handle:
                    equal("ws_stats.reconnects", session.stats.reconnects, 0)

    for_each(STAGES, run)


def has_ended(session, status):
    ends(session, status)
    for name, call in (
        ("ws_send", lambda: session.send_part(BINARY, b"x", 0, 0)),
        ("ws_send, a ping", lambda: session.send_control(PING, b"")),
    ):
        equal(f"{name} behind the end", call(), status)


def closing_it():
    """at once: there is nobody to say goodbye to"""

    def check(session, _):
        equal("ws_close", promptly("ws_close", session.close, 1000, "bye"), Status.OK)
        has_ended(session, Status.IO)
        local, remote, _, clean, initiator = session.close_info
        equal("ws_get_close_info", (local, remote, clean), (0, 1006, False))
        among("initiator", initiator, (Initiator.LOCAL, Initiator.TRANSPORT))

    in_every_stage(check)


def closing_it_behind_a_close():
    """the server had closed the connection in order: so has the session ended"""
    with Site(accepts, Held()) as site, site.open(**reconnects()) as (session, wire):
        wire.send(close(1012, b"restarts"))
        wire.expect_close(1012, b"restarts")
        is_away(session)
        equal("ws_close", session.close(1000), Status.OK)
        told = dict(remote=1012, reason=b"restarts", initiator=Initiator.REMOTE)
        ends(session, Status.CLOSED, **told)
        site.acts[1].go_on()


def aborting_it():
    def check(session, _):
        equal("ws_abort", promptly("ws_abort", session.abort), Status.OK)
        has_ended(session, Status.ABORTED)

    in_every_stage(check)


def freeing_it():
    def check(session, _):
        promptly("ws_session_free", lib.ws_session_free, session.handle)
        session.handle = None

    in_every_stage(check)


def freeing_one_of_two_handles():
    """changes nothing"""
    with Site() as site, site.away() as (session, held):
        with another_handle(session):
            pass
        equal("ws_state", session.state, State.CONNECTING)
        held.go_on()
        goes_on(session, site)


def who_waits_hears_of_it():
    """in whatever it waits"""

    def check_with(end, status):
        def check(session, _):
            with another_handle(session) as kept:
                calls = {
                    "ws_recv": lambda: session.recv(-1)[0],
                    "another ws_recv": lambda: session.recv(-1)[0],
                    "ws_send": lambda: session.send_part(BINARY, b"x", 0, -1),
                    "ws_send, a ping": lambda: session.send_control(PING, b""),
                    "ws_wait_closed": lambda: session.wait_closed(-1),
                }
                waiting = {name: Background(call) for name, call in calls.items()}
                # nothing tells that a call waits: each of them has begun at least
                equal("ws_recv", session.recv(20), (Status.TIMEOUT, None))
                true("nobody has come back", not any(call.is_done for call in waiting.values()))
                end(kept)
                for name, call in waiting.items():
                    equal(name, call.result(), Status.OK if name == "ws_wait_closed" else status)

        in_every_stage(check)

    check_with(lambda session: session.abort(), Status.ABORTED)
    check_with(lambda session: session.close(1000), Status.IO)


def no_attempt_outlives_the_session():
    """one that is under way is given up: the server sees its end"""
    for name in ("abort", "close", "free"):
        with Site() as site:
            site.acts = [accepts, lambda wire: wire.read_request() and wire.expect_end("fin", "rst")]
            with site.open(**LIMITS, **reconnects()) as (session, wire):
                lose(wire)
                eventually("an attempt comes", lambda: len(site.met) == 2)
                if name == "free":
                    lib.ws_session_free(session.handle)
                    session.handle = None
                else:
                    equal(name, session.abort() if name == "abort" else session.close(1000), Status.OK)
                # not before the server has seen it
                true("the server's trouble", site.wire().trouble is None)


def shutting_the_library_down():
    """with sessions in every stage but the one in which the application holds it up; and it can be used again"""
    for stage in (waiting, connecting, shaking_hands):
        with Site() as site:
            with stage(site) as session:
                is_away(session)
                waiting_call = Background(session.recv, -1)
                equal("ws_shutdown", promptly("ws_shutdown", shutdown, HANG_MS), Status.OK)
                equal("ws_recv", waiting_call.result(), (Status.ABORTED, None))
                has_ended(session, Status.ABORTED)
        with Site() as site, site.open(**reconnects()) as (session, wire):
            talks(session, wire)


def shutting_the_library_down_while_the_application_decides():
    """waits for it, and not for longer than it may"""
    with Site() as site, deciding(site) as session:
        equal("ws_shutdown", shutdown(50), Status.TIMEOUT)
        has_ended(session, Status.ABORTED)
    equal("ws_shutdown", shutdown(HANG_MS), Status.OK)


def ending_it_as_it_comes_back():
    """whichever is first, it ends, once and for all, and no connection stays"""

    def check(case):
        number, end = case
        with Site() as site, site.away(**reconnects(flags=KEEP_UNSENT * (number % 2))) as (session, held):
            held.go_on()
            # at some moment of the attempt
            for _ in range(number * 3):
                session.recv(0)
            if end == "ws_session_free":
                lib.ws_session_free(session.handle)
                session.handle = None
            else:
                equal(end, session.abort() if end == "ws_abort" else session.close(1000, "bye"), Status.OK)
            sees_the_end(site.met[1])
            if session.handle:
                equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
                equal("ws_state", session.state, State.CLOSED)
                came_back = (Status.CLOSED, Status.IO, Status.CLOSED_ABNORMALLY)
                among("ws_recv", session.recv(0)[0], came_back if end == "ws_close" else [Status.ABORTED])

    ends = ("ws_close", "ws_abort", "ws_session_free")
    for_each([(number, end) for number in range(8) for end in ends], check)


def sees_the_end(wire):
    """behind a Close where one comes: it may have come back before"""
    sent = wire.next_or_none()
    if sent is not None:
        equal("the client's frame", (sent.name.split()[0], sent.payload), ("close", b"\x03\xe8bye"))
        wire.send(close(1000, b"bye"))
        wire.fin()
        wire.expect_end("fin", "rst")


TESTS = (
    closing_it,
    closing_it_behind_a_close,
    aborting_it,
    freeing_it,
    freeing_one_of_two_handles,
    who_waits_hears_of_it,
    no_attempt_outlives_the_session,
    ending_it_as_it_comes_back,
    shutting_the_library_down,
    shutting_the_library_down_while_the_application_decides,
)


def warm_up():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        lose(wire)
        goes_on(session, site)


if __name__ == "__main__":
    main(TESTS, warm_up)
