"""Programs of others, run by a test: found, started on ports that are free, watched, and ended."""

import contextlib
import ctypes
import glob
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading

from checking import eventually

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INTEROP = os.path.join(TESTS, "interop")
# Where distributions put what is not for everybody's PATH.
SYSTEM = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
# linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36


class Missing(Exception):
    """A program is not there, or cannot be run in the way that a test needs."""


def free_ports(count):
    """below those that the kernel gives to whoever connects, so that they are free also a little later"""
    found = []
    while len(found) < count:
        port = random.choice([each for each in range(10000, 32768) if each not in found])
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
    return found


class Environment:
    """What tests/setup.sh filled, and the directory that this run may write to."""

    def __init__(self, directory, work):
        self.unpacked = os.path.join(directory, "servers")
        self.node_modules = os.path.join(directory, "node", "node_modules")
        self.work = work
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)

    def find(self, name):
        """its path, and what it needs in the environment to run from there"""
        for folder in ("usr/sbin", "usr/bin"):
            path = os.path.join(self.unpacked, folder, name)
            if os.path.exists(path):
                libraries = glob.glob(self.unpacked + "/usr/lib/*-linux-gnu") + glob.glob(
                    self.unpacked + "/lib/*-linux-gnu"
                )
                return path, {"LD_LIBRARY_PATH": os.pathsep.join(libraries)}
        path = shutil.which(name, path=SYSTEM)
        if path is None:
            raise Missing(f"no {name}")
        return path, {}

    def file(self, name, content):
        path = os.path.join(self.work, name)
        with open(path, "wb") as out:
            out.write(content if isinstance(content, bytes) else content.encode())
        return path


class Program:
    """A server in the foreground. What it says is in its log. leaves: a pattern of files that it leaves when killed."""

    everyone = []

    def __init__(self, name, command, log, ports=(), environment=None, leaves="", **options):
        self.name, self.log, self.ports, self.leaves = name, log, ports, leaves
        self.command = command
        self.options = {"stdin": subprocess.DEVNULL, "env": {**os.environ, **(environment or {})}, **options}
        self.start()
        self.everyone.append(self)

    def start(self):
        """also once more, after kill"""
        with open(self.log, "ab") as output:
            # what it starts is ended with it
            self.process = subprocess.Popen(
                self.command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, **self.options
            )

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as text:
            return text.read()

    def wait_until_it_listens(self):
        def listens(port):
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.said()}")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        for port in self.ports:
            eventually(f"{self.name} listens", lambda port=port: listens(port))
        return self

    def kill(self):
        """it and all that it started, without a word to anybody"""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        # What it started, and this process has adopted, may end later. Until then its ports accept connections.
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-self.process.pid, 0)
        for path in glob.glob(self.leaves):
            os.remove(path)


def adopt():
    """makes this process the parent of those whose parent has ended, so that they do not stay behind as zombies"""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def stop_everyone():
    while Program.everyone:
        Program.everyone.pop().kill()
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def limit_run(seconds):
    """a test that hangs leaves no programs behind"""

    def give_up():
        print(f"FAILED no end after {seconds} s", flush=True)
        for program in Program.everyone:
            program.kill()
        os._exit(1)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()


def echo_server(environment, kind, *arguments, script=None):
    """
    (program, port) of an echo server of tests/interop: node or python, with TLS if the arguments are a certificate and its
    key, or another script there for one of the two
    """
    command = {"node": ["node", script or "node_echo.cjs"], "python": [sys.executable, script or "python_echo.py"]}[
        kind
    ]
    if kind == "node" and not shutil.which("node"):
        raise Missing("no node")
    command[1] = os.path.join(INTEROP, command[1])
    log = environment.file(f"{kind}{len(Program.everyone)}.log", "")
    program = Program(
        kind, command + list(arguments), log, (), {"NODE_PATH": environment.node_modules}, stdin=subprocess.PIPE
    )
    eventually(f"{kind} tells its port", lambda: "\n" in program.said() or program.process.poll() is not None)
    words = program.said().split()
    if words[:1] != ["PORT"]:
        raise AssertionError(f"{kind} did not start:\n{program.said()}")
    return program, int(words[1])


def crypted(password):
    """as it stands in /etc/shadow"""
    try:
        crypt = ctypes.CDLL("libcrypt.so.1").crypt
    except OSError:
        raise Missing("no libcrypt.so.1") from None
    crypt.restype = ctypes.c_char_p
    return crypt(password.encode(), b"$6$tests$").decode()
