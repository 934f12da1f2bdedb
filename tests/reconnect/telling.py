#!/usr/bin/env python3
"""Callbacks and groups across outages.

Run as `telling.py [NAME ...]`.
"""

import collections
import contextlib
import ctypes
import queue
import select
import threading
from ctypes import POINTER, byref, c_void_p

from away import Site, goes_on, is_back, lose, main, reconnects
from checking import HANG_MS, HANG_S, Background, equal, eventually, true
from ktorws_ctypes import (
    EVENT_LOST,
    EVENT_OPENED,
    EVENT_RESUMED,
    LOST,
    OPENED,
    QUEUE_CLOSE,
    RESUMED,
    TEXT,
    Callbacks,
    Frame,
    State,
    Status,
    lib,
)
from peer import PING, PONG, frame, text

MOMENT_MS = 20


class Called:
    """Callbacks that note what they are called for, in order."""

    def __init__(self, act=lambda what, session: None):
        self.notes = queue.Queue()
        self.act = act
        functions = dict(
            on_open=lambda session, _: self.note("open", session),
            on_close=lambda session, status, _: self.note("close", session, Status(status)),
            on_frame=lambda session, frame, _: self.note_frame(session, frame[0].type, frame),
        )
        self.functions = Callbacks(**functions)
        self.setting = dict(set_callbacks=(byref(self.functions), None), set_deliver_events=EVENT_LOST | EVENT_RESUMED)

    def note_frame(self, session, kind, frame):
        if kind == LOST:
            true("the reason", payload_of(frame))
            self.note("lost", session, frame[0].close_code)
        elif kind == RESUMED:
            self.note("resumed", session)
        else:
            self.note("frame", session, payload_of(frame))

    def note(self, what, session, *more):
        try:
            self.act(what, session)
        finally:
            self.notes.put((what, *more))

    def expect(self, *expected):
        for one in expected:
            try:
                equal("the next callback", self.notes.get(timeout=HANG_S), one)
            except queue.Empty:
                raise AssertionError(f"no callback comes where {one} was expected") from None


def payload_of(frame):
    return ctypes.string_at(frame[0].data, frame[0].size)


def callbacks():
    called = Called()
    with Site() as site, site.open(**called.setting, **reconnects()) as (session, wire):
        called.expect(("open",))
        wire.send(text(b"first") + frame(PING, b"read?"))
        wire.expect(PONG, b"read?")
        lose(wire)
        called.expect(("frame", b"first"), ("lost", 1006), ("resumed",))
        wire = site.wire()
        wire.send(text(b"second"))
        called.expect(("frame", b"second"))
        wire.send(frame(8, b"\x03\xf4"))
        wire.expect_close(1012)
        called.expect(("lost", 1012), ("resumed",))
        wire = site.wire()
        wire.send(frame(8, b"\x03\xe8"))
        wire.expect_close(1000)
        wire.fin()
        called.expect(("close", Status.CLOSED))
        eventually("nothing follows", called.notes.empty)


def events_by_ws_recv():
    """in their place among the messages"""
    settings = dict(set_deliver_events=EVENT_OPENED | EVENT_LOST | EVENT_RESUMED)
    with Site() as site, site.open(**settings, **reconnects()) as (session, wire):
        equal("ws_recv", session.recv_frame(HANG_MS), (Status.OK, (OPENED, 0, b"", 0)))
        wire.send(text(b"before") + frame(PING, b"read?"))
        wire.expect(PONG, b"read?")
        lose(wire)
        site.wire().send(text(b"after"))
        equal("ws_recv", session.recv_frame(HANG_MS), (Status.OK, (TEXT, 0, b"before", 0)))
        status, (kind, _, why, code) = session.recv_frame(HANG_MS)
        equal("ws_recv", (status, kind, code), (Status.OK, LOST, 1006))
        true("the reason", b"connection" in why, why)
        equal("ws_recv", session.recv_frame(HANG_MS), (Status.OK, (RESUMED, 0, b"", 0)))
        equal("ws_recv", session.recv_frame(HANG_MS), (Status.OK, (TEXT, 0, b"after", 0)))


def events_need_no_room():
    settings = dict(set_deliver_events=EVENT_LOST | EVENT_RESUMED, set_incoming_queue=(1, 0, QUEUE_CLOSE))
    with Site() as site, site.open(**settings, **reconnects()) as (session, wire):
        wire.send(text(b"full") + frame(PING, b"read?"))
        wire.expect(PONG, b"read?")
        lose(wire)
        is_back(session)
        equal("ws_recv", session.recv_frame(HANG_MS)[1][2], b"full")
        equal("ws_recv", session.recv_frame(HANG_MS)[1][0], LOST)
        equal("ws_recv", session.recv_frame(HANG_MS)[1][0], RESUMED)
        goes_on(session, site)


def the_loss_of_a_session_that_gives_up():
    """comes before its end"""
    with Site() as site, site.open(set_deliver_events=EVENT_LOST, **reconnects(max_attempts=1)) as (session, wire):
        site.stop()
        lose(wire)
        equal("ws_recv", session.recv_frame(HANG_MS)[1][0], LOST)
        equal("ws_recv", session.recv_frame(HANG_MS), (Status.CONNECT, None))
        equal("ws_is_closed_for_receive", lib.ws_is_closed_for_receive(session.handle), 1)
        site.start()


def sending_when_it_has_resumed():
    """what an application has to do again, like subscribing; and the state is the one it may rely on"""
    states = []

    def act(what, session):
        if what == "resumed":
            states.append(State(lib.ws_state(session)))
            equal("ws_send_text", Status(lib.ws_send_text(session, b"subscribe", 9)), Status.OK)

    called = Called(act)
    with Site() as site, site.open(**called.setting, **reconnects(), set_send_timeout_ms=1) as (session, wire):
        for count in range(1, 10):
            # something is being told when the connection is lost
            wire.send(text(b"x") * 100)
            lose(wire)
            wire = site.wire()
            wire.expect(1, b"subscribe")
            equal("ws_stats.reconnects", session.stats.reconnects, count)
        session.abort()
    equal("states", set(states), {State.OPEN})


def outages_during_a_callback_are_one():
    """if no message comes between them"""
    go_on = threading.Event()
    called = Called(lambda what, session: what == "frame" and go_on.wait(HANG_S))
    with Site() as site, site.open(**called.setting, **reconnects()) as (session, wire):
        wire.send(text(b"long"))
        wire.send(frame(PING, b"read?"))
        wire.expect(PONG, b"read?")
        for count in range(1, 4):
            lose(wire)
            is_back(session, count)
            wire = site.wire()
        go_on.set()
        called.expect(("open",), ("frame", b"long"))
        wire.send(text(b"last"))
        called.expect(("lost", 1006), ("resumed",), ("frame", b"last"))


def freeing_it_when_it_has_resumed():
    called = Called(lambda what, session: what == "resumed" and lib.ws_session_free(session))
    with Site() as site, site.open(**called.setting, **reconnects()) as (session, wire):
        lose(wire)
        called.expect(("open",), ("lost", 1006), ("resumed",), ("close", Status.ABORTED))
        session.handle = None
        site.wire().expect_end("fin", "rst")


def ws_recv_callback_while_away():
    frames = queue.Queue()
    function = lib.ws_recv_callback.argtypes[1](lambda _, frame, __: frames.put(frame and payload_of(frame)))
    with Site() as site, site.away() as (session, held):
        equal("ws_recv_callback", session.call("recv_callback", function, None, None), Status.OK)
        held.go_on()
        wire = site.wire()
        wire.send(text(b"first"))
        equal("frame", frames.get(timeout=HANG_S), b"first")
        lose(wire)
        wire = site.wire()
        wire.send(text(b"second"))
        equal("frame", frames.get(timeout=HANG_S), b"second")
        session.abort()
        true("the end is told", not frames.get(timeout=HANG_S))


class Group:
    def __enter__(self):
        self.handle = lib.ws_group_new()
        self.setting = dict(set_group=self.handle)
        return self

    def __exit__(self, *_):
        lib.ws_group_free(self.handle)

    def recv(self, timeout_ms):
        """(status, session's handle, message)"""
        session, frame = c_void_p(), POINTER(Frame)()
        status = Status(lib.ws_group_recv(self.handle, byref(session), byref(frame), timeout_ms))
        message = payload_of(frame) if frame else None
        lib.ws_frame_free(frame)
        return status, session.value, message


def groups():
    """sessions stay in theirs, and it tells of nothing but messages and ends"""
    with Site() as site, Group() as group, contextlib.ExitStack() as opened:
        pairs = [opened.enter_context(site.open(**group.setting, **reconnects())) for _ in range(4)]
        for count in range(1, 4):
            for number, (session, wire) in enumerate(pairs):
                lose(wire)
                wire = site.wire()
                pairs[number] = session, wire
                wire.send(text(b"%d" % number))
            got = collections.Counter(group.recv(HANG_MS) for _ in pairs)
            expected = [(Status.OK, session.handle, b"%d" % number) for number, (session, _) in enumerate(pairs)]
            equal("ws_group_recv", got, collections.Counter(expected))
            equal("ws_group_recv", group.recv(0), (Status.TIMEOUT, None, None))
            equal("ws_group_size", lib.ws_group_size(group.handle), len(pairs))
            equal("reconnects", {session.stats.reconnects for session, _ in pairs}, {count})


def a_thread_that_waits_at_a_group():
    with Site() as site, Group() as group, site.away(**group.setting) as (session, held):
        receiver = Background(group.recv, HANG_MS)
        equal("ws_group_recv", group.recv(MOMENT_MS), (Status.TIMEOUT, None, None))
        held.go_on()
        site.wire().send(text(b"back"))
        equal("ws_group_recv", receiver.result(), (Status.OK, session.handle, b"back"))


def the_event_descriptor_of_a_group():
    with Site() as site, Group() as group, site.away(**group.setting) as (session, held):
        fd = lib.ws_group_event_fd(group.handle)
        nothing = (Status.TIMEOUT, None, None)
        equal("ws_group_recv", group.recv(0), nothing)
        true("readable while away", not select.select([fd], [], [], MOMENT_MS / 1000)[0])
        held.go_on()
        wire = site.wire()
        wire.send(text(b"back"))
        true("readable", select.select([fd], [], [], HANG_S)[0])
        equal("ws_group_recv", group.recv(0), (Status.OK, session.handle, b"back"))
        equal("ws_group_recv", group.recv(0), nothing)
        true("readable without a message", not select.select([fd], [], [], 0)[0])
        lose(wire)
        is_back(session, 2)
        equal("ws_group_recv", group.recv(0), nothing)
        true("readable without a message", not select.select([fd], [], [], 0)[0])
        equal("the descriptor", lib.ws_group_event_fd(group.handle), fd)


def a_session_of_a_group_that_gives_up():
    """is received as one that has ended, behind what it had received"""
    with Site() as site, Group() as group:
        with site.open(**group.setting, **reconnects(max_attempts=2)) as (session, wire):
            wire.send(text(b"last") + frame(PING, b"read?"))
            wire.expect(PONG, b"read?")
            site.stop()
            lose(wire)
            equal("ws_group_recv", group.recv(HANG_MS), (Status.OK, session.handle, b"last"))
            equal("ws_group_recv", group.recv(HANG_MS), (Status.CONNECT, session.handle, None))
            equal("ws_group_size", lib.ws_group_size(group.handle), 0)
            site.start()


def ending_a_group_while_sessions_are_away():
    def close(group):
        equal("ws_group_close", Status(lib.ws_group_close(group.handle, 1000, b"", 0, HANG_MS)), Status.OK)

    for end, status in ((close, Status.IO), (lambda group: lib.ws_group_free(group.handle), Status.ABORTED)):
        with Site() as site:
            group = Group().__enter__()
            with site.away(**group.setting) as (session, _):
                Background(end, group).result()
                equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
                equal("ws_session_error", session.error.status, status)
            if end is close:
                lib.ws_group_free(group.handle)


TESTS = (
    callbacks,
    events_by_ws_recv,
    events_need_no_room,
    the_loss_of_a_session_that_gives_up,
    sending_when_it_has_resumed,
    outages_during_a_callback_are_one,
    freeing_it_when_it_has_resumed,
    ws_recv_callback_while_away,
    groups,
    a_thread_that_waits_at_a_group,
    the_event_descriptor_of_a_group,
    a_session_of_a_group_that_gives_up,
    ending_a_group_while_sessions_are_away,
)


def warm_up():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        lose(wire)
        goes_on(session, site)


if __name__ == "__main__":
    main(TESTS, warm_up)
