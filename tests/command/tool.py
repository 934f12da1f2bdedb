"""Runs the command ktorws (KTORWS_COMMAND) for the tests, and the echo server (KTORWS_ECHO_SERVER) for it."""

import contextlib
import dataclasses
import functools
import json
import os
import signal
import subprocess
import tempfile

from checking import HANG_S, equal, true

PROGRAM = os.environ["KTORWS_COMMAND"]

# exit statuses, by their names in tool/exit_status.h
CLEANLY, INTERNAL, USAGE, RESOLVE, CONNECT, PROXY, TLS, CERTIFICATE, REFUSED = range(9)
HANDSHAKE, PROTOCOL, ABNORMALLY, TIMEOUT, CLOSE_CODE, INPUT, OUTPUT, EARLY = range(9, 17)

# system calls on x86-64
WRITE, POLL, FUTEX = 1, 7, 202


@functools.cache
def echo_server():
    """the variables of the one that serves all tests of this process"""
    server = subprocess.Popen([os.environ["KTORWS_ECHO_SERVER"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    variables = {}
    while (line := server.stdout.readline().strip()) != "READY":
        name, value = line.split("=", 1)
        variables[name] = value
    # it ends with this process, which holds its input
    variables["process"] = server
    return variables


def echo_url(path=""):
    return echo_server()["ECHO_WS_URL"] + path


def clean_environment(**changes):
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, "LC_ALL": "C.UTF-8", **changes}


@dataclasses.dataclass(frozen=True)
class Ended:
    status: int
    out: bytes
    err: str

    @property
    def lines(self):
        return self.out.decode().splitlines()

    @property
    def events(self):
        return [json.loads(line) for line in self.lines]

    def event(self, kind):
        """the only one of this kind"""
        found = [event for event in self.events if event["event"] == kind]
        equal(f"events {kind!r}", len(found), 1)
        return found[0]


def run(*arguments, input=b"", status=CLEANLY, environment=None, under=(), **how):
    """Runs it to its end, which must have this exit status; `under` another program."""
    data = input.encode() if isinstance(input, str) else input
    given = {"stdin": input} if hasattr(input, "fileno") else {"input": data}
    done = subprocess.run(
        [*under, PROGRAM, *map(str, arguments)],
        capture_output=True,
        timeout=HANG_S,
        check=False,
        env=clean_environment(**(environment or {})),
        **given,
        **how,
    )
    ended = Ended(done.returncode, done.stdout, done.stderr.decode("utf-8", "backslashreplace"))
    if ended.status != status:
        shown = ended.out[:400].decode("utf-8", "backslashreplace")
        raise AssertionError(f"exit status: expected {status}, got {ended.status}\n{ended.err}{shown}")
    return ended


class Running:
    """One that goes on, with pipes."""

    def __init__(self, *arguments, environment=None, **how):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
        self.process = subprocess.Popen([PROGRAM, *map(str, arguments)], env=clean_environment(**(environment or {})), **pipes)

    def write(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def line(self):
        return self.process.stdout.readline().decode().rstrip("\n")

    def interrupt(self, number=signal.SIGINT):
        self.process.send_signal(number)

    def end(self, status=CLEANLY):
        """closes its input and waits"""
        out, err = self.process.communicate(timeout=HANG_S)
        if self.process.returncode != status:
            raise AssertionError(f"exit status: expected {status}, got {self.process.returncode}\n{err.decode()}")
        return Ended(status, out, err.decode())

    def in_call(self, number):
        return in_call(self.process.pid, number)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def in_call(process, number):
    """whether a thread of a process is in this system call"""
    directory = f"/proc/{process}/task"
    for thread in os.listdir(directory):
        with contextlib.suppress(OSError), open(f"{directory}/{thread}/syscall", encoding="ascii") as f:
            if f.read().split()[0] == str(number):
                return True
    return False


def pending(process):
    """the signals that were sent to a process and are not taken"""
    with open(f"/proc/{process}/status", encoding="ascii") as f:
        fields = dict(line.split(":", 1) for line in f)
    return int(fields["ShdPnd"], 16)


@contextlib.contextmanager
def directory():
    with tempfile.TemporaryDirectory(prefix="ktorws-command-") as path:
        yield path


@contextlib.contextmanager
def file_with(data):
    with directory() as path:
        name = os.path.join(path, "file")
        with open(name, "wb") as f:
            f.write(data.encode() if isinstance(data, str) else data)
        yield name


def has(what, text, *parts):
    for part in parts:
        true(f"{what} has {part!r}", part in text, text)


def has_not(what, text, *parts):
    for part in parts:
        true(f"{what} has no {part!r}", part not in text, text)
