#!/usr/bin/env python3
"""Receiving across outages, in every way there is: the application need not notice.

Run as `waiting.py [NAME ...]`.
"""

import collections
import contextlib
import os
import queue
import select
import threading
from ctypes import POINTER, byref, c_void_p

from away import FOR_EVER_MS, Decisions, Site, accepts, for_each, goes_on, is_away, is_back, lose, main, reconnects
from away import talks
from checking import HANG_MS, HANG_S, Background, equal, eventually, true
from ktorws_ctypes import BINARY, Callbacks, Configuration, Frame, Session, State, Status, lib
from peer import PING, PONG, frame, text
from sessions import ends, receives

# A timeout of this length is expected.
MOMENT_MS = 20


def a_thread_in_ws_recv():
    """gets what the next connection brings, and the one behind that"""
    with Site() as site, site.open(**reconnects()) as (session, wire):
        for count in range(1, 6):
            receiver = Background(session.recv, HANG_MS)
            lose(wire)
            wire = site.wire()
            wire.send(text(b"%d" % count))
            equal("ws_recv", receiver.result(), (Status.OK, f"{count}"))
            equal("ws_statistics.reconnects", session.stats.reconnects, count)


def several_threads_in_ws_recv():
    """each gets one of the messages"""
    with Site() as site, site.away() as (session, held):
        receivers = [Background(session.recv, HANG_MS) for _ in range(6)]
        equal("ws_recv", session.recv(MOMENT_MS), (Status.TIMEOUT, None))
        held.go_on()
        wire = site.wire()
        wire.send(b"".join(text(b"%d" % number) for number in range(6)))
        got = collections.Counter(receiver.result() for receiver in receivers)
        equal("what they have got", got, collections.Counter((Status.OK, f"{number}") for number in range(6)))
        talks(session, wire)


def ws_recv_into_and_in_batches():
    with Site() as site, site.away() as (session, held):

        def into():
            buffer, size = (b"\0" * 8), c_void_p()
            return session.call("recv_into", buffer, len(buffer), byref(size), None, HANG_MS), buffer[: size.value]

        lib.ws_recv_into.argtypes = (c_void_p, c_void_p, *[c_void_p] * 3, lib.ws_recv.argtypes[-1])
        receiver = Background(into)
        held.go_on()
        wire = site.wire()
        wire.send(text(b"into"))
        equal("ws_recv_into", receiver.result(), (Status.OK, b"into"))
        talks(session, wire)


def what_came_before_is_received_while_it_is_away():
    with Site() as site:
        with site.open(**reconnects(first_delay_ms=FOR_EVER_MS, max_delay_ms=FOR_EVER_MS)) as (session, wire):
            wire.send(text(b"first") + text(b"second") + frame(PING, b"read?"))
            wire.expect(PONG, b"read?")
            lose(wire)
            is_away(session)
            equal("waiting messages", session.stats.incoming_messages, 2)
            receives(session, "first", "second")
            equal("ws_recv", session.recv(0), (Status.TIMEOUT, None))


def what_came_before_comes_first():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        for count in range(1, 4):
            wire.send(text(b"from %d" % count) + frame(PING, b"read?"))
            wire.expect(PONG, b"read?")
            lose(wire)
            is_back(session, count)
            wire = site.wire()
        wire.send(text(b"last"))
        receives(session, "from 1", "from 2", "from 3", "last")


def a_full_queue():
    """what the kernel holds is read before the loss is noticed, as room comes"""
    count = 50
    with Site() as site, site.open(**reconnects(), set_incoming_queue=(4, 0, 0)) as (session, wire):
        wire.send(b"".join(text(b"%d" % number) for number in range(count)))
        wire.fin()
        receives(session, *(str(number) for number in range(count)))
        goes_on(session, site)


def timeouts():
    with Site() as site, site.away() as (session, held):
        for timeout_ms in (0, 1, MOMENT_MS):
            equal("ws_recv", session.recv(timeout_ms), (Status.TIMEOUT, None))
            equal("ws_wait_closed", session.wait_closed(timeout_ms), Status.TIMEOUT)
            equal("ws_state", session.state, State.CONNECTING)
        held.go_on()
        goes_on(session, site)


def interrupts():
    """of a call that waits, and of the next one"""
    with Site() as site, site.away(set_send_timeout_ms=-1) as (session, held):
        calls = (
            lambda: session.recv(-1)[0],
            lambda: session.send("x"),
            lambda: session.send_part(BINARY, b"x", 0, -1),
            lambda: session.call("send_ping", b"", 0),
            lambda: session.wait_closed(-1),
        )
        for call in calls:
            equal("ws_interrupt", session.call("interrupt"), Status.OK)
            equal("the next call", Background(call).result(), Status.INTERRUPTED)
            waiting = Background(call)
            equal("ws_recv", session.wait_closed(MOMENT_MS), Status.TIMEOUT)
            equal("ws_interrupt", session.call("interrupt"), Status.OK)
            equal("the call that waits", waiting.result(), Status.INTERRUPTED)
        equal("ws_state", session.state, State.CONNECTING)
        held.go_on()
        goes_on(session, site)


def waiting_for_the_end():
    """an outage is none"""
    with Site() as site, site.away() as (session, held):
        waiting = Background(session.wait_closed, -1)
        held.go_on()
        wire = goes_on(session, site)
        true("ws_wait_closed has not returned", not waiting.is_done)
        equal("ws_close", session.close(1000), Status.OK)
        wire.expect_close(1000)
        wire.fin()
        equal("ws_wait_closed", waiting.result(), Status.OK)


def is_readable(fd, timeout_ms=0):
    return bool(select.select([fd], [], [], timeout_ms / 1000)[0])


@contextlib.contextmanager
def descriptor(fd):
    true("a descriptor", fd >= 0, fd)
    try:
        yield fd
    finally:
        os.close(fd)


def an_event_descriptor():
    """asked for before the loss, while away, or behind it: it stays the same, and is right at every moment"""
    with Site() as site, site.away() as (session, held), descriptor(lib.ws_event_fd(session.handle)) as meanwhile:
        true("readable while away", not is_readable(meanwhile, MOMENT_MS))
        held.go_on()
        wire = site.wire()
        wire.send(text(b"first") + text(b"second"))
        true("it becomes readable", is_readable(meanwhile, HANG_MS))
        receives(session, "first")
        eventually("the second has come", lambda: is_readable(meanwhile))
        receives(session, "second")
        true("readable without a message", not is_readable(meanwhile))
        for count in range(2, 5):
            lose(wire)
            wire = site.wire()
            is_back(session, count)
            true("readable without a message", not is_readable(meanwhile))
            wire.send(text(b"%d" % count))
            true("it becomes readable", is_readable(meanwhile, HANG_MS))
            with descriptor(lib.ws_event_fd(session.handle)) as behind:
                true("another one says the same", is_readable(behind))
                receives(session, f"{count}")
                true("readable without a message", not is_readable(behind) and not is_readable(meanwhile))


def an_event_descriptor_of_messages_before_the_loss():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        with descriptor(lib.ws_event_fd(session.handle)) as fd:
            wire.send(text(b"first"))
            true("it becomes readable", is_readable(fd, HANG_MS))
            lose(wire)
            is_back(session)
            true("it stays readable", is_readable(fd))
            receives(session, "first")
            true("readable without a message", not is_readable(fd))


def an_event_descriptor_at_the_end():
    with Site() as site, site.open(**reconnects(max_attempts=1)) as (session, wire):
        with descriptor(lib.ws_event_fd(session.handle)) as fd:
            site.stop()
            lose(wire)
            true("it becomes readable", is_readable(fd, HANG_MS))
            ends(session, Status.CONNECT)
            true("it stays readable", is_readable(fd))
            site.start()


class Called:
    """Callbacks that note what they are called for, in order."""

    def __init__(self, act=lambda what, session: None, frames=True):
        self.notes = queue.Queue()
        self.act = act
        functions = dict(
            on_open=lambda session, _: self.note("open", session),
            on_close=lambda session, status, _: self.note("close", session, Status(status)),
            on_reconnect=lambda session, lost, _: self.note("reconnect", session, Status(lib.ws_error_status(lost))),
        )
        if frames:
            functions["on_frame"] = lambda session, frame, _: self.note("frame", session, payload_of(frame))
        self.functions = Callbacks(**functions)
        self.setting = dict(set_callbacks=(byref(self.functions), None))

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
    return bytes((frame[0].data and __import__("ctypes").string_at(frame[0].data, frame[0].size)) or b"")


def callbacks():
    called = Called()
    with Site() as site, site.open(**called.setting, **reconnects()) as (session, wire):
        called.expect(("open",))
        wire.send(text(b"first") + frame(PING, b"read?"))
        wire.expect(PONG, b"read?")
        lose(wire)
        called.expect(("frame", b"first"), ("reconnect", Status.IO))
        wire = site.wire()
        wire.send(text(b"second"))
        called.expect(("frame", b"second"))
        wire.send(frame(8, b"\x03\xf4"))
        wire.expect_close(1012)
        called.expect(("reconnect", Status.CLOSED))
        wire = site.wire()
        wire.send(frame(8, b"\x03\xe8"))
        wire.expect_close(1000)
        wire.fin()
        called.expect(("close", Status.CLOSED))
        eventually("nothing follows", called.notes.empty)


def callbacks_that_are_told_of_connections_only():
    called = Called(frames=False)
    with Site() as site, site.open(**called.setting, **reconnects()) as (session, wire):
        lose(wire)
        called.expect(("open",), ("reconnect", Status.IO))
        goes_on(session, site)
        session.abort()
        called.expect(("close", Status.ABORTED))


def sending_in_on_reconnect():
    """what an application has to do again, like subscribing; and the state is the one it may rely on"""
    states = []

    def act(what, session):
        if what == "reconnect":
            states.append(State(lib.ws_state(session)))
            equal("ws_send_text", Status(lib.ws_send_text(session, b"subscribe", 9)), Status.OK)

    called = Called(act)
    with Site() as site, site.open(**called.setting, **reconnects(), set_send_timeout_ms=0) as (session, wire):
        for count in range(1, 10):
            # something is being told when the connection is lost
            wire.send(text(b"x") * 100)
            lose(wire)
            wire = site.wire()
            wire.expect(1, b"subscribe")
            equal("ws_statistics.reconnects", session.stats.reconnects, count)
        session.abort()
    equal("states", set(states), {State.OPEN})


def every_reconnection_is_told():
    """also when a callback before has kept them waiting"""
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
        told = [called.notes.get(timeout=HANG_S)]
        wire.send(text(b"last"))
        while told[-1][0] == "reconnect":
            told.append(called.notes.get(timeout=HANG_S))
        equal("what was told", told, [("reconnect", Status.IO)] * 3 + [("frame", b"last")])


def freeing_it_in_on_reconnect():
    called = Called(lambda what, session: what == "reconnect" and lib.ws_session_free(session))
    with Site() as site, site.open(**called.setting, **reconnects()) as (session, wire):
        lose(wire)
        called.expect(("open",), ("reconnect", Status.IO), ("close", Status.ABORTED))
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


TESTS = (
    a_thread_in_ws_recv,
    several_threads_in_ws_recv,
    ws_recv_into_and_in_batches,
    what_came_before_is_received_while_it_is_away,
    what_came_before_comes_first,
    a_full_queue,
    timeouts,
    interrupts,
    waiting_for_the_end,
    an_event_descriptor,
    an_event_descriptor_of_messages_before_the_loss,
    an_event_descriptor_at_the_end,
    callbacks,
    callbacks_that_are_told_of_connections_only,
    sending_in_on_reconnect,
    every_reconnection_is_told,
    freeing_it_in_on_reconnect,
    ws_recv_callback_while_away,
)


def warm_up():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        lose(wire)
        goes_on(session, site)


if __name__ == "__main__":
    main(TESTS, warm_up)
