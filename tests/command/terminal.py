"""The command on a terminal, as people see it: a screen is kept by a terminal emulator."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time

import pyte
from checking import HANG_S, equal, eventually, true
from peer import BINARY, TEXT, frame
from python_server import python_server
from tool import (
    CLEANLY,
    PROGRAM,
    USAGE,
    WRITE,
    clean_environment,
    directory,
    echo_url,
    has,
    has_not,
    in_call,
    pending,
)
from web import Server
from wire import Listener, upgrade

COLUMNS, ROWS = 40, 12


class Terminal:
    """Runs it on a pseudo-terminal. `output` and `errors` are files that take the place of the terminal."""

    def __init__(self, *arguments, environment=None, output=None, errors=None, input=None):
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            [PROGRAM, *map(str, arguments)],
            stdin=input if input is not None else self.slave,
            stdout=output if output is not None else self.slave,
            stderr=errors if errors is not None else self.slave,
            env=clean_environment(**{"TERM": "xterm", **(environment or {})}),
            preexec_fn=take_terminal(self.slave),
        )

    def read(self, wait_s=0.01):
        if select.select([self.master], [], [], wait_s)[0]:
            data = os.read(self.master, 65536)
            self.raw += data
            self.stream.feed(data)

    @property
    def rows(self):
        """of the screen, without empty ones at the end"""
        rows = [row.rstrip() for row in self.screen.display]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def until(self, holds, what):
        limit = time.monotonic() + HANG_S
        while not holds():
            if time.monotonic() > limit:
                raise AssertionError(f"{what}: it does not happen; the screen is {self.rows}")
            self.read()

    def shows(self, *rows):
        self.until(lambda: self.rows == list(rows), f"the screen shows {rows}")

    def type(self, keys):
        os.write(self.master, keys.encode() if isinstance(keys, str) else keys)

    def end(self, status=CLEANLY):
        self.until(lambda: self.process.poll() is not None, "it ends")
        while select.select([self.master], [], [], 0)[0]:
            self.read()
        equal("exit status", self.process.returncode, status)
        equal("the terminal's modes", termios.tcgetattr(self.slave), self.before)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def take_terminal(slave):
    def run():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    return run


class Told:
    """A server that sends what it is told to and keeps what it receives."""

    def __init__(self):
        self.got = []
        self.wire = None
        self.listener = Listener(self.serve)

    def serve(self, wire):
        self.wire = wire
        upgrade()(wire)
        while (sent := wire.next_or_none()) is not None:
            if sent.opcode == 8:
                self.got.append(sent.payload)
                wire.send(b"\x88\x02\x03\xe8")
                wire.fin()
            else:
                self.got.append(sent.payload.decode())

    def tell(self, text):
        self.wire.send(frame(TEXT, text.encode()) if isinstance(text, str) else frame(BINARY, text))

    def receives(self, *expected):
        eventually(f"the server receives {expected}", lambda: self.got == list(expected))
        self.got.clear()

    def __enter__(self):
        self.listener.__enter__()
        return self

    def __exit__(self, *ended):
        self.listener.__exit__(*ended)


def test_a_conversation():
    with Terminal(echo_url()) as terminal:
        terminal.shows(">")
        terminal.type("hello\r")
        terminal.shows("> hello", "< hello", ">")
        terminal.type("wörld €\r")
        terminal.shows("> hello", "< hello", "> wörld €", "< wörld €", ">")
        terminal.type("\x04")
        terminal.end()
        equal("the screen", terminal.rows, ["> hello", "< hello", "> wörld €", "< wörld €"])


def test_messages_leave_what_is_typed():
    with Told() as server, Terminal(server.listener.url()) as terminal:
        terminal.shows(">")
        terminal.type("half of")
        terminal.shows("> half of")
        server.tell("news")
        terminal.shows("< news", "> half of")
        server.tell("more\nlines")
        terminal.shows("< news", "< more", "lines", "> half of")
        terminal.type(" it\r")
        server.receives("half of it")
        terminal.shows("< news", "< more", "lines", "> half of it", ">")
        terminal.type("\x04")
        terminal.end()


def test_keys():
    cases = {
        "abc\x7f\x08d": "ad",
        "bc\x01a\x05d": "abcd",
        "ac\x1b[Db": "abc",
        "ab\x1b[D\x1b[D\x1b[C-": "a-b",
        "abc\x02\x02\x06X": "abXc",
        "abc\x1b[H\x1b[3~": "bc",
        "abc\x1bOH>\x1bOF<": ">abc<",
        "abc\x1b[1~>\x1b[4~<": ">abc<",
        "abc\x01\x04": "bc",
        "abcd\x02\x02\x0b": "ab",
        "abc\x15d": "d",
        "one two  \x17x": "one x",
        "äö€\U0001f600\x7f\x7f\x7f": "ä",
        "日本\x1b[D語": "日語本",
        "a\tb": "a\tb",
        "a\x1b[5;3Zb": "ab",
    }
    with Told() as server, Terminal(server.listener.url()) as terminal:
        terminal.shows(">")
        for keys, line in cases.items():
            terminal.type(keys + "\r")
            server.receives(line)
            # so that no answer of the terminal fills its buffer
            terminal.read()


def test_history():
    with Told() as server, Terminal(server.listener.url()) as terminal:
        terminal.shows(">")
        up, down = "\x1b[A", "\x1b[B"
        for keys, line in (
            (up + down + "one", "one"),
            ("two", "two"),
            (up, "two"),
            (up + up, "one"),
            # the same line twice is kept once
            (up + up + up + up + down, "two"),
            ("\x10\x10\x0e!", "two!"),
            (up + down + "x", "x"),
        ):
            terminal.type(keys + "\r")
            server.receives(line)
            terminal.read()


def test_several_lines_at_once():
    with Told() as server, Terminal(server.listener.url()) as terminal:
        terminal.shows(">")
        terminal.type("one\rtwo\rthr")
        server.receives("one", "two")
        terminal.shows("> one", "> two", "> thr")


def test_a_line_longer_than_the_screen():
    with Told() as server, Terminal(server.listener.url()) as terminal:
        terminal.shows(">")
        line = "".join(chr(ord("a") + i % 26) for i in range(100))
        terminal.type(line)
        terminal.shows("> " + line[-(COLUMNS - 3) :])
        equal("the cursor", terminal.screen.cursor.x, COLUMNS - 1)
        terminal.type("\x01")
        terminal.shows("> " + line[: COLUMNS - 3])
        equal("the cursor", terminal.screen.cursor.x, 2)
        terminal.type("\r")
        server.receives(line)


def test_another_width():
    with Told() as server, Terminal(server.listener.url()) as terminal:
        terminal.shows(">")
        terminal.type("x" * 30)
        terminal.shows("> " + "x" * 30)
        terminal.screen.resize(ROWS, 25)
        terminal.screen.reset()
        fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, 25, 0, 0))
        terminal.shows("> " + "x" * 22)
        server.tell("y")
        terminal.shows("< y", "> " + "x" * 22)


def test_bytes_that_are_not_utf8():
    with Told() as server, Terminal(server.listener.url()) as terminal:
        terminal.shows(">")
        terminal.type(b"a\xffb\xc3(c\r")
        server.receives("abc")
        terminal.until(lambda: b"\a" in terminal.raw, "it beeps")


def test_what_drives_a_terminal_is_made_visible():
    with Told() as server, Terminal(server.listener.url()) as terminal:
        terminal.shows(">")
        server.tell("\x1b[31mred\x07\r\x7f\x9b2J")
        terminal.shows("< ^[[31mred^G^M^?\\x9b2J", ">")
        has_not("the terminal", terminal.raw, b"\x1b[31mred", b"\x07", b"\xc2\x9b")


def test_binary_messages():
    with Told() as server, Terminal(server.listener.url()) as terminal:
        terminal.screen.resize(ROWS, 80)
        terminal.shows(">")
        server.tell(bytes(range(0x30, 0x42)))
        row = "  00000000  " + " ".join(f"{byte:02x}" for byte in range(0x30, 0x40)) + "  0123456789:;<=>?"
        terminal.shows("< (18 bytes, binary)", row, "  00000010  40 41" + " " * 44 + "@A", ">")
        server.tell(bytes(1025))
        terminal.until(lambda: "  (1 bytes more)" in terminal.rows, "the rest is counted")


def test_an_interrupt_closes():
    for keys in ("\x03", "half\x03"):
        with Told() as server, Terminal("--close", "4000,bye", server.listener.url()) as terminal:
            terminal.shows(">")
            terminal.type(keys)
            server.receives((4000).to_bytes(2, "big") + b"bye")
            terminal.end(CLEANLY)


def test_a_second_interrupt_kills():
    with Terminal("--close-timeout", "600", echo_url("silent")) as terminal:
        terminal.shows(">")
        terminal.type("\x03")
        terminal.shows("* closing; once more ends at once", ">")
        terminal.type("\x03")
        terminal.end(-signal.SIGINT)


def test_the_server_closes():
    with Terminal(echo_url("close/4001/bye")) as terminal:
        terminal.end(13)
        equal("the screen", terminal.rows, ["ktorws: the server closed with 4001: bye"])


def test_stopping_and_going_on():
    with Told() as server, Terminal(server.listener.url()) as terminal:
        terminal.shows(">")
        terminal.type("half")
        terminal.shows("> half")
        terminal.type("\x1a")
        os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED)
        equal("the modes while it is stopped", termios.tcgetattr(terminal.slave), terminal.before)
        os.kill(terminal.process.pid, signal.SIGCONT)
        eventually("it takes keys again", lambda: not termios.tcgetattr(terminal.slave)[3] & termios.ICANON)
        terminal.type(" done\r")
        server.receives("half done")


def test_interrupts_while_nobody_reads():
    """The terminal takes nothing, as after Ctrl-S."""
    with Told() as server, Terminal(server.listener.url()) as terminal:
        terminal.shows(">")
        server.tell("x" * 1_000_000)
        eventually("it waits for the terminal", lambda: in_call(terminal.process.pid, WRITE))
        os.kill(terminal.process.pid, signal.SIGINT)
        eventually("the first one is taken", lambda: pending(terminal.process.pid) == 0)
        os.kill(terminal.process.pid, signal.SIGINT)
        equal("exit status", terminal.process.wait(HANG_S), -signal.SIGINT)
        equal("the terminal's modes", termios.tcgetattr(terminal.slave), terminal.before)


def test_colours():
    with Terminal(echo_url()) as terminal:
        terminal.shows(">")
        terminal.type("x\r\x04")
        terminal.end()
        has("the terminal", terminal.raw, b"\x1b[32m>\x1b[0m ", b"\x1b[36m<\x1b[0m x")
    with Terminal(echo_url(), environment={"NO_COLOR": "1"}) as terminal:
        terminal.shows(">")
        terminal.type("x\r\x04")
        terminal.end()
        has_not("the terminal", terminal.raw, b"m<", b"m>", b"\x1b[0m")


def test_a_dumb_terminal():
    """the system edits lines, and nothing moves the cursor"""
    with Terminal("-n", "2", echo_url(), environment={"TERM": "dumb"}) as terminal:
        terminal.type("a\nbx\x7f\n")
        terminal.end()
        has("the terminal", terminal.raw, b"\r\na\r\n", b"\r\nb\r\n")
        has_not("the terminal", terminal.raw, b"\x1b")


def test_a_bad_line_of_a_terminal_is_not_the_end():
    with Terminal("-n", "2", echo_url(), environment={"TERM": "dumb"}) as terminal:
        terminal.type(b"a\nb\xff\nc\n")
        terminal.end()
        has("the terminal", terminal.raw, b"line 2 is not UTF-8", b"\r\nc\r\n")


def test_a_password_is_asked_for():
    with Server() as server, Terminal("-m", "x", "-n", "1", "-u", "me", server.url()) as terminal:
        terminal.until(lambda: terminal.rows == ["Password of me:"], "it asks")
        terminal.type("secret\n")
        terminal.end()
        has_not("the terminal", terminal.raw, b"secret")
        equal("credentials", server.only().value("Authorization"), "Basic bWU6c2VjcmV0")


def test_an_interrupt_while_it_asks():
    with Terminal("-u", "me", "ws://a/") as terminal:
        terminal.until(lambda: terminal.rows == ["Password of me:"], "it asks")
        terminal.type("\x03")
        terminal.end(-signal.SIGINT)


def test_no_terminal_to_ask():
    done = subprocess.run(
        [PROGRAM, "-u", "me", "ws://a/"], capture_output=True, start_new_session=True, timeout=HANG_S, env=clean_environment()
    )
    equal("exit status", done.returncode, USAGE)
    has("standard error", done.stderr.decode(), "--user-file")


def test_progress():
    """on standard error, while bytes go elsewhere"""
    may_end = threading.Event()

    def serve(ws):
        ws.send(b"x" * 2_000_000)
        may_end.wait(HANG_S)

    for arguments, is_shown in (([], True), (["-q"], False)):
        may_end.clear()
        with python_server(serve) as url, directory() as path, open(os.path.join(path, "out"), "wb") as output:
            with Terminal("-b", *arguments, url, output=output) as terminal:
                if is_shown:
                    terminal.until(lambda: "received 2.0 MB" in " ".join(terminal.rows), "progress is shown")
                may_end.set()
                terminal.type("\x04")
                terminal.end()
                equal("the screen", terminal.rows, [])
                if not is_shown:
                    equal("the terminal", terminal.raw.replace(b"^D\x08\x08", b""), b"")


def test_latency():
    with Terminal("--latency=5", "--interval", "0.01", echo_url()) as terminal:
        terminal.screen.resize(ROWS, 120)
        terminal.end()
        has("the live line", terminal.raw, b"5: ")
        equal("rows", len(terminal.rows), 1)
        has("the summary", terminal.rows[0], "5 pings, 5 pongs: min/avg/p50/p99/max ")


def test_throughput():
    with Terminal("--throughput=1.2", "--block", "1K", echo_url()) as terminal:
        terminal.screen.resize(ROWS, 200)
        terminal.until(lambda: "messages/s each way" in " ".join(terminal.rows), "the rate is shown")
        terminal.end()
        equal("rows", len(terminal.rows), 1)
