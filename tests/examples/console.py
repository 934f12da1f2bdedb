#!/usr/bin/env python3
"""console.c on a terminal, in a pipe and with a file, and a server that restarts."""

import os
import pty
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[1:1] = [TESTS, os.path.join(TESTS, "behaviours"), os.path.join(TESTS, "proxies")]
from checking import HANG_S, equal, eventually, true
from harness import contains, main
from local_server import LocalServer
from programs import Program

END_OF_INPUT = b"\x04"


def echo(connection, message):
    connection.send(message)


class Terminal:
    """A console on a terminal of its own; what it prints is in a log."""

    def __init__(self, environment, program, name, url):
        self.master, slave = pty.openpty()
        self.program = Program("console", [*program, url], environment.file(name + ".log", ""), stdin=slave)
        os.close(slave)

    def types(self, words):
        os.write(self.master, words)

    def lines(self):
        return self.program.said().splitlines()

    def prints(self, line, count=1):
        def is_there():
            if self.program.process.poll() is not None:
                raise AssertionError(f"the console ended:\n{self.program.said()}")
            return sum(each.startswith(line) for each in self.lines()) >= count

        eventually(f"{line!r} {count} times", is_there)

    def ends_with(self, status):
        equal("exit status", self.program.process.wait(HANG_S), status)
        os.close(self.master)


def survives_restarts(environment, program):
    """of a server that is not there at first, breaks off, and says that it restarts"""
    server = LocalServer(echo)
    console = Terminal(environment, program, "restarts", server.url)
    console.types(b"typed early\n")
    server.come()
    console.prints("typed early")
    console.types("grüß dich\n\n".encode())
    console.prints("grüß dich")
    console.prints("")

    server.go()
    console.prints("-- lost: ")
    console.types(b"typed meanwhile\n")
    server.come()
    console.prints("typed meanwhile")

    server.restart(1012, "back soon")
    console.prints("-- lost: ", 2)
    server.come()
    console.prints("-- resumed", 2)
    for _ in range(2):
        server.accept()
    server.accept().send(b"\xff" * 5)
    console.prints("-- 5 bytes of binary data")
    console.types(END_OF_INPUT)
    console.ends_with(0)
    equal("codes of the Closes", [server.close_code() for _ in range(3)], [1006, 1012, 1000])

    lines = console.lines()
    first, second = (number for number, line in enumerate(lines) if line.startswith("-- lost: "))
    true("why it was lost, the second time", "1012" in lines[second], lines[second])
    equal(
        "what it printed",
        lines,
        ["-- connected", "typed early", "grüß dich", "", lines[first], "-- resumed", "typed meanwhile"]
        + [lines[second], "-- resumed", "-- 5 bytes of binary data", "-- closed: 1000 "],
    )


def ends_with_the_server(environment, program):
    server = LocalServer(echo).come()
    console = Terminal(environment, program, "closed", server.url)
    server.accept().close(1000, "for today")
    console.ends_with(0)
    equal("what it printed", console.lines(), ["-- connected", "-- closed: 1000 for today"])
    console = Terminal(environment, program, "failed", server.url)
    server.accept().socket.sendall(b"\xff\0")
    console.ends_with(1)
    contains("the complaint", console.program.said(), "console: ")


def ends_during_an_outage(environment, program):
    """as the connection has"""
    server = LocalServer(echo).come()
    console = Terminal(environment, program, "outage", server.url)
    console.prints("-- connected")
    server.accept()
    server.go()
    console.prints("-- lost: ")
    console.types(END_OF_INPUT)
    console.ends_with(1)
    contains("the last line", console.lines()[-1], "console: ", "without a Close")


def ends_with_its_input(environment, program):
    """a pipe, a file, and nothing at all: the server gets all lines, and then a Close"""
    received = []
    server = LocalServer(lambda _, message: received.append(message)).come()
    words = "one\ntwo\n" + "x" * 60000 + "\nthe last, without an end"
    path = environment.file("input", words)

    def run(printed=(), **options):
        received.clear()
        ended = subprocess.run([*program, server.url], capture_output=True, timeout=HANG_S, **options)
        equal("exit status", (ended.returncode, ended.stderr), (0, b""))
        equal("what it printed", ended.stdout.decode().splitlines(), ["-- connected", *printed, "-- closed: 1000 "])
        equal("code of the Close", server.close_code(), 1000)
        return received

    equal("from a pipe", run(input=words.encode()), words.split("\n"))
    with open(path, "rb") as file:
        equal("from a file", run(stdin=file), words.split("\n"))
    equal("from nothing", run(stdin=subprocess.DEVNULL), [])
    not_sent = "-- not sent: the text is not UTF-8"
    equal("what is not UTF-8", run([not_sent], input=b"\xff\nnext\n"), ["next"])
    too_long = "-- not sent: the line is too long"
    equal("a line that is too long", run([too_long], input=b"y" * (1 << 16)), [])


def refuses(_, program):
    def run(*arguments):
        return subprocess.run([*program, *arguments], capture_output=True, text=True, timeout=HANG_S)

    ended = run()
    equal("without a URL", (ended.returncode, ended.stdout), (2, ""))
    contains("usage", ended.stderr, "usage: console URL")
    ended = run("ftp://x/")
    equal("with another URL", (ended.returncode, ended.stdout), (1, ""))
    contains("the complaint", ended.stderr, "console: ")


def check(environment, program):
    for part in (survives_restarts, ends_with_the_server, ends_during_an_outage, ends_with_its_input, refuses):
        part(environment, program)


if __name__ == "__main__":
    sys.exit(main(check))
