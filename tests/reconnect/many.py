#!/usr/bin/env python3
"""Many outages of one session, many sessions in one outage, and what they leave: numbers, memory, descriptors.

Run as `many.py [NAME ...]`.
"""

import contextlib

from away import KEEP_UNSENT, Site, accepts, goes_on, is_back, lose, main, reconnects, talks
from certificates import server_context, trusted
from checking import HANG_MS, Background, equal, eventually, true
from deflate import ACCEPTED, Deflate, Inflate
from ktorws_ctypes import BINARY, Status
from peer import PING, PONG, close, frame, text
from process import give_back, resources, status_kib
from sessions import receives
from wire import upgrade

DEFLATES = upgrade(extra=[f"Sec-WebSocket-Extensions: {ACCEPTED}"])
OUTAGES = 200
SESSIONS = 300
BLOCK = bytes(100_000)


def an_outage(session, site, wire, count):
    """with messages that wait to be received, and the first part of one, at the loss"""
    wire.send(text(b"first") + text(BLOCK) + frame(PING, b"read?") + frame(1, BLOCK, fin=False))
    wire.expect(PONG, b"read?")
    equal("ws_send_binary", session.send(BLOCK), Status.OK)
    # or it may still be on its way, and come again
    equal("ws_flush", session.call("flush", HANG_MS), Status.OK)
    (lose, lambda wire: wire.fin(), lambda wire: wire.send(close(1012)))[count % 3](wire)
    receives(session, "first", BLOCK.decode())
    is_back(session, count)
    wire = site.wire()
    talks(session, wire)
    site.met[:-1] = []
    return wire


def outages_leave_nothing():
    """neither memory nor descriptors"""

    def outages(flags, **settings):
        acts = [DEFLATES if "install_deflate" in settings else accepts] * 3
        with Site(**({"tls": server_context("127.0.0.1")} if "add_tls_ca_pem" in settings else {})) as site:
            site.acts = acts
            with site.open(**reconnects(flags=flags, max_delay_ms=1), **settings) as (session, wire):
                for count in range(1, 21):
                    wire = an_outage(session, site, wire, count)
                before, descriptors = status_kib("VmRSS"), len(resources()[0])
                for count in range(21, OUTAGES + 1):
                    wire = an_outage(session, site, wire, count)
                give_back()
                grown = status_kib("VmRSS") - before
                true(f"KiB that {OUTAGES - 20} outages leave", grown < 10 * 1024, grown)
                eventually("descriptors are given back", lambda: len(resources()[0]) <= descriptors)

    outages(0)
    outages(KEEP_UNSENT)
    outages(0, **trusted())


def attempts_leave_nothing():
    """where hundreds fail in one outage"""
    with Site(accepts, *[leaves_by_a_reset] * OUTAGES) as site:
        with site.open(**reconnects(max_delay_ms=1)) as (session, wire):
            before = len(resources()[0])
            lose(wire)
            is_back(session)
            equal("connections", len(site.met), OUTAGES + 2)
            for met in site.met[:-1]:
                met.close()
            eventually("descriptors are given back", lambda: len(resources()[0]) <= before)
            talks(session, site.met[-1])


def leaves_by_a_reset(wire):
    if wire.read_request():
        wire.rst()


def numbers_go_on():
    """over all connections, each thing once"""
    with Site() as site, site.open(**reconnects()) as (session, wire):
        wire_sent = wire_received = 0
        for count in range(1, 6):
            wire.send(text(b"12345") + frame(PING, b"read?"))
            receives(session, "12345")
            wire.expect(PONG, b"read?")
            equal("ws_send_text", session.send("123"), Status.OK)
            equal("ws_send, a ping", session.send_control(PING, b"x"), Status.OK)
            equal("what has come", {wire.next().payload, wire.next().payload}, {b"123", b"x"})
            # headers of two bytes, and masks of four
            wire_sent += (6 + 5) + (6 + 3) + (6 + 1)
            wire_received += (2 + 5) + (2 + 5)
            lose(wire)
            is_back(session, count)
            wire = site.wire()
            stats = session.stats
            got = {name: getattr(stats, name) for name, _ in stats._fields_ if not name.endswith(("_us", "_size"))}
            expected = {name: 0 for name in got}
            expected |= dict(messages_sent=count, messages_received=count, payload_sent=3 * count)
            expected |= dict(payload_received=5 * count, wire_sent=wire_sent, wire_received=wire_received)
            expected |= dict(pings_sent=count, pings_received=count, pongs_sent=count, reconnects=count)
            equal("ws_get_stats", got, expected)


def numbers_of_compression_go_on():
    """over all connections, too"""
    message = b"compressed compressed compressed compressed"
    with Site(*[DEFLATES] * 6) as site, site.open(**reconnects(), install_deflate=None) as (session, wire):
        sizes = dict(compressed_sent_after=0, compressed_received_before=0)
        for count in range(1, 6):
            equal("ws_send_binary", session.send(message), Status.OK)
            sent = wire.next()
            equal("message", Inflate()(sent.payload), message)
            compressed = Deflate()(message)
            wire.send(frame(BINARY, compressed, rsv=4))
            receives(session, message)
            sizes["compressed_sent_after"] += len(sent.payload)
            sizes["compressed_received_before"] += len(compressed)
            plain = dict(compressed_sent_before=count * len(message), compressed_received_after=count * len(message))
            expected = {**sizes, **plain}
            for moment in ("before", "behind"):
                stats = session.stats
                got = {name: getattr(stats, name) for name in expected}
                equal(f"ws_get_stats {moment} loss {count}", got, expected)
                if moment == "before":
                    lose(wire)
                    is_back(session, count)
            wire = site.wire()


def a_server_that_restarts():
    """under many sessions at once: all of them come back"""
    with Site() as site, contextlib.ExitStack() as opened:
        setting = reconnects(first_delay_ms=5, max_delay_ms=100)
        sessions = [opened.enter_context(site.open(**setting))[0] for _ in range(SESSIONS)]
        receivers = [Background(session.recv, HANG_MS) for session in sessions]
        site.stop()
        for wire in site.met:
            lose(wire)
        eventually("all have noticed", lambda: all(session.state.name == "CONNECTING" for session in sessions))
        site.start()
        for _ in range(SESSIONS):
            site.wire().send(text(b"back"))
        for session, receiver in zip(sessions, receivers):
            equal("ws_recv", receiver.result(), (Status.OK, "back"))
            equal("ws_stats.reconnects", session.stats.reconnects, 1)
        equal("connections", len(site.met), 2 * SESSIONS)


TESTS = (
    numbers_go_on,
    numbers_of_compression_go_on,
    attempts_leave_nothing,
    outages_leave_nothing,
    a_server_that_restarts,
)


def warm_up():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        lose(wire)
        goes_on(session, site)


if __name__ == "__main__":
    main(TESTS, warm_up)
