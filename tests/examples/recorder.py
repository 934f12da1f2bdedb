#!/usr/bin/env python3
"""recorder.c and feeds that come, go and send more than it can take."""

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[1:1] = [TESTS, os.path.join(TESTS, "behaviours"), os.path.join(TESTS, "proxies")]
from checking import HANG_S, Background, among, equal, eventually, true
from harness import contains, main
from local_server import LocalServer
from programs import Program

COUNTS = re.compile(r"feed (\d+): (\d+) messages, (\d+) bytes, (\d+) reconnects, (\d+) dropped")


class Recording:
    """A recorder that runs, with its lines in one file and what it says of itself in another."""

    def __init__(self, environment, program, name, *urls):
        self.errors = environment.file(name + ".errors", "")
        # `exec` keeps the process: signals are the recorder's
        command = ["sh", "-c", 'exec "$@" 2>"$0"', self.errors, *program, *urls]
        self.program = Program("recorder", command, environment.file(name + ".log", ""))

    def lines(self):
        whole = self.program.said().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def of(self, feed):
        """what it recorded of a feed: [(what, content)]"""
        lines = [line for line in self.lines() if line["feed"] == feed]
        return [(what, line[what]) for line in lines for what in line.keys() - {"feed", "ms"}]

    def records(self, feed, what, content=""):
        eventually(f"feed {feed}: {what} {content!r}", lambda: (what, content) in self.of(feed) or self.ended())

    def said(self):
        with open(self.errors, encoding="utf-8") as text:
            return text.read()

    def ended(self):
        if self.program.process.poll() is not None:
            raise AssertionError(f"the recorder ended:\n{self.program.said()}\n{self.said()}")

    def interrupt(self):
        self.program.process.send_signal(signal.SIGINT)

    def ends_with(self, status):
        equal("exit status", self.program.process.wait(HANG_S), status)


def counts(said):
    """of each feed, in the last line of statistics: (messages, bytes, reconnects, dropped)"""
    last = said.rstrip("\n").rpartition("\n")[2]
    return {int(feed): tuple(map(int, numbers)) for feed, *numbers in COUNTS.findall(last)}


def marks_the_gap(record):
    """one feed is cut and comes back, the other is not there at first"""
    cut, steady = LocalServer().come(), LocalServer()
    texts = ["one", 'quotes " and \\', "lines\r\n\t\0\x1f", "grüß dich 🎈", ""]
    before = time.time_ns() // 1_000_000
    recording = record("gap", cut.url, steady.url)
    connection = cut.accept()
    equal("compressed", [each.name for each in connection.protocol.extensions], ["permessage-deflate"])
    for text in texts:
        connection.send(text)
    connection.send(bytes(range(256)))
    recording.records(1, "binary", bytes(range(256)).hex())
    other = steady.come().accept()
    other.send("first")
    recording.records(2, "text", "first")

    cut.go()
    other.send("meanwhile")
    recording.records(2, "text", "meanwhile")
    eventually("the loss is recorded", lambda: any(what == "lost" for what, _ in recording.of(1)))
    connection = cut.come().accept()
    connection.send("two")
    recording.records(1, "text", "two")

    recording.interrupt()
    recording.ends_with(0)
    # the connection that was cut before it
    equal("codes of the Closes", [cut.close_code(), cut.close_code(), steady.close_code()], [1006, 1000, 1000])
    first, second = recording.of(1), recording.of(2)
    equal(
        "the first feed",
        [what for what, _ in first],
        ["opened", *["text"] * len(texts), "binary", "lost", "resumed", "text", "ended"],
    )
    equal("its texts", [content for what, content in first if what == "text"], [*texts, "two"])
    true("why it was lost", dict(first)["lost"] != "")
    equal("the second feed", second[:3], [("opened", ""), ("text", "first"), ("text", "meanwhile")])
    equal("its end", [what for what, _ in second[3:]], ["ended"])
    times = [line["ms"] for line in recording.lines()]
    true("the time", before <= times[0] and times == sorted(times) and times[-1] <= time.time_ns() // 1_000_000, times)
    size = sum(len(text.encode()) for text in [*texts, "two"]) + 256
    equal("statistics", counts(recording.said()), {1: (len(texts) + 2, size, 1, 0), 2: (2, 14, 0, 0)})


def counts_each_second(record):
    feed = LocalServer().come()
    recording = record("each_second", feed.url)
    feed.accept().send("a message")
    eventually("two lines say so", lambda: recording.said().count("feed 1: 1 messages, 9 bytes, 0 reconnects") >= 2)
    recording.interrupt()
    recording.ends_with(0)


def is_interrupted_while_feeds_are_away(record):
    """one that was there, one that never was"""
    was_there, never_there = LocalServer().come(), LocalServer()
    recording = record("away", was_there.url, never_there.url)
    was_there.accept().send("one")
    recording.records(1, "text", "one")
    was_there.go()
    eventually("the loss is recorded", lambda: any(what == "lost" for what, _ in recording.of(1)))
    recording.interrupt()
    recording.ends_with(0)
    equal("the second feed", [what for what, _ in recording.of(2)], ["ended"])


def ends_with_its_feeds(record):
    """with a failure if one of them has failed"""
    feed = LocalServer().come()
    recording = record("closed", feed.url)
    feed.accept().close(1000)
    recording.ends_with(0)
    equal("what is recorded", [what for what, _ in recording.of(1)], ["opened", "ended"])

    recording = record("failed", feed.url)
    connection = feed.accept()
    # a frame that a server must not send
    connection.socket.sendall(b"\xff\0")
    recording.ends_with(1)
    equal("what is recorded", [what for what, _ in recording.of(1)], ["opened", "ended"])


def records_while_it_is_interrupted(record):
    """a server that never pauses, so that the recorder never waits, and stops only at the Close"""
    feed = LocalServer().come()
    recording = record("busy", feed.url)
    connection = feed.accept()

    def send():
        for number in itertools.count():
            connection.send(str(number))

    sending = Background(send)
    recording.records(1, "text", "1000")
    recording.interrupt()
    recording.ends_with(0)
    among("how sending ends", type(attempt_result(sending)).__name__, ("ConnectionClosedOK", "ConnectionClosedError"))
    texts = [int(content) for what, content in recording.of(1) if what == "text"]
    dropped = counts(recording.said())[1][3]
    if dropped == 0:
        equal("all that came is recorded, in order", texts, list(range(len(texts))))
    equal("how it ended", recording.of(1)[-1][0], "ended")


def attempt_result(background):
    try:
        return background.result()
    except Exception as error:
        return error


@contextlib.contextmanager
def running(command, **options):
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def drops_and_counts(environment, program):
    """what comes while nobody takes its lines"""
    feed = LocalServer().come()
    errors = environment.file("drops.errors", "")
    with (
        open(errors, "wb") as said,
        running([*program, feed.url], stdout=subprocess.PIPE, stderr=said) as recorder,
    ):
        connection = feed.accept()
        contains("the first line", recorder.stdout.readline().decode(), '"opened":""')
        sent = 14000
        for number in range(sent):
            connection.send(str(number))
        # the pong says that the library has received them all
        true("a pong", connection.ping().wait(HANG_S))
        reading = Background(recorder.stdout.read)
        connection.send("last")
        true("a pong", connection.ping().wait(HANG_S))
        recorder.send_signal(signal.SIGINT)
        equal("exit status", recorder.wait(HANG_S), 0)
        lines = [json.loads(line) for line in reading.result().splitlines()]
    texts = [line["text"] for line in lines if "text" in line]
    with open(errors, encoding="utf-8") as said:
        messages, _, _, dropped = counts(said.read())[1]
    equal("messages", messages, sent + 1)
    true("some were dropped", dropped > 0)
    equal("what was not dropped is recorded", len(texts), messages - dropped)
    equal("the last", texts[-1], "last")


def refuses(environment, program):
    def run(*urls):
        return subprocess.run([*program, *urls], capture_output=True, text=True, timeout=HANG_S)

    ended = run()
    equal("without a URL", (ended.returncode, ended.stdout), (2, ""))
    contains("usage", ended.stderr, "usage: recorder URL...")
    ended = run(LocalServer().url, "ftp://x/")
    equal("with another URL", (ended.returncode, ended.stdout), (1, ""))
    contains("the complaint", ended.stderr, "recorder: ftp://x/: ")
    feed = LocalServer().come()
    with (
        open("/dev/full", "wb") as full,
        running([*program, feed.url], stdout=full, stderr=subprocess.PIPE, text=True) as recorder,
    ):
        said = recorder.communicate(timeout=HANG_S)[1]
    equal("on a full disk", recorder.returncode, 1)
    contains("the complaint", said, "recorder: cannot write")
    equal("its Close", feed.close_code(), 1000)


def check(environment, program):
    def record(name, *urls):
        return Recording(environment, program, name, *urls)

    for part in (
        marks_the_gap,
        counts_each_second,
        is_interrupted_while_feeds_are_away,
        ends_with_its_feeds,
        records_while_it_is_interrupted,
    ):
        part(record)
    drops_and_counts(environment, program)
    refuses(environment, program)


if __name__ == "__main__":
    sys.exit(main(check))
