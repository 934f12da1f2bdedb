#!/usr/bin/env python3
"""The application's decision: what it is told, what it may change, and what it may do meanwhile.

Run as `deciding.py [NAME ...]`.
"""

import threading
import time

from away import FOR_EVER_MS, KEEP_UNSENT, Decisions, Site, accepts, for_each, goes_on, is_back, lose, main, promptly
from away import reconnects, refuses, resets, talks
from checking import HANG_MS, HANG_S, among, equal, eventually, true
from ktorws_ctypes import BINARY, PING, Initiator, Phase, Session, State, Status, lib, shutdown
from peer import close, frame, text
from sessions import ends
from telling import Called


# for what must not happen
MOMENT_S = 0.02


def handle_of(asked):
    """what it was given, as a session that is not freed here"""
    session = object.__new__(Session)
    session.handle = asked.session
    return session


def giving_up():
    """what is lost ends the session as if it did not reconnect"""
    decisions = Decisions(lambda asked: False)

    def check(lose_it):
        with Site() as site, site.open(**decisions.setting()) as (session, wire):
            status, remote, initiator = lose_it(wire)
            ends(session, status, remote=remote, initiator=initiator)
            equal("connections", len(site.met), 1)

    def by_a_reset(wire):
        wire.rst()
        return Status.IO, 1006, Initiator.TRANSPORT

    def by_an_end(wire):
        wire.fin()
        return Status.CLOSED_ABNORMALLY, 1006, Initiator.TRANSPORT

    def by_a_close(wire):
        wire.send(close(1012))
        wire.expect_close(1012)
        wire.fin()
        return Status.CLOSED, 1012, Initiator.REMOTE

    for_each([by_a_reset, by_an_end, by_a_close], check)
    equal("troubles", decisions.trouble, [])
    equal("attempts", {asked.attempt for asked in decisions.all}, {1})


def giving_up_behind_an_attempt():
    """ends the session with the error of that"""
    decisions = Decisions(lambda asked: False if asked.attempt == 3 else None)
    with Site(accepts, resets, refuses(503)) as site, site.open(**decisions.setting()) as (session, wire):
        lose(wire)
        ends(session, Status.HANDSHAKE_STATUS, remote=1006, clean=False, initiator=Initiator.TRANSPORT)
        equal("http_status", session.error.http_status, 503)
        equal("phase", session.error.phase, Phase.HANDSHAKE)
        equal("connections", len(site.met), 3)
    decisions.check((Status.IO, 1, True), (Status.IO, 2, True), (Status.HANDSHAKE_STATUS, 3, True))


def trying_all_the_same():
    """what the library would not try: Closes, violations, refusals, and what comes behind the limits"""

    def check(case):
        status, end, *acts = case
        decisions = Decisions(lambda asked: 0)
        with Site(accepts, *acts) as site:
            with site.open(**decisions.setting(max_attempts=1), set_max_message_size=100) as (session, wire):
                wire.send(end)
                wire.fin()
                is_back(session)
                talks(session, site.met[-1])
                equal("connections", len(site.met), 2 + len(acts))
        refusals = [(Status.HANDSHAKE_STATUS, number, False) for number in range(2, 2 + len(acts))]
        decisions.check((status, 1, False), *refusals)

    for_each(
        [
            (Status.CLOSED, close(1000)),
            (Status.CLOSED, close(4000, b"come back")),
            (Status.PROTOCOL, frame(3)),
            (Status.UTF8, text(b"\xff")),
            (Status.MESSAGE_TOO_BIG, frame(1, bytes(80), fin=False) + frame(0, bytes(80))),
            (Status.CLOSED, close(1008), refuses(404), refuses(403), refuses(200)),
        ],
        check,
    )


def changing_the_delay():
    """to none, to less than none, and to one that is waited"""
    for delay_ms in (0, -1, -(2**63)):
        decisions = Decisions(lambda asked, delay_ms=delay_ms: delay_ms)
        setting = decisions.setting(first_delay_ms=FOR_EVER_MS, max_delay_ms=FOR_EVER_MS)
        with Site() as site, site.open(**setting) as (session, wire):
            lose(wire)
            goes_on(session, site)
        equal("troubles", decisions.trouble, [])
    decisions = Decisions(lambda asked: 200)
    with Site() as site, site.open(**decisions.setting()) as (session, wire):
        lose(wire)
        decisions.next()
        begin = time.monotonic()
        goes_on(session, site)
        true("the delay is waited", time.monotonic() - begin > 0.19, time.monotonic() - begin)


def a_delay_without_end():
    decisions = Decisions(lambda asked: 2**63 - 1)
    with Site() as site, site.open(**decisions.setting()) as (session, wire):
        lose(wire)
        decisions.next()
        # it may be given up as well: no time is that far away
        among("ws_recv", session.recv(20)[0], (Status.TIMEOUT, Status.IO))
        equal("ws_close", session.close(1000), Status.OK)
        equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
        equal("connections", len(site.met), 1)


def it_may_take_its_time():
    """while it does the session is away, and others are not kept waiting"""
    go_on = threading.Event()
    decisions = Decisions(lambda asked: None if go_on.wait(HANG_S) else False)
    with Site() as slow, Site() as quick:
        with slow.open(**decisions.setting()) as (session, wire), quick.open(**reconnects()) as (other, other_wire):
            lose(wire)
            decisions.next()
            equal("ws_state", session.state, State.CONNECTING)
            equal("ws_recv", session.recv(0), (Status.TIMEOUT, None))
            lose(other_wire)
            goes_on(other, quick)
            equal("connections", len(slow.met), 1)
            go_on.set()
            goes_on(session, slow)


def thread_name():
    with open("/proc/thread-self/comm", encoding="ascii") as name:
        return name.read().strip()


def it_is_asked_after_on_open():
    """which has to return first"""
    order = []
    is_asked = threading.Event()

    def decide(asked):
        order.append("asked")
        is_asked.set()
        return 0

    def act(what, session):
        if what == "open":
            wire = site.wire()
            lose(wire)
            eventually("the loss is noticed", lambda: State(lib.ws_state(session)) == State.CONNECTING)
            is_asked.wait(MOMENT_S)
            order.append("open")

    called, decisions = Called(act), Decisions(decide)
    with Site() as site, Session(site.url(), **called.setting, **decisions.setting()):
        called.expect(("open",), ("lost", 1006), ("resumed",))
    equal("the order", order, ["open", "asked"])


def it_runs_on_a_thread_of_the_library():
    threads = []
    decisions = Decisions(lambda asked: threads.append(thread_name()))
    with Site() as site, site.open(**decisions.setting()) as (session, wire):
        lose(wire)
        goes_on(session, site)
    equal("thread", threads, ["ktorws"])
    decisions.check((Status.IO, 1, True))


def it_knows_its_session():
    """several sessions of a configuration have one decision"""
    decisions = Decisions()
    with Site() as site:
        setting = decisions.setting()
        with site.open(**setting) as (first, first_wire), site.open(**setting) as (second, wire):
            lose(wire)
            equal("session", decisions.next().session, second.handle)
            lose(first_wire)
            equal("session", decisions.next().session, first.handle)
            is_back(first)
            is_back(second)


def calling_functions_inside():
    """none waits for what follows the decision"""
    seen = {}

    def act(asked):
        session = handle_of(asked)
        seen["state"] = session.state
        # what came before the loss, and then nothing more
        seen["first"] = session.recv(0)
        seen["recv"] = session.recv(1)[0]
        seen["send"] = session.send_part(BINARY, b"x", 0, 1)
        seen["ping"] = session.send_control(PING, b"", 1)
        seen["wait_closed"] = session.wait_closed(1)
        seen["flush"] = session.call("flush", 1)
        seen["reconnects"] = session.stats.reconnects
        seen["interval"] = session.call("set_ping_interval_ms", FOR_EVER_MS)
        seen["error"] = session.error

    decisions = Decisions(act)
    with Site() as site, site.open(**decisions.setting(), set_send_timeout_ms=1) as (session, wire):
        wire.send(text(b"first") + frame(9, b"read?"))
        wire.expect(10, b"read?")
        lose(wire)
        is_back(session)
        goes_on(session, site)
    decisions.check((Status.IO, 1, True))
    among("ws_recv", seen.pop("first"), ((Status.OK, "first"), (Status.STATE, None)))
    among("ws_recv", seen.pop("recv"), (Status.TIMEOUT, Status.STATE))
    among("ws_wait_closed", seen.pop("wait_closed"), (Status.TIMEOUT, Status.STATE))
    among("ws_flush", seen.pop("flush"), (Status.OK, Status.TIMEOUT, Status.IO))
    expected = dict(
        state=State.CONNECTING,
        send=Status.TIMEOUT,
        ping=Status.TIMEOUT,
        reconnects=0,
        interval=Status.OK,
    )
    equal("ws_session_error", seen.pop("error").status, Status.IO)
    equal("what it saw", seen, expected)


def sending_inside():
    """what is kept goes out on the connection that it decides for"""
    decisions = Decisions(lambda asked: equal("ws_send_text", handle_of(asked).send("hello again"), Status.OK))
    with Site() as site, site.open(**decisions.setting(flags=KEEP_UNSENT)) as (session, wire):
        lose(wire)
        wire = site.wire()
        wire.expect(1, b"hello again")
        talks(session, wire)
    equal("troubles", decisions.trouble, [])


def opening_another_session_inside():
    """as one does who gets a token first; without waiting, too"""
    with Site() as tokens, Site() as site:

        def act(asked):
            with tokens.open() as (session, wire):
                talks(session, wire)

        decisions = Decisions(act)
        with site.open(**decisions.setting()) as (session, wire):
            lose(wire)
            goes_on(session, site)
    decisions.check((Status.IO, 1, True))


def ending_it_inside():
    """whatever is returned"""
    ways = {
        "ws_abort": (lambda session: session.abort(), Status.ABORTED),
        "ws_close": (lambda session: session.close(1000), Status.IO),
    }

    def check(case):
        name, answer = case
        end, status = ways[name]
        decisions = Decisions(lambda asked: equal(name, end(handle_of(asked)), Status.OK) or answer)
        with Site() as site, site.open(**decisions.setting()) as (session, wire):
            lose(wire)
            ends(session, status)
            equal("connections", len(site.met), 1)
        decisions.check((Status.IO, 1, True))

    for_each([(name, answer) for name in ways for answer in (0, False)], check)


def freeing_it_inside():
    """the last handle: nothing is opened any more"""
    for answer in (0, False):
        freed = threading.Event()

        def act(asked, freed=freed, answer=answer):
            lib.ws_session_free(asked.session)
            freed.set()
            return answer

        decisions = Decisions(act)
        with Site() as site:
            with site.open(**decisions.setting()) as (session, wire):
                lose(wire)
                true("it is freed", freed.wait(HANG_S))
                session.handle = None
            equal("connections", len(site.met), 1)
        decisions.check((Status.IO, 1, True))


def shutting_the_library_down_inside():
    """is refused, as in every callback: it would wait for itself"""
    decisions = Decisions(lambda asked: equal("ws_shutdown", shutdown(HANG_MS), Status.STATE))
    with Site() as site, site.open(**decisions.setting()) as (session, wire):
        lose(wire)
        goes_on(session, site)
    decisions.check((Status.IO, 1, True))


def ending_it_while_it_decides():
    """the calls do not wait for the decision"""
    for name in ("ws_abort", "ws_close", "ws_session_free"):
        go_on = threading.Event()
        decisions = Decisions(lambda asked, go_on=go_on: None if go_on.wait(HANG_S) else False)
        with Site() as site, site.open(**decisions.setting()) as (session, wire):
            lose(wire)
            decisions.next()
            if name == "ws_session_free":
                promptly(name, lib.ws_session_free, session.handle)
                session.handle = None
            else:
                call = session.abort if name == "ws_abort" else lambda: session.close(1000)
                equal(name, promptly(name, call), Status.OK)
                equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
                equal("ws_state", session.state, State.CLOSED)
                equal("ws_recv", session.recv(0)[0], Status.ABORTED if name == "ws_abort" else Status.IO)
            go_on.set()
            equal("connections", len(site.met), 1)


TESTS = (
    giving_up,
    giving_up_behind_an_attempt,
    trying_all_the_same,
    changing_the_delay,
    a_delay_without_end,
    it_may_take_its_time,
    it_is_asked_after_on_open,
    it_runs_on_a_thread_of_the_library,
    it_knows_its_session,
    calling_functions_inside,
    sending_inside,
    opening_another_session_inside,
    ending_it_inside,
    freeing_it_inside,
    ending_it_while_it_decides,
    shutting_the_library_down_inside,
)


def warm_up():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        lose(wire)
        goes_on(session, site)


if __name__ == "__main__":
    main(TESTS, warm_up)
