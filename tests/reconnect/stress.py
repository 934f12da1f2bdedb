#!/usr/bin/env python3
"""Threads that send and receive all the while, and a server that leaves at random.

Run as `stress.py [NAME ...]`. KTORWS_STRESS_SEED makes the choices of a run again that failed, as far as threads allow.
"""

import collections
import os
import random
import threading

from away import KEEP_UNSENT, Site, for_each, goes_on, lose, main, reconnects, refuses
from certificates import server_context, trusted
from checking import HANG_MS, Background, equal, eventually, true
from deflate import ACCEPTED, Inflate
from ktorws_ctypes import BINARY, Initiator, Session, Status
from peer import CLOSE, close, frame, text
from sessions import ends
from wire import upgrade

SEED = int(os.environ.get("KTORWS_STRESS_SEED", random.SystemRandom().randrange(10**6)))
ROUNDS = 12
THREADS, EACH = 4, 150
# Incompressible, so that sizes on the wire are those of the messages.
NOISE = os.urandom(1 << 17)


class Leaving(Site):
    """A server that reads what comes, sends a number for each message, and leaves its clients at random until it is
    calm. `orderly`: what the kernels have is read to the end."""

    def __init__(self, seed, compressed, orderly, tls):
        self.random = random.Random(seed)
        self.orderly = orderly
        self.accepts = upgrade(extra=[f"Sec-WebSocket-Extensions: {ACCEPTED}"] if compressed else [])
        self.is_calm, self.has_heard_the_end = threading.Event(), threading.Event()
        self.sent = 0
        # the names of messages, of each connection that was accepted
        self.got = []
        super().__init__(tls=tls, window=1 << 15)

    def act(self, number):
        chance = 1 if number == 0 or self.is_calm.is_set() else self.random.random()
        if chance < 0.1:
            return lambda wire: wire.rst()
        if chance < 0.2:
            return refuses(503)
        count, how = self.random.choice((0, 1, 10, 50)), self.random.random()
        return lambda wire: self.serve_for(wire, count, how)

    def serve_for(self, wire, count, how):
        """until so many messages have come"""
        self.accepts(wire)
        got, inflate, is_leaving = [], Inflate(), False
        self.got.append(got)
        while True:
            if len(got) >= count and not is_leaving and not self.is_calm.is_set():
                is_leaving = True
                if how < 0.4 and not self.orderly:
                    return wire.rst()
                # Python's TLS does not read any more once it has sent its end
                if how < 0.7 or self.tls:
                    wire.send(close(1012))
                else:
                    wire.fin()
            sent = wire.next_or_none()
            if sent is None:
                return None
            if sent.opcode == CLOSE and not is_leaving:
                wire.send(frame(CLOSE, sent.payload))
                return wire.fin()
            if sent.opcode == CLOSE:
                continue
            got.append((inflate(sent.payload) if sent.rsv else sent.payload).partition(b"|")[0])
            if not is_leaving:
                if got[-1] == b"end":
                    self.has_heard_the_end.set()
                self.sent += 1
                wire.send(text(b"%d" % self.sent))

    def check(self, complete):
        """each thread's messages came in order, none twice"""
        eventually("all that was sent is read", lambda: all(wire.served.is_set() for wire in self.met))
        numbers = collections.defaultdict(list)
        for name in (name for got in self.got for name in got if name != b"end"):
            thread, number = name.split()
            numbers[int(thread)].append(int(number))
        for thread in range(THREADS):
            got = numbers[thread]
            falls = [(before, number) for before, number in zip(got, got[1:]) if number <= before]
            equal(f"messages of thread {thread} that come again or too late", falls, [])
            if complete:
                equal(f"messages of thread {thread} that are missing", sorted(set(range(EACH)) - set(got)), [])


def send_all(session, seed, thread):
    chances = random.Random(f"{seed} {thread}")
    for number in range(EACH):
        size = chances.choice((0, 10, 1000, 20_000))
        begin = chances.randrange(len(NOISE) - size)
        message = b"%d %d|" % (thread, number) + NOISE[begin : begin + size]
        equal("ws_send", session.send_part(BINARY, message, 0, HANG_MS), Status.OK)


def receive_all(session):
    """the status at the end"""
    last = 0
    while (received := session.recv(HANG_MS))[0] == Status.OK:
        true("messages come again or too late", int(received[1]) > last, (last, received[1]))
        last = int(received[1])
    return received[0]


def a_round(seed, keeps, orderly, is_tls, compressed):
    settings = {**(trusted() if is_tls else {}), **(dict(install_deflate=None) if compressed else {})}
    settings |= reconnects(flags=KEEP_UNSENT * keeps, first_delay_ms=1, max_delay_ms=4)
    tls = server_context("127.0.0.1") if is_tls else None
    with Leaving(seed, compressed, orderly, tls) as site:
        with Session(site.url(), **settings, set_outgoing_queue=(0, 1 << 16, 0)) as session:
            receiver = Background(receive_all, session)
            senders = [Background(send_all, session, seed, thread) for thread in range(THREADS)]
            try:
                count = THREADS * EACH + send_the_end(session, site, senders)
                equal("ws_flush", session.call("flush", HANG_MS), Status.OK)
                equal("ws_close", session.close(1000, "bye"), Status.OK)
                equal("ws_recv", receiver.result(), Status.CLOSED)
                ends(session, Status.CLOSED, local=1000, remote=1000, clean=True, initiator=Initiator.LOCAL)
            finally:
                # they use it, also when the test has failed
                session.abort()
                for thread in (receiver.thread, *(sender.thread for sender in senders)):
                    thread.join()
            site.check(complete=keeps and orderly)
            equal("messages_sent", session.stats.messages_sent, count)
            # one may have been dropped before it was taken up
            true("there were not so many outages", session.stats.reconnects < len(site.got), session.stats.reconnects)


def send_the_end(session, site, senders):
    """on a connection that stays; how often it took"""
    for sender in senders:
        sender.result()
    eventually("there is an outage", lambda: session.stats.reconnects)
    site.is_calm.set()
    count = 0
    # the last connection may be on its way out, and what it is sent be lost
    while not site.has_heard_the_end.wait(0.05):
        equal("ws_send", session.send(b"end|"), Status.OK)
        count += 1
    return count


def rounds(**how):
    def check(number):
        try:
            a_round(f"{SEED} {number}", is_tls=number % 4 == 1, compressed=number % 2 == 0, **how)
        except AssertionError as error:
            raise AssertionError(f"KTORWS_STRESS_SEED={SEED}: {error}") from error

    for_each(range(ROUNDS), check)


def keeping_what_is_not_sent():
    """nothing is missing where all that the kernel had has arrived"""
    rounds(keeps=True, orderly=True)


def keeping_what_is_not_sent_with_resets():
    rounds(keeps=True, orderly=False)


def losing_what_is_not_sent():
    rounds(keeps=False, orderly=False)


TESTS = (losing_what_is_not_sent, keeping_what_is_not_sent, keeping_what_is_not_sent_with_resets)


def warm_up():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        lose(wire)
        goes_on(session, site)


if __name__ == "__main__":
    main(TESTS, warm_up)
