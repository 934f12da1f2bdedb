#!/usr/bin/env python3
"""WS_RECONNECT_KEEP_UNSENT: messages that are sent while there is no connection go to the next one, once and in order.

Run as `kept.py [NAME ...]`. What was sent before the loss is in resent.py.
"""

from away import KEEP_UNSENT, Held, Site, accepts, for_each, goes_on, is_back, lose, main, reconnects, talks
from checking import Background, among, equal, eventually, true
from deflate import ACCEPTED, Inflate
from ktorws_ctypes import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    SEND_CORK,
    SEND_MORE,
    SEND_NO_COMPRESS,
    TEXT,
    Message,
    Status,
    lib,
)
from sessions import ends
from wire import upgrade

KEEPS = reconnects(flags=KEEP_UNSENT)
DEFLATES = upgrade(extra=[f"Sec-WebSocket-Extensions: {ACCEPTED}"])
MOMENT_MS = 20


def sends(session, *messages):
    for message in messages:
        equal(f"sending {message[:20]}", session.send(message), Status.OK)


def brings(wire, *messages):
    """exactly these, in this order; what is sent behind them shows that there are no more"""
    for message in messages:
        is_binary = isinstance(message, bytes)
        wire.expect(BINARY if is_binary else TEXT, message if is_binary else message.encode())


def buffered(session):
    return lib.ws_buffered_amount(session.handle)


def messages_that_are_sent_meanwhile():
    with Site() as site, site.away(**KEEPS) as (session, held):
        sends(session, "first", b"second", "", "third")
        equal("ws_send, corked", session.send_part(TEXT, b"corked", SEND_CORK, 0), Status.OK)
        held.go_on()
        wire = site.wire()
        brings(wire, "first", b"second", "", "third", "corked")
        talks(session, wire)


def a_batch_that_is_sent_meanwhile():
    texts = [b"%d" % number for number in range(10)]
    batch = (Message * len(texts))(*(Message(one, len(one), TEXT, 0) for one in texts))
    with Site() as site, site.away(**KEEPS) as (session, held):
        equal("ws_send_batch", session.call("send_batch", batch, len(batch), None, 0), Status.OK)
        held.go_on()
        wire = site.wire()
        brings(wire, *(one.decode() for one in texts))
        talks(session, wire)


def pings_are_not_kept():
    """they belong to a connection: they wait for the next one"""
    with Site() as site, site.away(**KEEPS, set_send_timeout_ms=1) as (session, held):
        equal("ws_send", session.send_control(PING, b"x", 0), Status.TIMEOUT)
        equal("ws_send", session.send_control(PONG, b"x", 0), Status.TIMEOUT)
        held.go_on()
        goes_on(session, site)


def they_count_once():
    with Site() as site, site.away(**KEEPS) as (session, held):
        sends(session, "12345", b"123")
        stats = session.stats
        equal("sent", (stats.messages_sent, stats.payload_sent), (2, 8))
        equal("waiting", stats.outgoing_messages, 2)
        true("ws_buffered_amount", buffered(session) >= 8, buffered(session))
        held.go_on()
        wire = site.wire()
        brings(wire, "12345", b"123")
        talks(session, wire, "67")
        # The server may have a message before the thread that sent it has counted that.
        equal("ws_flush", session.call("flush", -1), Status.OK)
        stats = session.stats
        equal("sent", (stats.messages_sent, stats.payload_sent), (3, 10))
        equal("waiting", (stats.outgoing_messages, buffered(session)), (0, 0))
        # frames of this side: a header of two bytes and a mask of four each
        equal("ws_stats.wire_sent", stats.wire_sent, 3 * 6 + 10)


def the_bound_of_messages():
    """holds for empty ones as well"""

    def check(size):
        with Site() as site, site.away(**KEEPS, set_outgoing_queue=(4, 0, 0)) as (session, held):
            for _ in range(4):
                equal("ws_send", session.send_part(BINARY, bytes(size), 0, 0), Status.OK)
            for timeout_ms in (0, MOMENT_MS):
                equal("beyond the bound", session.send_part(BINARY, bytes(size), 0, timeout_ms), Status.TIMEOUT)
            held.go_on()
            wire = site.wire()
            brings(wire, *[bytes(size)] * 4)
            talks(session, wire)

    for_each([3, 0], check)


def the_bound_of_bytes():
    """what does not fit waits, whole, and goes out behind the others"""
    with Site() as site, site.away(**KEEPS, set_outgoing_queue=(0, 1000, 0)) as (session, held):
        sends(session, bytes(600))
        equal("ws_send", session.send_part(BINARY, bytes(500), 0, 0), Status.TIMEOUT)
        sends(session, bytes(100))
        waiting = Background(session.send_part, BINARY, bytes(501), 0, -1)
        equal("ws_recv", session.recv(MOMENT_MS), (Status.TIMEOUT, None))
        true("it waits", not waiting.is_done)
        held.go_on()
        wire = site.wire()
        brings(wire, bytes(600), bytes(100), bytes(501))
        equal("ws_send", waiting.result(), Status.OK)
        talks(session, wire)


def a_message_of_any_size_fits_an_empty_queue():
    with Site() as site, site.away(**KEEPS, set_outgoing_queue=(0, 1000, 0)) as (session, held):
        sends(session, bytes(5000))
        equal("ws_send", session.send_part(BINARY, b"x", 0, 0), Status.TIMEOUT)
        held.go_on()
        wire = site.wire()
        brings(wire, bytes(5000))
        talks(session, wire)


def messages_without_payload_take_room():
    """headers count: they cannot be kept without end"""
    with Site() as site, site.away(**KEEPS, set_outgoing_queue=(0, 1000, 0)) as (session, held):
        accepted = 0
        while accepted < 1000 and session.send_part(BINARY, b"", 0, 0) == Status.OK:
            accepted += 1
        true("how many are kept in 1000 bytes", 0 < accepted < 1000, accepted)
        held.go_on()
        wire = site.wire()
        brings(wire, *[b""] * accepted)
        talks(session, wire)


def threads_keep_their_order():
    threads, each = 8, 50
    with Site() as site, site.away(**KEEPS) as (session, held):

        def send(thread):
            for number in range(each):
                # some of them while it comes back
                if number == each // 2 and thread == 0:
                    held.go_on()
                equal("ws_send_text", session.send(f"{thread} {number}"), Status.OK)

        senders = [Background(send, thread) for thread in range(threads)]
        wire = site.wire()
        got = [wire.next().payload.decode().split() for _ in range(threads * each)]
        for sender in senders:
            sender.result()
        for thread in range(threads):
            numbers = [int(number) for name, number in got if int(name) == thread]
            equal(f"what thread {thread} has sent", numbers, list(range(each)))
        talks(session, wire)


def several_outages():
    """what one of them keeps does not come again behind the next"""
    with Site() as site, site.open(**KEEPS) as (session, wire):
        for count in range(1, 6):
            held = Held()
            site.acts = [accepts] * len(site.met) + [held]
            lose(wire)
            held.wait()
            sends(session, f"{count} a", f"{count} b")
            held.go_on()
            wire = site.wire()
            brings(wire, f"{count} a", f"{count} b")
            talks(session, wire)
        equal("messages_sent", session.stats.messages_sent, 15)


def attempts_that_fail_lose_nothing():
    with Site() as site, site.open(**KEEPS) as (session, wire):
        site.stop()
        lose(wire)
        eventually("the loss is noticed", lambda: session.state.name == "CONNECTING")
        sends(session, "kept")
        site.start()
        wire = site.wire()
        brings(wire, "kept")
        talks(session, wire)


def with_compression():
    """by the encoder of the connection that they go out on"""
    message = "compressed, compressed, compressed and compressed"
    with Site() as site, site.away(**KEEPS, install_deflate=None) as (session, held):
        held.act = DEFLATES
        sends(session, message, message)
        equal("ws_send", session.send_part(TEXT, b"plain plain", SEND_NO_COMPRESS, 0), Status.OK)
        held.go_on()
        wire = site.wire()
        inflate = Inflate()
        for expected, rsv in ((message, 4), (message, 4), ("plain plain", 0), ("and on", 4)):
            if expected == "and on":
                sends(session, expected)
            sent = wire.next()
            equal("RSV1", sent.rsv, rsv)
            equal("message", (inflate(sent.payload) if rsv else sent.payload).decode(), expected)
        stats = session.stats
        equal("compressed_sent_before", stats.compressed_sent_before, 2 * len(message) + len("and on"))


def flushing():
    with Site() as site, site.away(**KEEPS) as (session, held):
        sends(session, "kept")
        equal("ws_flush", session.call("flush", 0), Status.TIMEOUT)
        equal("ws_flush", session.call("flush", MOMENT_MS), Status.TIMEOUT)
        waiting = Background(session.call, "flush", -1)
        held.go_on()
        wire = site.wire()
        brings(wire, "kept")
        equal("ws_flush", waiting.result(), Status.OK)
        talks(session, wire)


def giving_up():
    """it goes with the session"""
    for end, status in (("ws_close", Status.IO), ("ws_abort", Status.ABORTED)):
        with Site() as site, site.away(**KEEPS) as (session, held):
            sends(session, "kept")
            waiting = Background(session.call, "flush", -1)
            equal("ws_flush", session.call("flush", MOMENT_MS), Status.TIMEOUT)
            equal(end, session.abort() if end == "ws_abort" else session.close(1000), Status.OK)
            equal("ws_flush", waiting.result(), status)
            ends(session, status)
            among("ws_send", session.send("too late"), [status])


def in_parts(session, message_type, *parts, first=True, last=True):
    """the statuses"""
    types = [message_type] * first + [CONTINUATION] * (len(parts) - first)
    flags = [SEND_MORE] * (len(parts) - last) + [0] * last
    return [session.send_part(type, part, flag, 0) for type, part, flag in zip(types, parts, flags)]


def whole(wire):
    """the next message, in one frame or several"""
    sent = wire.next()
    payload = sent.payload
    while not sent.fin:
        sent = wire.next()
        equal("opcode", sent.opcode, 0)
        payload += sent.payload
    return payload


def parts():
    """all of them before, while it is away, or behind; what the kernel got of a message comes again, with the rest"""

    def check(case):
        before, meanwhile, behind = case
        letters = [b"%d" % number for number in range(before + meanwhile + behind)]
        with Site() as site, site.open(**KEEPS) as (session, wire):
            held = Held()
            site.acts = [accepts, held]
            equal("ws_send", in_parts(session, TEXT, *letters[:before], last=False), [Status.OK] * before)
            for number in range(before):
                wire.expect(0 if number else TEXT, letters[number], fin=False)
            lose(wire)
            held.wait()
            rest = letters[before:]
            statuses = in_parts(session, TEXT, *rest[:meanwhile], first=meanwhile > 0 and not before, last=not behind)
            equal("ws_send", statuses, [Status.OK] * meanwhile)
            held.go_on()
            wire = site.wire()
            is_back(session)
            equal("ws_send", in_parts(session, TEXT, *rest[meanwhile:], first=False), [Status.OK] * behind)
            equal("the message", whole(wire), b"".join(letters))
            talks(session, wire)
            equal("messages_sent", session.stats.messages_sent, 2)
            equal("payload_sent", session.stats.payload_sent, len(letters) + len("and on"))

    cases = [(0, 2, 0), (0, 1, 1), (0, 2, 2), (1, 1, 0), (1, 0, 1), (2, 2, 0), (2, 0, 2), (1, 1, 1), (2, 2, 2)]
    for_each(cases, check)


def flushing_amid_a_message():
    """what was sent before is a part: the kernel has it, and nobody knows when the next one comes"""
    with Site() as site, site.open(**KEEPS) as (session, wire):
        equal("ws_send", in_parts(session, TEXT, b"a", last=False), [Status.OK])
        equal("ws_flush", session.call("flush", 2000), Status.OK)
        equal("ws_send", in_parts(session, TEXT, b"b", first=False), [Status.OK])
        equal("ws_flush", session.call("flush", 2000), Status.OK)
        equal("the message", whole(wire), b"ab")


def between_parts_nothing_else_is_sent():
    with Site() as site, site.away(**KEEPS) as (session, held):
        sends(session, "before")
        equal("ws_send", in_parts(session, TEXT, b"a", last=False), [Status.OK])
        equal("another message", session.send("x"), Status.STATE)
        equal("another type", session.send_part(BINARY, b"x", 0, 0), Status.STATE)
        held.go_on()
        wire = site.wire()
        brings(wire, "before")
        equal("another message", session.send("x"), Status.STATE)
        equal("another type", session.send_part(BINARY, b"x", 0, 0), Status.STATE)
        equal("ws_send", in_parts(session, TEXT, b"b", first=False), [Status.OK])
        equal("the message", whole(wire), b"ab")
        talks(session, wire)


def parts_of_text():
    """may cut a character in two, and are UTF-8 together"""
    with Site() as site, site.away(**KEEPS) as (session, held):
        equal("ws_send", in_parts(session, TEXT, b"\xe2", b"\x82", b"\xac"), [Status.OK] * 3)
        equal("ws_send", in_parts(session, TEXT, b"\xe2", b"\x82")[-1], Status.UTF8)
        held.go_on()
        wire = site.wire()
        equal("the message", whole(wire).decode(), "€")
        talks(session, wire)


TESTS = (
    messages_that_are_sent_meanwhile,
    a_batch_that_is_sent_meanwhile,
    pings_are_not_kept,
    they_count_once,
    the_bound_of_messages,
    the_bound_of_bytes,
    a_message_of_any_size_fits_an_empty_queue,
    messages_without_payload_take_room,
    threads_keep_their_order,
    several_outages,
    attempts_that_fail_lose_nothing,
    with_compression,
    flushing,
    giving_up,
    parts,
    flushing_amid_a_message,
    between_parts_nothing_else_is_sent,
    parts_of_text,
)


def warm_up():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        lose(wire)
        goes_on(session, site)


if __name__ == "__main__":
    main(TESTS, warm_up)
