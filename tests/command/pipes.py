"""The command in pipelines: much data, slow and absent readers."""

import os
import random
import subprocess
import tempfile
import threading
import time

from checking import HANG_S, equal, eventually, true
from python_server import python_server
from tool import FUTEX, OUTPUT, POLL, PROGRAM, WRITE, Running, clean_environment, echo_url, has, run

LARGE = random.Random(1).randbytes(50_000_000)


def through(*arguments, data):
    """what comes back of data in a file"""
    with tempfile.TemporaryFile() as source:
        source.write(data)
        source.seek(0)
        return run(*arguments, echo_url(), input=source).out


def test_50_mb_in_blocks():
    true("the same comes back", through("-b", data=LARGE) == LARGE)


def test_50_mb_in_one_message():
    true("the same comes back", through("-b1", data=LARGE) == LARGE)


def test_50_mb_from_a_pipe():
    with tempfile.TemporaryFile() as source:
        source.write(LARGE)
        source.seek(0)
        cat = subprocess.Popen(["cat"], stdin=source, stdout=subprocess.PIPE)
        true("the same comes back", run("-b", "--length-prefixed", echo_url(), input=prefixed(LARGE)).out == prefixed(LARGE))
        true("the same comes back", run("-b", echo_url(), input=cat.stdout).out == LARGE)
        cat.wait()


def prefixed(data, size=1_000_000):
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def test_many_lines():
    lines = b"".join(b"%d\n" % number for number in range(200_000))
    true("the same comes back", through(data=lines) == lines)


def test_a_slow_reader_loses_nothing():
    """It takes longer than the close timeout to go on reading, with the server's last messages under way."""
    lines = b"".join(b"%0999d\n" % number for number in range(5_000))
    with tempfile.TemporaryFile() as source:
        source.write(lines)
        source.seek(0)
        with Running("--close-timeout", "0.1", echo_url(), stdin=source) as tool:
            eventually("it waits for its reader", lambda: tool.in_call(WRITE))
            since = time.monotonic()
            # as long as a wrong timeout would take several times over
            eventually("it goes on waiting", lambda: time.monotonic() - since > 0.5 or tool.process.poll() is not None)
            true("the same comes back", tool.end().out == lines)


def test_a_server_that_does_not_read_holds_the_input():
    may_read, sizes = threading.Event(), []

    def serve(ws):
        may_read.wait(HANG_S)
        sizes.extend(len(message) for message in ws)

    with python_server(serve) as url, tempfile.TemporaryFile() as source:
        source.write(LARGE)
        source.seek(0)
        with Running("-b", url, stdin=source) as tool:
            eventually("it waits for the server", lambda: tool.in_call(FUTEX) and offset(tool) > 0)
            true("not all of the input is read", offset(tool) < len(LARGE), offset(tool))
            may_read.set()
            tool.end()
    equal("bytes that came", sum(sizes), len(LARGE))


def offset(tool):
    """how much of a file it has read"""
    with open(f"/proc/{tool.process.pid}/fdinfo/0", encoding="ascii") as f:
        return int(f.readline().split()[1])


def test_a_reader_that_has_enough():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [PROGRAM, echo_url()], input=b"a\nb\n", stdout=writing, stderr=subprocess.PIPE, timeout=HANG_S, env=clean_environment()
    )
    os.close(writing)
    equal("status", done.returncode, OUTPUT)
    equal("standard error", done.stderr, b"")


def test_a_full_disk():
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [PROGRAM, echo_url()], input=b"a\n", stdout=full, stderr=subprocess.PIPE, timeout=HANG_S, env=clean_environment()
        )
    equal("status", done.returncode, OUTPUT)
    has("the error", done.stderr.decode(), "standard output: No space left on device")


def test_an_output_that_does_not_block():
    """as some programs leave theirs behind"""
    lines = b"".join(b"%d\n" % number for number in range(100_000))
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with tempfile.TemporaryFile() as source, open(reading, "rb") as output:
        source.write(lines)
        source.seek(0)
        with Running(echo_url(), stdin=source, stdout=writing) as tool:
            os.close(writing)
            eventually("it waits for its reader", lambda: tool.in_call(POLL))
            true("the same comes back", output.read() == lines)
            tool.end()


def test_messages_come_out_at_once():
    with Running(echo_url()) as tool:
        for text in ("one", "two"):
            tool.write(text + "\n")
            equal("the answer", tool.line(), text)
        tool.end()
