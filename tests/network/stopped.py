#!/usr/bin/env python3
"""A process that is stopped for longer than a timeout (SIGSTOP, a virtual machine that pauses) and then goes on: what has
arrived meanwhile has come in time, whoever reads it.

Run as `echo_server -- stopped.py [NAME ...]`.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

from harness import for_each, main  # first: it says where the others are
from checking import HANG_MS, equal, true
from ktorws_ctypes import Session, Status
from peer import PING, PONG, close, frame, text
from wire import Listener

TIMEOUT_MS = 1000
STOPPED_S = 1.5 * TIMEOUT_MS / 1000
ROUNDS = 4
# What a client does, several at a time so that they disturb each other.
WAYS = ("receives", "is told") * 4


def client(way, url, settings):
    """runs in a process of its own"""
    with Session(url, **settings) as session:
        print("open", flush=True)
        if way == "closes":
            session.close(1000)
            print(session.wait_closed(HANG_MS).name, session.close_info[3], flush=True)
        received = (Status.OK, None)
        while way != "closes" and received[0] == Status.OK and received[1] != "bye":
            # else the library reads meanwhile
            if way == "receives" or sys.stdin.readline():
                received = session.recv(HANG_MS)
                print(received[0].name, received[1], flush=True)


class Client:
    def __init__(self, way, url, **settings):
        command = [sys.executable, "-B", __file__, "--client", way, url, json.dumps(settings)]
        self.way = way
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @contextlib.contextmanager
    def stopped(self):
        """what is done inside is done while it is stopped"""
        os.kill(self.process.pid, signal.SIGSTOP)
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        true("the client is stopped", os.WIFSTOPPED(status))
        yield
        # the time is what this is about
        time.sleep(STOPPED_S)
        os.kill(self.process.pid, signal.SIGCONT)

    def expect(self, line):
        equal("the client says", self.process.stdout.readline().strip(), line)

    def expect_message(self, message):
        if self.way == "is told":
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        self.expect(f"OK {message}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def no_idle_timeout():
    def check(way):
        with Listener() as listener, Client(way, listener.url(), set_idle_timeout_ms=TIMEOUT_MS) as stopping:
            wire = listener.wire()
            stopping.expect("open")
            for number in range(ROUNDS):
                with stopping.stopped():
                    wire.send(text(b"%d" % number))
                stopping.expect_message(number)
            wire.close()

    for_each(WAYS, check)


def no_ping_timeout():
    def check(way):
        settings = dict(set_ping_interval_ms=TIMEOUT_MS // 10, set_ping_timeout_ms=TIMEOUT_MS)
        with Listener() as listener, Client(way, listener.url(), **settings) as stopping:
            wire = listener.wire()
            stopping.expect("open")
            for number in range(ROUNDS):
                ping = wire.next()
                equal("the client's frame", ping.opcode, PING)
                with stopping.stopped():
                    wire.send(frame(PONG, ping.payload))
                wire.send(text(b"%d" % number))
                stopping.expect_message(number)
            wire.close()

    for_each(WAYS, check)


def no_close_timeout():
    def check(_):
        with Listener() as listener, Client("closes", listener.url(), set_close_timeout_ms=TIMEOUT_MS) as stopping:
            wire = listener.wire()
            stopping.expect("open")
            wire.expect_close(1000)
            with stopping.stopped():
                wire.send(close(1000))
                wire.fin()
            stopping.expect("OK True")
            wire.close()

    for_each(range(4), check)


def no_handshake_timeout():
    def check(limit):
        clients = []

        def serve(wire):
            if wire.read_request():
                with clients[0].stopped():
                    wire.send(wire.head())

        with Listener(serve) as listener:
            settings = {f"set_{limit}_timeout_ms": TIMEOUT_MS}
            with Client("receives", listener.url(), **settings) as stopping:
                clients.append(stopping)
                wire = listener.wire()
                stopping.expect("open")
                wire.close()

    for_each(("handshake", "open") * 2, check)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--client"]:
        client(sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))
    else:
        main((no_idle_timeout, no_ping_timeout, no_close_timeout, no_handshake_timeout))
