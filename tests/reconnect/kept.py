#!/usr/bin/env python3
"""WS_RECONNECT_KEEP_UNSENT: what the kernel has not taken goes to the next connection, once and in order.

Run as `kept.py [NAME ...]`.
"""

import os
import threading

from away import KEEP_UNSENT, Site, goes_on, is_back, lose, main, reconnects, talks  # first: it says where the others are
from certificates import server_context, trusted
from checking import HANG_MS, Background, equal, eventually, true
from deflate import ACCEPTED, Inflate
from ktorws_ctypes import BINARY, SEND_MORE, SEND_NO_COMPRESS, TEXT, Message, Status, lib
from peer import close
from wire import upgrade

KEEPS = reconnects(flags=KEEP_UNSENT)
PIECE = 1 << 16


def numbered(number, size=0):
    return b"%d " % number + b"x" * size


def number_of(payload):
    return int(payload.split(b" ")[0])


def sends(session, *messages):
    for message in messages:
        equal(f"sending {message[:20]}", session.send(message), Status.OK)


def brings(wire, *messages):
    """exactly these come, in this order, and nothing more before what is sent now"""
    for message in messages:
        wire.expect(BINARY if isinstance(message, bytes) else TEXT, message if isinstance(message, bytes) else message.encode())


def messages_that_are_sent_meanwhile():
    with Site() as site, site.away(**KEEPS) as (session, held):
        sends(session, "first", b"second", "", "third")
        held.go_on()
        wire = site.wire()
        brings(wire, "first", b"second", "", "third")
        talks(session, wire)


def a_batch_that_is_sent_meanwhile():
    texts = [b"%d" % i for i in range(10)]
    batch = (Message * len(texts))(*(Message(one, len(one), TEXT, 0) for one in texts))
    with Site() as site, site.away(**KEEPS) as (session, held):
        equal("ws_send_batch", session.call("send_batch", batch, len(batch), None, 0), Status.OK)
        held.go_on()
        wire = site.wire()
        brings(wire, *(one.decode() for one in texts))
        talks(session, wire)


def they_count_once():
    with Site() as site, site.away(**KEEPS) as (session, held):
        sends(session, "12345", b"123")
        stats = session.stats
        equal("sent", (stats.messages_sent, stats.payload_sent), (2, 8))
        equal("waiting", stats.outgoing_messages, 2)
        true("ws_buffered_amount", session_buffers(session) >= 8, session_buffers(session))
        held.go_on()
        wire = site.wire()
        brings(wire, "12345", b"123")
        talks(session, wire, "67")
        stats = session.stats
        equal("sent", (stats.messages_sent, stats.payload_sent), (3, 10))
        equal("waiting", (stats.outgoing_messages, session_buffers(session)), (0, 0))
        # the frames of this side: a header of two bytes and a mask of four each
        equal("ws_statistics.wire_sent", stats.wire_sent, 3 * 6 + 10)


def session_buffers(session):
    return lib.ws_buffered_amount(session.handle)


def the_bound_of_messages():
    """holds for empty ones as well"""
    for size in (3, 0):
        with Site() as site, site.away(**KEEPS, set_outgoing_queue=(4, 0, 0)) as (session, held):
            for _ in range(4):
                equal("ws_send", session.send_part(BINARY, bytes(size), 0, 0), Status.OK)
            for _ in range(2):
                equal(f"ws_send of {size} bytes beyond the bound", session.send_part(BINARY, bytes(size), 0, 0), Status.TIMEOUT)
            held.go_on()
            wire = site.wire()
            brings(wire, *[bytes(size)] * 4)
            talks(session, wire)


def the_bound_of_bytes():
    """what does not fit waits, whole, and goes out when there is another connection"""
    with Site() as site, site.away(**KEEPS, set_outgoing_queue=(0, 1000, 0)) as (session, held):
        sends(session, bytes(600))
        equal("ws_send", session.send_part(BINARY, bytes(500), 0, 0), Status.TIMEOUT)
        sends(session, bytes(300))
        waiting = Background(session.send_part, BINARY, bytes(501), 0, -1)
        held.go_on()
        wire = site.wire()
        brings(wire, bytes(600), bytes(300), bytes(501))
        equal("ws_send", waiting.result(), Status.OK)
        talks(session, wire)


def empty_messages_take_room():
    """the default bound of bytes counts headers: messages without a payload cannot be kept without end"""
    with Site() as site, site.away(**KEEPS, set_outgoing_queue=(0, 1000, 0)) as (session, held):
        accepted = 0
        while accepted < 1000 and session.send_part(BINARY, b"", 0, 0) == Status.OK:
            accepted += 1
        true("empty messages are kept without end", accepted < 1000, accepted)
        true("one message at least is kept", accepted > 0)
TESTS = (
    messages_that_are_sent_meanwhile,
    a_batch_that_is_sent_meanwhile,
    they_count_once,
    the_bound_of_messages,
    the_bound_of_bytes,
    empty_messages_take_room,
)


def warm_up():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        talks(session, wire)
        lose(wire)
        goes_on(session, site)


if __name__ == "__main__":
    main(TESTS, warm_up)
