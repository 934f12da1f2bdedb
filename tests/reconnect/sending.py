#!/usr/bin/env python3
"""Sending across outages: what is not sent goes with its connection, and sending waits for the next one.

Run as `sending.py [NAME ...]`.
"""

import ctypes
import threading

from away import FOR_EVER_MS, Site, accepts, for_each, goes_on, is_back, lose, main, reconnects, talks
from checking import HANG_MS, HANG_S, Background, equal, eventually, true
from deflate import ACCEPTED, Inflate, options
from ktorws_ctypes import BINARY, CONTINUATION, SEND_CORK, SEND_MORE, TEXT, Message, State, Status, lib
from peer import PING, PONG, close, frame, text
from sessions import receives
from wire import upgrade

MOMENT_MS = 20
BLOCK = bytes(1 << 16)


def fill(session):
    """sends until no more fits, also a while later; how many blocks were accepted"""
    count = timeouts = 0
    while timeouts < 3:
        status = session.send_part(BINARY, BLOCK, 0, MOMENT_MS)
        timeouts = timeouts + 1 if status == Status.TIMEOUT else 0
        if status != Status.TIMEOUT:
            equal("ws_send", status, Status.OK)
            count += 1
            true("what is sent is held back", count < 1000)
    return count


def it_waits_for_the_next_connection():
    with Site() as site, site.away() as (session, held):
        calls = [
            Background(session.send, "by ws_send_text"),
            Background(session.send, b"by ws_send_binary"),
            Background(session.send_part, BINARY, b"by ws_send", 0, -1),
        ]
        equal("ws_recv", session.recv(MOMENT_MS), (Status.TIMEOUT, None))
        true("nobody has come back", not any(call.is_done for call in calls))
        held.go_on()
        wire = site.wire()
        equal("statuses", [call.result() for call in calls], [Status.OK] * 3)
        got = sorted(wire.next().payload for _ in calls)
        equal("what has come", got, [b"by ws_send", b"by ws_send_binary", b"by ws_send_text"])
        talks(session, wire)


def it_waits_as_long_as_it_may():
    """and then nothing is sent"""
    with Site() as site, site.away(set_send_timeout_ms=MOMENT_MS) as (session, held):
        batch = (Message * 2)(Message(b"never", 5, TEXT, 0), Message(b"never", 5, TEXT, 0))
        accepted = ctypes.c_size_t(99)
        calls = {
            "ws_send_text": lambda: session.send("never"),
            "ws_send_binary": lambda: session.send(b"never"),
            "ws_send, not at all": lambda: session.send_part(TEXT, b"never", 0, 0),
            "ws_send": lambda: session.send_part(TEXT, b"never", 0, MOMENT_MS),
            "ws_send, the first part": lambda: session.send_part(TEXT, b"never", SEND_MORE, 0),
            "ws_send, corked": lambda: session.send_part(TEXT, b"never", SEND_CORK, 0),
            "ws_send_batch": lambda: session.call("send_batch", batch, 2, ctypes.byref(accepted), MOMENT_MS),
            "ws_send, a ping": lambda: session.send_control(PING, b"never", MOMENT_MS),
            "ws_send, a pong": lambda: session.send_control(PONG, b"never", MOMENT_MS),
        }
        for name, call in calls.items():
            equal(name, call(), Status.TIMEOUT)
        equal("accepted", accepted.value, 0)
        stats = session.stats
        equal("messages_sent", (stats.messages_sent, stats.pings_sent, stats.pongs_sent), (0, 0, 0))
        held.go_on()
        wire = site.wire()
        talks(session, wire)
        equal("messages_sent", session.stats.messages_sent, 1)


def what_is_wrong_is_said_at_once():
    with Site() as site, site.away(set_send_timeout_ms=-1) as (session, held):
        equal("UTF-8", Status(lib.ws_send_text(session.handle, b"\xff", 1)), Status.UTF8)
        equal("type", session.send_part(3, b"x", 0, -1), Status.INVALID_ARGUMENT)
        equal("flags", session.send_part(TEXT, b"x", 1 << 10, -1), Status.INVALID_ARGUMENT)
        equal("ws_send, a ping", session.send_control(PING, bytes(126)), Status.INVALID_ARGUMENT)
        held.go_on()
        goes_on(session, site)


def senders_held_back_when_it_is_lost():
    """what waited for room goes to the next connection; what had found room went with the last one"""
    with Site(window=1 << 16) as site, site.open(**reconnects(), set_send_timeout_ms=-1) as (session, wire):
        fill(session)
        waiting = Background(session.send, b"y" * len(BLOCK))
        equal("ws_recv", session.recv(MOMENT_MS), (Status.TIMEOUT, None))
        true("it waits", not waiting.is_done)
        lose(wire)
        wire = site.wire()
        wire.expect(BINARY, b"y" * len(BLOCK))
        equal("ws_send_binary", waiting.result(), Status.OK)
        # The server may have a message before the thread that sent it has counted that.
        equal("ws_flush", session.call("flush", -1), Status.OK)
        stats = session.stats
        equal("waiting", (stats.outgoing_messages, stats.outgoing_bytes), (0, 0))
        equal("ws_buffered_amount", lib.ws_buffered_amount(session.handle), 0)
        talks(session, wire)


def nothing_of_the_last_connection_comes():
    """neither messages nor the rest of one, nor pings"""
    with Site(window=1 << 16) as site, site.open(**reconnects()) as (session, wire):
        fill(session)
        lose(wire)
        is_back(session)
        wire = site.wire()
        talks(session, wire)


def flushing():
    """tells of what is lost; with nothing lost it has nothing to tell"""
    with Site(window=1 << 16) as site, site.open(**reconnects()) as (session, wire):
        equal("ws_flush", session.call("flush", -1), Status.OK)
        fill(session)
        equal("ws_flush", session.call("flush", MOMENT_MS), Status.TIMEOUT)
        waiting = Background(session.call, "flush", -1)
        equal("ws_recv", session.recv(MOMENT_MS), (Status.TIMEOUT, None))
        lose(wire)
        equal("ws_flush", waiting.result(), Status.IO)
        wire = goes_on(session, site)
        equal("ws_flush", session.call("flush", -1), Status.OK)


def flushing_when_everything_was_sent():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        equal("ws_send_text", session.send("x"), Status.OK)
        wire.expect(TEXT, b"x")
        lose(wire)
        is_back(session)
        equal("ws_flush", session.call("flush", -1), Status.OK)


def in_parts(session, *parts, first=True, last=True, message_type=TEXT, timeout_ms=HANG_MS):
    """the statuses"""
    types = [message_type] * first + [CONTINUATION] * (len(parts) - first)
    flags = [SEND_MORE] * (len(parts) - last) + [0] * last
    return [session.send_part(type, part, flag, timeout_ms) for type, part, flag in zip(types, parts, flags)]


def lost_amid_a_message(site, session, wire):
    equal("ws_send", in_parts(session, b"a", b"b", last=False), [Status.OK] * 2)
    wire.expect(TEXT, b"a", fin=False)
    lose(wire)
    is_back(session)
    return site.wire()


def the_rest_of_a_message():
    """is refused once, however it comes, and then the next message is sent"""
    with Site() as site, site.open(**reconnects()) as (session, wire):
        wire = lost_amid_a_message(site, session, wire)
        equal("the last part", session.send_part(CONTINUATION, b"c", 0, -1), Status.IO)
        equal("once more", session.send_part(CONTINUATION, b"c", 0, -1), Status.STATE)
        talks(session, wire)
        equal("ws_send", in_parts(session, b"d", b"e"), [Status.OK] * 2)
        wire.expect(TEXT, b"d", fin=False)
        wire.expect(0, b"e")


def beginning_the_message_again():
    """as one does who has got WS_ERR_IO for a part of it"""
    with Site() as site, site.open(**reconnects()) as (session, wire):
        wire = lost_amid_a_message(site, session, wire)
        equal("the third of four parts", session.send_part(CONTINUATION, b"c", SEND_MORE, -1), Status.IO)
        equal("the message again", in_parts(session, b"a", b"b", b"c", b"d"), [Status.OK] * 4)
        wire.expect(TEXT, b"a", fin=False)
        wire.expect(0, b"b", fin=False)
        wire.expect(0, b"c", fin=False)
        wire.expect(0, b"d")
        talks(session, wire)


def another_message_instead_of_the_rest():
    """a whole one has nothing to do with what was lost"""
    with Site() as site, site.open(**reconnects()) as (session, wire):
        wire = lost_amid_a_message(site, session, wire)
        talks(session, wire)
        equal("ws_send", in_parts(session, b"a", b"b"), [Status.OK] * 2)
        wire.expect(TEXT, b"a", fin=False)
        wire.expect(0, b"b")


def parts_behind_a_message_that_was_complete():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        equal("ws_send", in_parts(session, b"a", b"b"), [Status.OK] * 2)
        wire.expect(TEXT, b"a", fin=False)
        wire.expect(0, b"b")
        lose(wire)
        is_back(session)
        wire = site.wire()
        equal("ws_send", in_parts(session, b"c", b"d"), [Status.OK] * 2)
        wire.expect(TEXT, b"c", fin=False)
        wire.expect(0, b"d")
        talks(session, wire)


DEFLATES = upgrade(extra=[f"Sec-WebSocket-Extensions: {ACCEPTED}"])


def compression_begins_anew():
    """in both directions, with each connection: neither side refers to what the other one has not seen"""
    message = b"what is repeated, compressed, repeated and compressed"
    with Site(DEFLATES, DEFLATES, DEFLATES) as site:
        with site.open(**reconnects(), install_deflate=None) as (session, wire):
            for count in range(3):
                inflate = Inflate()
                for _ in range(3):
                    equal("ws_send_binary", session.send(message), Status.OK)
                    sent = wire.next()
                    equal("RSV1", sent.rsv, 4)
                    equal("the message", inflate(sent.payload), message)
                if count < 2:
                    lose(wire)
                    is_back(session, count + 1)
                    wire = site.wire()


def compression_that_only_one_of_them_has():
    message = b"compressed compressed compressed compressed"

    def check(acts):
        with Site(*acts) as site, site.open(**reconnects(), install_deflate=None) as (session, wire):
            for count, act in enumerate(acts):
                equal("ws_send_binary", session.send(message), Status.OK)
                sent = wire.next()
                got = Inflate()(sent.payload) if sent.rsv else sent.payload
                true("compressed where nobody agreed to it", act is DEFLATES or not sent.rsv)
                equal("the message", got, message)
                wire.send(frame(BINARY, b"plain"))
                receives(session, b"plain")
                if count + 1 < len(acts):
                    lose(wire)
                    is_back(session, count + 1)
                    wire = site.wire()

    for_each([(accepts, DEFLATES, accepts), (DEFLATES, accepts, DEFLATES)], check)


def loss_while_a_message_is_compressed():
    """by a Close: the message goes with that connection, and the sender is not told that the session is over"""
    comes, goes_on_compressing = threading.Event(), threading.Event()

    def filters(_, message_type, data, size):
        comes.set()
        goes_on_compressing.wait(HANG_S)
        return 1

    function = dict(options().__class__._fields_)["filter"](filters)
    with Site(DEFLATES, DEFLATES) as site:
        with site.open(**reconnects(), install_deflate=options(filter=function)) as (session, wire):
            sending = [Background(session.send, b"first" * 10)]
            true("it is compressed", comes.wait(HANG_S))
            # another one waits for its turn to be compressed
            sending.append(Background(session.send, b"second" * 10))
            equal("ws_recv", session.recv(MOMENT_MS), (Status.TIMEOUT, None))
            wire.send(close(1012))
            eventually("the loss is noticed", lambda: session.state != State.OPEN)
            goes_on_compressing.set()
            equal("ws_send_binary", [call.result() for call in sending], [Status.OK] * 2)
            is_back(session)
            equal("ws_send_binary", session.send(b"third" * 10), Status.OK)
            wire = site.wire()
            inflate = Inflate()
            while inflate(wire.next().payload) != b"third" * 10:
                pass


def settings_stay():
    """those that were changed meanwhile, and those of the configuration"""
    settings = dict(set_allow_unmasked=1, set_auto_fragment=125, set_ping_interval_ms=FOR_EVER_MS)
    with Site() as site, site.away(**settings) as (session, held):
        equal("ws_set_masking", session.call("set_masking", 0), Status.OK)
        equal("ws_set_max_message_size", session.call("set_max_message_size", 100), Status.OK)
        equal("ws_set_ping_timeout_ms", session.call("set_ping_timeout_ms", 12345), Status.OK)
        held.go_on()
        wire = site.wire()
        wire.is_masked = False
        equal("ws_send_binary", session.send(bytes(200)), Status.OK)
        wire.expect(BINARY, bytes(125), fin=False)
        wire.expect(0, bytes(75))
        equal("ws_get_max_message_size", lib.ws_get_max_message_size(session.handle), 100)
        equal("ws_get_ping_interval_ms", lib.ws_get_ping_interval_ms(session.handle), FOR_EVER_MS)
        equal("ws_get_ping_timeout_ms", lib.ws_get_ping_timeout_ms(session.handle), 12345)
        wire.send(text(bytes(101)))
        equal("the Close's code", wire.next().payload[:2], (1009).to_bytes(2, "big"))
        wire.fin()
        equal("ws_recv", session.recv(HANG_MS), (Status.MESSAGE_TOO_BIG, None))


def pings_go_on():
    """with the next connection, an interval after it was opened; what a ping awaited does not count there"""
    with Site() as site, site.open(**reconnects(), set_ping_interval_ms=50, set_ping_timeout_ms=HANG_MS) as (
        session,
        wire,
    ):
        for count in range(1, 4):
            ping = wire.next()
            equal("the client's next frame", ping.opcode, PING)
            lose(wire)
            is_back(session, count)
            wire = site.wire()
            # the pong to a ping of the last connection is none
            wire.send(frame(PONG, ping.payload))
        ping = wire.next()
        equal("the client's next frame", ping.opcode, PING)
        wire.send(frame(PONG, ping.payload))
        eventually("the round trip is measured", lambda: session.stats.last_rtt_us)
        equal("pings_sent", session.stats.pings_sent >= 4, True)


TESTS = (
    it_waits_for_the_next_connection,
    it_waits_as_long_as_it_may,
    what_is_wrong_is_said_at_once,
    senders_held_back_when_it_is_lost,
    nothing_of_the_last_connection_comes,
    flushing,
    flushing_when_everything_was_sent,
    the_rest_of_a_message,
    beginning_the_message_again,
    another_message_instead_of_the_rest,
    parts_behind_a_message_that_was_complete,
    compression_begins_anew,
    compression_that_only_one_of_them_has,
    loss_while_a_message_is_compressed,
    settings_stay,
    pings_go_on,
)


def warm_up():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        lose(wire)
        goes_on(session, site)


if __name__ == "__main__":
    main(TESTS, warm_up)
