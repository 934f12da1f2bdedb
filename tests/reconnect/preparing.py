#!/usr/bin/env python3
"""Attempts that the application prepares, and the first opening that is tried again.

Run as `preparing.py [NAME ...]`.
"""

import ctypes

from away import FIRST, Decisions, ReconnectOptions, Site, accepts, goes_on, leaves, lose, main, reconnects, refuses
from checking import HANG_MS, Background, equal, eventually, true
from harness import refusal
from ktorws_ctypes import Configuration, Failure, Session, State, Status, lib
from sessions import ends


class Prepared:
    """A ws_reconnect_preparation. It calls `act` with the attempt, and notes its number and the status of its error."""

    def __init__(self, act=lambda attempt: None):
        self.act = act
        self.all = []
        self.trouble = []
        self.function = ReconnectOptions.PREPARE(self.prepare)

    def prepare(self, session, attempt, _):
        try:
            true("the session", session)
            self.all.append((lib.ws_attempt_number(attempt), Failure(lib.ws_attempt_last_error(attempt)).status))
            self.act(attempt)
        except BaseException as error:
            self.trouble.append(error)

    def setting(self, **options):
        return reconnects(prepare=self.function, **options)

    def check(self, *noted):
        for error in self.trouble:
            raise error
        equal("the attempts", self.all, list(noted))


def set_url(attempt, url):
    return Status(lib.ws_attempt_set_url(attempt, url.encode()))


def set_header(attempt, name, value):
    return Status(lib.ws_attempt_set_header(attempt, name.encode(), value and value.encode()))


def a_token_for_each_attempt():
    def act(attempt):
        number = lib.ws_attempt_number(attempt)
        equal("set", set_header(attempt, "Authorization", f"Bearer {number}"), Status.OK)
        equal("removed", set_header(attempt, "X-Once", None), Status.OK)
        if number == 2:
            equal("added", set_header(attempt, "X-Second", "yes"), Status.OK)

    prepared = Prepared(act)
    own = dict(set_bearer_token=b"own", add_header=(b"X-Once", b"first"))
    with Site(accepts, leaves) as site, site.open(**own, **prepared.setting()) as (session, wire):
        equal("Authorization", (wire.header("Authorization"), wire.header("X-Once")), ("Bearer own", "first"))
        lose(wire)
        site.wire()
        wire = goes_on(session, site, wire=site.wire() and site.met[2])
        equal("the attempts", [one.header("Authorization") for one in site.met[1:]], ["Bearer 1", "Bearer 2"])
        equal("X-Once", [one.header("X-Once") for one in site.met[1:]], ["", ""])
        equal("X-Second", [one.header("X-Second") for one in site.met[1:]], ["", "yes"])
        # what an attempt sets is for that attempt only
        lose(wire)
        wire = goes_on(session, site, 2)
        equal("another outage", (wire.header("Authorization"), wire.header("X-Second")), ("Bearer 1", ""))
    prepared.check((1, Status.IO), (2, Status.HANDSHAKE_INVALID), (1, Status.IO))


def another_server():
    """which does not get what is for the first one, unless it is given"""
    with Site() as other:

        def act(attempt):
            equal("set", set_url(attempt, other.url("/other")), Status.OK)
            equal("set", set_header(attempt, "Cookie", "of=other"), Status.OK)

        prepared = Prepared(act)
        own = dict(set_bearer_token=b"own", add_header=[(b"Cookie", b"of=own"), (b"X-All", b"yes")])
        with Site() as site, site.open(**own, **prepared.setting()) as (session, wire):
            lose(wire)
            wire = goes_on(session, other, wire=other.wire())
            equal("the path", wire.path, "/other")
            equal("Authorization", wire.header("Authorization"), "")
            equal("Cookie", (wire.header("Cookie"), wire.header("X-All")), ("of=other", "yes"))
            equal("ws_request_url", lib.ws_request_url(session.handle).decode(), site.url())
            equal("connections", (len(site.met), len(other.met)), (1, 1))


def a_refused_change_ends_it():
    for change, status in (
        (lambda attempt: set_url(attempt, "ftp://localhost/"), Status.URL),
        (lambda attempt: set_header(attempt, "Upgrade", "x"), Status.INVALID_ARGUMENT),
        (lambda attempt: set_header(attempt, "X-Bad", "a\r\nb"), Status.INVALID_ARGUMENT),
        (lambda attempt: Status(lib.ws_attempt_set_url(attempt, None)), Status.INVALID_ARGUMENT),
        (lambda attempt: Status(lib.ws_attempt_set_header(attempt, b"X-Bad", b"\xff")), Status.INVALID_ARGUMENT),
    ):
        seen = []
        prepared = Prepared(lambda attempt: seen.append(change(attempt)) or set_header(attempt, "X-Good", "x"))
        with Site() as site, site.open(**prepared.setting()) as (session, wire):
            lose(wire)
            ends(session, status, remote=1006, clean=False)
            equal("connections", len(site.met), 1)
        equal("status", seen, [status])


def the_first_opening():
    decisions, prepared = Decisions(), Prepared()
    options = dict(decide=decisions.function, prepare=prepared.function, flags=FIRST)
    with Site(leaves, refuses(503)) as site, site.open(**reconnects(**options)) as (session, _):
        goes_on(session, site, 0, wire=site.met[2])
        equal("connections", len(site.met), 3)
        told = (Status.HANDSHAKE_INVALID, 1, True), (Status.HANDSHAKE_STATUS, 2, True)
        decisions.check(*told)
        prepared.check((1, Status.HANDSHAKE_INVALID), (2, Status.HANDSHAKE_STATUS))
        # and then it reconnects
        lose(site.met[2])
        eventually("another connection", lambda: len(site.met) == 4)
        goes_on(session, site, 1, wire=site.met[3])


def the_first_opening_has_limits():
    with Site(*[leaves] * 4) as site:
        error = refusal(site.url(), **reconnects(flags=FIRST, max_attempts=2))
        equal("status", error.status, Status.HANDSHAKE_INVALID)
        equal("connections", len(site.met), 3)
    with Site(refuses(403), accepts) as site:
        error = refusal(site.url(), **reconnects(flags=FIRST))
        equal("http_status", (error.http_status, len(site.met)), (403, 1))
    with Site() as site:
        site.stop()
        options = dict(flags=FIRST, max_outage_ms=1, first_delay_ms=10_000, max_delay_ms=10_000)
        equal("status", refusal(site.url(), **reconnects(**options)).status, Status.CONNECT)
        site.start()


def connect_async(site, **settings):
    handle = ctypes.c_void_p()
    with Configuration(**settings) as configuration:
        status = Status(lib.ws_connect_async(site.url().encode(), configuration.handle, ctypes.byref(handle)))
    equal("ws_connect_async", status, Status.OK)
    session = object.__new__(Session)
    session.handle = handle.value
    return session


def the_first_opening_of_ws_connect_async():
    with Site(leaves, refuses(503)) as site, connect_async(site, **reconnects(flags=FIRST)) as session:
        equal("ws_wait_open", session.call("wait_open", HANG_MS, None), Status.OK)
        goes_on(session, site, 0, wire=site.met[2])


def giving_it_up():
    """while it waits for the next attempt"""
    waits = dict(flags=FIRST, first_delay_ms=3_600_000, max_delay_ms=3_600_000)
    decisions = Decisions()
    for end in "abort", "close", "free", "shut down":
        with Site(leaves) as site:
            session = connect_async(site, **decisions.setting(**waits))
            equal("asked", decisions.next().told, (Status.HANDSHAKE_INVALID, 1, True))
            equal("ws_wait_open", session.call("wait_open", 1, None), Status.TIMEOUT)
            equal("ws_state", session.state, State.CONNECTING)
            if end == "free":
                lib.ws_session_free(session.handle)
                continue
            with session:
                if end == "abort":
                    equal("ws_abort", session.abort(), Status.OK)
                elif end == "close":
                    equal("ws_close", session.close(1000), Status.OK)
                else:
                    equal("ws_shutdown", Status(lib.ws_shutdown(HANG_MS)), Status.OK)
                equal("ws_wait_open", session.call("wait_open", HANG_MS, None), Status.ABORTED)
    with Site(leaves) as site, Configuration(**decisions.setting(**waits)) as configuration:
        opening = Background(refusal, site.url(), configuration)
        decisions.next()
        equal("ws_config_interrupt", Status(lib.ws_config_interrupt(configuration.handle)), Status.OK)
        equal("ws_connect", opening.result().status, Status.INTERRUPTED)


TESTS = (
    a_token_for_each_attempt,
    another_server,
    a_refused_change_ends_it,
    the_first_opening,
    the_first_opening_has_limits,
    the_first_opening_of_ws_connect_async,
    giving_it_up,
)


def warm_up():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        lose(wire)
        goes_on(session, site)


if __name__ == "__main__":
    main(TESTS, warm_up)
