#!/usr/bin/env python3
"""Receiving across outages: threads that wait, and event descriptors. The application need not notice.

Run as `waiting.py [NAME ...]`.
"""

import collections
import ctypes
import errno
import os
import select

from away import FOR_EVER_MS, Site, goes_on, is_away, is_back, lose, main, reconnects, talks
from checking import HANG_MS, Background, equal, eventually, true
from ktorws_ctypes import BINARY, CloseReason, State, Status, lib
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
            equal("ws_stats.reconnects", session.stats.reconnects, count)


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


def ws_recv_into_a_buffer():
    with Site() as site, site.away() as (session, held):
        buffer, size = ctypes.create_string_buffer(8), ctypes.c_size_t()
        receiver = Background(session.call, "recv_into", buffer, len(buffer), ctypes.byref(size), None, HANG_MS)
        held.go_on()
        wire = site.wire()
        wire.send(text(b"into"))
        equal("ws_recv_into", receiver.result(), Status.OK)
        equal("the message", buffer.raw[: size.value], b"into")
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
            equal("ws_session_error", session.error.status, Status.IO)
            info = CloseReason(struct_size=ctypes.sizeof(CloseReason))
            equal("ws_get_close_info", session.call("get_close_info", ctypes.byref(info)), Status.STATE)
        held.go_on()
        goes_on(session, site)


def interrupts():
    """of a call that waits, and of the next one"""
    with Site() as site, site.away(set_send_timeout_ms=-1) as (session, held):
        calls = (
            lambda: session.recv(-1)[0],
            lambda: session.send("x"),
            lambda: session.send_part(BINARY, b"x", 0, -1),
            lambda: session.send_control(PING, b""),
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


def descriptor(session):
    fd = lib.ws_event_fd(session.handle)
    true("a descriptor", fd >= 0, fd)
    return fd


def is_taken(session, fd):
    """nothing is to be received, and the descriptor says so"""
    eventually("there is nothing", lambda: session.recv(0) == (Status.TIMEOUT, None) and not is_readable(fd))


def an_event_descriptor():
    """asked for before the loss, while away, or behind it: it stays the same, and is right at every moment"""
    with Site() as site, site.away() as (session, held):
        fd = descriptor(session)
        is_taken(session, fd)
        true("readable while away", not is_readable(fd, MOMENT_MS))
        held.go_on()
        wire = site.wire()
        wire.send(text(b"first") + text(b"second"))
        true("it becomes readable", is_readable(fd, HANG_MS))
        receives(session, "first")
        eventually("the second has come", lambda: is_readable(fd))
        receives(session, "second")
        is_taken(session, fd)
        for count in range(2, 5):
            lose(wire)
            wire = site.wire()
            is_back(session, count)
            is_taken(session, fd)
            wire.send(text(b"%d" % count))
            true("it becomes readable", is_readable(fd, HANG_MS))
            equal("the descriptor", descriptor(session), fd)
            receives(session, f"{count}")
            is_taken(session, fd)


def an_event_descriptor_of_messages_before_the_loss():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        fd = descriptor(session)
        wire.send(text(b"first"))
        true("it becomes readable", is_readable(fd, HANG_MS))
        lose(wire)
        is_back(session)
        true("it stays readable", is_readable(fd))
        receives(session, "first")
        is_taken(session, fd)


def an_event_descriptor_at_the_end():
    with Site() as site, site.open(**reconnects(max_attempts=1)) as (session, wire):
        fd = descriptor(session)
        site.stop()
        lose(wire)
        true("it becomes readable", is_readable(fd, HANG_MS))
        ends(session, Status.CONNECT)
        true("it stays readable", is_readable(fd))
        equal("the descriptor", descriptor(session), fd)
        site.start()


def an_epoll_set_after_freeing():
    """the session takes its descriptor with it, whatever state it is in"""
    for is_open in (True, False):
        with Site() as site, select.epoll() as watching:
            with site.away() as (session, held):
                fd = descriptor(session)
                watching.register(fd, select.EPOLLIN)
                if is_open:
                    held.go_on()
                    goes_on(session, site).send(text(b"not received"))
                    true("it becomes readable", is_readable(fd, HANG_MS))
                equal("the descriptor", descriptor(session), fd)
            equal("what the set reports", watching.poll(0), [])
            try:
                os.fstat(fd)
                true("it is open", False, fd)
            except OSError as error:
                equal("the error", error.errno, errno.EBADF)


TESTS = (
    a_thread_in_ws_recv,
    several_threads_in_ws_recv,
    ws_recv_into_a_buffer,
    what_came_before_is_received_while_it_is_away,
    what_came_before_comes_first,
    a_full_queue,
    timeouts,
    interrupts,
    waiting_for_the_end,
    an_event_descriptor,
    an_event_descriptor_of_messages_before_the_loss,
    an_event_descriptor_at_the_end,
    an_epoll_set_after_freeing,
)


def warm_up():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        lose(wire)
        goes_on(session, site)


if __name__ == "__main__":
    main(TESTS, warm_up)
