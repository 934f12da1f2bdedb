#!/usr/bin/env python3
"""A server that reads slowly, and all the time: what it takes of an upload is a sign of life, and a ping's time counts from
when the kernel took it.

Run as `echo_server -- uploads.py [NAME ...]`.
"""

import contextlib
import threading
import time

from harness import for_each, main  # first: it says where the others are
from checking import HANG_MS, equal, true
from ktorws_ctypes import Status
from peer import CLOSE, PING, PONG, Gone, close, frame, text, unmask
from wire import Listener

MIB = 1 << 20
# In these pauses, which are far shorter than what is looked at, the server reads so much.
PAUSE_S, PIECE = 0.08, 1 << 18
# An upload takes several of these.
TIMEOUT_MS = 2000
UPLOAD = bytes(12 * MIB)
WINDOW = 256 * 1024
PATIENT = dict(set_send_timeout_ms=HANG_MS)
PINGS = dict(set_ping_interval_ms=300, set_ping_timeout_ms=TIMEOUT_MS)


class Server:
    """Reads `wire` slowly until the client's Close, and answers pings and the Close at once."""

    def __init__(self, wire):
        self.wire = wire
        self.data, self.left = b"", 0
        self.pings, self.messages = 0, 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with contextlib.suppress(OSError, Gone):
            while data := self.wire.sock.recv(PIECE):
                self.take(data)
                if len(data) > PIECE // 32:
                    time.sleep(PAUSE_S)

    def take(self, data):
        """without a copy of what is large"""
        while True:
            count = min(self.left, len(data))
            self.left -= count
            self.data += data[count:]
            data = b""
            if self.left or len(self.data) < 2:
                return
            length = self.data[1] & 127
            head = {126: 8, 127: 14}.get(length, 6)
            size = int.from_bytes(self.data[2 : head - 4], "big") if length > 125 else length
            opcode, is_last = self.data[0] & 15, bool(self.data[0] & 0x80)
            is_control = opcode >= CLOSE
            if len(self.data) < head + (size if is_control else 0):
                return
            payload = unmask(self.data[head : head + size], self.data[head - 4 : head]) if is_control else b""
            data, self.data = self.data[head + len(payload) :], b""
            self.left = 0 if is_control else size
            self.messages += not is_control and is_last
            if opcode == PING:
                self.pings += 1
                self.wire.send(frame(PONG, payload))
            elif opcode == CLOSE:
                self.wire.send(close(1000))
                self.wire.fin()


def uploads(**settings):
    """an upload that takes longer than any timeout is well received"""
    with Listener(window=WINDOW) as listener, listener.open(**PATIENT, **settings) as (session, wire):
        server = Server(wire)
        start = time.monotonic()
        equal("sending", session.send(UPLOAD), Status.OK)
        equal("ws_flush", session.call("flush", HANG_MS), Status.OK)
        # until the server has it all, the kernel does not
        equal("ws_close", session.close(1000), Status.OK)
        equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
        true("the end is clean", session.close_info[3], (session.close_info, session.error))
        true("it took longer than the timeout", time.monotonic() - start > TIMEOUT_MS / 1000)
        server.thread.join()
        equal("messages", server.messages, 1)
        return server


def pings_behind_an_upload():
    server = uploads(**PINGS)
    true("pings were answered", server.pings > 0)


def pings_within_an_upload():
    server = uploads(**PINGS, set_auto_fragment=16384)
    true("pings were answered", server.pings > 0)


def no_idle_timeout_in_an_upload():
    uploads(set_idle_timeout_ms=TIMEOUT_MS)


def no_close_timeout_behind_an_upload():
    uploads(set_close_timeout_ms=TIMEOUT_MS // 2)


def pongs_behind_a_large_frame():
    """nothing can come before the end of a frame"""
    with Listener() as listener, listener.open(**PINGS) as (session, wire):
        stops = threading.Event()
        pongs = []

        def read():
            with contextlib.suppress(OSError):
                while (sent := wire.next_or_none()) is not None and not stops.is_set():
                    if sent.opcode == PING:
                        pongs.append(frame(PONG, sent.payload))

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        large = text(b"x" * 600_000)
        pieces = 60
        size = len(large) // pieces + 1
        for i in range(pieces):
            wire.send(large[i * size : (i + 1) * size])
            time.sleep(2.5 * TIMEOUT_MS / 1000 / pieces)
        true("a ping came", pongs)
        wire.send(b"".join(pongs))
        status, message = session.recv(HANG_MS)
        equal("ws_recv", (status, len(message or "")), (Status.OK, 600_000))
        stops.set()
        wire.sock.shutdown(2)
        reader.join()


def a_peer_that_acknowledges_but_does_not_answer_is_late():
    """the kernel of a server that hangs takes small messages: that is no answer to a ping"""
    def check(_):
        with Listener() as listener, listener.open(**PINGS) as (session, _wire):
            while (status := session.send("small")) == Status.OK:
                time.sleep(0.001)
            equal("sending", status, Status.PING_TIMEOUT)

    for_each(range(2), check)


def a_peer_that_acknowledges_nothing_is_late():
    with Listener(window=WINDOW) as listener, listener.open(**PATIENT, **PINGS) as (session, _wire):
        equal("sending", session.send(UPLOAD), Status.OK)
        equal("ws_recv", session.recv(HANG_MS)[0], Status.PING_TIMEOUT)
    with Listener(window=WINDOW) as listener:
        with listener.open(**PATIENT, set_idle_timeout_ms=TIMEOUT_MS) as (session, _wire):
            equal("sending", session.send(UPLOAD), Status.OK)
            equal("ws_recv", session.recv(HANG_MS)[0], Status.IDLE_TIMEOUT)


def warm_up():
    with Listener() as listener, listener.open() as (session, _wire):
        equal("ws_recv", session.recv(100)[0], Status.TIMEOUT)


TESTS = (
    pings_behind_an_upload,
    pings_within_an_upload,
    no_idle_timeout_in_an_upload,
    no_close_timeout_behind_an_upload,
    pongs_behind_a_large_frame,
    a_peer_that_acknowledges_but_does_not_answer_is_late,
    a_peer_that_acknowledges_nothing_is_late,
)

if __name__ == "__main__":
    main(TESTS, warm_up)
