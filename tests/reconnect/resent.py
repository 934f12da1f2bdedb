#!/usr/bin/env python3
"""WS_RECONNECT_KEEP_UNSENT under load: of a stream of messages, across losses, none comes twice, the order stays, and
none that the kernel has not taken is missing.

Run as `resent.py [NAME ...]`. The server reads slowly, so that messages wait in every place that there is.
"""

import itertools
import os

from away import KEEP_UNSENT, Site, for_each, goes_on, is_back, lose, main, reconnects, talks
from certificates import server_context, trusted
from checking import Background, equal, eventually, true
from deflate import ACCEPTED, Inflate
from ktorws_ctypes import BINARY, Status
from peer import CLOSE, PING, close, frame
from process import give_back, status_kib
from wire import upgrade

DEFLATES = upgrade(extra=[f"Sec-WebSocket-Extensions: {ACCEPTED}"])
KEEPS = reconnects(flags=KEEP_UNSENT)
MOMENT_MS = 20
# of a frame with a mask
MAX_HEADER = 14


# What does not get smaller by compression.
NOISE = os.urandom(1 << 20)


def numbered(number, size):
    begin = number * 7919 % (len(NOISE) - size)
    return b"%d " % number + NOISE[begin : begin + size - len(b"%d " % number)]


def number_of(payload):
    return int(payload.split(b" ")[0])


class Reading:
    """What a server reads of a connection: the numbers of the messages that came whole."""

    def __init__(self, wire, compressed):
        self.wire = wire
        self.inflate = Inflate() if compressed else None
        self.numbers = []

    def take(self, count=None):
        """up to the end of the connection, or so many messages"""
        while count is None or len(self.numbers) < count:
            sent = self.wire.next_or_none()
            if sent is None or sent.opcode == CLOSE:
                true("the connection lasts", count is None)
                return
            payload = self.inflate(sent.payload) if sent.rsv else sent.payload
            self.numbers.append(number_of(payload))


def fill(session, numbers, size):
    """sends until no more fits; the number of the last one that was accepted"""
    last = None
    for number in numbers:
        status = session.send_part(BINARY, numbered(number, size), 0, MOMENT_MS)
        if status != Status.OK:
            equal("ws_send", status, Status.TIMEOUT)
            return last
        last = number
        true("what is sent is held back", number < 10**6)


def restarts(wire):
    wire.send(close(1012))


def ends(wire):
    wire.fin()


def resets(wire):
    wire.rst()


def streams(loss, size, is_tls=False, compressed=False, losses=3):
    """the messages come in order, each once; where the server reads to the end none is missing"""
    tls = server_context("127.0.0.1") if is_tls else None
    settings = dict(**trusted() if is_tls else {}, **dict(install_deflate=None) if compressed else {})
    acts = [DEFLATES if compressed else upgrade()] * (losses + 1)
    got = []
    with Site(*acts, tls=tls, window=1 << 16) as site:
        with site.open(**KEEPS, **settings, set_outgoing_queue=(0, 1 << 18, 0)) as (session, wire):
            next_number = 0
            for count in range(losses + 1):
                last = fill(session, itertools.count(next_number), size)
                next_number = next_number if last is None else last + 1
                reading = Reading(wire, compressed)
                if count == losses:
                    # all that is left
                    sending = Background(session.send, numbered(next_number, size))
                    while not reading.numbers or reading.numbers[-1] < next_number:
                        reading.take(len(reading.numbers) + 1)
                    equal("ws_send", sending.result(), Status.OK)
                    got += reading.numbers
                    break
                reading.take(5 * (count + 1))
                loss(wire)
                if loss is not resets:
                    reading.take()
                got += reading.numbers
                is_back(session, count + 1)
                wire = site.wire()
            falls = [(before, number) for before, number in zip(got, got[1:]) if number <= before]
            equal("messages that come again or too late", falls, [])
            if loss is not resets:
                equal("messages that are missing", sorted(set(range(next_number + 1)) - set(got)), [])
            # The server may have a message before the thread that sent it has counted that.
            equal("ws_flush", session.call("flush", -1), Status.OK)
            stats = session.stats
            equal("messages_sent", stats.messages_sent, next_number + 1)
            equal("payload_sent", stats.payload_sent, (next_number + 1) * size)
            equal("outgoing_messages", stats.outgoing_messages, 0)


SIZES = (1000, 5000, 100_000)


def plain_streams():
    for_each([(loss, size) for loss in (restarts, ends, resets) for size in SIZES], lambda case: streams(*case))


def streams_in_tls():
    # Python's TLS does not read any more once it has sent its end
    cases = [(loss, size) for loss in (restarts, resets) for size in SIZES]
    for_each(cases, lambda case: streams(*case, is_tls=True))


def compressed_streams():
    cases = [(loss, size) for loss in (restarts, ends, resets) for size in SIZES]
    for_each(cases, lambda case: streams(*case, compressed=True))


def what_was_sent_is_not_kept():
    """its memory goes when the kernel has it: nobody may send anything for hours"""
    size = 64 << 20
    with Site() as site, site.open(**KEEPS) as (session, wire):
        talks(session, wire)
        give_back()
        before = status_kib("VmRSS")
        receiving = Background(swallow, wire, size + MAX_HEADER)
        equal("ws_send_binary", session.send(bytes(size)), Status.OK)
        receiving.result()
        # what is read has the library give back what it sends with
        wire.send(frame(PING))

        def is_back_at_it():
            give_back()
            return status_kib("VmRSS") < before + (size >> 10) // 4

        eventually("the memory is given back", is_back_at_it)


def small_messages_count_with_the_memory_they_take():
    bound = 4 << 20
    settings = dict(**KEEPS, set_outgoing_queue=(0, bound, 0))
    with Site(window=1 << 16) as site, site.open(**settings) as (session, wire):
        talks(session, wire)
        give_back()
        before = status_kib("VmRSS")
        count = 0
        while session.send_part(BINARY, b"x", 0, 0) == Status.OK:
            count += 1
        grown = status_kib("VmRSS") - before
        true("KiB that the messages take", grown < 2 * (bound >> 10), grown)
        waiting = Background(session.send_part, BINARY, b"last", 0, -1)
        swallow(wire, count * (2 + 4 + len("x")))
        wire.expect(BINARY, b"last")
        equal("ws_send", waiting.result(), Status.OK)
        talks(session, wire)


def swallow(wire, size):
    """so many bytes, without keeping them"""
    buffer = bytearray(1 << 18)
    while size > 0:
        size -= wire.sock.recv_into(buffer, min(size, len(buffer)))


TESTS = (
    plain_streams,
    streams_in_tls,
    compressed_streams,
    what_was_sent_is_not_kept,
    small_messages_count_with_the_memory_they_take,
)


def warm_up():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        lose(wire)
        goes_on(session, site)


if __name__ == "__main__":
    main(TESTS, warm_up)
